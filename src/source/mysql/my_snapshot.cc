#include "source/mysql/my_snapshot.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "source/mysql/my_begin.h"
#include "source/mysql/my_catalog.h"
#include "source/mysql/my_names.h"
#include "source/mysql/my_ranges.h"
#include "source/mysql/my_reader.h"

namespace tarn::mysql {
namespace {

constexpr std::chrono::milliseconds kCancelPoll(50);

// The connections of the snapshot that nobody reads from. Outlives the snapshot object where a
// reader still holds it.
struct Streams {
  std::mutex mutex;
  std::condition_variable returned;
  std::vector<std::unique_ptr<Connection>> idle;
  size_t open = 0;

  void Return(std::unique_ptr<Connection> connection) {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      if (connection == nullptr) {
        --open;
      } else {
        idle.push_back(std::move(connection));
      }
    }
    returned.notify_one();
  }
};

class Snapshot final : public SourceSnapshot {
 public:
  explicit Snapshot(std::shared_ptr<const Context> context) : context_(std::move(context)) {}

  Status Begin() {
    TARN_ASSIGN_OR_RETURN(
        Begun begun,
        BeginTransactions(context_->spec, context_->session,
                          std::max<int>(1, static_cast<int>(context_->limits.load_streams))));
    position_ = std::move(begun.position);
    holder_ = std::move(begun.connections.back());
    begun.connections.pop_back();
    // A single transaction: what describes tables also reads them.
    shares_holder_ = begun.connections.empty();
    streams_->open = begun.connections.size();
    streams_->idle = std::move(begun.connections);
    return Status::Ok();
  }

  const std::string& position() const override { return position_; }

  Result<SourceTable> Describe(const SourceTableName& name) override {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<const MyTable> table, Load(name));
    return table->table;
  }

