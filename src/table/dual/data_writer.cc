#include "table/dual/data_writer.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "base/log.h"
#include "table/dual/batch_layout.h"
#include "table/dual/manifest_io.h"
#include "table/dual/partition_split.h"
#include "table/iceberg/manifest.h"
#include "table/iceberg/single_value.h"

namespace tarn {

namespace {

/// Row groups are not made smaller than this, however many files are open.
constexpr int64_t kRowGroupBytesMin = 8 << 20;

void CollectLeaves(const std::vector<Field>& fields, std::map<int32_t, Type>& leaves) {
  for (const Field& field : fields) {
    if (field.type.primitive()) {
      leaves.emplace(field.id.value(), field.type);
    } else if (field.type.kind() == Type::Kind::kStruct) {
      CollectLeaves(field.type.fields(), leaves);
    }
  }
}

class DataWriterImpl final : public DataWriter {
 public:
  DataWriterImpl(const TableContext& context, DataWriterOptions options, std::string folder,
                 std::shared_ptr<arrow::Schema> own_schema,
                 std::shared_ptr<arrow::Schema> arrow_schema)
      : context_(context),
        options_(std::move(options)),
        folder_(std::move(folder)),
        own_schema_(std::move(own_schema)),
        arrow_schema_(std::move(arrow_schema)),
        prefix_(context.random->Uuid()) {
    CollectLeaves(options_.schema.fields, leaves_);
  }

  ~DataWriterImpl() override {
    if (!delivered_) static_cast<void>(Remove());  // it has logged what it could not do
  }

  Status Write(const arrow::RecordBatch& batch) override { return Write(batch, nullptr); }
  Status Write(const arrow::RecordBatch& batch, std::vector<RowPlacement>& placed) override {
    placed.resize(static_cast<size_t>(batch.num_rows()));
    return Write(batch, placed.data());
  }

  Result<std::vector<DataFile>> Finish() override {
    TARN_RETURN_IF_ERROR(broken_);
    while (!open_.empty()) {
      if (Status status = FinishFile(open_.begin()); !status.ok()) {
        broken_ = status;
        return status.error();
      }
    }
    delivered_ = true;
    std::vector<DataFile> files;
    for (auto& [number, file] : files_) files.push_back(std::move(file));
    files_.clear();
    return files;
  }

  Status Abort() override {
    if (broken_.ok()) broken_ = Cancelled("the write was given up");
    if (delivered_) return {};
    return Remove();
  }

  int64_t rows_written() const override { return rows_written_; }

 private:
  struct OpenFile {
    std::unique_ptr<FileWriter> writer;
    std::vector<Scalar> values;
    uint32_t number = 0;
    int64_t rows = 0;
    int64_t last_used = 0;
  };
  using OpenFiles = std::map<std::string, OpenFile>;

  /// `placed`: room for a placement a row, or nullptr.
  Status Write(const arrow::RecordBatch& batch, RowPlacement* placed) {
    Status status = broken_.ok() ? WriteBatch(batch, placed) : broken_;
    if (!status.ok()) broken_ = status;
    return status;
  }

  Status WriteBatch(const arrow::RecordBatch& batch, RowPlacement* placed) {
    TARN_ASSIGN_OR_RETURN(auto rows, LayOut(batch, options_.schema, *own_schema_, arrow_schema_));
    if (rows->num_rows() == 0) return {};
    if (options_.spec.fields.empty()) {
      TARN_RETURN_IF_ERROR(WriteSlice({{}, rows, nullptr}, placed));
    } else {
      TARN_ASSIGN_OR_RETURN(auto slices, SplitByPartition(rows, options_.schema, options_.spec));
      for (const PartitionSlice& slice : slices) TARN_RETURN_IF_ERROR(WriteSlice(slice, placed));
    }
    rows_written_ += rows->num_rows();
    return {};
  }

  Status WriteSlice(const PartitionSlice& slice, RowPlacement* placed) {
    TARN_ASSIGN_OR_RETURN(auto file, FileFor(slice.values));
    file->second.last_used = ++clock_;
    TARN_RETURN_IF_ERROR(file->second.writer->Write(*slice.rows));
    const int64_t rows = slice.rows->num_rows();
    for (int64_t i = 0; placed != nullptr && i < rows; ++i) {
      const int64_t row = slice.rows_of_batch == nullptr ? i : slice.rows_of_batch->Value(i);
      placed[row] = {file->second.number, file->second.rows + i};
    }
    file->second.rows += rows;
    if (file->second.writer->estimated_bytes() >= context_.limits->target_file_bytes) {
      return FinishFile(file);
    }
    return {};
  }

