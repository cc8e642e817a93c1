#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "columnar/file_writer.h"
#include "columnar/prune.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow
namespace parquet {
class FileMetaData;
class RowGroupMetaData;
}  // namespace parquet

namespace tarn {

/// NaN seen so far, one count a leaf column in Parquet's order; -1 for leaves that have none.
class NanCounter {
 public:
  explicit NanCounter(const arrow::Schema& schema);
  void Add(const arrow::RecordBatch& batch);
  const std::vector<int64_t>& counts() const { return counts_; }

 private:
  std::vector<int64_t> counts_;
  bool any_ = false;  ///< whether there is a float column at all
};

/// What the footer says of every leaf, by field id; row groups are summed up. Leaves without a
/// field id are left out, leaves inside of lists and maps get no bounds, and text or bytes over
/// kBoundBytesMax neither.
std::map<int32_t, ColumnStatistics> CollectStatistics(const parquet::FileMetaData& metadata,
                                                      const std::vector<int64_t>& nan_counts);
/// What a file of any writer says of one leaf in one row group, in the units of Scalar. Nothing is
/// known of leaves within lists and structs, of types without a Scalar that has their order
/// (nanoseconds, unsigned 64-bit integers, half floats, intervals, INT96), and of statistics that
/// some writers got wrong.
ColumnBounds ChunkBounds(const parquet::RowGroupMetaData& row_group, int leaf);

inline constexpr size_t kBoundBytesMax = 64 << 10;

}  // namespace tarn
