#include "sql/duckdb/changes_view.h"

#include <utility>
#include <vector>

#include "base/text.h"
#include "duckdb/parser/tableref/subqueryref.hpp"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/info_table.h"
#include "sql/duckdb/points.h"
#include "sql/duckdb/table_calls.h"
#include "sql/duckdb/table_info.h"
#include "table/dual/row_history.h"

namespace tarn::duck {
namespace {

std::string Quoted(const std::string& name) { return QuoteIdentifier(name); }

/// Writes the query. It reads, inside out: the raw rows; how often a row id was taken out and put
/// in by a snapshot; without rows that only moved, how often rows of equal values were; what is
/// left of each side.
class QueryWriter {
 public:
  QueryWriter(const EngineState& engine, const ChangesRange& range) : range_(range) {
    prefix_ =
        Quoted(engine.options.catalog_name) + "." + Quoted(range.table->entry.name.schema) + ".";
    for (const Field& field : range.table->schema.fields) {
      columns_ += ", " + Quoted(field.name);
    }
    lineage_ = range.table->metadata->format_version >= 3;
  }

  std::string Write() {
    const std::string is_insert = Quoted(kChangeIsInsert);
    const std::string type = "CASE WHEN " + is_insert + " THEN 'insert' ELSE 'delete' END";
    return "SELECT " + Heads(type) + columns_ + " FROM (" + Raw(ChangesRange::Part::kPlain) +
           ") UNION ALL " + Paired();
  }

 private:
  /// The first columns of the result.
  std::string Heads(const std::string& type) const {
    const auto head = [this](const std::string& expression, std::string name) {
      while (range_.table->schema.Find(name) != nullptr) name = "_" + name;
      return expression + " AS " + Quoted(name);
    };
    return head(type, "change_type") + ", " + head(Quoted(kChangeSnapshot), "snapshot_id") + ", " +
           head(Quoted(kChangeSequence), "sequence_number") + ", " +
           head(Quoted(kChangeTime), "committed_at") + ", " + head(kId, "_row_id");
  }

  std::string Raw(ChangesRange::Part part) const {
    ChangesRange range = range_;
    range.part = part;
    std::string sql = "SELECT ";
    for (const char* name : {kChangeIsInsert, kChangeSnapshot, kChangeSequence, kChangeTime}) {
      sql += Quoted(name) + ", ";
    }
    return sql + "coalesce(" + Quoted(kChangeRowId) + ", " + Quoted(kChangeFirstRowId) + " + " +
           Quoted(kChangePosition) + ") AS " + kId + ", coalesce(" + Quoted(kChangeUpdated) + ", " +
           Quoted(kChangeSequence) + ") AS " + kUpdatedAt + columns_ + " FROM " + prefix_ +
           Quoted(NameOfChanges(range));
  }

  std::string Paired() const {
    const std::string is_insert = Quoted(kChangeIsInsert);
    // An argument instead of FILTER: with that DuckDB counts a whole partition for each of its
    // rows.
    const std::string taken = "count(CASE WHEN NOT " + is_insert + " THEN 1 END) OVER ";
    const std::string put = "count(CASE WHEN " + is_insert + " THEN 1 END) OVER ";
    const std::string snapshot = Quoted(kChangeSnapshot);
    std::string rows = "(" + Raw(ChangesRange::Part::kPaired) + ")";
    std::string same_kind = snapshot;
    std::string updated = "false";
    if (lineage_) {
      // A row that was written anew before this snapshot is one that it moved.
      rows = "(SELECT *, " + Quoted(kIsUpdate) + " AND min(CASE WHEN " + is_insert + " THEN " +
             kUpdatedAt + " END) OVER by_id < " + Quoted(kChangeSequence) + " AS " +
             Quoted(kIsMove) + " FROM (SELECT *, " + kId + " IS NOT NULL AND " + taken +
             "by_id > 0 AND " + put + "by_id > 0 AS " + Quoted(kIsUpdate) + " FROM " + rows +
             " WINDOW by_id AS (PARTITION BY " + snapshot + ", " + kId +
             ")) WINDOW by_id AS (PARTITION BY " + snapshot + ", " + kId + "))";
      rows = "(SELECT * FROM " + rows + " WHERE NOT " + Quoted(kIsMove) + ")";
      updated = Quoted(kIsUpdate);
      same_kind += ", " + updated;
    }
    const std::string by_values = "(PARTITION BY " + same_kind + columns_ + ")";
    rows = "(SELECT *, " + taken + "by_values AS " + Quoted(kTaken) + ", " + put + "by_values AS " +
           Quoted(kPut) + ", row_number() OVER (PARTITION BY " + same_kind + ", " + is_insert +
           columns_ + ") AS " + Quoted(kNumber) + " FROM " + rows + " WINDOW by_values AS " +
           by_values + ")";
    const std::string type = "CASE WHEN " + updated + " THEN CASE WHEN " + is_insert +
                             " THEN 'update_postimage' ELSE 'update_preimage' END WHEN " +
                             is_insert + " THEN 'insert' ELSE 'delete' END";
    return "SELECT " + Heads(type) + columns_ + " FROM " + rows + " WHERE " + updated + " OR " +
           Quoted(kNumber) + " > CASE WHEN " + is_insert + " THEN " + Quoted(kTaken) + " ELSE " +
           Quoted(kPut) + " END";
  }

