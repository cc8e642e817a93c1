#include "source/mysql/my_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "source/mysql/my_decode.h"

namespace tarn::mysql {
namespace {

using BatchResult = Result<std::shared_ptr<arrow::RecordBatch>>;

class RowReader final : public BatchReader {
 public:
  RowReader(std::unique_ptr<Connection> connection, RowReaderOptions options,
            ReturnConnection return_connection)
      : connection_(std::move(connection)),
        options_(std::move(options)),
        return_connection_(std::move(return_connection)),
        doing_("reading " + options_.table.ToString()),
        decoder_(DecoderOptions(options_), arrow::default_memory_pool()) {}

  // A reader that is given up does not give the connection back; whoever waits for one must know.
  ~RowReader() override {
    if (connection_ != nullptr) return_connection_(nullptr);
  }

  const std::shared_ptr<arrow::Schema>& schema() const override {
    return options_.projection.schema;
  }

  Status Start() {
    TARN_ASSIGN_OR_RETURN(const int columns, connection_->StartRows(options_.select, doing_));
    if (columns == static_cast<int>(options_.projection.columns.size())) return Status::Ok();
    return Conflict("table " + options_.table.ToString() + " was altered meanwhile", "run again");
  }

  BatchResult Next() override {
    if (failure_) return *failure_;
    BatchResult batch = Read();
    if (!batch.ok()) {
      failure_ = batch.error();
      if (std::exchange(connection_, nullptr) != nullptr) return_connection_(nullptr);
    }
    return batch;
  }

 private:
  static RowDecoder::Options DecoderOptions(const RowReaderOptions& options) {
    RowDecoder::Options decoder;
    decoder.table = options.table;
    decoder.columns = options.projection.columns;
    decoder.key = options.projection.key;
    decoder.schema = options.projection.schema;
    decoder.limits = options.limits;
    return decoder;
  }

  BatchResult Read() {
    if (connection_ == nullptr) return std::shared_ptr<arrow::RecordBatch>();
    TARN_RETURN_IF_ERROR(decoder_.Begin());
    while (!decoder_.full()) {
      Result<Connection::Packet> packet = connection_->NextRow(doing_);
      if (!packet.ok()) return AfterRows(packet.error());
      if (packet->begin == nullptr) {
        return_connection_(std::exchange(connection_, nullptr));
        if (decoder_.rows() == 0) return std::shared_ptr<arrow::RecordBatch>();
        return decoder_.Finish();
      }
      TARN_RETURN_IF_ERROR(decoder_.Row(packet->begin, packet->end));
    }
    return decoder_.Finish();
  }

  Error AfterRows(Error error) const {
    const std::string rows =
        "after " + std::to_string(decoder_.rows_in_all()) + " rows of this stream";
    error.detail = error.detail.empty() ? rows : error.detail + "; " + rows;
    return error;
  }

  std::unique_ptr<Connection> connection_;  // nullptr after the end
  const RowReaderOptions options_;
  const ReturnConnection return_connection_;
  const std::string doing_;
  RowDecoder decoder_;
  std::optional<Error> failure_;
};

class CountReader final : public BatchReader {
 public:
  CountReader(int64_t rows, int64_t batch_rows)
      : schema_(arrow::schema({})), rows_(rows), batch_rows_(std::max<int64_t>(batch_rows, 1)) {}
  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  BatchResult Next() override {
    const int64_t rows = std::min(rows_, batch_rows_);
    if (rows == 0) return std::shared_ptr<arrow::RecordBatch>();
    rows_ -= rows;
    return arrow::RecordBatch::Make(schema_, rows,
                                    std::vector<std::shared_ptr<arrow::ArrayData>>());
  }

 private:
  std::shared_ptr<arrow::Schema> schema_;
  int64_t rows_;
  int64_t batch_rows_;
};

}  // namespace

Result<std::unique_ptr<BatchReader>> OpenRowReader(std::unique_ptr<Connection> connection,
                                                   RowReaderOptions options,
                                                   ReturnConnection return_connection) {
  auto reader = std::make_unique<RowReader>(std::move(connection), std::move(options),
                                            std::move(return_connection));
  TARN_RETURN_IF_ERROR(reader->Start());
  return std::unique_ptr<BatchReader>(std::move(reader));
}

std::unique_ptr<BatchReader> MakeCountReader(int64_t rows, const Limits& limits) {
  return std::make_unique<CountReader>(rows, limits.batch_rows);
}

}  // namespace tarn::mysql
