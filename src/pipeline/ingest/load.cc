#include "pipeline/ingest/load.h"

#include <algorithm>
#include <iterator>

#include "base/fault_point.h"
#include "base/log.h"
#include "base/text.h"
#include "catalog/asked_catalog.h"
#include "catalog/committer.h"
#include "pipeline/ingest/load_rows.h"
#include "pipeline/intention.h"
#include "pipeline/interrupter.h"
#include "pipeline/query_writer.h"

namespace tarn {
namespace {

constexpr char kLoadedRows[] = "__tarn_loaded_rows";
/// Rows that were merged with a state that moved meanwhile are loaded again: upkeep neither stops
/// nor waits for it.
constexpr int kTriesMax = 3;

/// A mark that an older version may have stored: nothing comes after it, so the table is loaded
/// whole, once.
bool HidesAllRows(const std::string& mark) {
  return mark == "infinity" || mark == "Infinity" || mark == "NaN";
}

/// The whole load of one source.
class SourceLoad {
 public:
  SourceLoad(const PipelineContext& context, Source& source, std::string source_name,
             const LoadSnapshot& from)
      : context_(context), source_(source), source_name_(std::move(source_name)), from_(from) {}

  Result<LoadReport> Run(std::vector<LoadItem> items, std::vector<CommitOp> ops,
                         const std::string& author);

 private:
  Status Prepare(LoadItem item);
  Status PrepareCursor(TableLoad* load);
  /// Turns freshly loaded rows of a keyed table into the whole table with them merged in.
  Status Merge(TableLoad* load);
  Status StageAll();
  void DiscardAll();

