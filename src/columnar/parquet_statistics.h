#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "columnar/file_writer.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow
namespace parquet {
class FileMetaData;
}

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
inline constexpr size_t kBoundBytesMax = 64 << 10;

}  // namespace tarn
