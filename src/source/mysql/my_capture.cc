#include "source/mysql/my_capture.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "source/mysql/my_capture_check.h"
#include "source/mysql/my_catalog.h"
#include "source/mysql/my_change_stream.h"
#include "source/mysql/my_position.h"
#include "source/mysql/my_prepared.h"

namespace tarn::mysql {
namespace {

constexpr int kPreparedPollMillis = 100;
constexpr int64_t kPreparedWaitMillis = 10'000;

class Capture final : public ChangeCapture {
 public:
  explicit Capture(std::shared_ptr<const Context> context) : context_(std::move(context)) {}

  Status Check(const CaptureSpec& spec, const std::vector<SourceTable>& tables) override {
    return CheckWith(spec, tables, Warnings::kTold);
  }

  Result<std::unique_ptr<SourceSnapshot>> Begin(const CaptureSpec& spec,
                                                const std::vector<SourceTable>& tables) override {
    TARN_RETURN_IF_ERROR(CheckWith(spec, tables, Warnings::kToldBefore));
    return Snapshot(spec);
  }

  Result<std::unique_ptr<SourceSnapshot>> Snapshot(const CaptureSpec& spec) override {
    TARN_RETURN_IF_ERROR(IdentityOf(spec).status());
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<SourceSnapshot> snapshot, WholeSnapshot());
    if (!snapshot->position().empty()) return snapshot;
    return InvalidArgument(
        "where in the log of " + context_->spec.address() +
            " a snapshot stands cannot be told without GTIDs and without the right to lock",
        "GRANT RELOAD ON *.* to the source's user, or switch gtid_mode on; where it has the "
        "right, a long statement held the lock back: run again");
  }

  // A reader of another name: the server ends the one before of the same.
  Result<LogBranch> Branch(const CaptureSpec& spec) override {
    LogBranch branch;
    TARN_ASSIGN_OR_RETURN(branch.snapshot, Snapshot(spec));
    CaptureSpec reader = spec;
    reader.name += "_branch";
    branch.open = [this, reader,
                   position = branch.snapshot->position()](const std::vector<SourceTable>& tables) {
      return Open(reader, position, tables);
    };
    return branch;
  }

  // What is logged is not chosen by who reads it; but a table may not be fit to be followed.
  Status SetTables(const CaptureSpec& spec, const std::vector<SourceTableName>& tables) override {
    TARN_RETURN_IF_ERROR(IdentityOf(spec).status());
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect());
    std::vector<SourceTable> described;
    for (const SourceTableName& name : tables) {
      TARN_ASSIGN_OR_RETURN(const std::vector<Candidate> candidates,
                            ListCandidates(*connection, name.schema, name.name));
      TARN_ASSIGN_OR_RETURN(const auto loaded,
                            LoadTables(*connection, candidates, context_->choices));
      for (const auto& table : loaded) described.push_back(table->table);
    }
    return CheckTables(*connection, context_->spec.address(), described, Warnings::kTold);
  }