  Result<OpenFiles::iterator> FileFor(const std::vector<Scalar>& values) {
    std::string key = PartitionKey(options_.spec.id, values);
    if (auto found = open_.find(key); found != open_.end()) return found;
    const int64_t open_max = std::max<int64_t>(1, context_.limits->partition_writers_max);
    while (static_cast<int64_t>(open_.size()) >= open_max) {
      auto idle = std::min_element(open_.begin(), open_.end(), [](const auto& a, const auto& b) {
        return a.second.last_used < b.second.last_used;
      });
      TARN_RETURN_IF_ERROR(FinishFile(idle));
    }
    // Every open file buffers a row group: the more there are, the smaller are those of the next.
    Limits limits = *context_.limits;
    limits.row_group_bytes =
        std::max(std::min(kRowGroupBytesMin, limits.row_group_bytes),
                 limits.row_group_bytes / static_cast<int64_t>(open_.size() + 1));
    const uint32_t number = next_file_++;
    std::string object = folder_ + prefix_ + "-" + std::to_string(number) + ".parquet";
    const FileWriterFactory& factory = options_.factory;
    auto writer =
        factory ? factory(*context_.store, std::move(object), arrow_schema_, options_.file, limits)
                : OpenParquetWriter(*context_.store, std::move(object), arrow_schema_,
                                    options_.file, limits);
    if (!writer.ok()) return writer.error();
    return open_.emplace(std::move(key), OpenFile{std::move(writer).value(), values, number, 0, 0})
        .first;
  }

  Status FinishFile(OpenFiles::iterator file) {
    TARN_ASSIGN_OR_RETURN(WrittenFile written, file->second.writer->Finish());
    keys_.push_back(written.key);
    files_.emplace(file->second.number,
                   Describe(std::move(written), std::move(file->second.values)));
    open_.erase(file);
    return {};
  }

  DataFile Describe(WrittenFile written, std::vector<Scalar> values) const {
    DataFile file;
    file.path = context_.store->UriOf(written.key);
    file.spec_id = options_.spec.id;
    file.sort_order_id = options_.sort_order_id;
    file.partition = std::move(values);
    file.record_count = written.rows;
    file.size_bytes = written.size_bytes;
    file.split_offsets = std::move(written.split_offsets);
    for (const auto& [id, column] : written.columns) {
      // Manifests tell nothing of columns that are not the table's ("Row Lineage").
      if (id >= kReservedFieldIds) continue;
      file.column_sizes[id] = column.compressed_bytes;
      // Of repeated values neither counts nor bounds say anything about rows.
      auto leaf = leaves_.find(id);
      if (leaf == leaves_.end()) continue;
      file.value_counts[id] = column.value_count;
      file.null_counts[id] = column.null_count;
      if (column.nan_count) file.nan_counts[id] = *column.nan_count;
      if (column.lower) file.lower_bounds[id] = TruncateLowerBound(leaf->second, *column.lower);
      if (!column.upper) continue;
      if (auto upper = TruncateUpperBound(leaf->second, *column.upper)) {
        file.upper_bounds[id] = *std::move(upper);
      }
    }
    return file;
  }

  /// Nothing refers to the files yet, so nobody can miss them.
  Status Remove() {
    open_.clear();
    Status first;
    for (const std::string& key : keys_) {
      if (Status status = context_.store->Delete(key); !status.ok()) {
        Log(LogLevel::kWarning, "could not remove " + key + ": " + status.ToString());
        if (first.ok()) first = std::move(status);
      }
    }
    keys_.clear();
    files_.clear();
    return first;
  }

  const TableContext context_;
  const DataWriterOptions options_;
  const std::string folder_;
  const std::shared_ptr<arrow::Schema> own_schema_;    ///< under the table's names
  const std::shared_ptr<arrow::Schema> arrow_schema_;  ///< under those of files
  const std::string prefix_;
  std::map<int32_t, Type> leaves_;
  OpenFiles open_;
  std::map<uint32_t, DataFile> files_;  ///< ended, by number
  std::vector<std::string> keys_;
  uint32_t next_file_ = 0;
  int64_t clock_ = 0;
  int64_t rows_written_ = 0;
  Status broken_;
  bool delivered_ = false;
};

}  // namespace

Result<std::unique_ptr<DataWriter>> DataWriter::Open(const TableContext& context,
                                                     DataWriterOptions options) {
  TARN_ASSIGN_OR_RETURN(std::string table, context.store->KeyOf(options.location));
  TARN_ASSIGN_OR_RETURN(auto own_schema, SchemaToArrow(options.schema));
  TARN_ASSIGN_OR_RETURN(auto schema, SchemaToArrow(options.schema, options.physical_names));
  std::string folder = table.empty() ? "data/" : table + "/data/";
  return std::unique_ptr<DataWriter>(std::make_unique<DataWriterImpl>(
      context, std::move(options), std::move(folder), std::move(own_schema), std::move(schema)));
}

}  // namespace tarn