  static constexpr char kId[] = "\"$tarn$id\"";
  static constexpr char kUpdatedAt[] = "\"$tarn$updated_at\"";
  static constexpr char kIsUpdate[] = "$tarn$is_update";
  static constexpr char kIsMove[] = "$tarn$is_move";
  static constexpr char kTaken[] = "$tarn$taken";
  static constexpr char kPut[] = "$tarn$put";
  static constexpr char kNumber[] = "$tarn$number";

  const ChangesRange& range_;
  std::string prefix_;
  std::string columns_;  ///< of the table, each with a comma before it
  bool lineage_ = false;
};

/// The state of a table that a point names, as the snapshot that it had; nullopt for a time at
/// which it had none yet.
Result<std::optional<SnapshotId>> SnapshotOf(LakeState& lake, const LakeTable& now,
                                             const LakePoint& point) {
  const TableMetadata& metadata = *now.metadata;
  if (point.timestamp_ms && metadata.current_snapshot) {
    // A time before the first state is the beginning, if that is known still.
    const auto& log = metadata.snapshot_log;
    const bool before_all = log.empty() || log.front().first > *point.timestamp_ms;
    const Snapshot* oldest = OldestAncestor(metadata, *metadata.current_snapshot);
    if (before_all && oldest != nullptr && !oldest->parent) return std::optional<SnapshotId>();
  }
  auto found = lake.SnapshotAt(now.entry.name, point);
  if (found.ok()) return found;
  std::string hint;
  if (metadata.current_snapshot && found.error().kind == ErrorKind::kNotFound) {
    const Snapshot* oldest = OldestAncestor(metadata, *metadata.current_snapshot);
    hint = "the oldest point that is left is snapshot " + std::to_string(oldest->id.value());
  }
  return std::move(found)
      .Wrap("the changes of " + now.entry.name.ToString() + " cannot be told")
      .Hint(hint);
}

duckdb::unique_ptr<duckdb::TableRef> Replace(duckdb::ClientContext& context,
                                             duckdb::TableFunctionBindInput& input) {
  EngineState& engine = static_cast<const EngineFunctionInfo&>(*input.info).engine;
  LakeState& lake = Lake(context, engine);
  const TableName name = TableNameOf(Text(input.inputs.at(0)));
  const LakeRelation relation = ValueOrThrow(lake.Find(name));
  if (relation.table == nullptr) {
    Throw(NotFound("table " + name.ToString() + " does not exist", "SHOW TABLES lists them"));
  }
  if (relation.table->metadata == nullptr) {
    Throw(NotFound("table " + name.ToString() + " has no history: this transaction created it",
                   "COMMIT first"));
  }
  ChangesRange range;
  range.table = relation.table;
  range.to = range.table->metadata->current_snapshot;
  const Value& from = input.inputs.at(1);
  if (!from.IsNull()) {
    range.from = ValueOrThrow(SnapshotOf(lake, *range.table, PointOf(context, from)));
  }
  if (input.inputs.size() > 2 && !input.inputs[2].IsNull()) {
    range.to = ValueOrThrow(SnapshotOf(lake, *range.table, PointOf(context, input.inputs[2])));
  }
  if (range.to) {
    // What cannot be told is said before anything runs.
    const TableMetadata& metadata = *range.table->metadata;
    const auto between = ValueOrThrow(SnapshotsBetween(metadata, range.from, *range.to));
    if (!from.IsNull() && between.begin == SnapshotRange::Begin::kExpired) {
      Throw(NotFound("the changes of " + name.ToString() +
                         " since it was empty cannot be told: its first snapshots expired",
                     "the oldest point that is left is snapshot " +
                         std::to_string(OldestAncestor(metadata, *range.to)->id.value())));
    }
  }
  const std::string sql = ChangesQuery(engine, range);
  auto select = duckdb::CreateViewInfo::ParseSelect(sql);
  return duckdb::make_uniq<duckdb::SubqueryRef>(std::move(select), "table_changes");
}

}  // namespace

std::string ChangesQuery(const EngineState& engine, const ChangesRange& range) {
  return QueryWriter(engine, range).Write();
}

std::shared_ptr<const ViewEntry> ChangesView(const EngineState& engine,
                                             std::shared_ptr<const LakeTable> table,
                                             std::optional<SnapshotId> to) {
  if (table->metadata == nullptr) {
    Throw(NotFound(
        "table " + table->entry.name.ToString() + " has no history: this transaction created it",
        "COMMIT first"));
  }
  ChangesRange range;
  range.to = to ? to : table->metadata->current_snapshot;
  auto view = std::make_shared<ViewEntry>();
  view->name = {table->entry.name.schema, table->entry.name.name + "$changes"};
  range.table = std::move(table);
  view->sql = ChangesQuery(engine, range);
  return view;
}

void RegisterTableChanges(duckdb::ExtensionLoader& loader, EngineState& engine) {
  duckdb::TableFunctionSet functions("table_changes");
  const duckdb::vector<LogicalType> types = {LogicalType::VARCHAR, LogicalType::ANY,
                                             LogicalType::ANY};
  for (duckdb::idx_t count = 2; count <= types.size(); ++count) {
    duckdb::TableFunction function(
        "table_changes", duckdb::vector<LogicalType>(types.begin(), types.begin() + count), nullptr,
        nullptr);
    function.bind_replace = Replace;
    function.function_info = duckdb::make_shared_ptr<EngineFunctionInfo>(engine);
    functions.AddFunction(std::move(function));
  }
  loader.RegisterFunction(std::move(functions));
}

}  // namespace tarn::duck
