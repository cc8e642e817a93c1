#include "catalog/sqlite/sqlite_catalog.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <utility>

#include "base/fault_point.h"
#include "base/log.h"
#include "catalog/sqlite/apply.h"
#include "catalog/sqlite/connection.h"
#include "catalog/sqlite/ledger.h"
#include "catalog/sqlite/lookup.h"
#include "catalog/sqlite/pool.h"
#include "catalog/sqlite/schema.h"
#include "catalog/sqlite/settle.h"
#include "catalog/sqlite/state_folder.h"

namespace tarn {
namespace {

using sqlite::Connection;
using sqlite::ConnectionOptions;
using sqlite::Pool;
using sqlite::Statement;

constexpr int64_t kFutureCommitMicros = 10LL * 60 * 1'000'000;

#define TARN_COMMIT_COLUMNS \
  "SELECT sequence, commit_id, committed_micros, author, message FROM commits "

CommitInfo ReadCommit(const Statement& row) {
  return {Sequence(row.Int(0)), row.Text(1), row.Int(2), row.Text(3), row.Text(4)};
}

Result<std::optional<CommitInfo>> FindCommitById(Connection& connection, const std::string& id) {
  TARN_ASSIGN_OR_RETURN(Statement query,
                        connection.Query(TARN_COMMIT_COLUMNS "WHERE commit_id = ?", id));
  TARN_ASSIGN_OR_RETURN(const bool found, query.Step());
  if (!found) return std::optional<CommitInfo>();
  return std::optional<CommitInfo>(ReadCommit(query));
}

// The last commit, or sequence 0 of an empty lake.
Result<CommitInfo> LastCommit(Connection& connection) {
  TARN_ASSIGN_OR_RETURN(Statement query,
                        connection.Query(TARN_COMMIT_COLUMNS "ORDER BY sequence DESC LIMIT 1"));
  TARN_ASSIGN_OR_RETURN(const bool found, query.Step());
  if (!found) return CommitInfo{};
  return ReadCommit(query);
}

class SqliteCatalog final : public Catalog {
 public:
  SqliteCatalog(ConnectionOptions connection, const SqliteCatalogOptions& options, Clock& clock,
                std::unique_ptr<Connection> first)
      : clock_(clock),
        runs_kept_max_(options.runs_kept_max),
        pool_(std::move(connection), std::max(options.connections_max, 1), std::move(first)) {}

  Result<Sequence> CurrentSequence() override {
    TARN_ASSIGN_OR_RETURN(Pool::Lease connection, pool_.Acquire());
    TARN_ASSIGN_OR_RETURN(const CommitInfo last, LastCommit(*connection));
    return last.sequence;
  }

  Result<Sequence> SequenceAt(int64_t micros) override {
    TARN_ASSIGN_OR_RETURN(Pool::Lease connection, pool_.Acquire());
    TARN_ASSIGN_OR_RETURN(
        Statement query,
        connection->Query(TARN_COMMIT_COLUMNS "WHERE committed_micros <= ?"
                                              " ORDER BY committed_micros DESC LIMIT 1",
                          micros));
    TARN_ASSIGN_OR_RETURN(const bool found, query.Step());
    return found ? ReadCommit(query).sequence : Sequence(0);
  }

  Result<std::vector<NamespaceEntry>> ListNamespaces(std::optional<Sequence> at) override {
    return Read(at,
                [](Connection& c, int64_t sequence) { return sqlite::AllNamespaces(c, sequence); });
  }

  Result<std::vector<TableEntry>> ListTables(std::optional<std::string> schema,
                                             std::optional<Sequence> at) override {
    return Read(at, [&](Connection& c, int64_t sequence) {
      return sqlite::AllTables(c, schema, sequence);
    });
  }

  Result<TableEntry> LoadTable(const TableName& name, std::optional<Sequence> at) override {
    return Read(
        at, [&](Connection& c, int64_t sequence) { return sqlite::FindTable(c, name, sequence); });
  }

  Result<TableEntry> LoadTableByUuid(const std::string& uuid, std::optional<Sequence> at) override {
    return Read(at, [&](Connection& c, int64_t sequence) -> Result<TableEntry> {
      TARN_ASSIGN_OR_RETURN(auto table, sqlite::FindTableByUuid(c, uuid, sequence));
      if (table) return std::move(*table);
      return NotFound("no table has the identity " + uuid);
    });
  }

  Result<std::vector<TableEntry>> TableHistory(const std::string& uuid) override {
    TARN_ASSIGN_OR_RETURN(Pool::Lease connection, pool_.Acquire());
    return sqlite::AllStatesOfTable(*connection, uuid);
  }

  Status ForgetStates(const std::string& uuid, int64_t before_version) override {
    return Repeatable(
        Write([&](Connection& c) { return sqlite::ForgetStates(c, uuid, before_version); }));
  }

  Result<std::vector<ViewEntry>> ListViews(std::optional<std::string> schema,
                                           std::optional<Sequence> at) override {
    return Read(
        at, [&](Connection& c, int64_t sequence) { return sqlite::AllViews(c, schema, sequence); });
  }

