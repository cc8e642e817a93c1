#include "table/dual/row_sorter.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/util/byte_size.h>

#include "base/log.h"
#include "columnar/arrow_output.h"
#include "columnar/conform.h"
#include "columnar/file_writer.h"
#include "columnar/parquet_reader.h"
#include "table/dual/row_order.h"

namespace tarn {

namespace {

namespace compute = arrow::compute;

using Batch = std::shared_ptr<arrow::RecordBatch>;

/// Row groups of runs are small: one of every run is held while they are merged.
constexpr int64_t kRunRowGroupBytes = 2 << 20;
/// Rows of one run that wait in memory while runs are merged, at least and when they are filled up.
constexpr int64_t kWaitingRowsMin = 4 << 10;
constexpr int64_t kWaitingRows = 16 << 10;

Error Failed(const arrow::Status& status) { return FromArrow(status, "sorting rows").error(); }

/// A run that is read back, and its rows that are not given out yet.
struct Source {
  std::unique_ptr<ParquetReader> reader;
  std::vector<Batch> waiting;
  int64_t rows = 0;
  bool at_end = false;
};

class RowSorterImpl final : public RowSorter {
 public:
  RowSorterImpl(const TableContext& context, std::string prefix,
                std::shared_ptr<arrow::Schema> schema, const Schema& columns,
                const SortOrder& order, const RowSorterLimits& limits)
      : context_(context),
        prefix_(std::move(prefix)),
        schema_(std::move(schema)),
        columns_(columns),
        order_(order),
        limits_(limits),
        run_limits_(*context.limits) {
    run_limits_.row_group_bytes = std::min(run_limits_.row_group_bytes, kRunRowGroupBytes);
    run_limits_.batch_rows = std::min(run_limits_.batch_rows, kWaitingRowsMin);
  }

  ~RowSorterImpl() override {
    sources_.clear();
    for (const std::string& key : runs_) {
      if (Status status = context_.store->Delete(key); !status.ok()) {
        Log(LogLevel::kWarning, "could not remove " + key + ": " + status.ToString());
      }
    }
  }

  Status Add(Batch batch) override {
    auto bytes = arrow::util::ReferencedBufferSize(*batch);
    if (!bytes.ok()) return Failed(bytes.status());
    if (bytes_ > 0 && bytes_ + *bytes > limits_.run_bytes) TARN_RETURN_IF_ERROR(Spill());
    bytes_ += *bytes;
    rows_.push_back(std::move(batch));
    return {};
  }

  Result<Batch> Next() override {
    if (!started_) {
      started_ = true;
      TARN_RETURN_IF_ERROR(Start());
    }
    if (sources_.empty()) return NextInMemory();
    return Merge();
  }

 private:
  Status Start() {
    if (!runs_.empty()) {
      if (!rows_.empty()) TARN_RETURN_IF_ERROR(Spill());
      for (const std::string& key : runs_) {
        ParquetReadOptions options;
        options.read_bytes_max = 2 * kRunRowGroupBytes;
        TARN_ASSIGN_OR_RETURN(auto reader, ParquetReader::Open(*context_.store, key, std::nullopt,
                                                               std::move(options), run_limits_));
        sources_.push_back({std::move(reader), {}, 0, false});
      }
      return {};
    }
    if (rows_.empty()) return {};
    TARN_ASSIGN_OR_RETURN(sorted_, SortAll());
    return {};
  }

  Result<std::shared_ptr<arrow::Table>> SortAll() {
    TARN_ASSIGN_OR_RETURN(auto table, TableOf(rows_));
    TARN_ASSIGN_OR_RETURN(auto indices, Indices(*table));
    TARN_ASSIGN_OR_RETURN(auto sorted, Take(table, indices));
    rows_.clear();
    bytes_ = 0;
    return sorted;
  }

  Result<std::shared_ptr<arrow::Table>> TableOf(const std::vector<Batch>& batches) const {
    auto table = arrow::Table::FromRecordBatches(schema_, batches);
    if (!table.ok()) return Failed(table.status());
    return *std::move(table);
  }

  Result<std::shared_ptr<arrow::UInt64Array>> Indices(const arrow::Table& table) const {
    TARN_ASSIGN_OR_RETURN(const RowOrder order, RowOrder::Of(table, columns_, order_));
    arrow::UInt64Builder builder;
    if (auto added = builder.AppendValues(order.Sorted()); !added.ok()) return Failed(added);
    std::shared_ptr<arrow::UInt64Array> indices;
    if (auto finished = builder.Finish(&indices); !finished.ok()) return Failed(finished);
    return indices;
  }

  static Result<std::shared_ptr<arrow::Table>> Take(const std::shared_ptr<arrow::Table>& table,
                                                    const std::shared_ptr<arrow::Array>& indices) {
    auto taken = compute::Take(table, indices, compute::TakeOptions::NoBoundsCheck());
    if (!taken.ok()) return Failed(taken.status());
    return taken->table();
  }

