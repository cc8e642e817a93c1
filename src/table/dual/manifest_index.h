#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "columnar/scalar.h"
#include "table/dual/file_pruner.h"
#include "table/dual/index_column.h"
#include "table/iceberg/manifest.h"

namespace tarn {

/// What planning asks of the entries of one manifest, in little memory: which are live, their
/// partition values, the bounds and counts of some columns, and where in the file they stand. With
/// it a predicate finds the entries that may match without reading the manifest, and these are read
/// without the others. What entries inherit from the manifest list is not part of it.
/// Immutable. Threads: may be used concurrently.
class ManifestIndex {
 public:
  /// Whether it was made with these meanings of partition values.
  bool IsOf(const PartitionSpec& spec, const ManifestTypes& types) const;
  /// Whether it knows these columns by the types that they have there.
  bool Covers(const ManifestTypes& types, const std::vector<int32_t>& columns) const;
  /// True where an index of some columns turned out too large to be kept: of these columns and
  /// others it need not be tried again.
  bool TooLargeFor(const std::vector<int32_t>& columns) const;
  /// False where the row ids of the manifest's entries could exceed 64 bits, which only a reader of
  /// all entries notices.
  bool FitsRowIds(const ManifestFile& manifest) const;

  /// The numbers of the live entries that may match; all columns of the predicate must be covered.
  std::vector<int64_t> Matching(FilePruner& pruner) const;
  int64_t live_files() const { return live_files_; }
  const std::vector<ManifestBlock>& blocks() const { return blocks_; }
  int64_t memory_bytes() const;

 private:
  friend class ManifestIndexBuilder;
  struct Column {
    std::optional<Type> type;  ///< nothing: no schema has it, so that its bounds are not known
    IndexColumn bounds;
  };

  PartitionSpec spec_;
  std::vector<std::optional<Type>> source_types_;  ///< of the fields of the spec
  std::vector<bool> live_;                         ///< by number
  int64_t live_files_ = 0;
  int64_t rows_ = 0;  ///< of all entries; at most the greatest number there is
  std::vector<ManifestBlock> blocks_;
  std::vector<IndexColumn> partitions_;
  std::map<int32_t, std::shared_ptr<const Column>> columns_;
  std::vector<int32_t> too_large_for_;
};

/// Makes an index while the whole manifest is read. Threads: one at a time.
class ManifestIndexBuilder {
 public:
  /// Of columns whose counts and bounds the entries will have. `bytes_max`: what the index may
  /// cost.
  ManifestIndexBuilder(const PartitionSpec& spec, const ManifestTypes& types,
                       const std::vector<int32_t>& columns, int64_t bytes_max);

  void BeginBlock(const ManifestBlock& block);
  void Add(const ManifestEntry& entry);
  /// The index, which also knows the columns of `earlier`, where that is of the same meanings and
  /// there is room (nullptr: none). Without room for it alone: `earlier`, which then says so.
  std::shared_ptr<const ManifestIndex> Finish(const ManifestIndex* earlier,
                                              const ManifestTypes& types) &&;

 private:
  std::shared_ptr<const ManifestIndex> TooLarge(const ManifestIndex* earlier) const;

  const int64_t bytes_max_;
  std::vector<int32_t> ids_;
  std::unique_ptr<ManifestIndex> index_;
  std::vector<std::shared_ptr<ManifestIndex::Column>> columns_;  ///< as ids_
  bool too_large_ = false;
};

}  // namespace tarn
