#include "pipeline/ingest/reload.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "base/fault_point.h"
#include "base/log.h"
#include "catalog/asked_catalog.h"
#include "catalog/committer.h"
#include "pipeline/ingest/captured_table.h"
#include "pipeline/ingest/load_rows.h"
#include "pipeline/ingest/stream_position.h"
#include "pipeline/reload_mark.h"
#include "table/dual/deletes.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

/// Changes that are pending before they become a part of the staged state: what bounds the memory
/// of their keys.
constexpr int64_t kPendingRowsMax = 500'000;
/// How long one call waits for the log: what a stop waits for at most.
constexpr int64_t kWaitMs = 500;
/// Of the folder of key indexes: those of tables that are not in their place yet.
constexpr char kIndexesOfReload[] = "reload";

Error Altered(const TableName& table, const std::string& what) {
  return Conflict("the columns of " + table.ToString() + " were altered while it was loaded anew" +
                      (what.empty() ? "" : ": " + what),
                  "run it again");
}

}  // namespace

/// One table: what was loaded, and what the log said since.
struct Reload::Table {
  TableLoad* load = nullptr;
  TableEntry state;                       ///< as it was staged last
  std::map<std::string, DataFile> files;  ///< by path: all that were written and staged
  std::vector<std::string> metadata;      ///< keys of what staging wrote
  std::vector<TableAltered> edits;
  std::unique_ptr<CapturedTable> rows;
  WrittenTable swap;
  std::vector<DataFile> empty;  ///< of the files those of which no row is left
  bool gap = false;             ///< the table was not followed before

  const TableName& name() const { return load->item.target.name; }
  std::vector<std::string> uuids() const {
    std::vector<std::string> all = {state.uuid};
    if (load->history != nullptr) all.push_back(load->history->written.uuid);
    return all;
  }
};

Reload::Reload(const PipelineContext& context, ChangeCapture& capture, ReloadOptions options)
    : context_(context), capture_(capture), options_(std::move(options)) {}

Reload::~Reload() {
  if (stream_ != nullptr) stream_->Stop();
  if (files_are_ours_) Discard();
}

const std::string& Reload::position() const { return position_; }

const SourceTable& Reload::table(size_t item) const { return tables_[item]->rows->source_table(); }

std::string Reload::IndexFolder() const { return options_.index_folder + "/" + kIndexesOfReload; }

Status Reload::Begin() {
  std::error_code ignored;
  fs::remove_all(IndexFolder(), ignored);  // what a killed one left
  TARN_ASSIGN_OR_RETURN(order_before_, LogOrder(context_, options_.source));
  TARN_ASSIGN_OR_RETURN(branch_, capture_.Branch(options_.spec));
  position_ = branch_.snapshot->position();
  for (const LoadItem& item : options_.items) {
    TARN_RETURN_IF_ERROR(Open(item).Wrap(item.table.name.ToString()));
  }
  return {};
}

Status Reload::Load() {
  for (const auto& table : tables_) {
    if (table->load->item.history) {
      TARN_RETURN_IF_ERROR(OpenHistory(*table).Wrap(table->name().ToString()));
    }
  }
  TARN_RETURN_IF_ERROR(Mark());
  TARN_FAULT_POINT(kReloadMarked);
  TARN_RETURN_IF_ERROR(ReadTables(context_, *branch_.snapshot, loads_));
  // The source's tables may be altered again.
  branch_.snapshot.reset();
  TARN_FAULT_POINT(kReloadWritten);
  std::vector<SourceTable> described;
  for (const auto& table : tables_) {
    TARN_RETURN_IF_ERROR(Stage(*table).Wrap(table->name().ToString()));
    described.push_back(table->load->table);
  }
  TARN_FAULT_POINT(kReloadStaged);
  TARN_ASSIGN_OR_RETURN(stream_, branch_.open(described));
  branch_ = {};
  return {};
}

Status Reload::OpenHistory(Table& table) const {
  TableLoad& load = *table.load;
  const TableName& name = load.item.history->name;
  TARN_ASSIGN_OR_RETURN(const int64_t order, HistoryOrderAt(context_, capture_, options_.source,
                                                            name, position_, order_before_));
  TARN_ASSIGN_OR_RETURN(load.history, OpenHistoryLoad(context_, options_.source, load.table,
                                                      *load.item.history, position_, order));
  if (!load.history->written.transaction->creates()) return {};
  return NotFound("the table " + name.ToString() + " does not exist any more",
                  "`tarn apply` makes and loads it");
}

