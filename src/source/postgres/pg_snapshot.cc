#include "source/postgres/pg_snapshot.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "source/postgres/pg_catalog.h"
#include "source/postgres/pg_names.h"
#include "source/postgres/pg_published.h"
#include "source/postgres/pg_ranges.h"
#include "source/postgres/pg_reader.h"

namespace tarn::postgres {
namespace {

constexpr size_t kIdleStreamsMax = 16;

// Connections that have joined the snapshot and are idle. Outlives the snapshot object where a
// reader still holds it.
struct IdleStreams {
  std::mutex mutex;
  std::vector<std::unique_ptr<Connection>> connections;
};

bool IsFallible(const PgColumn& column) {
  return column.dimensions > 0 || column.wire == WireKind::kDecimal ||
         column.wire == WireKind::kTimestamp;
}

class Snapshot final : public SourceSnapshot {
 public:
  explicit Snapshot(std::shared_ptr<const Context> context) : context_(std::move(context)) {}

  Status Begin() {
    TARN_ASSIGN_OR_RETURN(holder_, Connection::Open(context_->spec, context_->session));
    const std::string doing = "beginning a snapshot of " + context_->spec.address();
    TARN_RETURN_IF_ERROR(holder_->Run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", doing));
    // The position first: what is after it may be read twice, nothing is missed.
    TARN_ASSIGN_OR_RETURN(Rows position, holder_->Query(R"(
SELECT coalesce(CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                ELSE pg_catalog.pg_current_wal_lsn() END, '0/0')::text)",
                                                        {}, doing));
    position_ = position.text(0, 0);
    TARN_ASSIGN_OR_RETURN(Rows id,
                          holder_->Query("SELECT pg_catalog.pg_export_snapshot()", {}, doing));
    snapshot_id_ = id.text(0, 0);
    return Status::Ok();
  }

  // The foreign session is of no further use: this one exports the same snapshot again.
  Status Join(ForeignSnapshot foreign) {
    TARN_ASSIGN_OR_RETURN(holder_, Connection::Open(context_->spec, context_->session));
    const std::string doing = "joining the snapshot of a slot of " + context_->spec.address();
    TARN_RETURN_IF_ERROR(holder_->Run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", doing));
    TARN_RETURN_IF_ERROR(
        holder_->Run("SET TRANSACTION SNAPSHOT " + QuoteLiteral(foreign.id), doing));
    TARN_ASSIGN_OR_RETURN(Rows id,
                          holder_->Query("SELECT pg_catalog.pg_export_snapshot()", {}, doing));
    snapshot_id_ = id.text(0, 0);
    position_ = std::move(foreign.position);
    publication_ = std::move(foreign.publication);
    return Status::Ok();
  }

  const std::string& position() const override { return position_; }

  Result<SourceTable> Describe(const SourceTableName& name) override {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<const PgTable> table, Load(name));
    return table->table;
  }

  Result<std::vector<ScanRange>> Split(const SourceTable& table, int ranges_max) override {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<const PgTable> known, Known(table));
    const std::lock_guard<std::mutex> lock(mutex_);
    TARN_ASSIGN_OR_RETURN(std::vector<Storage> storages, LoadStorage(*holder_, *known));
    std::vector<ScanRange> ranges;
    // A TID range scan reads its blocks only; before PostgreSQL 14 it would read all of them.
    const bool by_blocks = holder_->server_version() >= 140000;
    const bool single = storages.size() == 1 && !storages[0].by_blocks;
    if (storages.empty() || single || ranges_max <= 1 || !by_blocks) {
      ranges.push_back({"", table.estimated_rows});
      return ranges;
    }
    int64_t blocks = 0;
    for (Storage& storage : storages) {
      blocks += storage.blocks;
      names_[storage.oid] = storage.quoted_name;
    }
    for (const std::vector<BlockRange>& pieces : SplitBlocks(storages, ranges_max)) {
      int64_t covered = 0;
      for (const BlockRange& piece : pieces) {
        const auto heap = std::find_if(storages.begin(), storages.end(),
                                       [&](const Storage& s) { return s.oid == piece.oid; });
        covered += (piece.last < 0 ? heap->blocks : piece.last) - piece.first;
      }
      const double share =
          blocks > 0 ? static_cast<double>(covered) / static_cast<double>(blocks) : 1.0;
      const int64_t rows =
          table.estimated_rows < 0
              ? -1
              : static_cast<int64_t>(share * static_cast<double>(table.estimated_rows));
      ranges.push_back({FormatRange(pieces), rows});
    }
    return ranges;
  }

