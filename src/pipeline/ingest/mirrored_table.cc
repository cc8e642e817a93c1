#include "pipeline/ingest/mirrored_table.h"

#include <optional>

#include "base/thread.h"

namespace tarn {

void MirroredTable::Discard() const {
  rows->Discard();
  if (history != nullptr) history->Discard();
}

bool MirroredTable::LostItsTable(Catalog& catalog) const {
  const auto gone = [&](const TableName& name) {
    const auto entry = catalog.LoadTable(name, std::nullopt);
    return !entry.ok() && entry.error().kind == ErrorKind::kNotFound;
  };
  return (rows->pending() && gone(rows->target().name)) ||
         (history != nullptr && history->pending() && gone(history->target().name));
}

Result<std::vector<TableChange>> PrepareChanges(
    const std::map<SourceTableName, MirroredTable>& tables,
    const std::map<std::string, std::string>& summary) {
  struct Pending {
    const MirroredTable* table;
    std::optional<TableChange> rows;
    std::optional<TableChange> history;
  };
  std::vector<Pending> pending;
  for (const auto& [name, table] : tables) {
    const bool has_history = table.history != nullptr && table.history->pending();
    if (table.rows->pending() || has_history) pending.push_back({&table, {}, {}});
  }
  TARN_RETURN_IF_ERROR(RunInThreads(pending.size(), kCommitStreams, [&](size_t i) -> Status {
    const MirroredTable& table = *pending[i].table;
    if (table.rows->pending()) {
      TARN_ASSIGN_OR_RETURN(pending[i].rows, table.rows->Prepare(summary));
    }
    // Changes that cancel each other out are changes.
    if (table.history != nullptr && table.history->pending()) {
      TARN_ASSIGN_OR_RETURN(pending[i].history, table.history->Prepare(summary));
    }
    return {};
  }));
  std::vector<TableChange> changes;
  for (const Pending& one : pending) {
    if (one.rows) changes.push_back(*one.rows);
    if (one.history) changes.push_back(*one.history);
  }
  return changes;
}

}  // namespace tarn