Status Reload::Open(const LoadItem& item) {
  auto load = std::make_unique<TableLoad>();
  load->item = item;
  TARN_ASSIGN_OR_RETURN(load->table, branch_.snapshot->Describe(item.table.name));
  TARN_RETURN_IF_ERROR(CheckFingerprint(item.table, load->table));
  TARN_ASSIGN_OR_RETURN(load->storable, StoredColumns(load->table));
  TARN_ASSIGN_OR_RETURN(load->written,
                        OpenTarget(context_, *load->storable, item.target, load->write_mode));
  if (load->written.transaction->creates()) {
    return NotFound("the table " + item.target.name.ToString() + " does not exist any more",
                    "`tarn apply` makes and loads it");
  }
  auto table = std::make_unique<Table>();
  table->load = load.get();
  table->state.uuid = load->written.uuid;
  table->state.name = item.target.name;
  if (context_.progress != nullptr) {
    context_.progress->Begin(item.target.name.ToString(), load->table.estimated_rows);
  }
  loads_.push_back(std::move(load));
  tables_.push_back(std::move(table));
  return {};
}

Status Reload::Mark() const {
  LakeCommit commit = context_.NewCommit(options_.author, "tables that are loaded anew");
  for (const auto& table : tables_) {
    for (const std::string& uuid : table->uuids()) commit.ops.push_back(MarkReload(uuid));
  }
  return CommitToLake(context_.tables, *context_.catalog, commit).status();
}

Status Reload::Stage(Table& table) {
  TableLoad& load = *table.load;
  for (const DataFile& file : load.files) table.files.emplace(file.path, file);
  TARN_RETURN_IF_ERROR(load.written.transaction->Overwrite(std::exchange(load.files, {})));
  TARN_ASSIGN_OR_RETURN(StagedTable staged,
                        load.written.transaction->Stage(context_.tables.random->Uuid()));
  if (load.history != nullptr) {
    TARN_RETURN_IF_ERROR(
        StageHistory(context_, std::exchange(load.history_files, {}), load.history.get()));
  }
  table.metadata = std::move(staged.files);
  table.state.metadata_location = std::move(staged.metadata_location);
  CapturedTable::Options rows;
  rows.table = load.table;
  rows.target = load.item.target;
  rows.index_folder = IndexFolder() + "/" + table.state.uuid;
  rows.state = [&table]() -> Result<TableEntry> { return table.state; };
  table.rows = std::make_unique<CapturedTable>(context_, std::move(rows));
  if (context_.progress != nullptr) {
    int64_t count = 0;
    for (const auto& [path, file] : table.files) count += file.record_count;
    context_.progress->End(table.name().ToString(),
                           std::to_string(count) + " rows as of " + position_);
  }
  // Reading all keys takes its time: not while the log waits for it.
  return table.rows->OpenIndex();
}

Status Reload::CatchUp(const std::string& upto) {
  const std::string work = "changes of " + options_.source + " up to " + upto;
  if (context_.progress != nullptr) context_.progress->Begin(work, -1);
  ChangeLimits limits;
  limits.rows_max = context_.tables.limits->batch_rows;
  limits.bytes_max = context_.tables.limits->batch_bytes_max;
  limits.wait_ms_max = kWaitMs;
  limits.until = upto;
  int64_t changes = 0;
  for (bool reached = false; !reached;) {
    if (context_.cancel != nullptr) TARN_RETURN_IF_ERROR(context_.cancel->Check());
    TARN_ASSIGN_OR_RETURN(const ChangeBatch batch, stream_->Next(limits));
    TARN_RETURN_IF_ERROR(TakeIn(batch));
    changes += batch.rows;
    reached = batch.reached_until;
    for (const auto& table : tables_) {
      const bool due =
          reached ? table->rows->pending() : table->rows->pending_rows() >= kPendingRowsMax;
      if (due) TARN_RETURN_IF_ERROR(Fold(*table).Wrap(table->name().ToString()));
    }
    if (context_.progress != nullptr) context_.progress->Advance(work, batch.rows, batch.bytes);
  }
  // What is here is staged: the branch has no other use for the log before.
  TARN_RETURN_IF_ERROR(stream_->Acknowledge(upto));
  if (context_.progress != nullptr) {
    context_.progress->End(work, std::to_string(changes) + " changes");
  }
  TARN_FAULT_POINT(kReloadCaughtUp);
  return {};
}

