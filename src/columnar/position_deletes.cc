#include "columnar/position_deletes.h"

#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include "columnar/arrow_output.h"
#include "columnar/conform.h"
#include "columnar/parquet_reader.h"

namespace tarn {

namespace {

constexpr char kFilePath[] = "file_path";
constexpr char kPos[] = "pos";

std::shared_ptr<arrow::Schema> DeleteSchema() {
  auto required = [](const char* name, std::shared_ptr<arrow::DataType> type, int32_t id) {
    return arrow::field(name, std::move(type), /*nullable=*/false)
        ->WithMetadata(arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(id)}));
  };
  return arrow::schema({required(kFilePath, arrow::utf8(), kDeleteFilePathId),
                        required(kPos, arrow::int64(), kDeletePosId)});
}

class Writer final : public PositionDeleteWriter {
 public:
  Writer(std::unique_ptr<FileWriter> file, std::shared_ptr<arrow::Schema> schema,
         const Limits& limits)
      : file_(std::move(file)),
        schema_(std::move(schema)),
        batch_rows_(limits.batch_rows),
        batch_bytes_max_(limits.batch_bytes_max) {}

  Status Add(std::string_view path, const DeletionVector& positions) override {
    if (positions.empty()) return {};
    if (last_path_ && path <= *last_path_) {
      return InvalidArgument("position deletes of " + std::string(path) + " come after those of " +
                             *last_path_);
    }
    last_path_ = std::string(path);
    Status status;
    positions.ForEach([&](int64_t position) {
      if (status.ok()) status = Append(path, position);
    });
    return status;
  }

  int64_t estimated_bytes() const override { return file_->estimated_bytes(); }
  int64_t rows() const override { return file_->rows() + positions_.length(); }

  Result<WrittenFile> Finish() override {
    TARN_RETURN_IF_ERROR(Flush());
    return file_->Finish();
  }

 private:
  Status Append(std::string_view path, int64_t position) {
    arrow::Status status = paths_.Append(path);
    if (status.ok()) status = positions_.Append(position);
    TARN_RETURN_IF_ERROR(FromArrow(status, "position deletes"));
    if (positions_.length() < batch_rows_ && paths_.value_data_length() < batch_bytes_max_) {
      return {};
    }
    return Flush();
  }

  Status Flush() {
    if (positions_.length() == 0) return {};
    auto paths = paths_.Finish();
    auto positions = positions_.Finish();
    TARN_RETURN_IF_ERROR(FromArrow(paths.status(), "position deletes"));
    TARN_RETURN_IF_ERROR(FromArrow(positions.status(), "position deletes"));
    const int64_t rows = (*positions)->length();
    return file_->Write(*arrow::RecordBatch::Make(schema_, rows, {*paths, *positions}));
  }

  std::unique_ptr<FileWriter> file_;
  std::shared_ptr<arrow::Schema> schema_;
  int64_t batch_rows_;
  int64_t batch_bytes_max_;
  std::optional<std::string> last_path_;
  arrow::StringBuilder paths_;
  arrow::Int64Builder positions_;
};

/// Hands runs of one path to `visit`.
Status VisitRuns(const arrow::StringArray& paths, const arrow::Int64Array& positions,
                 const std::optional<std::string>& wanted_path, const PositionDeleteVisitor& visit,
                 const std::string& what) {
  for (int64_t begin = 0; begin < paths.length();) {
    const std::string_view path = paths.GetView(begin);
    int64_t end = begin + 1;
    while (end < paths.length() && paths.GetView(end) == path) ++end;
    const std::span<const int64_t> run(positions.raw_values() + begin,
                                       static_cast<size_t>(end - begin));
    begin = end;
    if (wanted_path && path != *wanted_path) continue;
    for (const int64_t position : run) {
      if (position < 0 || position >= DeletionVector::kPositionMax) {
        return Corruption(what + ": deletes row " + std::to_string(position) + " of " +
                          std::string(path));
      }
    }
    TARN_RETURN_IF_ERROR(visit(path, run));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<PositionDeleteWriter>> PositionDeleteWriter::Open(ObjectStore& store,
                                                                         std::string key,
                                                                         const Limits& limits) {
  const auto schema = DeleteSchema();
  TARN_ASSIGN_OR_RETURN(auto file, OpenParquetWriter(store, std::move(key), schema, {}, limits));
  return std::unique_ptr<PositionDeleteWriter>(
      std::make_unique<Writer>(std::move(file), schema, limits));
}

Status ReadPositionDeletes(ObjectStore& store, const std::string& key,
                           std::optional<int64_t> size_bytes,
                           const std::optional<std::string>& wanted_path,
                           const PositionDeleteVisitor& visit, const Limits& limits) {
  const std::string what = store.UriOf(key);
  ParquetReadOptions options;
  options.columns = {{kFilePath, kDeleteFilePathId}, {kPos, kDeletePosId}};
  if (wanted_path) {
    options.predicate = Predicate::Compare(Predicate::Op::kEq, kFilePath, Scalar{*wanted_path});
  }
  TARN_ASSIGN_OR_RETURN(auto reader,
                        ParquetReader::Open(store, key, size_bytes, std::move(options), limits));
  for (const int place : reader->places()) {
    if (place < 0) return Corruption(what + ": no position delete file: it has not both columns");
  }
  const auto schema = DeleteSchema();
  while (true) {
    TARN_ASSIGN_OR_RETURN(const std::optional<ParquetBatch> batch, reader->Next());
    if (!batch) return {};
    auto conformed = Conform(batch->rows, schema);
    if (!conformed.ok()) return Corruption(what + ": " + conformed.error().message);
    const arrow::RecordBatch& rows = **conformed;
    TARN_RETURN_IF_ERROR(VisitRuns(static_cast<const arrow::StringArray&>(*rows.column(0)),
                                   static_cast<const arrow::Int64Array&>(*rows.column(1)),
                                   wanted_path, visit, what));
  }
}

}  // namespace tarn
