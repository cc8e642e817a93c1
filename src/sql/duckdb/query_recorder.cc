#include "sql/duckdb/query_recorder.h"

#include <charconv>
#include <utility>

#include <arrow/record_batch.h>

#include "sql/secrets.h"

namespace tarn::duck {
namespace {

/// At most `bytes_max` bytes, cut between characters.
std::string Cut(std::string text, int64_t bytes_max) {
  if (static_cast<int64_t>(text.size()) <= bytes_max) return text;
  auto end = static_cast<size_t>(bytes_max);
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + " …";
}

bool IsOfPeople(const SessionOptions& session) {
  return session.tables.empty() && session.views.empty() &&
         session.author.find(':') == std::string::npos;
}

/// "INSERT 0 5" → 5; 0 where the tag has no count.
int64_t CountOf(const std::string& tag) {
  const size_t space = tag.rfind(' ');
  int64_t count = 0;
  if (space != std::string::npos) {
    std::from_chars(tag.data() + space + 1, tag.data() + tag.size(), count);
  }
  return count;
}

}  // namespace

class QueryRecorder::FollowedRows final : public Rows {
 public:
  FollowedRows(QueryRecorder recorder, std::unique_ptr<Rows> rows)
      : recorder_(std::move(recorder)), rows_(std::move(rows)) {
    // What only changed something is done already.
    if (!rows_->returns_rows()) Finish("succeeded", CountOf(rows_->command_tag()));
  }
  ~FollowedRows() override {
    // The result ends first: it may hold the statement's transaction open.
    rows_.reset();
    Finish("abandoned", taken_);
  }

  const std::shared_ptr<arrow::Schema>& schema() const override { return rows_->schema(); }
  std::string command_tag() const override { return rows_->command_tag(); }
  bool returns_rows() const override { return rows_->returns_rows(); }
  const std::vector<std::string>& type_names() const override { return rows_->type_names(); }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    auto batch = rows_->Next();
    if (!batch.ok()) {
      if (!std::exchange(finished_, true)) recorder_.Failed(batch.error());
    } else if (*batch == nullptr) {
      Finish("succeeded", taken_);
    } else {
      taken_ += (*batch)->num_rows();
    }
    return batch;
  }

 private:
  void Finish(const std::string& status, int64_t rows) {
    if (!std::exchange(finished_, true)) recorder_.Finish(status, rows);
  }

  QueryRecorder recorder_;
  std::unique_ptr<Rows> rows_;
  int64_t taken_ = 0;
  bool finished_ = false;
};

QueryRecorder::QueryRecorder(EngineState& engine, const SessionOptions& session,
                             duckdb::shared_ptr<StatementState> state, const std::string& statement)
    : engine_(engine),
      state_(std::move(state)),
      on_(state_->queries != nullptr && IsOfPeople(session)) {
  if (!on_) return;
  const TableContext& tables = engine_.options.tables;
  record_.id = tables.random->Uuid();
  record_.statement = Cut(WithoutSecrets(statement), kQueryTextBytesMax);
  record_.author = session.author;
  record_.started_micros = tables.clock->NowMicros();
  started_ = tables.clock->MonotonicMicros();
}

void QueryRecorder::NoteSequence() {
  if (const int64_t sequence = state_->sequence; sequence >= 0) {
    record_.sequence = Sequence(sequence);
  }
}

void QueryRecorder::Failed(const Error& error) {
  if (!on_) return;
  if (!record_.sequence) NoteSequence();
  record_.error_kind = std::string(ErrorKindName(error.kind));
  record_.error = Cut(WithoutSecrets(error.message), kQueryTextBytesMax);
  Finish(error.kind == ErrorKind::kCancelled ? "interrupted" : "failed", 0);
}

std::unique_ptr<Rows> QueryRecorder::Follow(std::unique_ptr<Rows> rows) {
  const bool nothing = !rows->returns_rows() && rows->command_tag().empty();
  if (!on_ || nothing) return rows;
  // The session may be at its next statement when the last row is taken.
  NoteSequence();
  return std::make_unique<FollowedRows>(std::move(*this), std::move(rows));
}

void QueryRecorder::Finish(const std::string& status, int64_t rows) {
  if (!on_) return;
  record_.duration_micros = engine_.options.tables.clock->MonotonicMicros() - started_;
  record_.status = status;
  record_.rows = rows;
  state_->queries->Record(record_);
}

}  // namespace tarn::duck