Status Reload::TakeIn(const ChangeBatch& batch) {
  for (const TableChanges& changes : batch.tables) {
    for (const auto& table : tables_) {
      if (table->load->table.name != changes.table) continue;
      TARN_RETURN_IF_ERROR(TakeIn(changes, *table).Wrap("table " + table->name().ToString()));
    }
  }
  return {};
}

Status Reload::TakeIn(const TableChanges& changes, Table& table) const {
  for (const TableEvent& event : changes.events) {
    if (const auto* rows = std::get_if<RowChanges>(&event)) {
      TARN_RETURN_IF_ERROR(table.rows->Add(*rows, 0));
    } else if (std::holds_alternative<TableTruncated>(event)) {
      TARN_RETURN_IF_ERROR(table.rows->Truncate());
    } else if (const auto* altered = std::get_if<TableAltered>(&event)) {
      if (!altered->filled.empty()) {
        return Altered(table.name(), "column " + altered->filled.front().column +
                                         " was added with a value for the rows of before");
      }
      TARN_RETURN_IF_ERROR(table.rows->Alter(*altered));
      table.edits.push_back(*altered);
    } else {
      // It names its own repair, without which the next one ends the same way.
      Status stopped = std::get<TableStopped>(event).reason;
      return std::move(stopped)
          .Wrap("cannot be followed while it is loaded anew")
          .Hint("then run it again");
    }
  }
  return {};
}

Status Reload::Fold(Table& table) const {
  TARN_ASSIGN_OR_RETURN(const auto change, table.rows->Prepare({}));
  if (change) {
    TARN_ASSIGN_OR_RETURN(StagedTable staged,
                          change->transaction->Stage(context_.tables.random->Uuid()));
    for (const DataFile& file : table.rows->files()) table.files.emplace(file.path, file);
    table.metadata.insert(table.metadata.end(), staged.files.begin(), staged.files.end());
    table.state.metadata_location = std::move(staged.metadata_location);
  }
  return table.rows->Committed(Sequence());
}

/// The table of now, with the columns that the staged files were written with: they are the same
/// columns only if the same was done to the table meanwhile, or nothing.
Result<WrittenTable> Reload::OpenSwap(const Table& table,
                                      std::shared_ptr<const TableMetadata> staged) const {
  TARN_ASSIGN_OR_RETURN(
      const auto wanted,
      TableTransaction::Change(context_.tables, std::move(staged), table.state.metadata_location));
  const auto same = [&](const TableTransaction& transaction) {
    return transaction.schema().SameColumns(wanted->schema()) &&
           transaction.spec().id == wanted->spec().id &&
           transaction.physical_names() == wanted->physical_names();
  };
  const TableLoad& load = *table.load;
  TableTarget target = load.item.target;
  auto as_loaded = OpenTarget(context_, *load.storable, target, WriteMode::kOverwrite);
  Status edited = as_loaded.status();
  for (const TableAltered& altered : table.edits) {
    if (edited.ok()) edited = CapturedTable::Edit(altered, *as_loaded->transaction);
  }
  if (edited.ok() && same(*as_loaded->transaction)) return as_loaded;
  // Whoever followed the log altered it as well.
  TARN_ASSIGN_OR_RETURN(const auto storable, StoredColumns(table.rows->source_table()));
  target.key = table.rows->target().key;
  TARN_ASSIGN_OR_RETURN(WrittenTable as_it_is,
                        OpenTarget(context_, *storable, target, WriteMode::kOverwrite));
  if (!same(*as_it_is.transaction)) return Altered(table.name(), "");
  return as_it_is;
}

