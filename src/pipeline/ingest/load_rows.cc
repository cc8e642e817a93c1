#include "pipeline/ingest/load_rows.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <utility>

#include <arrow/api.h>

#include "base/log.h"
#include "base/thread.h"
#include "columnar/conform.h"
#include "source/table_change.h"

namespace tarn {
namespace {

/// Tables below this are not worth a second connection.
constexpr int64_t kSplitBytes = 32LL << 20;
/// Ranges a stream: small enough that streams end together, large enough to keep COPY busy.
constexpr int kRangesPerStream = 4;
/// What stands for the columns of a table that has none: rows still count.
constexpr char kNoColumns[] = "no_columns";

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

}  // namespace

Result<std::shared_ptr<arrow::Schema>> StoredColumns(const SourceTable& table) {
  arrow::FieldVector fields;
  for (const SourceColumn& column : table.columns) fields.push_back(column.field);
  if (fields.empty()) fields.push_back(arrow::field(kNoColumns, arrow::boolean()));
  return StorableSchema(arrow::Schema(fields));
}

Status CheckFingerprint(const SourceTable& planned, const SourceTable& seen) {
  if (planned.fingerprint == seen.fingerprint) return Status::Ok();
  return Conflict("the source table " + seen.name.ToString() +
                      " was altered since it was planned: " + DescribeTableChange(planned, seen),
                  "run `tarn plan` to see the change, then `tarn apply`");
}

Status ReadTables(const PipelineContext& context, SourceSnapshot& snapshot,
                  const std::vector<std::unique_ptr<TableLoad>>& loads) {
  const auto streams = static_cast<int>(context.tables.limits->load_streams);
  std::vector<TableLoad*> by_size;
  for (const auto& load : loads) by_size.push_back(load.get());
  std::stable_sort(by_size.begin(), by_size.end(), [](const TableLoad* a, const TableLoad* b) {
    return a->table.estimated_bytes > b->table.estimated_bytes;
  });
  std::deque<RangeTask> tasks;
  for (TableLoad* load : by_size) {
    const bool split = load->table.estimated_bytes >= kSplitBytes && streams > 1;
    TARN_ASSIGN_OR_RETURN(auto ranges,
                          snapshot.Split(load->table, split ? streams * kRangesPerStream : 1));
    for (ScanRange& range : ranges) tasks.push_back({load, std::move(range)});
  }
  const size_t threads = std::min<size_t>(std::max(streams, 1), tasks.size());
  LoadQueue queue(std::move(tasks));
  TARN_RETURN_IF_ERROR(RunInThreads(threads, threads, [&](size_t) {
    LoadStream(context, snapshot, queue).Run();
    return queue.status();
  }));
  return snapshot.CheckHeld();
}

}  // namespace tarn
