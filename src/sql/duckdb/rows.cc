#include "sql/duckdb/rows.h"

#include <utility>
#include <vector>

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "sql/duckdb/arrow_batches.h"
#include "sql/duckdb/errors.h"

namespace tarn::duck {
namespace {

class DuckDbRows final : public Rows {
 public:
  DuckDbRows(std::shared_ptr<duckdb::Connection> connection,
             duckdb::shared_ptr<SessionState> session,
             duckdb::unique_ptr<duckdb::QueryResult> result, std::string tag)
      : connection_(std::move(connection)),
        session_(std::move(session)),
        result_(std::move(result)),
        tag_(std::move(tag)) {}

  Status Begin(const Limits& limits) {
    const auto kind = result_->properties.return_type;
    returns_rows_ = kind == duckdb::StatementReturnType::QUERY_RESULT;
    if (returns_rows_) {
      duckdb::vector<std::string> names = result_->names;
      for (const auto& type : result_->types) type_names_.push_back(type.ToString());
      TARN_ASSIGN_OR_RETURN(
          builder_, BatchBuilder::Make(*connection_->context, result_->types, names, limits));
      schema_ = builder_->schema();
      // What fails before a row was handed out fails here, where the statement can be run again.
      TARN_ASSIGN_OR_RETURN(first_, Fetch());
      return Status::Ok();
    }
    // What only changes something is done when this returns.
    schema_ = arrow::schema({});
    while (auto chunk = result_->Fetch()) {
      if (chunk->size() == 0) break;
      // CREATE TABLE AS hands out its count without saying so.
      const bool counts = kind == duckdb::StatementReturnType::CHANGED_ROWS || tag_ == "SELECT";
      if (counts && chunk->ColumnCount() > 0) {
        rows_ += chunk->GetValue(0, 0).GetValue<int64_t>();
      }
    }
    result_.reset();
    return Status::Ok();
  }

  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  bool returns_rows() const override { return returns_rows_; }
  const std::vector<std::string>& type_names() const override { return type_names_; }

  std::string command_tag() const override {
    if (tag_ == "INSERT") return "INSERT 0 " + std::to_string(rows_);
    if (tag_ == "SELECT" || tag_ == "UPDATE" || tag_ == "DELETE" || tag_ == "MERGE") {
      return tag_ + " " + std::to_string(rows_);
    }
    return tag_;
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    if (first_ != nullptr) return std::exchange(first_, nullptr);
    if (result_ == nullptr) return std::shared_ptr<arrow::RecordBatch>();
    auto batch = Guard([this] { return Fetch(); });
    if (!batch.ok()) {
      result_.reset();
      if (session_->commit_error) return *session_->commit_error;
    } else if (*batch == nullptr) {
      result_.reset();
    }
    return batch;
  }

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> Fetch() {
    while (!builder_->full() && !at_end_) {
      duckdb::unique_ptr<duckdb::DataChunk> chunk = result_->FetchRaw();
      if (result_->HasError()) return FromDuckDb(result_->GetErrorObject());
      if (chunk == nullptr || chunk->size() == 0) {
        at_end_ = true;
      } else {
        rows_ += static_cast<int64_t>(chunk->size());
        builder_->Append(*chunk);
      }
    }
    if (builder_->rows() == 0) return std::shared_ptr<arrow::RecordBatch>();
    return builder_->Finish();
  }

  std::shared_ptr<duckdb::Connection> connection_;
  duckdb::shared_ptr<SessionState> session_;
  duckdb::unique_ptr<duckdb::QueryResult> result_;
  const std::string tag_;
  std::unique_ptr<BatchBuilder> builder_;
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::RecordBatch> first_;  ///< that was not handed out yet
  std::vector<std::string> type_names_;
  bool returns_rows_ = false;
  bool at_end_ = false;
  int64_t rows_ = 0;
};

class EmptyRows final : public Rows {
 public:
  EmptyRows() : schema_(arrow::schema({})) {}
  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    return std::shared_ptr<arrow::RecordBatch>();
  }
  std::string command_tag() const override { return ""; }
  bool returns_rows() const override { return false; }
  const std::vector<std::string>& type_names() const override { return type_names_; }

 private:
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::string> type_names_;
};

}  // namespace

Result<std::unique_ptr<Rows>> MakeRows(std::shared_ptr<duckdb::Connection> connection,
                                       duckdb::shared_ptr<SessionState> session,
                                       duckdb::unique_ptr<duckdb::QueryResult> result,
                                       std::string tag, const Limits& limits) {
  auto rows = std::make_unique<DuckDbRows>(std::move(connection), std::move(session),
                                           std::move(result), std::move(tag));
  TARN_RETURN_IF_ERROR(rows->Begin(limits));
  return std::unique_ptr<Rows>(std::move(rows));
}

std::unique_ptr<Rows> MakeEmptyRows() { return std::make_unique<EmptyRows>(); }

}  // namespace tarn::duck