  /// Writes what is there as one run.
  Status Spill() {
    TARN_ASSIGN_OR_RETURN(const auto sorted, SortAll());
    std::string key = prefix_ + std::to_string(runs_.size()) + ".parquet";
    TARN_ASSIGN_OR_RETURN(auto writer,
                          OpenParquetWriter(*context_.store, key, schema_, {}, run_limits_));
    arrow::TableBatchReader reader(*sorted);
    reader.set_chunksize(run_limits_.batch_rows);
    // From here on the object may exist.
    runs_.push_back(std::move(key));
    while (true) {
      Batch batch;
      if (auto read = reader.ReadNext(&batch); !read.ok()) return Failed(read);
      if (batch == nullptr) break;
      TARN_RETURN_IF_ERROR(writer->Write(*batch));
    }
    return writer->Finish().status();
  }

  Result<Batch> NextInMemory() {
    if (sorted_ == nullptr) return Batch();
    if (reader_ == nullptr) {
      reader_ = std::make_unique<arrow::TableBatchReader>(*sorted_);
      reader_->set_chunksize(context_.limits->batch_rows);
    }
    Batch batch;
    if (auto read = reader_->ReadNext(&batch); !read.ok()) return Failed(read);
    return batch;
  }

  Status FillUp() {
    for (Source& source : sources_) {
      if (source.rows >= kWaitingRowsMin) continue;
      while (!source.at_end && source.rows < kWaitingRows) {
        TARN_ASSIGN_OR_RETURN(std::optional<ParquetBatch> read, source.reader->Next());
        source.at_end = !read.has_value();
        if (source.at_end) break;
        TARN_ASSIGN_OR_RETURN(auto batch, Conform(read->rows, schema_));
        source.rows += batch->num_rows();
        source.waiting.push_back(std::move(batch));
      }
    }
    return {};
  }

  /// All rows that wait are sorted; those up to the first one that is the last of its run to be
  /// known so far are certainly the next ones.
  Result<Batch> Merge() {
    TARN_RETURN_IF_ERROR(FillUp());
    std::vector<Batch> all;
    std::vector<uint64_t> begin;  // place of each source's first row
    uint64_t rows = 0;
    for (const Source& source : sources_) {
      begin.push_back(rows);
      rows += static_cast<uint64_t>(source.rows);
      all.insert(all.end(), source.waiting.begin(), source.waiting.end());
    }
    if (rows == 0) return Batch();
    TARN_ASSIGN_OR_RETURN(const auto table, TableOf(all));
    TARN_ASSIGN_OR_RETURN(const auto indices, Indices(*table));
    std::vector<int64_t> given(sources_.size(), 0);
    int64_t count = 0;
    while (count < indices->length()) {
      const uint64_t row = indices->Value(count++);
      const auto after = std::upper_bound(begin.begin(), begin.end(), row);
      const auto place = static_cast<size_t>(after - begin.begin()) - 1;
      const Source& source = sources_[place];
      if (++given[place] == source.rows && !source.at_end) break;
    }
    TARN_ASSIGN_OR_RETURN(const auto taken, Take(table, indices->Slice(0, count)));
    for (size_t i = 0; i < sources_.size(); ++i) {
      TARN_RETURN_IF_ERROR(Drop(sources_[i], given[i]));
    }
    auto combined = taken->CombineChunksToBatch();
    if (!combined.ok()) return Failed(combined.status());
    return *std::move(combined);
  }

  static Status Drop(Source& source, int64_t rows) {
    source.rows -= rows;
    while (rows > 0) {
      Batch& first = source.waiting.front();
      const int64_t here = std::min(rows, first->num_rows());
      rows -= here;
      if (here == first->num_rows()) {
        source.waiting.erase(source.waiting.begin());
      } else {
        first = first->Slice(here);
      }
    }
    return {};
  }

  const TableContext context_;
  const std::string prefix_;
  const std::shared_ptr<arrow::Schema> schema_;
  const Schema columns_;
  const SortOrder order_;
  const RowSorterLimits limits_;
  Limits run_limits_;
  std::vector<Batch> rows_;
  int64_t bytes_ = 0;
  std::vector<std::string> runs_;
  bool started_ = false;
  std::shared_ptr<arrow::Table> sorted_;
  std::unique_ptr<arrow::TableBatchReader> reader_;
  std::vector<Source> sources_;
};

}  // namespace

Result<std::unique_ptr<RowSorter>> OpenRowSorter(const TableContext& context,
                                                 const std::string& table_location,
                                                 const Schema& columns, const SortOrder& order,
                                                 const RowSorterLimits& limits) {
  TARN_ASSIGN_OR_RETURN(std::string table, context.store->KeyOf(table_location));
  TARN_ASSIGN_OR_RETURN(auto schema, SchemaToArrow(columns));
  std::string prefix =
      (table.empty() ? "data/" : table + "/data/") + "run-" + context.random->Uuid() + "-";
  return std::unique_ptr<RowSorter>(std::make_unique<RowSorterImpl>(
      context, std::move(prefix), std::move(schema), columns, order, limits));
}

Result<std::unique_ptr<RowSorter>> RowSorter::Open(const TableContext& context,
                                                   const std::string& table_location,
                                                   const Schema& columns, const SortOrder& order) {
  return OpenRowSorter(context, table_location, columns, order, {});
}

}  // namespace tarn