  Result<std::unique_ptr<ChangeStream>> Open(const CaptureSpec& spec, const std::string& position,
                                             const std::vector<SourceTable>& tables) override {
    TARN_ASSIGN_OR_RETURN(const ReaderIdentity identity, IdentityOf(spec));
    ChangeStreamOptions options;
    TARN_ASSIGN_OR_RETURN(options.position, Position::Parse(position));
    options.tables = tables;
    options.server_id = identity.server_id;
    options.uuid = identity.uuid;
    options.half = half_;
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect());
    const bool mariadb = options.position.kind == Position::Kind::kMariaDb;
    const bool file = options.position.kind == Position::Kind::kFile;
    if (!file && mariadb != connection->version().is_mariadb) {
      return InvalidArgument("the position " + position + " is not one of " +
                                 context_->spec.address() + ", which is " +
                                 connection->version().text,
                             "load the tables again with `tarn resync`");
    }
    return OpenChangeStream(context_, std::move(options), std::move(connection));
  }

  // Nothing was made.
  Status Drop(const CaptureSpec& spec) override {
    static_cast<void>(spec);
    return Status::Ok();
  }

  Result<CaptureStatus> Inspect(const CaptureSpec& spec) override {
    TARN_ASSIGN_OR_RETURN(const ReaderIdentity identity, IdentityOf(spec));
    static_cast<void>(identity);
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect());
    TARN_ASSIGN_OR_RETURN(const std::string position, mysql::CurrentPosition(*connection));
    CaptureStatus status;
    status.exists = !position.empty();
    status.end = position;
    status.lag_bytes = -1;
    status.retained_bytes = -1;
    TARN_ASSIGN_OR_RETURN(
        const Rows readers,
        connection->Query("SELECT COUNT(*) FROM information_schema.processlist WHERE command LIKE "
                          "'Binlog Dump%' AND user = SUBSTRING_INDEX(USER(), '@', 1)",
                          "looking for readers of the log"));
    status.active = readers.integer(0, 0) > 0;
    if (position.empty()) status.trouble = "the binary log is off, or may not be seen";
    return status;
  }

  Result<std::string> CurrentPosition() override {
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect());
    TARN_ASSIGN_OR_RETURN(std::string position, mysql::CurrentPosition(*connection));
    if (!position.empty()) return position;
    return InvalidArgument(
        "the binary log of " + context_->spec.address() + " is off, or may not be seen",
        "set log_bin, and GRANT REPLICATION CLIENT to the source's user");
  }

  Result<int> Compare(const std::string& a, const std::string& b) override {
    TARN_ASSIGN_OR_RETURN(const Position left, Position::Parse(a));
    TARN_ASSIGN_OR_RETURN(const Position right, Position::Parse(b));
    return left.Compare(right);
  }

 private:
  // The rows of a transaction that is prepared before the snapshot's place in the log and committed
  // behind it are in neither: none may be prepared before, and none be logged as prepared until the
  // snapshot is there. What the log has is not told as prepared at once: hence the pause.
  Result<std::unique_ptr<SourceSnapshot>> WholeSnapshot() const {
    const std::string doing = "looking for prepared transactions of " + context_->spec.address();
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect());
    std::string name;
    for (int64_t waited = 0; waited <= kPreparedWaitMillis; waited += kPreparedPollMillis) {
      TARN_ASSIGN_OR_RETURN(const std::optional<LogEnd> from, EndOfLog(*connection, doing));
      poll(nullptr, 0, kPreparedPollMillis);
      if (context_->session.cancel != nullptr) {
        TARN_RETURN_IF_ERROR(context_->session.cancel->Check());
      }
      TARN_ASSIGN_OR_RETURN(const auto prepared, PreparedTransactions(*connection, doing));
      if (!prepared) {
        Log(LogLevel::kWarning,
            context_->spec.address() +
                " does not tell of prepared XA transactions: the rows of one that is committed "
                "after tables were loaded would be missing; GRANT XA_RECOVER_ADMIN ON *.* to the "
                "source's user where there are any");
      } else if (!prepared->empty()) {
        name = " " + prepared->front();
        continue;
      }
      TARN_ASSIGN_OR_RETURN(std::unique_ptr<SourceSnapshot> snapshot, BeginSnapshot(context_));
      if (!prepared || !from) return snapshot;
      TARN_ASSIGN_OR_RETURN(const bool crossed, WasPreparedSince(*connection, *from, doing));
      if (!crossed) return snapshot;
    }
    if (name.empty()) {
      return Conflict("XA transactions of " + context_->spec.address() +
                          " are prepared all the time: their rows are in the log before they are "
                          "committed, and a table that is loaded meanwhile might not have them",
                      "run it again when there are fewer, or stop them meanwhile");
    }
    return Conflict("the XA transaction" + name + " of " + context_->spec.address() +
                        " is prepared and not ended: the log has its rows already, and no table "
                        "that is loaded now would have them",
                    "XA COMMIT or XA ROLLBACK it (XA RECOVER lists them), then run it again");
  }

  Status CheckWith(const CaptureSpec& spec, const std::vector<SourceTable>& tables,
                   Warnings warnings) const {
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect());
    TARN_RETURN_IF_ERROR(CheckServer(*connection, *context_, spec));
    return CheckTables(*connection, context_->spec.address(), tables, warnings);
  }
  Result<std::unique_ptr<Connection>> Connect() const {
    return Connection::Open(context_->spec, context_->session);
  }

  const std::shared_ptr<const Context> context_;
  const std::shared_ptr<HalfTransaction> half_ = std::make_shared<HalfTransaction>();
};

}  // namespace

std::unique_ptr<ChangeCapture> MakeCapture(std::shared_ptr<const Context> context) {
  return std::make_unique<Capture>(std::move(context));
}

}  // namespace tarn::mysql