  Result<std::unique_ptr<BatchReader>> Open(const SourceTable& table, const ScanRange& range,
                                            const std::optional<CursorRange>& cursor) override {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<const PgTable> known, Known(table));
    CopyReaderOptions options;
    options.table = table.name;
    options.projection = ProjectAll(*known);
    options.limits = context_->limits;
    std::string list = options.projection.select_list;
    // Without a key, a value that does not fit is found again by its ctid.
    options.ctid_follows = known->key.empty() && known->table.kind == SourceTableKind::kTable &&
                           std::any_of(known->columns.begin(), known->columns.end(), IsFallible);
    if (options.ctid_follows) list += ", ctid";
    std::string condition = FilterOf(table.name);
    if (cursor) {
      TARN_ASSIGN_OR_RETURN(const std::string after, CursorCondition(*known, *cursor));
      condition += (condition.empty() ? "" : " AND ") + after;
    }
    const auto add = [&](const std::string& from, const std::string& where) {
      std::string select = "SELECT " + list + " FROM " + from;
      const std::string both =
          where.empty() || condition.empty() ? where + condition : where + " AND " + condition;
      options.selects.push_back(both.empty() ? select : select + " WHERE " + both);
    };
    TARN_ASSIGN_OR_RETURN(const std::vector<BlockRange> pieces, ParseRange(range.text));
    if (pieces.empty()) add(QuoteName(table.name), "");
    for (const BlockRange& piece : pieces) {
      TARN_ASSIGN_OR_RETURN(const std::string name, NameOf(piece.oid));
      add(name, RangeCondition(piece));
    }
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, JoinedConnection());
    return OpenCopyReader(std::move(connection), std::move(options),
                          [idle = idle_](std::unique_ptr<Connection> back) {
                            const std::lock_guard<std::mutex> lock(idle->mutex);
                            if (idle->connections.size() < kIdleStreamsMax) {
                              idle->connections.push_back(std::move(back));
                            }
                          });
  }

  Result<std::optional<std::string>> MaxCursor(
      const SourceTable& table, const std::string& column,
      const std::optional<std::string>& at_least) override {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<const PgTable> known, Known(table));
    TARN_ASSIGN_OR_RETURN(const std::vector<int> at, known->Positions({column}));
    const auto position = static_cast<size_t>(at[0]);
    const std::string& type = known->cursor_types[position];
    // Qualified: a bare name would be the output column, the text, and order as text does.
    const std::string name = "t." + QuoteIdentifier(column);
    std::string sql = "SELECT " + name + "::pg_catalog.text FROM " + QuoteName(table.name) +
                      " t WHERE " + name + " IS NOT NULL" +
                      FiniteCondition(name, known->columns[position]);
    if (at_least) sql += " AND " + name + " >= " + QuoteLiteral(*at_least) + "::" + type;
    sql += " ORDER BY " + name + " DESC LIMIT 1";
    const std::lock_guard<std::mutex> lock(mutex_);
    Result<Rows> rows =
        Guarded(sql, "finding the highest " + column + " of " + table.name.ToString());
    if (!rows.ok()) {
      if (rows.error().message.find("42883") == std::string::npos) return rows.status();
      return InvalidArgument("column " + column + " of table " + table.name.ToString() +
                                 " cannot be a cursor: its type has no order",
                             "choose a column that only grows, for example updated_at");
    }
    if (rows->count() == 0) return at_least;
    return std::optional<std::string>(rows->text(0, 0));
  }

  // The locks are the holder's: without it TRUNCATE empties a table for streams that joined before.
  Status CheckHeld() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    Status held = holder_->Run("SELECT 1", "checking the snapshot");
    if (held.ok() || held.error().kind == ErrorKind::kCancelled) return held;
    return Gone(held.error().message);
  }

 private:
  Error Gone(const std::string& why) const {
    return Unavailable("the snapshot of " + context_->spec.address() + " is gone: " + why,
                       "run again; behind a pooler, use session pooling or the server itself");
  }

  // A statement that may fail without ending the transaction.
  Result<Rows> Guarded(const std::string& sql, const std::string& doing) {
    TARN_RETURN_IF_ERROR(holder_->Run("SAVEPOINT tarn", doing));
    Result<Rows> rows = holder_->Query(sql, {}, doing);
    const Status after =
        holder_->Run(rows.ok() ? "RELEASE SAVEPOINT tarn" : "ROLLBACK TO SAVEPOINT tarn", doing);
    if (rows.ok()) TARN_RETURN_IF_ERROR(after);
    return rows;
  }

  Result<std::shared_ptr<const PgTable>> Load(const SourceTableName& name) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (auto found = tables_.find(name); found != tables_.end()) return found->second;
    TARN_ASSIGN_OR_RETURN(const std::vector<Candidate> candidates,
                          ListCandidates(*holder_, name.schema, name.name));
    const auto gone = [&] {
      return NotFound("table " + name.ToString() + " does not exist in " + context_->spec.address(),
                      "run `tarn plan` to see what the source has");
    };
    if (candidates.empty()) return gone();
    TARN_RETURN_IF_ERROR(CheckReadable(*holder_, candidates[0]));
    TARN_ASSIGN_OR_RETURN(auto tables, LoadTables(*holder_, candidates, context_->choices));
    if (tables.empty()) return gone();
    const PgTable& table = *tables[0];
    const std::string doing = "locking " + name.ToString();
    // Planning a SELECT takes the lock, on partitions too, and meets every refusal.
    const std::string list = ProjectAll(table).select_list;
    Result<Rows> locked =
        Guarded("SELECT " + list + " FROM " + QuoteName(name) + " LIMIT 0", doing);
    if (!locked.ok()) {
      if (locked.error().kind != ErrorKind::kNotFound) return locked.status();
      return Conflict("table " + name.ToString() + " was dropped or altered when its load began",
                      "run again");
    }
    TARN_RETURN_IF_ERROR(CheckNotRewritten(table));
    std::shared_ptr<const PgTable> result = tables[0];
    if (publication_) {
      TARN_ASSIGN_OR_RETURN(auto published,
                            LoadPublished(*holder_, {candidates[0].oid}, *publication_));
      const Published& told = published[candidates[0].oid];
      TARN_RETURN_IF_ERROR(CheckPublished(table, told, *publication_));
      TARN_ASSIGN_OR_RETURN(result, Restricted(table, told.columns, told.identity));
      if (!told.row_filter.empty()) filters_[name] = "(" + told.row_filter + ")";
    }
    tables_[name] = result;
    return result;
  }

  std::string FilterOf(const SourceTableName& name) {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto found = filters_.find(name);
    return found != filters_.end() ? found->second : "";
  }

  // TRUNCATE and rewriting ALTER TABLE are not MVCC: to an older snapshot the table is empty.
  Status CheckNotRewritten(const PgTable& table) {
    TARN_ASSIGN_OR_RETURN(Rows rows, holder_->Query(R"(
SELECT count(*) FROM pg_catalog.pg_class c
WHERE (c.oid = $1::oid OR c.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::oid)))
  AND c.relfilenode <> 0 AND c.relfilenode <> pg_catalog.pg_relation_filenode(c.oid))",
                                                    {std::to_string(table.oid)},
                                                    "checking " + table.table.name.ToString()));
    if (rows.integer(0, 0) == 0) return Status::Ok();
    return Conflict(
        "table " + table.table.name.ToString() + " was truncated or rewritten when its load began",
        "run again");
  }

  Result<std::shared_ptr<const PgTable>> Known(const SourceTable& table) {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<const PgTable> known, Load(table.name));
    if (known->table.fingerprint == table.fingerprint) return known;
    return Conflict("table " + table.name.ToString() + " was altered since it was described",
                    "run again");
  }

  Result<std::string> NameOf(uint32_t oid) {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto found = names_.find(oid);
    if (found != names_.end()) return found->second;
    return InvalidArgument("a range of another snapshot was opened in this one");
  }

  // " AND …" that leaves out what is after every value of the type.
  std::string FiniteCondition(const std::string& name, const PgColumn& column) const {
    if (column.dimensions > 0) return "";
    switch (column.value_oid) {
      case 1082:  // date
      case 1114:  // timestamp
      case 1184:  // timestamptz
        return " AND pg_catalog.isfinite(" + name + ")";
      case 700:  // float4
      case 701:  // float8
        return " AND " + name + " NOT IN ('NaN', 'Infinity')";
      case 1700: {  // numeric
        // Since PostgreSQL 14 a numeric can be infinite.
        const bool infinities = holder_->server_version() >= 140000;
        return " AND " + name + (infinities ? " NOT IN ('NaN', 'Infinity')" : " <> 'NaN'");
      }
      default:
        return "";
    }
  }

  static Result<std::string> CursorCondition(const PgTable& table, const CursorRange& cursor) {
    TARN_ASSIGN_OR_RETURN(const std::vector<int> at, table.Positions({cursor.column}));
    const PgColumn& column = table.columns[static_cast<size_t>(at[0])];
    const std::string name = QuoteIdentifier(column.name);
    // Without its modifier the literal is compared as it is, neither rounded nor cut.
    const std::string type = table.cursor_types[static_cast<size_t>(at[0])];
    const auto literal = [&](const std::string& text) { return QuoteLiteral(text) + "::" + type; };
    const std::string upto = name + " <= " + literal(cursor.upto);
    const char* lower = cursor.lower == CursorRange::Lower::kInclusive ? " >= " : " > ";
    if (cursor.after) return "(" + name + lower + literal(*cursor.after) + " AND " + upto + ")";
    return "(" + upto + " OR " + name + " IS NULL)";
  }

  // A connection that sees what this snapshot sees.
  Result<std::unique_ptr<Connection>> JoinedConnection() {
    {
      const std::lock_guard<std::mutex> lock(idle_->mutex);
      if (!idle_->connections.empty()) {
        std::unique_ptr<Connection> connection = std::move(idle_->connections.back());
        idle_->connections.pop_back();
        return connection;
      }
    }
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection,
                          Connection::Open(context_->spec, context_->session));
    TARN_RETURN_IF_ERROR(
        connection->Run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "joining a snapshot"));
    if (Status joined = connection->Run("SET TRANSACTION SNAPSHOT " + QuoteLiteral(snapshot_id_),
                                        "joining a snapshot");
        !joined.ok()) {
      return Gone("the connection that held it was lost");
    }
    return connection;
  }

  const std::shared_ptr<const Context> context_;
  std::string position_;
  std::string snapshot_id_;
  std::optional<std::string> publication_;
  std::mutex mutex_;  // guards what follows
  std::unique_ptr<Connection> holder_;
  std::map<SourceTableName, std::shared_ptr<const PgTable>> tables_;
  std::map<SourceTableName, std::string> filters_;
  std::map<uint32_t, std::string> names_;
  const std::shared_ptr<IdleStreams> idle_ = std::make_shared<IdleStreams>();
};

}  // namespace

Result<std::unique_ptr<SourceSnapshot>> BeginSnapshot(std::shared_ptr<const Context> context) {
  auto snapshot = std::make_unique<Snapshot>(std::move(context));
  TARN_RETURN_IF_ERROR(snapshot->Begin());
  return std::unique_ptr<SourceSnapshot>(std::move(snapshot));
}

Result<std::unique_ptr<SourceSnapshot>> JoinSnapshot(std::shared_ptr<const Context> context,
                                                     ForeignSnapshot foreign) {
  auto snapshot = std::make_unique<Snapshot>(std::move(context));
  TARN_RETURN_IF_ERROR(snapshot->Join(std::move(foreign)));
  return std::unique_ptr<SourceSnapshot>(std::move(snapshot));
}

}  // namespace tarn::postgres
