#include "source/mysql/mysql_source.h"

#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include "source/connection_pool.h"
#include "source/mysql/my_capture.h"
#include "source/mysql/my_catalog.h"
#include "source/mysql/my_names.h"
#include "source/mysql/my_predicate.h"
#include "source/mysql/my_reader.h"
#include "source/mysql/my_snapshot.h"
#include "source/table_pattern.h"

namespace tarn {
namespace mysql {
namespace {

using TablePtr = std::shared_ptr<const MyTable>;
using Pool = ConnectionPool<Connection, ConnectionSpec, SessionSettings>;

class MysqlSource final : public Source {
 public:
  MysqlSource(std::shared_ptr<const Context> context, const MysqlOptions& options)
      : context_(std::move(context)),
        cache_ms_(options.describe_cache_ms),
        capture_(MakeCapture(context_)) {
    pool_ = std::make_shared<Pool>(context_->spec, context_->session, options.live_connections_max);
  }

  std::string address() const override { return context_->spec.address(); }

  Result<std::vector<SourceTable>> Discover(const std::vector<std::string>& patterns) override {
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection,
                          Connection::Open(context_->spec, context_->session));
    TARN_ASSIGN_OR_RETURN(const std::vector<Candidate> all, Candidates(*connection, patterns));
    TARN_ASSIGN_OR_RETURN(const std::vector<Candidate> chosen,
                          ChooseTables(all, patterns, context_->spec.database));
    TARN_ASSIGN_OR_RETURN(const std::vector<TablePtr> tables,
                          LoadTables(*connection, chosen, context_->choices));
    std::vector<SourceTable> result;
    for (const TablePtr& table : tables) {
      TARN_RETURN_IF_ERROR(Touch(*connection, table->table.name, ProjectAll(*table).select_list));
      result.push_back(table->table);
    }
    return result;
  }

  Result<std::unique_ptr<SourceSnapshot>> BeginSnapshot() override {
    return mysql::BeginSnapshot(context_);
  }

  ChangeCapture* capture() override { return capture_.get(); }

  Result<std::vector<std::string>> ListSchemas() override {
    return WithLease<std::vector<std::string>>(
        [](Connection& connection) { return ListSchemaNames(connection); });
  }

  Result<std::vector<SourceTableName>> ListTables(const std::string& schema) override {
    return WithLease<std::vector<SourceTableName>>(
        [&](Connection& connection) -> Result<std::vector<SourceTableName>> {
          TARN_ASSIGN_OR_RETURN(const std::vector<Candidate> candidates,
                                ListCandidates(connection, schema, ""));
          std::vector<SourceTableName> names;
          for (const Candidate& candidate : candidates) names.push_back(candidate.name);
          return names;
        });
  }

  Result<SourceTable> Describe(const SourceTableName& name) override {
    TARN_ASSIGN_OR_RETURN(const TablePtr table, Look(name));
    return table->table;
  }

  Result<std::unique_ptr<BatchReader>> Scan(const LiveScan& scan) override {
    TARN_ASSIGN_OR_RETURN(const TablePtr table, Look(scan.table.name));
    if (table->table.fingerprint != scan.table.fingerprint) {
      Forget(scan.table.name);
      return Conflict("table " + scan.table.name.ToString() + " was altered meanwhile",
                      "run the statement again");
    }
    TARN_ASSIGN_OR_RETURN(const Statement statement, StatementOf(*table, scan));
    return Start(statement, Pool::Freshness::kAny);
  }

  Result<std::string> ExplainScan(const LiveScan& scan) override {
    TARN_ASSIGN_OR_RETURN(const TablePtr table, Look(scan.table.name));
    TARN_ASSIGN_OR_RETURN(const Statement statement, StatementOf(*table, scan));
    return statement.sql;
  }

  Predicate Pushable(const SourceTable& table, const Predicate& predicate) override {
    const Result<TablePtr> known = Look(table.name);
    if (!known.ok() || (*known)->table.fingerprint != table.fingerprint) return Predicate::True();
    return PushablePart(**known, predicate);
  }

 private:
  struct Statement {
    std::string sql;
    SourceTableName table;
    Projection projection;
    bool only_count = false;
  };

  // Names without wildcards may lie in the system's schemas.
  Result<std::vector<Candidate>> Candidates(Connection& connection,
                                            const std::vector<std::string>& patterns) const {
    TARN_ASSIGN_OR_RETURN(std::vector<Candidate> all, ListCandidates(connection, "", ""));
    for (const std::string& text : patterns) {
      TARN_ASSIGN_OR_RETURN(const std::vector<NamePart> parts, SplitNameParts(text));
      TARN_ASSIGN_OR_RETURN(const TablePattern pattern,
                            TablePattern::Parse(text, context_->spec.database));
      if (parts.size() != 2 || pattern.has_wildcard()) continue;
      if (parts[0].text != "mysql" && parts[0].text != "sys" &&
          parts[0].text != "information_schema" && parts[0].text != "performance_schema") {
        continue;
      }
      TARN_ASSIGN_OR_RETURN(const std::vector<Candidate> found,
                            ListCandidates(connection, parts[0].text, parts[1].text));
      all.insert(all.end(), found.begin(), found.end());
    }
    return all;
  }

  static int64_t NowMillis() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

