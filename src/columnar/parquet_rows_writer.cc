#include "columnar/parquet_rows_writer.h"

#include <exception>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include "columnar/arrow_output.h"

namespace tarn {
namespace {

class Writer final : public ParquetRowsWriter {
 public:
  Writer(std::string key, std::unique_ptr<ObjectWriter> object)
      : key_(std::move(key)),
        object_(std::move(object)),
        output_(std::make_shared<ArrowOutput>(*object_)) {}
  ~Writer() override { output_->Abandon(); }

  Status Open(const arrow::Schema& schema) {
    const auto properties = parquet::WriterProperties::Builder()
                                .compression(arrow::Compression::ZSTD)
                                ->max_row_group_length(kParquetRowsGroupRows)
                                ->build();
    return Guard([&]() -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(
          writer_, parquet::arrow::FileWriter::Open(
                       schema, arrow::default_memory_pool(), output_, properties,
                       parquet::ArrowWriterProperties::Builder().set_use_threads(false)->build()));
      return arrow::Status::OK();
    });
  }

  Status Write(const arrow::RecordBatch& batch) override {
    return Guard([&] { return writer_->WriteRecordBatch(batch); });
  }

  Result<int64_t> Finish() override {
    TARN_RETURN_IF_ERROR(Guard([&] { return writer_->Close(); }));
    TARN_RETURN_IF_ERROR(object_->Close());
    return output_->position();
  }

 private:
  template <typename F>
  Status Guard(F call) {
    try {
      return output_->Explain(call(), "writing " + key_);
    } catch (const std::exception& error) {
      return output_->Explain(arrow::Status::UnknownError(error.what()), "writing " + key_);
    }
  }

  std::string key_;
  std::unique_ptr<ObjectWriter> object_;
  std::shared_ptr<ArrowOutput> output_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
};

}  // namespace

Result<std::unique_ptr<ParquetRowsWriter>> OpenParquetRowsWriter(
    ObjectStore& store, const std::string& key, const std::shared_ptr<arrow::Schema>& schema) {
  TARN_ASSIGN_OR_RETURN(auto object, store.OpenWriter(key));
  auto writer = std::make_unique<Writer>(key, std::move(object));
  TARN_RETURN_IF_ERROR(writer->Open(*schema));
  return std::unique_ptr<ParquetRowsWriter>(std::move(writer));
}

}  // namespace tarn
