#include "pipeline/ingest/capture.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <utility>

#include "base/log.h"
#include "base/thread.h"
#include "catalog/asked_catalog.h"
#include "catalog/committer.h"
#include "pipeline/ingest/captured_table.h"
#include "pipeline/ingest/change_history.h"
#include "pipeline/ingest/history_rows.h"
#include "pipeline/ingest/mirrored_table.h"
#include "pipeline/ingest/stop_grace.h"
#include "pipeline/ingest/stream_position.h"

namespace tarn {
namespace {

/// How long one call waits for changes while none are pending.
constexpr int64_t kIdleWaitMs = 1000;
/// What comes after a pause is committed at once, together with what comes right behind it: for a
/// part of the cadence, and no longer than this.
constexpr int64_t kIdleGatherPart = 10;
constexpr int64_t kIdleGatherMaxMs = 100;
/// What is whole when a stop is asked for is committed if that takes no longer than this; else the
/// log tells it again next time.
/// Of that: for the rest of a transaction of which a part is here.
constexpr int64_t kWholeGraceMicros = 1'000'000;
/// How often a log that goes on without changes of interest is written down, so that the source may
/// forget it.
constexpr int64_t kHeartbeatMicros = 60'000'000;
constexpr int64_t kPauseFirstMicros = 200'000;
constexpr int64_t kPauseMaxMicros = 30'000'000;

/// Errors that pass: the connection broke, the server restarts, another commit was faster. Whether
/// a commit happened whose answer is lost, its position in the catalog tells the next attempt. A
/// disk that is full may get room; who only wants to catch up is told instead.
bool Passes(const Error& error, const CaptureOptions& options) {
  if (error.kind == ErrorKind::kResourceExhausted) return !options.until.has_value();
  return error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kConflict ||
         error.kind == ErrorKind::kCommitUnknown;
}

/// One attempt at following the log: from the last committed position to the first trouble.
class CaptureRun {
 public:
  /// `stop`: when to end; the context's own flag says when even that has taken too long.
  CaptureRun(const PipelineContext& context, const CancelFlag* stop, ChangeCapture& capture,
             const CaptureOptions& options, bool is_first)
      : context_(context), stop_(stop), capture_(capture), options_(options), is_first_(is_first) {}
  ~CaptureRun() {
    if (!commit_unknown_) {
      for (auto& [name, table] : tables_) table.Discard();
    }
  }

  /// Ok when `until` is reached or a stop was asked for.
  Status Run();
  /// Whether anything was committed: then the next trouble is a new one.
  bool progressed() const { return progressed_; }

 private:
  using Table = MirroredTable;

  Status ReadPosition();
  Status OpenTables();
  Status TakeIn(const ChangeBatch& batch);
  Status TakeEvents(const ChangeBatch& batch, const TableChanges& changes, Table& table);
  Status TakeEvent(const TableEvent& event, int64_t first_row, const LogPlaces& places,
                   Table& table);
  void Order(const ChangeBatch& batch);
  Result<int64_t> FirstRow(const ChangeBatch& batch, const RowChanges& rows, Table& table);
  Result<bool> IsLoaded(const ChangeBatch& batch, uint32_t transaction, Table& table);
  void StopTable(Table& table, const Status& reason);
  bool Stopping() const { return stop_ != nullptr && stop_->requested(); }
  bool AwaitsWhole();
  bool HasChanges() const { return has_changes_; }
  bool Due() const;
  int64_t DueMs() const;
  int64_t GatherMs() const;
  Status Commit();
  bool IsLostRace(const Error& error) const;
  Result<CommitInfo> TryCommit(std::vector<TableName>* changed);

  const PipelineContext& context_;
  const CancelFlag* const stop_;
  ChangeCapture& capture_;
  const CaptureOptions& options_;
  const bool is_first_;  ///< of all attempts
  std::map<SourceTableName, Table> tables_;
  std::unique_ptr<ChangeStream> stream_;