Status Reload::Prepare(Table& table, const std::string& position) const {
  TARN_ASSIGN_OR_RETURN(const auto staged,
                        LoadTableMetadata(context_.tables, table.state.metadata_location));
  TARN_ASSIGN_OR_RETURN(table.swap, OpenSwap(table, staged));
  if (table.swap.transaction->creates() || table.swap.uuid != table.state.uuid) {
    return Conflict("the table " + table.name().ToString() + " was replaced by another one",
                    "run it again");
  }
  std::vector<DataFile> files;
  std::vector<RowDeletes> deletes;
  std::set<std::string> live;
  const auto visit = [&](ScanFile&& scan) -> Status {
    // As it was written: a scan leaves bounds out, and numbers rows.
    const auto file = table.files.find(scan.file.path);
    if (file == table.files.end()) return Internal("nobody wrote " + scan.file.path);
    live.insert(file->first);
    files.push_back(file->second);
    table.swap.rows += file->second.record_count;
    table.swap.bytes += file->second.size_bytes;
    if (scan.deletes.empty()) return {};
    TARN_ASSIGN_OR_RETURN(const auto deleted, LoadDeletes(context_.tables, *staged, scan));
    if (deleted == nullptr || deleted->empty()) return {};
    table.swap.rows -= deleted->cardinality();
    deletes.push_back({file->second, *deleted});
    return {};
  };
  TARN_RETURN_IF_ERROR(
      VisitScan(context_.tables, *staged, std::nullopt, Predicate::True(), visit).status());
  for (const auto& [path, file] : table.files) {
    if (!live.contains(path)) table.empty.push_back(file);
  }
  TableTransaction& transaction = *table.swap.transaction;
  TARN_RETURN_IF_ERROR(transaction.Overwrite(std::move(files)));
  if (!deletes.empty()) TARN_RETURN_IF_ERROR(transaction.DeleteRows(std::move(deletes)));
  std::vector<TableTransaction*> all = {&transaction};
  if (table.load->history != nullptr) {
    all.push_back(table.load->history->written.transaction.get());
  }
  for (TableTransaction* one : all) {
    one->SetSummary("tarn.source", options_.source);
    one->SetSummary("tarn.source-table", table.load->table.name.ToString());
    one->SetSummary("tarn.source-position", position);
    if (table.gap) one->SetSummary("tarn.source-gap", "true");
  }
  return {};
}

Result<std::vector<CommitOp>> Reload::Positions(const std::string& position) const {
  TARN_ASSIGN_OR_RETURN(const auto positions, context_.catalog->ListPositions());
  const auto find = [&](const std::string& key) {
    for (const PositionEntry& entry : positions) {
      if (entry.source == options_.source && entry.table == key) return entry.position;
    }
    return std::string();
  };
  // Nobody follows the log meanwhile, and nobody has any more.
  const std::string place = find(kStreamPosition);
  TARN_ASSIGN_OR_RETURN(const StreamPosition at, StreamPosition::FromJson(place));
  if (at.position != position) {
    return Conflict(
        "the log of " + options_.source + " was followed up to " + at.position + " meanwhile",
        "run it again");
  }
  std::vector<CommitOp> ops = {SetPositionOp{options_.source, kStreamPosition, place, place}};
  for (const auto& table : tables_) {
    const std::string key = PositionKey(table->load->table.name);
    const std::string before = find(key);
    LoadPosition now;
    if (!before.empty()) {
      TARN_ASSIGN_OR_RETURN(const LoadPosition old, LoadPosition::FromJson(before));
      now.order = old.order;
      table->gap = !old.stopped.empty();
      if (table->load->history != nullptr && !old.stopped.empty()) {
        return Conflict(
            "the table " + table->name().ToString() +
                " is not followed any more, and its history lacks what came since: " + old.stopped,
            "run it again");
      }
    }
    if (table->load->history != nullptr) {
      now.order = std::max(now.order, table->load->history->order);
    }
    now.snapshot = position;
    ops.push_back(SetPositionOp{options_.source, key, now.ToJson(), before});
    for (const std::string& uuid : table->uuids()) ops.push_back(UnmarkReload(uuid));
  }
  return ops;
}

