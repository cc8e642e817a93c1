#include "table/dual/rewrite.h"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <arrow/record_batch.h>

#include "base/thread.h"
#include "table/dual/live_rows.h"
#include "table/dual/row_order.h"
#include "table/dual/row_sorter.h"
#include "table/dual/sort_orders.h"
#include "table/model/column_mapping.h"

namespace tarn {

namespace {

/// Batches between the reader and the writer.
constexpr size_t kBatchesWaitingMax = 4;

/// Reads the live rows of all files, one after the other, ahead of whoever asks.
class RowsAhead {
 public:
  RowsAhead(const TableContext& context, const TableMetadata& table, const Schema& columns,
            const std::vector<ScanFile>& files, const RewriteOptions& options)
      : context_(context), table_(table), columns_(columns), files_(files), options_(options) {}

  ~RowsAhead() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    moved_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  Status Start() {
    TARN_ASSIGN_OR_RETURN(thread_, StartThread([this] { return ReadAll(); },
                                               [this](const Status& why) { End(why); }));
    return {};
  }

  /// nullptr at the end.
  Result<std::shared_ptr<arrow::RecordBatch>> Next() {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [this] { return !waiting_.empty() || ended_; });
    if (waiting_.empty()) {
      if (!ended_->ok()) return ended_->error();
      return std::shared_ptr<arrow::RecordBatch>();
    }
    auto batch = std::move(waiting_.front());
    waiting_.pop_front();
    moved_.notify_all();
    return batch;
  }

 private:
  Status ReadAll() {
    for (const ScanFile& file : files_) {
      const auto left_out = options_.leave_out.find(file.file.path);
      TARN_ASSIGN_OR_RETURN(
          auto rows,
          LiveRows::Open(context_, table_, columns_, file,
                         left_out == options_.leave_out.end() ? nullptr : left_out->second));
      while (true) {
        TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
        if (batch == nullptr) break;
        if (!Put(std::move(batch))) return {};
      }
    }
    End({});
    return {};
  }

  /// False when nobody wants more.
  bool Put(std::shared_ptr<arrow::RecordBatch> batch) {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [this] { return waiting_.size() < kBatchesWaitingMax || stopping_; });
    if (stopping_) return false;
    waiting_.push_back(std::move(batch));
    moved_.notify_all();
    return true;
  }

  void End(const Status& status) {
    std::lock_guard lock(mutex_);
    ended_ = status;
    moved_.notify_all();
  }

  const TableContext& context_;
  const TableMetadata& table_;
  const Schema& columns_;
  const std::vector<ScanFile>& files_;
  const RewriteOptions& options_;
  std::mutex mutex_;
  std::condition_variable moved_;
  std::deque<std::shared_ptr<arrow::RecordBatch>> waiting_;
  std::optional<Status> ended_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

Result<std::vector<DataFile>> CopyLiveRows(const TableContext& context, const TableMetadata& table,
                                           const std::vector<ScanFile>& files,
                                           const RewriteOptions& options) {
  DataWriterOptions writing;
  if (options.writing) {
    writing = *options.writing;
  } else {
    writing.location = table.location;
    writing.schema = table.schema();
    writing.spec = table.spec();
    TARN_ASSIGN_OR_RETURN(writing.physical_names, ReadColumnMapping(table));
  }
  if (options.row_ids == RewriteOptions::RowIds::kKept) {
    writing.schema = WithLineage(std::move(writing.schema), table.format_version);
  }
  const Schema columns = writing.schema;
  writing.file = options.file;
  writing.factory = options.factory;
  std::unique_ptr<RowSorter> sorter;
  const SortOrder order = WithPartitions(options.sort, writing.spec);
  if (!options.sort.fields.empty() && RowOrder::CanCompare(columns, order)) {
    TARN_ASSIGN_OR_RETURN(sorter, RowSorter::Open(context, writing.location, columns, order));
    writing.sort_order_id = options.sort.id;
  }
  TARN_ASSIGN_OR_RETURN(auto writer, DataWriter::Open(context, std::move(writing)));
  RowsAhead rows(context, table, columns, files, options);
  TARN_RETURN_IF_ERROR(rows.Start());
  while (true) {
    if (options.cancel != nullptr) TARN_RETURN_IF_ERROR(options.cancel->Check());
    TARN_ASSIGN_OR_RETURN(auto batch, rows.Next());
    if (batch == nullptr) break;
    TARN_RETURN_IF_ERROR(sorter != nullptr ? sorter->Add(std::move(batch)) : writer->Write(*batch));
  }
  while (sorter != nullptr) {
    if (options.cancel != nullptr) TARN_RETURN_IF_ERROR(options.cancel->Check());
    TARN_ASSIGN_OR_RETURN(const auto batch, sorter->Next());
    if (batch == nullptr) break;
    TARN_RETURN_IF_ERROR(writer->Write(*batch));
  }
  TARN_ASSIGN_OR_RETURN(std::vector<DataFile> written, writer->Finish());
  return written;
}

}  // namespace tarn