  Result<std::vector<ScanRange>> Split(const SourceTable& table, int ranges_max) override {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<const MyTable> known, Known(table));
    if (shares_holder_) ranges_max = 1;
    TARN_ASSIGN_OR_RETURN(Hold hold, TakeHolder());
    return SplitByKey(*hold, *known, ranges_max);
  }

  Result<std::unique_ptr<BatchReader>> Open(const SourceTable& table, const ScanRange& range,
                                            const std::optional<CursorRange>& cursor) override {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<const MyTable> known, Known(table));
    RowReaderOptions options;
    options.table = table.name;
    options.projection = ProjectAll(*known);
    options.limits = context_->limits;
    std::string condition = range.text;
    if (cursor) {
      TARN_ASSIGN_OR_RETURN(const std::string after, CursorCondition(*known, *cursor));
      condition += (condition.empty() ? "" : " AND ") + after;
    }
    options.select = "SELECT " + options.projection.select_list + " FROM " + QuoteName(table.name);
    if (!condition.empty()) options.select += " WHERE " + condition;
    if (shares_holder_) {
      TARN_ASSIGN_OR_RETURN(Hold hold, TakeHolder());
      return OpenRowReader(hold.Take(), std::move(options),
                           [streams = holders_](std::unique_ptr<Connection> back) {
                             streams->Return(std::move(back));
                           });
    }
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, TakeFrom(*streams_));
    return OpenRowReader(std::move(connection), std::move(options),
                         [streams = streams_](std::unique_ptr<Connection> back) {
                           streams->Return(std::move(back));
                         });
  }

  Result<std::optional<std::string>> MaxCursor(
      const SourceTable& table, const std::string& column,
      const std::optional<std::string>& at_least) override {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<const MyTable> known, Known(table));
    TARN_ASSIGN_OR_RETURN(const std::vector<int> at, known->Positions({column}));
    const MyColumn& described = known->columns[static_cast<size_t>(at[0])];
    TARN_RETURN_IF_ERROR(CheckCursor(*known, described));
    const std::string name = "t." + QuoteIdentifier(column);
    std::string sql = "SELECT CAST(" + name + " AS CHAR) FROM " + QuoteName(table.name) +
                      " t WHERE " + name + " IS NOT NULL";
    if (at_least) sql += " AND " + name + " >= " + CursorLiteral(described, *at_least);
    sql += " ORDER BY " + name + " DESC LIMIT 1";
    TARN_ASSIGN_OR_RETURN(Hold hold, TakeHolder());
    TARN_ASSIGN_OR_RETURN(const Rows rows, hold->Query(sql, "finding the highest " + column +
                                                                " of " + table.name.ToString()));
    if (rows.count() == 0) return at_least;
    return std::optional<std::string>(rows.text(0, 0));
  }

 private:
  // The holder on loan; given back by the destructor.
  class Hold {
   public:
    Hold(std::shared_ptr<Streams> from, std::unique_ptr<Connection> connection)
        : from_(std::move(from)), connection_(std::move(connection)) {}
    ~Hold() {
      if (connection_ != nullptr) from_->Return(std::move(connection_));
    }
    Hold(Hold&&) = default;
    Hold& operator=(Hold&&) = delete;
    Connection& operator*() { return *connection_; }
    Connection* operator->() { return connection_.get(); }
    std::unique_ptr<Connection> Take() { return std::move(connection_); }

   private:
    std::shared_ptr<Streams> from_;
    std::unique_ptr<Connection> connection_;
  };

  Result<Hold> TakeHolder() {
    {
      const std::lock_guard<std::mutex> lock(holders_->mutex);
      if (holder_ != nullptr) {
        holders_->open = 1;
        holders_->idle.push_back(std::move(holder_));
      }
    }
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, TakeFrom(*holders_));
    return Hold(holders_, std::move(connection));
  }

  // Waits until a stream is free: there are no more than the snapshot began with.
  Result<std::unique_ptr<Connection>> TakeFrom(Streams& streams) {
    std::unique_lock<std::mutex> lock(streams.mutex);
    while (streams.idle.empty()) {
      if (streams.open == 0) {
        return Unavailable("the snapshot of " + context_->spec.address() +
                               " is gone: the connections that held it were lost",
                           "run again");
      }
      if (context_->session.cancel != nullptr) {
        TARN_RETURN_IF_ERROR(context_->session.cancel->Check());
      }
      streams.returned.wait_for(lock, kCancelPoll);
    }
    std::unique_ptr<Connection> connection = std::move(streams.idle.back());
    streams.idle.pop_back();
    return connection;
  }

  Result<std::shared_ptr<const MyTable>> Load(const SourceTableName& name) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (auto found = tables_.find(name); found != tables_.end()) return found->second;
    TARN_ASSIGN_OR_RETURN(Hold hold, TakeHolder());
    const auto gone = [&] {
      return NotFound("table " + name.ToString() + " does not exist in " + context_->spec.address(),
                      "run `tarn plan` to see what the source has");
    };
    TARN_ASSIGN_OR_RETURN(const std::vector<Candidate> candidates,
                          ListCandidates(*hold, name.schema, name.name));
    if (candidates.empty()) return gone();
    // Reading a row takes the lock; the description that counts is what stands behind it.
    if (Status touched = Touch(*hold, name, "1"); !touched.ok()) {
      return touched.error().kind == ErrorKind::kNotFound ? Status(gone()) : touched;
    }
    TARN_ASSIGN_OR_RETURN(const auto tables, LoadTables(*hold, candidates, context_->choices));
    if (tables.empty()) return gone();
    TARN_RETURN_IF_ERROR(Touch(*hold, name, ProjectAll(*tables[0]).select_list));
    tables_[name] = tables[0];
    return tables[0];
  }

  Result<std::shared_ptr<const MyTable>> Known(const SourceTable& table) {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<const MyTable> known, Load(table.name));
    if (known->table.fingerprint == table.fingerprint) return known;
    return Conflict("table " + table.name.ToString() + " was altered since it was described",
                    "run again");
  }

  static Status CheckCursor(const MyTable& table, const MyColumn& column) {
    switch (column.type) {
      case MyType::kBit:
      case MyType::kBytes:
      case MyType::kEnum:
      case MyType::kSet:
      case MyType::kJson:
      case MyType::kGeometry:
      case MyType::kFloat32:
        return InvalidArgument("column " + column.name + " of table " +
                                   table.table.name.ToString() + " is " + column.native_type +
                                   ", which cannot be a cursor",
                               "choose a column that only grows, for example updated_at");
      default:
        return Status::Ok();
    }
  }

  static std::string CursorLiteral(const MyColumn& column, const std::string& text) {
    switch (column.type) {
      case MyType::kDate:
        return "CAST(" + TextLiteral(text) + " AS DATE)";
      case MyType::kDatetime:
      case MyType::kTimestamp:
        return "CAST(" + TextLiteral(text) + " AS DATETIME(6))";
      case MyType::kTime:
        return "CAST(" + TextLiteral(text) + " AS TIME(6))";
      case MyType::kDecimal:
        return "CAST(" + TextLiteral(text) + " AS DECIMAL(65,30))";
      case MyType::kFloat64:
        return "(" + TextLiteral(text) + " + 0e0)";
      case MyType::kChars:
      case MyType::kUuid:
      case MyType::kInet4:
      case MyType::kInet6:
        return TextLiteral(text);
      default:
        return "CAST(" + TextLiteral(text) + " AS " +
               (column.is_unsigned ? "UNSIGNED)" : "SIGNED)");
    }
  }

  static Result<std::string> CursorCondition(const MyTable& table, const CursorRange& cursor) {
    TARN_ASSIGN_OR_RETURN(const std::vector<int> at, table.Positions({cursor.column}));
    const MyColumn& column = table.columns[static_cast<size_t>(at[0])];
    TARN_RETURN_IF_ERROR(CheckCursor(table, column));
    const std::string name = QuoteIdentifier(column.name);
    const std::string upto = name + " <= " + CursorLiteral(column, cursor.upto);
    const char* lower = cursor.lower == CursorRange::Lower::kInclusive ? " >= " : " > ";
    if (cursor.after) {
      return "(" + name + lower + CursorLiteral(column, *cursor.after) + " AND " + upto + ")";
    }
    return "(" + upto + " OR " + name + " IS NULL)";
  }

  const std::shared_ptr<const Context> context_;
  std::string position_;
  bool shares_holder_ = false;
  std::mutex mutex_;  // guards tables_
  std::map<SourceTableName, std::shared_ptr<const MyTable>> tables_;
  std::unique_ptr<Connection> holder_;  // until it is first taken
  const std::shared_ptr<Streams> streams_ = std::make_shared<Streams>();
  const std::shared_ptr<Streams> holders_ = std::make_shared<Streams>();
};

}  // namespace

Result<std::unique_ptr<SourceSnapshot>> BeginSnapshot(std::shared_ptr<const Context> context) {
  auto snapshot = std::make_unique<Snapshot>(std::move(context));
  TARN_RETURN_IF_ERROR(snapshot->Begin());
  return std::unique_ptr<SourceSnapshot>(std::move(snapshot));
}

}  // namespace tarn::mysql