  const PipelineContext& context_;
  Source& source_;
  std::string source_name_;
  const LoadSnapshot& from_;
  std::unique_ptr<SourceSnapshot> snapshot_;
  std::vector<std::unique_ptr<TableLoad>> loads_;
};

Status SourceLoad::PrepareCursor(TableLoad* load) {
  LoadPosition position;
  position.snapshot = snapshot_->position();
  if (load->item.mode == LoadItem::Mode::kIncremental) {
    std::optional<std::string>& after = load->item.cursor_after;
    if (after.has_value() && HidesAllRows(*after)) after.reset();
    // A replica that lags and newest rows that were deleted do not turn the mark back: what is up
    // to it was loaded.
    TARN_ASSIGN_OR_RETURN(position.cursor,
                          snapshot_->MaxCursor(load->table, load->item.cursor, after));
    if (after.has_value()) {
      load->adds = true;
      load->write_mode = WriteMode::kAppend;
      load->merge = !load->item.target.key.empty();
    }
    if (load->adds && !(load->merge && load->item.rows == LoadItem::Rows::kAll)) {
      load->cursor = CursorRange{};
      load->cursor->column = load->item.cursor;
      load->cursor->after = after;
      load->cursor->upto = position.cursor.value_or(*after);
      if (load->merge) load->cursor->lower = CursorRange::Lower::kInclusive;
    }
  }
  load->position = position;
  return Status::Ok();
}

Status SourceLoad::Prepare(LoadItem item) {
  auto load = std::make_unique<TableLoad>();
  load->item = std::move(item);
  TARN_ASSIGN_OR_RETURN(load->table, snapshot_->Describe(load->item.table.name));
  TARN_RETURN_IF_ERROR(CheckFingerprint(load->item.table, load->table));
  TARN_RETURN_IF_ERROR(PrepareCursor(load.get()));
  TARN_ASSIGN_OR_RETURN(load->storable, StoredColumns(load->table));
  TARN_ASSIGN_OR_RETURN(load->written,
                        OpenTarget(context_, *load->storable, load->item.target, load->write_mode));
  if (load->adds && load->written.transaction->creates()) {
    return Conflict("the table " + load->item.target.name.ToString() +
                        " was dropped while its new rows were to be added",
                    "run it again: it is loaded whole then");
  }
  if (load->item.history) {
    TARN_ASSIGN_OR_RETURN(load->history,
                          OpenHistoryLoad(context_, source_name_, load->table, *load->item.history,
                                          snapshot_->position()));
    load->position->order = load->history->order;
  }
  if (context_.progress != nullptr) {
    context_.progress->Begin(load->item.target.name.ToString(),
                             load->cursor.has_value() ? -1 : load->table.estimated_rows);
  }
  loads_.push_back(std::move(load));
  return Status::Ok();
}

Status SourceLoad::Merge(TableLoad* load) {
  // The new rows alone become a state of the table that only this session sees, under another name,
  // so that SQL can merge them with the rows that stand.
  TableLoad& self = *load;
  const std::string base_location = self.written.transaction->base_location();
  TARN_RETURN_IF_ERROR(
      StageFiles(context_, std::move(self.files), WriteMode::kOverwrite, &self.written));
  TARN_ASSIGN_OR_RETURN(StagedTable staged,
                        self.written.transaction->Stage(context_.tables.random->Uuid()));

  const TableName& name = self.item.target.name;
  SessionOptions options;
  options.tables.push_back({TableName{name.schema, kLoadedRows}, staged.metadata});
  options.author = "ingest:" + source_name_;
  auto merged = [&]() -> Result<WrittenTable> {
    TARN_ASSIGN_OR_RETURN(const auto session,
                          InterruptibleSession::Open(*context_.engine, options, context_.cancel));
    std::vector<std::string> equal;
    for (const std::string& column : self.item.target.key) {
      const std::string quoted = QuoteIdentifier(column);
      equal.push_back("new_row." + quoted + " = old_row." + quoted);
    }
    // The rows that stand may lack columns of the source, and have some that it has no longer.
    TARN_ASSIGN_OR_RETURN(const auto base, LoadTableMetadata(context_.tables, base_location));
    std::vector<std::string> columns;
    for (const std::string& column : self.written.columns) {
      if (base->schema().Find(column) == nullptr) continue;
      columns.push_back("old_row." + QuoteIdentifier(column) + " AS " + QuoteIdentifier(column));
    }
    const std::string schema = QuoteIdentifier(name.schema) + ".";
    const std::string query = "SELECT * FROM " + schema + kLoadedRows +
                              " UNION ALL BY NAME SELECT " + Join(columns, ", ") + " FROM " +
                              schema + QuoteIdentifier(name.name) +
                              " old_row WHERE NOT EXISTS (SELECT 1 FROM " + schema + kLoadedRows +
                              " new_row WHERE " + Join(equal, " AND ") + ")";
    return WriteQuery(context_, *session, query, self.item.target, WriteMode::kOverwrite);
  }();
  for (const std::string& key : staged.files) {
    if (Status deleted = context_.tables.store->Delete(key); !deleted.ok()) {
      Log(LogLevel::kWarning, "an unused metadata file remains: " + deleted.error().message);
    }
  }
  const int64_t new_rows = self.written.rows;
  if (!merged.ok()) return merged.status();
  Discard(context_, self.written);
  if (merged->transaction->base_location() != base_location) {
    Discard(context_, *merged);
    return Conflict("the table " + name.ToString() + " was changed while its rows were merged",
                    "run it again");
  }
  self.written = std::move(merged).value();
  self.written.rows = new_rows;
  return Status::Ok();
}

Status SourceLoad::StageAll() {
  for (const auto& load : loads_) {
    if (load->merge) {
      TARN_RETURN_IF_ERROR(Merge(load.get()));
    } else {
      TARN_RETURN_IF_ERROR(
          StageFiles(context_, std::move(load->files), load->write_mode, &load->written));
    }
    load->files.clear();
    if (load->history != nullptr) {
      TARN_RETURN_IF_ERROR(
          StageHistory(context_, std::move(load->history_files), load->history.get()));
      load->history_files.clear();
    }
    for (const WrittenTable* written : load->Written()) {
      written->transaction->SetSummary("tarn.source", source_name_);
      written->transaction->SetSummary("tarn.source-table", load->table.name.ToString());
      written->transaction->SetSummary("tarn.source-position", snapshot_->position());
      // Nobody followed the log to here: what the table held in between stands nowhere.
      written->transaction->SetSummary("tarn.source-gap", "true");
    }
  }
  return Status::Ok();
}

void SourceLoad::DiscardAll() {
  for (const auto& load : loads_) {
    WrittenTable rest;
    rest.files = std::move(load->files);
    rest.files.insert(rest.files.end(), load->history_files.begin(), load->history_files.end());
    Discard(context_, rest);
    for (const WrittenTable* written : load->Written()) Discard(context_, *written);
    if (context_.progress != nullptr) {
      context_.progress->End(load->item.target.name.ToString(), "failed");
    }
  }
}

Result<LoadReport> SourceLoad::Run(std::vector<LoadItem> items, std::vector<CommitOp> ops,
                                   const std::string& author) {
  TARN_ASSIGN_OR_RETURN(snapshot_, from_.begin ? from_.begin() : source_.BeginSnapshot());
  TARN_FAULT_POINT(kLoadBegun);
  if (from_.ops) {
    for (CommitOp& op : from_.ops(*snapshot_)) ops.push_back(std::move(op));
  }
  Status status;
  for (LoadItem& item : items) {
    const std::string name = item.table.name.ToString();
    status = Prepare(std::move(item));
    if (!status.ok()) {
      status = std::move(status).Wrap(name);
      break;
    }
  }
  if (status.ok()) {
    std::vector<const WrittenTable*> tables;
    for (const auto& load : loads_) {
      for (const WrittenTable* written : load->Written()) tables.push_back(written);
    }
    status = RememberIntentions(context_, tables, author);
  }
  if (status.ok()) status = ReachFaultPoint(FaultPoint::kLoadPlanned);
  if (status.ok()) status = ReadTables(context_, *snapshot_, loads_);
  if (status.ok()) status = ReachFaultPoint(FaultPoint::kLoadWritten);
  if (status.ok()) status = StageAll();
  if (status.ok()) status = ReachFaultPoint(FaultPoint::kLoadStaged);
  if (!status.ok()) {
    DiscardAll();
    return status;
  }

  LakeCommit commit = context_.NewCommit(author, "load " + source_name_);
  commit.ops.insert(commit.ops.end(), std::make_move_iterator(ops.begin()),
                    std::make_move_iterator(ops.end()));
  for (const auto& load : loads_) {
    for (const WrittenTable* written : load->Written()) {
      const TableTarget& target =
          written == &load->written ? load->item.target : *load->item.history;
      commit.tables.push_back(
          {target.name, target.owner, written->uuid, written->transaction.get(), written->free_at});
      TARN_ASSIGN_OR_RETURN(const auto made, ForgetIntention(context_, *written));
      commit.ops.insert(commit.ops.end(), made.begin(), made.end());
    }
    commit.ops.push_back(SetPositionOp{source_name_, PositionKey(load->table.name),
                                       load->position->ToJson(), load->item.position_before});
  }
  // A merge was computed from the state that it replaces: a writer in between would be lost.
  for (const auto& load : loads_) {
    if (!load->merge) continue;
    commit.expectations.push_back({load->written.uuid, load->written.transaction->base_location()});
  }
  if (context_.cancel != nullptr && context_.cancel->requested()) {
    DiscardAll();
    return context_.cancel->Check().error();
  }
  AskedCatalog catalog(*context_.catalog);
  auto info = CommitToLake(context_.tables, catalog, commit);
  if (!info.ok()) {
    if (catalog.RulesOut(info.error())) DiscardAll();
    return info.status();
  }
  PassFaultPoint(FaultPoint::kLoadCommitted);
  LoadReport report;
  report.sequence = info->sequence;
  report.position = snapshot_->position();
  for (const auto& load : loads_) {
    report.tables.push_back({load->item.target.name, load->written.rows, load->written.bytes});
    if (context_.progress != nullptr) {
      context_.progress->End(load->item.target.name.ToString(),
                             std::to_string(load->written.rows) + " rows");
    }
  }
  return report;
}

}  // namespace

Result<LoadReport> LoadSource(const PipelineContext& context, Source& source,
                              const std::string& source_name, std::vector<LoadItem> items,
                              std::vector<CommitOp> ops, const std::string& author,
                              const LoadSnapshot& snapshot) {
  const bool merges = std::any_of(items.begin(), items.end(), [](const LoadItem& item) {
    return item.mode == LoadItem::Mode::kIncremental && !item.target.key.empty();
  });
  for (int tries = 1;; ++tries) {
    auto report = SourceLoad(context, source, source_name, snapshot).Run(items, ops, author);
    const bool stopped = context.cancel != nullptr && context.cancel->requested();
    if (report.ok() || report.error().kind != ErrorKind::kConflict || !merges || stopped ||
        tries == kTriesMax) {
      return report;
    }
  }
}

}  // namespace tarn
