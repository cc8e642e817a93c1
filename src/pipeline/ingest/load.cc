#include "pipeline/ingest/load.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <mutex>

#include <arrow/api.h>

#include "base/fault_point.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "catalog/committer.h"
#include "columnar/conform.h"
#include "pipeline/ingest/history_load.h"
#include "pipeline/intention.h"
#include "pipeline/interrupter.h"
#include "pipeline/query_writer.h"
#include "source/table_change.h"

namespace tarn {
namespace {

/// Tables below this are not worth a second connection.
constexpr int64_t kSplitBytes = 32LL << 20;
/// Ranges a stream: small enough that streams end together, large enough to keep COPY busy.
constexpr int kRangesPerStream = 4;
/// What stands for the columns of a table that has none: rows still count.
constexpr char kNoColumns[] = "no_columns";
constexpr char kLoadedRows[] = "__tarn_loaded_rows";

/// One table while its ranges are being read.
struct TableLoad {
  LoadItem item;
  SourceTable table;  ///< as the snapshot sees it
  std::optional<CursorRange> cursor;
  std::shared_ptr<arrow::Schema> storable;
  WrittenTable written;
  WriteMode write_mode = WriteMode::kOverwrite;
  bool merge = false;  ///< the new rows replace rows of the same key
  std::optional<LoadPosition> position;
  std::unique_ptr<HistoryLoad> history;  ///< may be absent

  std::mutex mutex;  ///< guards files
  std::vector<DataFile> files;
  std::vector<DataFile> history_files;

  std::vector<const WrittenTable*> Written() const {
    std::vector<const WrittenTable*> all = {&written};
    if (history != nullptr) all.push_back(&history->written);
    return all;
  }
};

struct RangeTask {
  TableLoad* load = nullptr;
  ScanRange range;
};

/// The queue that the streams share. The first error stops all of them.
class LoadQueue {
 public:
  explicit LoadQueue(std::deque<RangeTask> tasks) : tasks_(std::move(tasks)) {}

  std::optional<RangeTask> Take() {
    std::lock_guard lock(mutex_);
    if (!status_.ok() || tasks_.empty()) return std::nullopt;
    RangeTask task = std::move(tasks_.front());
    tasks_.pop_front();
    return task;
  }
  void Fail(Status status) {
    std::lock_guard lock(mutex_);
    if (status_.ok()) status_ = std::move(status);
  }
  bool failed() {
    std::lock_guard lock(mutex_);
    return !status_.ok();
  }
  Status status() {
    std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  std::mutex mutex_;
  std::deque<RangeTask> tasks_;
  Status status_;
};

/// One stream: takes ranges, and keeps one writer open as long as they are of the same table.
class LoadStream {
 public:
  LoadStream(const PipelineContext& context, SourceSnapshot& snapshot, LoadQueue& queue)
      : context_(context), snapshot_(snapshot), queue_(queue) {}

  void Run() {
    while (auto task = queue_.Take()) {
      // Walled here, so that the other streams stop and the files go.
      Status status = RunWalled([&] { return ReadRange(*task); });
      if (!status.ok()) {
        queue_.Fail(std::move(status).Wrap(task->load->table.name.ToString()));
        break;
      }
    }
    if (queue_.failed()) {
      Abandon();
    } else if (Status status = FinishWriter(); !status.ok()) {
      queue_.Fail(std::move(status));
    }
  }

 private:
  Status ReadRange(const RangeTask& task) {
    TableLoad& load = *task.load;
    if (current_ != &load) {
      TARN_RETURN_IF_ERROR(FinishWriter());
      TARN_ASSIGN_OR_RETURN(writer_, OpenTargetWriter(context_, load.written));
      if (load.history != nullptr) {
        TARN_ASSIGN_OR_RETURN(history_writer_, OpenTargetWriter(context_, load.history->written));
      }
      current_ = &load;
    }
    TARN_ASSIGN_OR_RETURN(auto reader, snapshot_.Open(load.table, task.range, load.cursor));
    const std::string name = load.item.target.name.ToString();
    while (true) {
      if (context_.cancel != nullptr) TARN_RETURN_IF_ERROR(context_.cancel->Check());
      if (queue_.failed()) return Status::Ok();
      TARN_ASSIGN_OR_RETURN(auto batch, reader->Next());
      if (batch == nullptr) return Status::Ok();
      const int64_t rows = batch->num_rows();
      if (batch->num_columns() == 0) {
        TARN_ASSIGN_OR_RETURN(batch, RowsWithoutColumns(load, rows));
      } else {
        TARN_ASSIGN_OR_RETURN(batch, Conform(batch, load.storable));
      }
      TARN_RETURN_IF_ERROR(writer_->Write(*batch));
      if (load.history != nullptr) {
        TARN_ASSIGN_OR_RETURN(const auto changes, HistoryOfLoad(*load.history, *batch));
        TARN_RETURN_IF_ERROR(history_writer_->Write(*changes));
      }
      if (context_.progress != nullptr) context_.progress->Advance(name, rows, 0);
    }
  }

