#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "table/model/metadata.h"

namespace tarn {

/// A count of a snapshot's summary; nullopt where it does not tell one.
std::optional<int64_t> SummaryCount(const std::map<std::string, std::string>& summary,
                                    const std::string& key);

/// Counts what one snapshot adds and removes, and tells it as Iceberg's snapshot summaries do.
class SnapshotTally {
 public:
  void Added(const DataFile& file) { Count(file, added_); }
  void Removed(const DataFile& file) { Count(file, removed_); }

  /// "append", "overwrite", "delete": what readers may conclude from the counts.
  std::string Operation() const;

  enum class Base { kKept, kReplaced };
  /// "added-data-files", "total-records", …; totals are left out where those of `parent` (may be
  /// nullptr) are not known.
  std::map<std::string, std::string> Summary(const Snapshot* parent, Base base) const;

 private:
  struct Counts {
    int64_t data_files = 0, rows = 0, bytes = 0;
    int64_t delete_files = 0, position_files = 0, vectors = 0, positions = 0;
    int64_t equality_files = 0, equality_rows = 0;
  };
  void Count(const DataFile& file, Counts& counts);

  Counts added_, removed_;
  std::set<std::string> partitions_;
};

}  // namespace tarn