  StreamPosition committed_;
  std::string committed_json_;   ///< as the catalog has it
  StreamPosition reached_;       ///< what a commit would bring
  int64_t last_order_ = 0;       ///< of the last transaction that was met, whole or not
  std::vector<int64_t> orders_;  ///< of the batch's transactions
  /// Right after the last transaction: `reached_` may be further, where nothing of interest came.
  std::string transaction_position_;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
  int64_t transactions_ = 0;
  bool has_changes_ = false;        ///< that are not committed
  bool idle_ = true;                ///< the last batch had nothing
  int64_t last_commit_micros_ = 0;  ///< monotonic: when the last commit began
  int64_t last_commit_took_micros_ = 0;
  std::optional<int64_t> stopping_micros_;  ///< monotonic: when the stop was noticed
  bool whole_ = true;                       ///< no transaction is half here
  bool progressed_ = false;
  bool commit_unknown_ = false;  ///< whether one that was tried happened: its files stay
};

Status CaptureRun::ReadPosition() {
  TARN_ASSIGN_OR_RETURN(committed_json_, FindStreamPosition(*context_.catalog, options_.source));
  if (committed_json_.empty()) {
    return NotFound("the source " + options_.source + " was never loaded",
                    "run `tarn apply`: it makes the slot and loads what stands there");
  }
  TARN_ASSIGN_OR_RETURN(committed_, StreamPosition::FromJson(committed_json_));
  reached_ = committed_;
  last_order_ = committed_.order;
  return {};
}

Status CaptureRun::OpenTables() {
  TARN_ASSIGN_OR_RETURN(const auto positions, context_.catalog->ListPositions());
  std::vector<SourceTable> described;
  for (CaptureItem item : options_.items) {
    if (!is_first_ && options_.described) {
      TARN_ASSIGN_OR_RETURN(item, options_.described(item));
    }
    Table table;
    table.position = item.position;
    for (const PositionEntry& entry : positions) {
      if (entry.source != options_.source || entry.table != PositionKey(item.table.name)) continue;
      table.position_before = entry.position;
      TARN_ASSIGN_OR_RETURN(table.position, LoadPosition::FromJson(entry.position));
    }
    if (table.position_before.empty()) {
      return NotFound("the source table " + item.table.name.ToString() + " was never loaded",
                      "run `tarn apply`");
    }
    last_order_ = std::max(last_order_, table.position.order);
    table.stopped = !table.position.stopped.empty();
    if (table.stopped && options_.stopped) {
      options_.stopped(item.table.name,
                       Unsupported(table.position.stopped, "mend it, then `tarn resync " +
                                                               item.target.name.ToString() + "`"));
    }
    CapturedTable::Options rows;
    rows.table = item.table;
    rows.target = item.target;
    rows.index_folder = options_.index_folder + "/" + item.uuid;
    rows.whole_rows = item.history.has_value();
    rows.touched_keys_max = options_.touched_keys_max;
    if (item.history) {
      table.history = std::make_unique<ChangeHistory>(context_, item.table, *item.history);
    }
    table.rows = std::make_unique<CapturedTable>(context_, std::move(rows));
    described.push_back(item.table);
    tables_.emplace(item.table.name, std::move(table));
  }
  TARN_ASSIGN_OR_RETURN(stream_, capture_.Open(options_.spec, committed_.position, described));
  for (const auto& [name, table] : tables_) {
    if (table.history != nullptr) stream_->WantRowsBefore(name);
    if (table.position.snapshot.empty()) continue;
    TARN_RETURN_IF_ERROR(stream_->LoadedAt(name, table.position.snapshot));
  }
  return {};
}

Status CaptureRun::Run() {
  TARN_RETURN_IF_ERROR(ReadPosition());
  TARN_RETURN_IF_ERROR(OpenTables());
  last_commit_micros_ = context_.tables.clock->MonotonicMicros();
  bool reached_until = false;
  while (true) {
    const bool stopping = Stopping();
    if (whole_ && (stopping || reached_until)) {
      // What is here is whole: it is committed rather than read a second time.
      TARN_RETURN_IF_ERROR(Commit());
      stream_->Stop();
      return {};
    }
    if (stopping && !AwaitsWhole()) {
      stream_->Stop();
      return {};
    }
    ChangeLimits limits;
    limits.rows_max = context_.tables.limits->batch_rows;
    limits.bytes_max = context_.tables.limits->batch_bytes_max;
    limits.wait_ms_max = HasChanges() ? std::clamp<int64_t>(DueMs(), 1, kIdleWaitMs) : kIdleWaitMs;
    limits.linger_ms_max = DueMs();
    limits.gather_ms = GatherMs();
    limits.until = options_.until;
    const int64_t asked_micros = context_.tables.clock->MonotonicMicros();
    const Result<ChangeBatch> next = stream_->Next(limits);
    if (!next.ok()) {
      // A stop cut it off: what came before stands as it is.
      if (next.error().kind == ErrorKind::kCancelled && whole_ && Stopping()) continue;
      return next.status();
    }
    const ChangeBatch& batch = *next;
    TARN_RETURN_IF_ERROR(TakeIn(batch));
    reached_until = batch.reached_until;
    idle_ = batch.rows == 0 && whole_;
    // Nothing came for as long as it was waited for.
    const int64_t waited_micros = context_.tables.clock->MonotonicMicros() - asked_micros;
    const bool idle = batch.rows == 0 && whole_ && !HasChanges() &&
                      (batch.reached_until || waited_micros >= limits.wait_ms_max * 1000);
    if (idle && options_.caught_up) options_.caught_up();
    if (whole_ && Due()) TARN_RETURN_IF_ERROR(Commit());
  }
}

/// Whether the rest of a transaction may still come in time for a stop.
bool CaptureRun::AwaitsWhole() {
  const int64_t now = context_.tables.clock->MonotonicMicros();
  if (!stopping_micros_) stopping_micros_ = now;
  return now - *stopping_micros_ < kWholeGraceMicros;
}

/// Until the next commit is due, counted from the beginning of the last: a commit's own time is not
/// added to what changes wait for.
int64_t CaptureRun::DueMs() const {
  const int64_t since = (context_.tables.clock->MonotonicMicros() - last_commit_micros_) / 1000;
  return std::max<int64_t>(options_.cadence.every_ms - since, 0);
}

/// Where changes keep coming and commits take longer than the cadence, as long is read as was
/// committed, up to the cadence: a backlog is not committed in crumbs.
int64_t CaptureRun::GatherMs() const {
  const int64_t every = options_.cadence.every_ms;
  const int64_t least = std::min(every / kIdleGatherPart, kIdleGatherMaxMs);
  return idle_ ? least : std::clamp(last_commit_took_micros_ / 1000, least, every);
}

bool CaptureRun::Due() const {
  if (!HasChanges()) {
    const int64_t now = context_.tables.clock->MonotonicMicros();
    return reached_.position != committed_.position && now - last_commit_micros_ > kHeartbeatMicros;
  }
  return rows_ >= options_.cadence.rows || bytes_ >= options_.cadence.bytes || DueMs() == 0;
}

Result<bool> CaptureRun::IsLoaded(const ChangeBatch& batch, uint32_t transaction, Table& table) {
  if (table.joined) return false;
  TARN_ASSIGN_OR_RETURN(const int order, capture_.Compare(batch.transactions[transaction].position,
                                                          table.position.snapshot));
  table.joined = order > 0;
  return !table.joined;
}

Result<int64_t> CaptureRun::FirstRow(const ChangeBatch& batch, const RowChanges& rows,
                                     Table& table) {
  int64_t row = 0;
  while (row < static_cast<int64_t>(rows.ops.size())) {
    TARN_ASSIGN_OR_RETURN(const bool loaded,
                          IsLoaded(batch, rows.transactions[static_cast<size_t>(row)], table));
    if (!loaded) break;
    ++row;
  }
  return row;
}

/// Every transaction comes after the one before, whatever the source's clock says; and the same log
/// gives the same orders again, wherever batches and commits end.
void CaptureRun::Order(const ChangeBatch& batch) {
  orders_.clear();
  for (const ChangeTransaction& transaction : batch.transactions) {
    const bool goes_on = orders_.empty() && !whole_;
    if (!goes_on) last_order_ = std::max(last_order_ + kOrdersApart, transaction.commit_micros);
    orders_.push_back(last_order_);
  }
}

Status CaptureRun::TakeIn(const ChangeBatch& batch) {
  Order(batch);
  has_changes_ = has_changes_ || batch.rows > 0;
  for (const TableChanges& changes : batch.tables) {
    const auto found = tables_.find(changes.table);
    if (found == tables_.end()) continue;  // of the publication, and of no interest
    if (found->second.stopped) continue;
    TARN_RETURN_IF_ERROR(TakeEvents(batch, changes, found->second));
    has_changes_ = has_changes_ || !changes.events.empty();
  }
  rows_ += batch.rows;
  bytes_ += batch.bytes;
  const auto whole = batch.transactions.size() - (batch.ends_at_commit ? 0 : 1);
  transactions_ += batch.transactions.empty() ? 0 : static_cast<int64_t>(whole);
  if (!batch.transactions.empty() && whole > 0) {
    reached_.transaction = batch.transactions[whole - 1].id;
    reached_.transaction_micros = batch.transactions[whole - 1].commit_micros;
    reached_.order = orders_[whole - 1];
    transaction_position_ = batch.transactions[whole - 1].position;
  }
  if (!batch.position.empty()) reached_.position = batch.position;
  whole_ = batch.ends_at_commit;
  return {};
}

Status CaptureRun::TakeEvents(const ChangeBatch& batch, const TableChanges& changes, Table& table) {
  for (const TableEvent& event : changes.events) {
    int64_t first_row = 0;
    if (const auto* rows = std::get_if<RowChanges>(&event)) {
      TARN_ASSIGN_OR_RETURN(first_row, FirstRow(batch, *rows, table));
      if (first_row == static_cast<int64_t>(rows->ops.size())) continue;
    } else if (const auto* truncated = std::get_if<TableTruncated>(&event)) {
      TARN_ASSIGN_OR_RETURN(const bool loaded, IsLoaded(batch, truncated->transaction, table));
      if (loaded) continue;
    }
    Status status = TakeEvent(event, first_row, {batch.transactions, orders_}, table);
    if (status.ok()) continue;
    // What is wrong with this table's columns or values is no reason to keep the others waiting.
    const ErrorKind kind = status.error().kind;
    if (kind != ErrorKind::kInvalidArgument && kind != ErrorKind::kUnsupported &&
        kind != ErrorKind::kCorruption && kind != ErrorKind::kNotFound) {
      return std::move(status).Wrap("table " + table.rows->target().name.ToString());
    }
    StopTable(table, status);
    return {};
  }
  return {};
}

Status CaptureRun::TakeEvent(const TableEvent& event, int64_t first_row, const LogPlaces& places,
                             Table& table) {
  ChangeHistory* history = table.history.get();
  if (const auto* rows = std::get_if<RowChanges>(&event)) {
    if (history == nullptr) return table.rows->Add(*rows, first_row);
    return table.rows->Add(*rows, first_row, [&](const arrow::RecordBatch& whole, int64_t first) {
      return history->Add(*rows, whole, first, places);
    });
  }
  if (const auto* truncated = std::get_if<TableTruncated>(&event)) {
    TARN_RETURN_IF_ERROR(table.rows->Truncate());
    return history == nullptr ? Status() : history->Truncate(*truncated, places);
  }
  if (const auto* altered = std::get_if<TableAltered>(&event)) {
    if (!altered->filled.empty() && history != nullptr) {
      return InvalidArgument("column " + altered->filled.front().column + " of table " +
                                 altered->table->name.ToString() +
                                 " was added with a value for the rows of before, of which a "
                                 "history has no changes",
                             "load the table anew with `tarn resync`: its history goes on with "
                             "the rows of the load");
    }
    TARN_RETURN_IF_ERROR(table.rows->Alter(*altered));
    if (history != nullptr) TARN_RETURN_IF_ERROR(history->Alter(*altered));
    table.altered = true;
    return {};
  }
  return std::get<TableStopped>(event).reason;
}

void CaptureRun::StopTable(Table& table, const Status& reason) {
  table.stopped = true;
  table.moved = true;
  table.position.stopped = reason.error().ToString();
  // It stays as the last commit left it: half of a transaction is none of its states.
  table.Discard();
  table.altered = false;
  if (options_.stopped) options_.stopped(table.rows->source_table().name, reason);
}

Result<CommitInfo> CaptureRun::TryCommit(std::vector<TableName>* changed) {
  std::map<std::string, std::string> summary = {
      {"tarn.source", options_.source},
      {"tarn.source-position", reached_.position},
      {"tarn.source-transaction", reached_.transaction},
      {"tarn.source-transaction-time", FormatUtc(reached_.transaction_micros)}};
  if (!transaction_position_.empty()) {
    summary["tarn.source-transaction-position"] = transaction_position_;
  }
  LakeCommit commit = context_.NewCommit(
      "ingest:" + options_.source, "changes of " + options_.source + " up to " + reached_.position);
  commit.ops.push_back(
      SetPositionOp{options_.source, kStreamPosition, reached_.ToJson(), committed_json_});
  changed->clear();
  for (auto& [name, table] : tables_) {
    if (table.moved) {
      commit.ops.push_back(SetPositionOp{options_.source, PositionKey(name),
                                         table.position.ToJson(), table.position_before});
    }
    if (table.altered && options_.altered) {
      TARN_ASSIGN_OR_RETURN(const auto ops, options_.altered(table.rows->source_table()));
      commit.ops.insert(commit.ops.end(), ops.begin(), ops.end());
    }
  }
  TARN_ASSIGN_OR_RETURN(commit.tables, PrepareChanges(tables_, summary));
  for (const TableChange& change : commit.tables) changed->push_back(change.name);
  AskedCatalog catalog(*context_.catalog);
  const bool before = std::exchange(commit_unknown_, true);
  Result<CommitInfo> info = CommitToLake(context_.tables, catalog, commit);
  commit_unknown_ = !info.ok() && (before || catalog.may_have_happened());
  return info;
}

/// Whether the tables moved while a commit was made. So they did, too, where files are gone: upkeep
/// that leaves readers no grace has removed those of a state that was current a moment ago.
bool CaptureRun::IsLostRace(const Error& error) const {
  if (error.kind != ErrorKind::kNotFound) return error.kind == ErrorKind::kConflict;
  return std::none_of(tables_.begin(), tables_.end(), [this](const auto& one) {
    return one.second.LostItsTable(*context_.catalog);
  });
}

Status CaptureRun::Commit() {
  if (!HasChanges() && reached_.position == committed_.position) return {};
  const int64_t begun_micros = context_.tables.clock->MonotonicMicros();
  CaptureCommit report;
  Result<CommitInfo> info = TryCommit(&report.tables);
  // Compaction moved rows while they were being changed: their new places are found, and it is
  // tried again with the same files.
  for (int64_t attempt = 1; !info.ok() && IsLostRace(info.error()) &&
                            attempt < context_.tables.limits->commit_retries_max;
       ++attempt) {
    TARN_ASSIGN_OR_RETURN(const std::string place,
                          FindStreamPosition(*context_.catalog, options_.source));
    if (place != committed_json_) {  // fenced
      return Conflict("somebody else follows the log of " + options_.source +
                          ": its position in the catalog moved",
                      "let one `tarn up` run on a state at a time");
    }
    info = TryCommit(&report.tables);
  }
  TARN_RETURN_IF_ERROR(info);
  progressed_ = true;
  report.sequence = info->sequence;
  report.position = reached_.position;
  report.transactions = transactions_;
  report.rows = rows_;
  report.last_transaction_micros = reached_.transaction_micros;
  report.committed_micros = info->committed_micros;
  committed_ = reached_;
  committed_json_ = reached_.ToJson();
  Status status;
  for (auto& [name, table] : tables_) {
    if (table.moved) table.position_before = table.position.ToJson();
    table.moved = false;
    table.altered = false;
    if (table.history != nullptr) table.history->Committed();
    Status advanced = table.rows->Committed(info->sequence);
    // The commit stands; the index finds out by itself what it does not know.
    if (!advanced.ok()) {
      Log(LogLevel::kWarning, "the key index of " + table.rows->target().name.ToString() +
                                  " is behind: " + advanced.error().message);
      // Nor is it trouble where upkeep removed files of the state before meanwhile.
      if (status.ok() && advanced.error().kind != ErrorKind::kNotFound) status = advanced;
    }
  }
  rows_ = bytes_ = transactions_ = 0;
  has_changes_ = false;
  last_commit_micros_ = begun_micros;
  last_commit_took_micros_ = context_.tables.clock->MonotonicMicros() - begun_micros;
  TARN_RETURN_IF_ERROR(stream_->Acknowledge(committed_.position));
  if (options_.committed) options_.committed(report);
  return status;
}

}  // namespace

Status Capture(const PipelineContext& context, ChangeCapture& capture,
               const CaptureOptions& options) {
  TARN_ASSIGN_OR_RETURN(const auto grace, StopGrace::Begin(context.cancel, kStopGrace));
  PipelineContext patient = context;
  patient.cancel = grace->flag();
  int64_t pause = kPauseFirstMicros;
  for (bool is_first = true;; is_first = false) {
    bool progressed = false;
    Status status;
    {
      CaptureRun run(patient, context.cancel, capture, options, is_first);
      status = RunWalled([&] { return run.Run(); });
      progressed = run.progressed();
      // Nothing of it fills memory and disk during the pause.
    }
    if (status.ok()) return status;
    const bool stopping = context.cancel != nullptr && context.cancel->requested();
    if (stopping && status.error().kind == ErrorKind::kCancelled) return {};
    if (!Passes(status.error(), options)) return status;
    if (progressed) pause = kPauseFirstMicros;
    if (options.retrying) options.retrying(status);
    for (int64_t waited = 0; waited < pause && !(context.cancel && context.cancel->requested());
         waited += kPauseFirstMicros) {
      context.tables.clock->SleepMicros(kPauseFirstMicros);
    }
    if (context.cancel != nullptr && context.cancel->requested()) return {};
    pause = std::min(pause * 2, kPauseMaxMicros);
  }
}

}  // namespace tarn
