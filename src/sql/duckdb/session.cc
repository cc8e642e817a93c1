#include "sql/duckdb/session.h"

#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "duckdb/main/pending_query_result.hpp"
#include "duckdb/main/valid_checker.hpp"
#include "duckdb/transaction/meta_transaction.hpp"
#include "sql/duckdb/adopt_table.h"
#include "sql/duckdb/analyze_statement.h"
#include "sql/duckdb/column_default.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/query_recorder.h"
#include "sql/duckdb/rows.h"
#include "sql/duckdb/show.h"
#include "sql/duckdb/statement.h"
#include "sql/duckdb/tokens.h"

namespace tarn::duck {
namespace {

/// Times the number of the attempt, at most; the length of a pause is left to chance.
constexpr int64_t kRetryPauseMicros = 20'000;

/// What a statement's thread waits when all that is left is in the hands of other threads.
constexpr int64_t kIdlePauseMicros = 50;

constexpr char kAlterTable[] = "ALTER TABLE";

/// Takes part in a statement's work until its first rows can be fetched, or it failed. DuckDB's own
/// way asks for work without a pause, which costs as much processor time as the work that others
/// do.
void RunUntilReady(duckdb::PendingQueryResult& pending) {
  while (true) {
    const duckdb::PendingExecutionResult state = pending.ExecuteTask();
    if (state == duckdb::PendingExecutionResult::BLOCKED) {
      pending.WaitForTask();
    } else if (state == duckdb::PendingExecutionResult::NO_TASKS_AVAILABLE) {
      SystemClock().SleepMicros(kIdlePauseMicros);
    } else if (state != duckdb::PendingExecutionResult::RESULT_NOT_READY) {
      return;
    }
  }
}

/// Nothing of a transaction in which a statement failed is kept, as in PostgreSQL: the statement
/// may have been half done.
void FailTransaction(duckdb::ClientContext& context, const Error& error) {
  if (!context.transaction.HasActiveTransaction()) return;
  duckdb::ValidChecker::Invalidate(context.ActiveTransaction(), error.message);
}

bool TransactionFailed(duckdb::ClientContext& context) {
  return context.transaction.HasActiveTransaction() &&
         duckdb::ValidChecker::IsInvalidated(context.ActiveTransaction());
}

}  // namespace

DuckDbSession::DuckDbSession(std::shared_ptr<duckdb::DuckDB> database, EngineState& engine,
                             const SessionOptions& options, QueryLog* queries)
    : database_(std::move(database)),
      engine_(engine),
      state_(duckdb::make_shared_ptr<SessionState>(options)),
      statement_(duckdb::make_shared_ptr<StatementState>(queries)),
      connection_(std::make_shared<duckdb::Connection>(*database_)) {}

DuckDbSession::~DuckDbSession() = default;

std::unique_ptr<DuckDbSession> DuckDbSession::Open(std::shared_ptr<duckdb::DuckDB> database,
                                                   EngineState& engine,
                                                   const SessionOptions& options,
                                                   QueryLog* queries) {
  std::unique_ptr<DuckDbSession> session(
      new DuckDbSession(std::move(database), engine, options, queries));
  duckdb::ClientContext& context = *session->connection_->context;
  context.registered_state->Insert(SessionState::kKey, session->state_);
  context.registered_state->Insert(StatementState::kKey, session->statement_);
  const std::string schema =
      options.default_schema.empty() ? DEFAULT_SCHEMA : options.default_schema;
  duckdb::ClientData::Get(context).catalog_search_path->Set(
      duckdb::CatalogSearchEntry(engine.options.catalog_name, schema),
      duckdb::CatalogSetPathType::SET_DIRECTLY);
  return session;
}

Result<std::vector<std::string>> DuckDbSession::Split(const std::string& text) {
  return Guard([&text]() -> Result<std::vector<std::string>> {
    std::vector<std::string> result;
    for (StatementText& statement : SplitStatements(text)) {
      result.push_back(std::move(statement.sql));
    }
    return result;
  });
}

Result<std::unique_ptr<Rows>> DuckDbSession::Execute(const std::string& statement) {
  interrupted_ = false;
  statement_->cancel.Reset();
  if (connection_->IsAutoCommit()) statement_->sequence = -1;
  QueryRecorder recorder(engine_, state_->options, statement_, statement);
  auto rows = ExecuteUntilCommitted(statement);
  if (!rows.ok()) {
    recorder.Failed(rows.error());
    return rows;
  }
  return recorder.Follow(std::move(rows).value());
}

Result<std::unique_ptr<Rows>> DuckDbSession::ExecuteUntilCommitted(const std::string& statement) {
  for (int64_t attempt = 1;; ++attempt) {
    const bool own_transaction = connection_->IsAutoCommit();
    state_->commit_error.reset();
    auto result = Guard([&] { return ExecuteOne(statement); });
    if (result.ok()) return result;
    const Error error = state_->commit_error ? *state_->commit_error : result.error();
    if (!own_transaction) FailTransaction(*connection_->context, error);
    // Somebody else was faster, and nothing has happened: the statement reads anew what is there.
    const bool again =
        own_transaction && IsLostRace(error) && attempt < engine_.options.limits.commit_retries_max;
    if (!again) return error;
    statement_->sequence = -1;
    const auto pause = static_cast<uint64_t>(kRetryPauseMicros * attempt);
    const TableContext& tables = engine_.options.tables;
    tables.clock->SleepMicros(static_cast<int64_t>(tables.random->Below(pause)));
    if (interrupted_) return Cancelled("interrupted");
  }
}

/// Upkeep that leaves readers no grace removes files of a state that a commit followed on; the
/// statement looks at such a one only where it began before that commit.
bool DuckDbSession::IsLostRace(const Error& error) const {
  if (error.kind != ErrorKind::kNotFound) return error.kind == ErrorKind::kConflict;
  const int64_t looked_at = statement_->sequence;
  if (looked_at < 0 || state_->options.at) return false;
  const auto newest = engine_.options.catalog->CurrentSequence();
  return newest.ok() && newest->value() > looked_at;
}

Result<std::unique_ptr<Rows>> DuckDbSession::ExecuteOne(const std::string& text) {
  TARN_ASSIGN_OR_RETURN(const std::optional<std::string> adopt, RewriteAdopt(text));
  const std::optional<ConstraintStatement> constraint = RewriteConstraint(text);
  if (constraint && !constraint->finds_violation.empty()) return AddConstraint(*constraint);
  std::string plain = text;
  if (adopt) {
    plain = *adopt;
  } else if (constraint) {
    plain = constraint->call;
  } else if (auto show = RewriteShow(text, engine_.options.catalog_name)) {
    plain = *std::move(show);
  }
  const std::string sql = QuoteTimestampParameter(plain);
  auto statements = connection_->ExtractStatements(sql);
  if (statements.empty()) return MakeEmptyRows();
  RejoinAddColumn(statements);
  TARN_ASSIGN_OR_RETURN(const std::string analyze,
                        CallOfAnalyze(*connection_->context, *statements[0]));
  if (!analyze.empty()) statements = connection_->ExtractStatements(analyze);
  if (statements.size() > 1) {
    const auto pieces = SplitStatements(sql);
    if (pieces.size() > 1) {
      return InvalidArgument(
          "expected one statement, but another one begins at " + LineColumn(sql, pieces[1].offset),
          "run them one by one");
    }
    // PIVOT without IN is several: the values that become columns are found first.
    for (; statements.size() > 1; statements.erase(statements.begin())) {
      const auto found = connection_->Query(std::move(statements.front()));
      if (found->HasError()) return FromDuckDb(found->GetErrorObject());
    }
  }
  TARN_RETURN_IF_ERROR(CheckStatement(*statements[0]));
  if (IsCommit(*statements[0]) && TransactionFailed(*connection_->context)) {
    // As PostgreSQL does: nothing of a transaction in which a statement failed is kept, and the tag
    // says so.
    statements = connection_->ExtractStatements("ROLLBACK");
  }
  std::string tag = TagOf(*statements[0]);
  if (adopt) tag = "CREATE TABLE";
  if (constraint) tag = kAlterTable;
  duckdb::QueryParameters parameters(duckdb::QueryResultOutputType::ALLOW_STREAMING);
  // What cannot be streamed (RETURNING: all of it is committed before the first row is handed out)
  // spills to disk beyond DuckDB's memory.
  parameters.memory_type = duckdb::QueryResultMemoryType::BUFFER_MANAGED;
  auto pending = connection_->PendingQuery(std::move(statements[0]), parameters);
  if (pending->HasError()) return FromDuckDb(pending->GetErrorObject());
  RunUntilReady(*pending);
  if (pending->HasError()) return FromDuckDb(pending->GetErrorObject());
  auto result = pending->Execute();
  if (result->HasError()) return FromDuckDb(result->GetErrorObject());
  return MakeRows(connection_, state_, std::move(result), tag, engine_.options.limits);
}

Result<std::unique_ptr<Rows>> DuckDbSession::AddConstraint(const ConstraintStatement& statement) {
  using Answer = duckdb::unique_ptr<duckdb::QueryResult>;
  const bool own_transaction = connection_->IsAutoCommit();
  const auto query = [this](const std::string& sql) -> Result<Answer> {
    Answer answer = connection_->Query(sql);
    if (answer->HasError()) return FromDuckDb(answer->GetErrorObject());
    return answer;
  };
  const auto add = [&]() -> Result<Answer> {
    // By its whole name: a temporary table may have the short one.
    const TableName table = ResolveTable(*connection_->context, engine_, statement.table);
    TARN_ASSIGN_OR_RETURN(
        const Answer broken,
        query("SELECT 1 FROM " + QuoteIdentifier(engine_.options.catalog_name) + "." +
              QuoteIdentifier(table.schema) + "." + QuoteIdentifier(table.name) + " WHERE " +
              statement.finds_violation + " LIMIT 1"));
    const auto rows = broken->Fetch();
    if (rows != nullptr && rows->size() > 0) {
      return InvalidArgument(statement.violation,
                             "the expression has to be true for every row, and NULL is not");
    }
    return query(statement.call);
  };
  // Rows that come meanwhile make the transaction fail: it has read the table.
  if (own_transaction) connection_->BeginTransaction();
  Result<Answer> added = Guard(add);
  if (own_transaction && added.ok()) {
    const Status committed = Guard([this]() -> Status {
      connection_->Commit();
      return {};
    });
    if (!committed.ok()) added = committed.error();
  } else if (own_transaction && !connection_->IsAutoCommit()) {
    connection_->Rollback();
  }
  if (!added.ok()) return added.error();
  return MakeRows(connection_, state_, std::move(added).value(), kAlterTable,
                  engine_.options.limits);
}

void DuckDbSession::Interrupt() {
  interrupted_ = true;
  statement_->cancel.Request(Cancelled("interrupted"));
  connection_->Interrupt();
}

}  // namespace tarn::duck