  Result<ViewEntry> LoadView(const TableName& name, std::optional<Sequence> at) override {
    return Read(
        at, [&](Connection& c, int64_t sequence) { return sqlite::FindView(c, name, sequence); });
  }

  Result<CommitInfo> Commit(const CommitRequest& request) override {
    if (request.commit_id.empty()) return InvalidArgument("a commit needs an identity");
    CommitInfo info;
    const Status status =
        Write([&](Connection& connection) { return CommitOnce(connection, request, info); });
    if (!status.ok()) return status;
    return info;
  }

  Result<CommitInfo> FindCommit(const std::string& commit_id) override {
    TARN_ASSIGN_OR_RETURN(Pool::Lease connection, pool_.Acquire());
    TARN_ASSIGN_OR_RETURN(const auto found, FindCommitById(*connection, commit_id));
    if (found) return *found;
    return NotFound("no commit has the identity " + commit_id);
  }

  Result<std::vector<CommitInfo>> ListCommits(int64_t limit) override {
    TARN_ASSIGN_OR_RETURN(Pool::Lease connection, pool_.Acquire());
    TARN_ASSIGN_OR_RETURN(Statement query,
                          connection->Query(TARN_COMMIT_COLUMNS "ORDER BY sequence DESC LIMIT ?",
                                            std::max<int64_t>(limit, 0)));
    std::vector<CommitInfo> commits;
    for (;;) {
      TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
      if (!row) return commits;
      commits.push_back(ReadCommit(query));
    }
  }

  Result<std::vector<PositionEntry>> ListPositions() override {
    TARN_ASSIGN_OR_RETURN(Pool::Lease connection, pool_.Acquire());
    return sqlite::ReadPositions(*connection);
  }

  Result<std::vector<ObjectEntry>> ListObjects(std::optional<std::string> kind) override {
    TARN_ASSIGN_OR_RETURN(Pool::Lease connection, pool_.Acquire());
    return sqlite::ReadObjects(*connection, kind);
  }

  Result<std::vector<Publication>> PendingPublications(const OutboxRange& range) override {
    TARN_ASSIGN_OR_RETURN(Pool::Lease connection, pool_.Acquire());
    return sqlite::ReadOutbox(*connection, range);
  }

  Status MarkPublished(int64_t publication_id) override {
    return Repeatable(Write(
        [&](Connection& c) { return c.Run("DELETE FROM outbox WHERE id = ?", publication_id); }));
  }

  Status RecordRun(const RunRecord& run) override {
    return Repeatable(
        Write([&](Connection& c) { return sqlite::WriteRun(c, run, runs_kept_max_); }));
  }

  Result<std::vector<RunRecord>> ListRuns(int64_t limit) override {
    TARN_ASSIGN_OR_RETURN(Pool::Lease connection, pool_.Acquire());
    return sqlite::ReadRuns(*connection, limit);
  }

  Result<LockInfo> AcquireLock(const std::string& name, const std::string& owner,
                               const std::string& token, int64_t lease_ms) override {
    if (token.empty()) return InvalidArgument("a lock needs a token");
    LockInfo lock{name, owner, token, 0};
    TARN_RETURN_IF_ERROR(Repeatable(Write([&](Connection& c) {
      const int64_t now_micros = clock_.NowMicros();
      lock.expires_micros = now_micros + lease_ms * 1000;
      return sqlite::TakeLock(c, lock, now_micros);
    })));
    return lock;
  }

  Result<std::optional<LockInfo>> FindLock(const std::string& name) override {
    TARN_ASSIGN_OR_RETURN(Pool::Lease connection, pool_.Acquire());
    return sqlite::FindLock(*connection, name, clock_.NowMicros());
  }

  Status RenewLock(const LockInfo& lock, int64_t lease_ms) override {
    return Repeatable(Write([&](Connection& c) {
      return sqlite::ExtendLock(c, lock, clock_.NowMicros() + lease_ms * 1000);
    }));
  }

  Status ReleaseLock(const LockInfo& lock) override {
    return Repeatable(Write([&](Connection& c) {
      return c.Run("DELETE FROM locks WHERE name = ? AND token = ?", lock.name, lock.token);
    }));
  }

 private:
  // Fills `info` with this commit, or with the earlier one of the same identity.
  Status CommitOnce(Connection& connection, const CommitRequest& request, CommitInfo& info) {
    TARN_ASSIGN_OR_RETURN(const auto earlier, FindCommitById(connection, request.commit_id));
    if (earlier) {
      info = *earlier;
      return {};
    }
    TARN_ASSIGN_OR_RETURN(const CommitInfo last, LastCommit(connection));
    // Time never runs backwards in the lake's order, whatever the machine's clock does.
    WarnOfAFutureCommit(last);
    info = {Sequence(last.sequence.value() + 1), request.commit_id,
            std::max(clock_.NowMicros(), last.committed_micros + 1), request.author,
            request.message};
    TARN_RETURN_IF_ERROR(connection.Run(
        "INSERT INTO commits(sequence, commit_id, committed_micros, author, message)"
        " VALUES (?, ?, ?, ?, ?)",
        info.sequence.value(), info.commit_id, info.committed_micros, info.author, info.message));
    return sqlite::ApplyOps(connection, request, info);
  }