  // Repeats once on a new connection what an old one was too stale for.
  template <typename T, typename Action>
  Result<T> WithLease(Action&& action) {
    for (Pool::Freshness freshness : {Pool::Freshness::kAny, Pool::Freshness::kNew}) {
      TARN_ASSIGN_OR_RETURN(Pool::Lease lease, pool_->Acquire(freshness));
      const bool again = lease.used_before();
      Result<T> result = action(*lease);
      if (result.ok() || result.error().kind != ErrorKind::kUnavailable) {
        lease.Return();
        return result;
      }
      if (!again) return result;
    }
    return Internal("a new connection of the pool had been used before");
  }

  Result<TablePtr> Look(const SourceTableName& name) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      auto found = cache_.find(name);
      if (found != cache_.end() && found->second.second > NowMillis()) return found->second.first;
    }
    TARN_ASSIGN_OR_RETURN(
        const TablePtr table, WithLease<TablePtr>([&](Connection& connection) -> Result<TablePtr> {
          TARN_ASSIGN_OR_RETURN(const std::vector<Candidate> candidates,
                                ListCandidates(connection, name.schema, name.name));
          TARN_ASSIGN_OR_RETURN(const std::vector<TablePtr> tables,
                                LoadTables(connection, candidates, context_->choices));
          if (tables.empty()) {
            return NotFound("table " + name.ToString() + " does not exist in " + address());
          }
          return tables[0];
        }));
    const std::lock_guard<std::mutex> lock(mutex_);
    cache_[name] = {table, NowMillis() + cache_ms_};
    return table;
  }

  void Forget(const SourceTableName& name) {
    const std::lock_guard<std::mutex> lock(mutex_);
    cache_.erase(name);
  }

  Result<Statement> StatementOf(const MyTable& table, const LiveScan& scan) const {
    Statement statement;
    statement.table = scan.table.name;
    TARN_ASSIGN_OR_RETURN(const std::vector<int> positions, table.Positions(scan.columns));
    statement.projection = Project(table, positions);
    statement.only_count = scan.columns.empty();
    std::string sql = "SELECT " + (statement.only_count ? "1" : statement.projection.select_list) +
                      " FROM " + QuoteName(scan.table.name);
    const std::optional<std::string> condition = RenderPredicate(table, scan.predicate);
    if (!condition) {
      return InvalidArgument("the condition " + ToString(scan.predicate) + " cannot be sent to " +
                             address());
    }
    if (!condition->empty()) sql += " WHERE " + *condition;
    if (scan.limit) sql += " LIMIT " + std::to_string(*scan.limit);
    statement.sql = statement.only_count ? "SELECT COUNT(*) FROM (" + sql + ") t" : sql;
    return statement;
  }

  Result<std::unique_ptr<BatchReader>> Start(const Statement& statement,
                                             Pool::Freshness freshness) {
    if (statement.only_count) {
      TARN_ASSIGN_OR_RETURN(
          const int64_t rows, WithLease<int64_t>([&](Connection& connection) -> Result<int64_t> {
            TARN_ASSIGN_OR_RETURN(
                const Rows counted,
                connection.Query(statement.sql, "counting " + statement.table.ToString()));
            return counted.integer(0, 0);
          }));
      return MakeCountReader(rows, context_->limits);
    }
    TARN_ASSIGN_OR_RETURN(Pool::Lease lease, pool_->Acquire(freshness));
    const bool used_before = lease.used_before();
    RowReaderOptions options;
    options.table = statement.table;
    options.projection = statement.projection;
    options.select = statement.sql;
    options.limits = context_->limits;
    auto shared = std::make_shared<Pool::Lease>(std::move(lease));
    Result<std::unique_ptr<BatchReader>> reader = OpenRowReader(
        shared->Take(), std::move(options), [shared](std::unique_ptr<Connection> back) {
          if (back == nullptr) return;
          shared->PutBack(std::move(back));
          shared->Return();
        });
    if (!reader.ok() && used_before && reader.error().kind == ErrorKind::kUnavailable) {
      shared.reset();
      return Start(statement, Pool::Freshness::kNew);
    }
    return reader;
  }

  const std::shared_ptr<const Context> context_;
  const int64_t cache_ms_;
  const std::unique_ptr<ChangeCapture> capture_;
  std::shared_ptr<Pool> pool_;
  std::mutex mutex_;  // guards what follows
  std::map<SourceTableName, std::pair<TablePtr, int64_t>> cache_;
};

}  // namespace
}  // namespace mysql

Result<std::unique_ptr<Source>> OpenMysqlSource(MysqlOptions options, const Limits& limits) {
  TARN_ASSIGN_OR_RETURN(mysql::ConnectionSpec spec,
                        mysql::ConnectionSpec::Parse(options.name, options.url));
  Result<TypeChoices> choices = TypeChoices::Parse(options.numeric, options.types);
  if (!choices.ok()) return std::move(choices).Wrap("source " + options.name).status();
  mysql::SessionSettings session;
  session.connect_timeout_ms = options.connect_timeout_ms > 0 ? options.connect_timeout_ms
                                                              : limits.source_connect_timeout_ms;
  session.lock_timeout_ms = options.lock_timeout_ms;
  session.cancel = options.cancel;
  auto context = std::make_shared<const mysql::Context>(
      mysql::Context{options.name, std::move(spec), session, std::move(choices).value(), limits});
  return std::unique_ptr<Source>(std::make_unique<mysql::MysqlSource>(std::move(context), options));
}

}  // namespace tarn
