#include "source/postgres/pg_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "source/postgres/pg_copy_stream.h"
#include "source/postgres/pg_decode.h"
#include "source/postgres/pg_numeric.h"

namespace tarn::postgres {
namespace {

using BatchResult = Result<std::shared_ptr<arrow::RecordBatch>>;

// COPY's binary header: signature, flags, length of the header's extension.
constexpr char kSignature[] = "PGCOPY\n\377\r\n";
constexpr int64_t kSignatureBytes = 11;
constexpr int64_t kHeaderBytes = kSignatureBytes + 8;

class CopyReader final : public BatchReader {
 public:
  CopyReader(std::unique_ptr<Connection> connection, CopyReaderOptions options,
             ReturnConnection return_connection)
      : connection_(std::move(connection)),
        options_(std::move(options)),
        return_connection_(std::move(return_connection)),
        doing_("reading " + options_.table.ToString()),
        decoder_(DecoderOptions(options_, *connection_), arrow::default_memory_pool()) {}

  ~CopyReader() override { stream_.reset(); }  // before the connection that it reads

  const std::shared_ptr<arrow::Schema>& schema() const override {
    return options_.projection.schema;
  }

  Status StartStatement() {
    stream_.reset();
    trailer_seen_ = false;
    header_seen_ = false;
    rows_of_statement_ = 0;
    const std::string sql =
        "COPY (" + options_.selects[statement_++] + ") TO STDOUT (FORMAT binary)";
    TARN_ASSIGN_OR_RETURN(stream_, CopyStream::Start(*connection_, sql, doing_));
    return Status::Ok();
  }

  BatchResult Next() override {
    if (failure_) return *failure_;
    BatchResult batch = Read();
    if (!batch.ok()) {
      failure_ = batch.error();
      stream_.reset();
      connection_.reset();
    }
    return batch;
  }

 private:
  static RowDecoder::Options DecoderOptions(const CopyReaderOptions& options,
                                            const Connection& connection) {
    RowDecoder::Options decoder;
    decoder.table = options.table;
    decoder.columns = options.projection.columns;
    decoder.key = options.projection.key;
    decoder.ctid_follows = options.ctid_follows;
    decoder.check_utf8 = !connection.sends_valid_utf8();
    decoder.schema = options.projection.schema;
    decoder.limits = options.limits;
    return decoder;
  }

  BatchResult Read() {
    if (connection_ == nullptr) return std::shared_ptr<arrow::RecordBatch>();
    TARN_RETURN_IF_ERROR(decoder_.Begin());
    CopyStream::Message message;
    while (!decoder_.full()) {
      switch (stream_->Next(&message)) {
        case CopyStream::Outcome::kMessage: {
          const uint8_t* p = message.begin;
          if (!header_seen_) TARN_RETURN_IF_ERROR(Header(&p, message.end));
          TARN_RETURN_IF_ERROR(Tuples(p, message));
          break;
        }
        case CopyStream::Outcome::kError:
          return AfterRows(stream_->error());
        case CopyStream::Outcome::kEnd: {
          TARN_RETURN_IF_ERROR(CheckEnd());
          if (statement_ < options_.selects.size()) {
            TARN_RETURN_IF_ERROR(StartStatement());
            break;
          }
          stream_.reset();
          return_connection_(std::exchange(connection_, nullptr));
          if (decoder_.rows() == 0) return std::shared_ptr<arrow::RecordBatch>();
          return decoder_.Finish();
        }
      }
    }
    return decoder_.Finish();
  }

  Status Header(const uint8_t** p, const uint8_t* end) {
    const bool whole = end - *p >= kHeaderBytes;
    const int64_t extension = whole ? ReadBig32(*p + kSignatureBytes + 4) : 0;
    if (!whole || std::memcmp(*p, kSignature, kSignatureBytes) != 0 ||
        end - *p < kHeaderBytes + extension) {
      return Unavailable(doing_ + ": the server's answer is not a binary COPY",
                         "check what stands between here and the server");
    }
    *p += kHeaderBytes + extension;
    header_seen_ = true;
    return Status::Ok();
  }

  Status Tuples(const uint8_t* p, const CopyStream::Message& message) {
    while (p < message.end) {
      if (message.end - p == 2 && ReadBig16(p) == 0xffff) {
        trailer_seen_ = true;
        return Status::Ok();
      }
      if (!decoder_.Row(&p, message.end, message.readable_end)) return decoder_.fault();
      ++rows_of_statement_;
    }
    return Status::Ok();
  }

  // An end without the trailer, or with another number of rows than the server counted, is none.
  Status CheckEnd() {
    if (trailer_seen_ && (stream_->rows_sent() < 0 || stream_->rows_sent() == rows_of_statement_)) {
      return Status::Ok();
    }
    return Unavailable(doing_ + ": the server sent " + std::to_string(stream_->rows_sent()) +
                           " rows and " + std::to_string(rows_of_statement_) + " arrived",
                       "run again");
  }

  Error AfterRows(Error error) const {
    const std::string rows =
        "after " + std::to_string(decoder_.rows_in_all()) + " rows of this stream";
    error.detail = error.detail.empty() ? rows : error.detail + "; " + rows;
    return error;
  }

  std::unique_ptr<Connection> connection_;  // nullptr after the end
  const CopyReaderOptions options_;
  const ReturnConnection return_connection_;
  const std::string doing_;
  RowDecoder decoder_;
  std::unique_ptr<CopyStream> stream_;
  size_t statement_ = 0;
  bool header_seen_ = false;
  bool trailer_seen_ = false;
  int64_t rows_of_statement_ = 0;
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

Result<std::unique_ptr<BatchReader>> OpenCopyReader(std::unique_ptr<Connection> connection,
                                                    CopyReaderOptions options,
                                                    ReturnConnection return_connection) {
  auto reader = std::make_unique<CopyReader>(std::move(connection), std::move(options),
                                             std::move(return_connection));
  TARN_RETURN_IF_ERROR(reader->StartStatement());
  return std::unique_ptr<BatchReader>(std::move(reader));
}

std::unique_ptr<BatchReader> MakeCountReader(int64_t rows, const Limits& limits) {
  return std::make_unique<CountReader>(rows, limits.batch_rows);
}

}  // namespace tarn::postgres