  // Until the clock comes to the last commit's time, the lake's time stands still, and nothing that
  // is made meanwhile grows old.
  void WarnOfAFutureCommit(const CommitInfo& last) {
    const int64_t ahead_micros = last.committed_micros - clock_.NowMicros();
    if (ahead_micros < kFutureCommitMicros || warned_.exchange(true)) return;
    Log(LogLevel::kWarning, "the lake's last commit is " +
                                std::to_string(ahead_micros / 60'000'000) +
                                " minutes later than this machine's clock: it is wrong, or was");
  }

  template <typename F>
  auto Read(std::optional<Sequence> at, F&& read)
      -> decltype(read(std::declval<Connection&>(), int64_t{})) {
    TARN_ASSIGN_OR_RETURN(Pool::Lease connection, pool_.Acquire());
    if (!at) return read(*connection, sqlite::kNow);
    TARN_RETURN_IF_ERROR(CheckExists(*connection, *at));
    return read(*connection, at->value());
  }

  Status CheckExists(Connection& connection, Sequence at) {
    if (at.value() < 0) return InvalidArgument("a version of the lake is not negative");
    if (at.value() <= known_sequence_.load(std::memory_order_relaxed)) return {};
    TARN_ASSIGN_OR_RETURN(const CommitInfo last, LastCommit(connection));
    known_sequence_.store(last.sequence.value(), std::memory_order_relaxed);
    if (at <= last.sequence) return {};
    return NotFound("the lake has no version " + std::to_string(at.value()),
                    "its last one is " + std::to_string(last.sequence.value()));
  }

  Status Write(const std::function<Status(Connection&)>& change) {
    std::lock_guard one_writer(pool_.write_mutex());
    TARN_ASSIGN_OR_RETURN(Pool::Lease connection, pool_.Acquire());
    TARN_RETURN_IF_ERROR(connection->Begin());
    Status status = change(*connection);
    if (status.ok()) status = ReachFaultPoint(FaultPoint::kCatalogApplied);
    if (!status.ok()) {
      connection->Rollback();
      return status;
    }
    return connection->Commit();
  }

  // Whoever repeats one of these after a lost answer does no harm.
  static Status Repeatable(const Status& status) {
    if (status.ok() || status.error().kind != ErrorKind::kCommitUnknown) return status;
    Error error = status.error();
    error.kind = ErrorKind::kUnavailable;
    return error;
  }

  Clock& clock_;
  const int64_t runs_kept_max_;
  Pool pool_;
  std::atomic<int64_t> known_sequence_{0};
  std::atomic<bool> warned_{false};  // of a future commit
};

Result<std::unique_ptr<Catalog>> OpenAt(ConnectionOptions connection,
                                        const SqliteCatalogOptions& options, Clock& clock) {
  TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> first, Connection::Open(connection));
  // A file that is not ours is left as it is.
  TARN_RETURN_IF_ERROR(sqlite::ReadSchemaVersion(*first));
  TARN_RETURN_IF_ERROR(first->UseWriteAheadLog(clock));
  TARN_RETURN_IF_ERROR(sqlite::SettleLog(*first));
  TARN_RETURN_IF_ERROR(sqlite::Migrate(*first, clock));
  connection.create = false;
  return std::unique_ptr<Catalog>(
      std::make_unique<SqliteCatalog>(std::move(connection), options, clock, std::move(first)));
}

}  // namespace

Result<std::unique_ptr<Catalog>> OpenSqliteCatalog(const std::string& state_folder, Clock& clock,
                                                   const SqliteCatalogOptions& options) {
  const std::filesystem::path folder(state_folder);
  const std::filesystem::path file = folder / "catalog.db";
  std::error_code error;
  if (options.missing == SqliteCatalogOptions::Missing::kRefuse) {
    if (!std::filesystem::exists(file, error)) {
      return NotFound("there is no catalog at " + file.string(),
                      "run `tarn apply`, or correct `state` in tarn.yaml");
    }
  } else {
    TARN_RETURN_IF_ERROR(sqlite::MakeStateFolder(folder));
  }
  ConnectionOptions connection;
  connection.path = file.string();
  connection.create = options.missing == SqliteCatalogOptions::Missing::kCreate;
  connection.lock_timeout_ms = options.lock_timeout_ms;
  connection.stop = options.stop;
  return OpenAt(std::move(connection), options, clock);
}

Result<std::unique_ptr<Catalog>> OpenSqliteCatalogInMemory(Clock& clock,
                                                           const SqliteCatalogOptions& options) {
  ConnectionOptions connection;
  connection.path = ":memory:";
  SqliteCatalogOptions one = options;
  one.connections_max = 1;  // each connection has its own memory
  return OpenAt(std::move(connection), one, clock);
}

}  // namespace tarn