  Result<std::shared_ptr<arrow::RecordBatch>> RowsWithoutColumns(const TableLoad& load,
                                                                 int64_t rows) {
    auto nulls = arrow::MakeArrayOfNull(arrow::boolean(), rows);
    if (!nulls.ok()) return ResourceExhausted(nulls.status().ToString());
    return arrow::RecordBatch::Make(load.storable, rows, {*nulls});
  }

  Status FinishWriter() {
    TARN_RETURN_IF_ERROR(Finish(writer_, &TableLoad::files));
    return Finish(history_writer_, &TableLoad::history_files);
  }

  Status Finish(std::unique_ptr<DataWriter>& writer, std::vector<DataFile> TableLoad::*into) {
    if (writer == nullptr) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(auto files, writer->Finish());
    writer.reset();
    std::lock_guard lock(current_->mutex);
    std::vector<DataFile>& all = current_->*into;
    all.insert(all.end(), std::make_move_iterator(files.begin()),
               std::make_move_iterator(files.end()));
    return Status::Ok();
  }

  void Abandon() {
    for (DataWriter* writer : {writer_.get(), history_writer_.get()}) {
      if (writer == nullptr) continue;
      if (Status status = writer->Abort(); !status.ok()) {
        Log(LogLevel::kWarning, "files of a failed load remain: " + status.error().message);
      }
    }
  }

  const PipelineContext& context_;
  SourceSnapshot& snapshot_;
  LoadQueue& queue_;
  TableLoad* current_ = nullptr;
  std::unique_ptr<DataWriter> writer_;
  std::unique_ptr<DataWriter> history_writer_;
};

Status CheckFingerprint(const SourceTable& planned, const SourceTable& seen) {
  if (planned.fingerprint == seen.fingerprint) return Status::Ok();
  return Conflict("the source table " + seen.name.ToString() +
                      " was altered since it was planned: " + DescribeTableChange(planned, seen),
                  "run `tarn plan` to see the change, then `tarn apply`");
}

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
  Status ReadAll();
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
      load->cursor = CursorRange{};
      load->cursor->column = load->item.cursor;
      load->cursor->after = after;
      load->cursor->upto = position.cursor.value_or(*after);
      load->write_mode = WriteMode::kAppend;
      load->merge = !load->item.target.key.empty();
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
  arrow::FieldVector fields;
  for (const SourceColumn& column : load->table.columns) fields.push_back(column.field);
  if (fields.empty()) fields.push_back(arrow::field(kNoColumns, arrow::boolean()));
  TARN_ASSIGN_OR_RETURN(load->storable, StorableSchema(arrow::Schema(fields)));
  TARN_ASSIGN_OR_RETURN(load->written,
                        OpenTarget(context_, *load->storable, load->item.target, load->write_mode));
  if (load->cursor.has_value() && load->written.transaction->creates()) {
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

Status SourceLoad::ReadAll() {
  const auto streams = static_cast<int>(context_.tables.limits->load_streams);
  std::vector<TableLoad*> by_size;
  for (const auto& load : loads_) by_size.push_back(load.get());
  std::stable_sort(by_size.begin(), by_size.end(), [](const TableLoad* a, const TableLoad* b) {
    return a->table.estimated_bytes > b->table.estimated_bytes;
  });
  std::deque<RangeTask> tasks;
  for (TableLoad* load : by_size) {
    const bool split = load->table.estimated_bytes >= kSplitBytes && streams > 1;
    TARN_ASSIGN_OR_RETURN(auto ranges,
                          snapshot_->Split(load->table, split ? streams * kRangesPerStream : 1));
    for (ScanRange& range : ranges) tasks.push_back({load, std::move(range)});
  }
  const size_t threads = std::min<size_t>(std::max(streams, 1), tasks.size());
  LoadQueue queue(std::move(tasks));
  return RunInThreads(threads, threads, [&](size_t) {
    LoadStream(context_, *snapshot_, queue).Run();
    return queue.status();
  });
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
    const std::string schema = QuoteIdentifier(name.schema) + ".";
    const std::string query =
        "SELECT * FROM " + schema + kLoadedRows + " UNION ALL BY NAME SELECT * FROM " + schema +
        QuoteIdentifier(name.name) + " old_row WHERE NOT EXISTS (SELECT 1 FROM " + schema +
        kLoadedRows + " new_row WHERE " + Join(equal, " AND ") + ")";
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
  if (status.ok()) status = ReadAll();
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
          {target.name, target.owner, written->uuid, written->transaction.get()});
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
  auto info = CommitToLake(context_.tables, *context_.catalog, commit);
  if (!info.ok()) {
    // Only a certain rejection frees the files.
    if (info.error().kind != ErrorKind::kCommitUnknown) DiscardAll();
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
  return SourceLoad(context, source, source_name, snapshot)
      .Run(std::move(items), std::move(ops), author);
}

}  // namespace tarn