Result<LoadReport> Reload::Commit(const std::string& position, std::vector<CommitOp> ops) {
  TARN_FAULT_POINT(kReloadAtPlace);
  LakeCommit commit =
      context_.NewCommit(options_.author, "load " + options_.source + " anew, as of " + position);
  for (CommitOp& op : ops) commit.ops.push_back(std::move(op));
  TARN_ASSIGN_OR_RETURN(auto positions, Positions(position));
  for (CommitOp& op : positions) commit.ops.push_back(std::move(op));
  for (const auto& table : tables_) {
    TARN_RETURN_IF_ERROR(Prepare(*table, position).Wrap(table->name().ToString()));
    commit.tables.push_back({table->name(), table->load->item.target.owner, table->state.uuid,
                             table->swap.transaction.get()});
    if (table->load->history == nullptr) continue;
    const WrittenTable& history = table->load->history->written;
    const TableTarget& target = *table->load->item.history;
    commit.tables.push_back(
        {target.name, target.owner, history.uuid, history.transaction.get(), history.free_at});
  }
  if (context_.cancel != nullptr) TARN_RETURN_IF_ERROR(context_.cancel->Check());
  AskedCatalog catalog(*context_.catalog);
  const auto info = CommitToLake(context_.tables, catalog, commit);
  if (!info.ok()) {
    // Only where it is certain that it did not happen.
    files_are_ours_ = !catalog.may_have_happened();
    return info.status();
  }
  files_are_ours_ = false;
  PassFaultPoint(FaultPoint::kReloadCommitted);
  LoadReport report;
  report.sequence = info->sequence;
  report.position = position;
  for (const auto& table : tables_) {
    report.tables.push_back({table->name(), table->swap.rows, table->swap.bytes});
    if (Status moved = HandOver(*table, info->sequence); !moved.ok()) {
      Log(LogLevel::kWarning, "the key index of " + table->name().ToString() +
                                  " will be built again: " + moved.error().message);
    }
    RemoveStaged(*table);
    WrittenTable rest;
    rest.files = table->empty;
    tarn::Discard(context_, rest);
  }
  PassFaultPoint(FaultPoint::kReloadIndexed);
  return report;
}

/// Whoever follows the log next finds the key index ready. It is a cache: without it, it is built.
Status Reload::HandOver(Table& table, Sequence sequence) const {
  TARN_ASSIGN_OR_RETURN(const TableEntry entry,
                        context_.catalog->LoadTableByUuid(table.state.uuid, sequence));
  TARN_RETURN_IF_ERROR(table.rows->CloseIndex(entry.metadata_location));
  const std::string from = IndexFolder() + "/" + table.state.uuid;
  const std::string to = options_.index_folder + "/" + table.state.uuid;
  std::error_code error;
  fs::remove_all(to, error);
  if (!error) fs::rename(from, to, error);
  if (!error) return {};
  return Unavailable("cannot move " + from + " to " + to + ": " + error.message());
}

/// What the staged states were described by.
void Reload::RemoveStaged(const Table& table) const {
  for (const std::string& key : table.metadata) {
    if (Status deleted = context_.tables.store->Delete(key); !deleted.ok()) {
      Log(LogLevel::kDebug, "left behind: " + key + ": " + deleted.ToString());
    }
  }
}

void Reload::Discard() {
  LakeCommit commit = context_.NewCommit(options_.author, "tables were not loaded anew");
  for (const auto& table : tables_) {
    if (table->rows != nullptr) table->rows->Discard();
    WrittenTable rest;
    rest.files = std::move(table->load->files);
    for (const auto& [path, file] : table->files) rest.files.push_back(file);
    for (const DataFile& file : table->load->history_files) rest.files.push_back(file);
    tarn::Discard(context_, rest);
    if (table->load->history != nullptr) tarn::Discard(context_, table->load->history->written);
    RemoveStaged(*table);
    for (const std::string& uuid : table->uuids()) commit.ops.push_back(UnmarkReload(uuid));
  }
  if (!tables_.empty()) {
    const Status unmarked = CommitToLake(context_.tables, *context_.catalog, commit).status();
    if (!unmarked.ok()) Log(LogLevel::kDebug, "a mark stays: " + unmarked.ToString());
  }
  tables_.clear();
  std::error_code ignored;
  fs::remove_all(IndexFolder(), ignored);
}

}  // namespace tarn
