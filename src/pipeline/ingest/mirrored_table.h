#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/committer.h"
#include "pipeline/ingest/captured_table.h"
#include "pipeline/ingest/change_history.h"
#include "pipeline/ingest/load_position.h"
#include "source/source_table.h"

namespace tarn {

/// A mirrored table while its source's log is followed: what came for it since the last commit, and
/// where it stands. Threads: one at a time.
struct MirroredTable {
  std::unique_ptr<CapturedTable> rows;
  std::unique_ptr<ChangeHistory> history;  ///< may be absent
  LoadPosition position;
  bool joined = false;   ///< the log has passed the table's load
  bool stopped = false;  ///< not followed any more
  bool moved = false;    ///< `position` changed since the last commit
  std::string position_before;
  bool altered = false;

  /// Forgets what came, and removes its files.
  void Discard() const;
  /// Whether something came for a table that the catalog does not have any more.
  bool LostItsTable(Catalog& catalog) const;
};

/// Writes what came for the tables, kCommitStreams at once, and tells what a
/// commit is to say of each that changed. Errors: the first of CapturedTable::Prepare() and
/// ChangeHistory::Prepare().
Result<std::vector<TableChange>> PrepareChanges(
    const std::map<SourceTableName, MirroredTable>& tables,
    const std::map<std::string, std::string>& summary);

}  // namespace tarn
