#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "table/iceberg/manifest.h"
#include "table/model/metadata.h"

namespace tarn {

/// The delete files of one snapshot, to be asked which of them apply to a data file (Iceberg "Scan
/// Planning"). Threads: const methods may be called concurrently.
class DeleteIndex {
 public:
  explicit DeleteIndex(const TableMetadata& table) : table_(table) {}

  /// Takes a live entry of a manifest of deletes.
  void Add(ManifestEntry&& entry);

  /// Position deletes and vectors first, then equality deletes; each in the order of Add().
  std::vector<DataFile> For(const DataFile& file, int64_t data_sequence_number) const;
  bool empty() const { return empty_; }

 private:
  using Entries = std::vector<ManifestEntry>;

  const TableMetadata& table_;
  bool empty_ = true;
  std::unordered_map<std::string, Entries> by_file_;       ///< by the one data file that they name
  std::unordered_map<std::string, Entries> by_partition_;  ///< positions of several data files
  std::unordered_map<std::string, Entries> equality_;      ///< by partition
  Entries global_;  ///< equality deletes of an unpartitioned spec: for every data file
};

}  // namespace tarn
