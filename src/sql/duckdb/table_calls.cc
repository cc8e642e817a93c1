#include "sql/duckdb/table_calls.h"

#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/info_table.h"
#include "sql/duckdb/lake_catalog.h"
#include "sql/duckdb/points.h"
#include "sql/duckdb/statement_state.h"
#include "sql/duckdb/table_info.h"
#include "table/dual/analyze.h"

namespace tarn::duck {
namespace {

/// One table, and what a call made of it.
struct Outcome {
  TableName table;
  std::string result;
};

using Arguments = std::vector<std::string>;
using Call = std::vector<Outcome> (*)(LakeState&, const Arguments&);
using EngineCall = std::vector<Outcome> (*)(duckdb::ClientContext&, EngineState&, LakeState&,
                                            const Arguments&);

/// What the first argument names.
enum class About { kTable, kMoment };

struct CallInfo final : duckdb::TableFunctionInfo {
  CallInfo(EngineState& engine_state, About what, Call function, EngineCall engine_function)
      : engine(engine_state), about(what), call(function), engine_call(engine_function) {}
  EngineState& engine;
  const About about;
  const Call call;               ///< nullptr: the other one
  const EngineCall engine_call;  ///< reads or writes files
};

struct CallBindData final : duckdb::TableFunctionData {
  Arguments arguments;
  EngineState* engine = nullptr;
  Call call = nullptr;
  EngineCall engine_call = nullptr;
};

struct CallState final : duckdb::GlobalTableFunctionState {
  std::vector<Outcome> outcomes;
  size_t next = 0;
};

void CheckCatalog(const EngineState& engine, const std::string& table) {
  constexpr size_t kPartsMax = 3;
  const std::vector<std::string> parts = ValueOrThrow(SplitName(table));
  const std::string& lake = engine.options.catalog_name;
  if (parts.size() < kPartsMax) return;
  if (parts.size() > kPartsMax || !duckdb::StringUtil::CIEquals(parts[0], lake)) {
    Throw(InvalidArgument("table " + table + " is not in the lake", "its catalog is " + lake));
  }
}

duckdb::unique_ptr<duckdb::FunctionData> Bind(duckdb::ClientContext&,
                                              duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<LogicalType>& types,
                                              duckdb::vector<std::string>& names) {
  types = {LogicalType::VARCHAR, LogicalType::VARCHAR, LogicalType::VARCHAR};
  names = {"schema_name", "table_name", "result"};
  const auto& info = static_cast<const CallInfo&>(*input.info);
  auto bind = duckdb::make_uniq<CallBindData>();
  for (const Value& value : input.inputs) bind->arguments.push_back(Text(value));
  if (info.about == About::kTable) CheckCatalog(info.engine, bind->arguments[0]);
  bind->engine = &info.engine;
  bind->call = info.call;
  bind->engine_call = info.engine_call;
  return bind;
}

/// The work is done when the statement runs, not when it is prepared or explained.
duckdb::unique_ptr<duckdb::GlobalTableFunctionState> Init(duckdb::ClientContext& context,
                                                          duckdb::TableFunctionInitInput& input) {
  const auto& bind = input.bind_data->Cast<CallBindData>();
  auto state = duckdb::make_uniq<CallState>();
  LakeState& lake = Lake(context, *bind.engine);
  state->outcomes = bind.call != nullptr
                        ? bind.call(lake, bind.arguments)
                        : bind.engine_call(context, *bind.engine, lake, bind.arguments);
  return state;
}

void Scan(duckdb::ClientContext&, duckdb::TableFunctionInput& input, duckdb::DataChunk& output) {
  auto& state = input.global_state->Cast<CallState>();
  duckdb::idx_t count = 0;
  for (; state.next < state.outcomes.size() && count < STANDARD_VECTOR_SIZE; ++count) {
    const Outcome& outcome = state.outcomes[state.next++];
    output.SetValue(0, count, Value(outcome.table.schema));
    output.SetValue(1, count, Value(outcome.table.name));
    output.SetValue(2, count, Value(outcome.result));
  }
  output.SetCardinality(count);
}

/// The snapshot that a table has at a point; empty text: now.
std::pair<TableName, SnapshotId> SnapshotAt(LakeState& lake, const TableName& name,
                                            const std::string& point) {
  const LakeRelation relation = ValueOrThrow(
      point.empty() ? lake.Find(name) : lake.FindAt(name, ValueOrThrow(ParsePoint(point))));
  if (relation.table == nullptr || relation.table->metadata == nullptr) {
    Throw(NotFound("table " + name.ToString() + " does not exist, or is not committed yet"));
  }
  const LakeTable& table = *relation.table;
  if (point.empty() &&
      (!table.added.empty() || !table.deleted.empty() || table.base != LakeTable::Base::kVisible)) {
    Throw(InvalidArgument("table " + table.entry.name.ToString() + " has rows of this transaction",
                          "COMMIT them first, or name the snapshot that is meant"));
  }
  std::optional<SnapshotId> snapshot = relation.table->snapshot;
  if (!snapshot) snapshot = relation.table->metadata->current_snapshot;
  if (!snapshot) {
    Throw(
        InvalidArgument("table " + name.ToString() + " has no snapshot yet", "insert rows first"));
  }
  return {relation.table->entry.name, *snapshot};
}

std::vector<Outcome> CreateRef(LakeState& lake, const Arguments& arguments,
                               const std::string& type) {
  const std::string point = arguments.size() > 2 ? arguments[2] : "";
  const auto [table, snapshot] = SnapshotAt(lake, TableNameOf(arguments[0]), point);
  SnapshotRef ref;
  ref.type = type;
  ref.snapshot = snapshot;
  ThrowIfError(lake.Alter(table, [&](TableTransaction& transaction) {
    return transaction.CreateRef(arguments[1], ref);
  }));
  return {{table, type + " " + arguments[1] + " at snapshot " + std::to_string(snapshot.value())}};
}

std::vector<Outcome> CreateTag(LakeState& lake, const Arguments& arguments) {
  return CreateRef(lake, arguments, "tag");
}

std::vector<Outcome> CreateBranch(LakeState& lake, const Arguments& arguments) {
  return CreateRef(lake, arguments, "branch");
}

std::vector<Outcome> DropRef(LakeState& lake, const Arguments& arguments,
                             TableTransaction::RefKind kind) {
  const TableName table = TableNameOf(arguments[0]);
  ThrowIfError(lake.Alter(table, [&](TableTransaction& transaction) {
    return transaction.RemoveRef(arguments[1], kind);
  }));
  return {{table, "dropped " + arguments[1]}};
}

std::vector<Outcome> DropTag(LakeState& lake, const Arguments& arguments) {
  return DropRef(lake, arguments, TableTransaction::RefKind::kTag);
}

std::vector<Outcome> DropBranch(LakeState& lake, const Arguments& arguments) {
  return DropRef(lake, arguments, TableTransaction::RefKind::kBranch);
}

std::vector<Outcome> RollbackTable(LakeState& lake, const Arguments& arguments) {
  const TableName table = TableNameOf(arguments[0]);
  ThrowIfError(lake.RollBack(table, ValueOrThrow(ParsePoint(arguments[1]))));
  return {{table, "rolled back to " + arguments[1]}};
}

/// Tables that users own go back; what a source or a model keeps is made anew by them.
std::vector<Outcome> RollbackLake(LakeState& lake, const Arguments& arguments) {
  const LakePoint point = ValueOrThrow(ParsePoint(arguments[0]));
  if (!point.sequence) {
    Throw(InvalidArgument("\"" + arguments[0] + "\" is no moment of the whole lake",
                          "write 'sequence 42'; system.commits lists them"));
  }
  ThrowIfError(lake.CheckSequence(*point.sequence));
  std::vector<Outcome> outcomes;
  for (const std::string& schema : ValueOrThrow(lake.ListSchemas())) {
    for (const LakeRelation& relation : ValueOrThrow(lake.List(schema))) {
      if (relation.table == nullptr) continue;
      const TableEntry& entry = relation.table->entry;
      if (entry.sequence <= *point.sequence) continue;
      if (!entry.owner.empty()) {
        outcomes.push_back({entry.name, "left: kept by " + entry.owner});
        continue;
      }
      if (!ValueOrThrow(lake.ExistedAt(entry.uuid, *point.sequence))) {
        outcomes.push_back({entry.name, "left: it is newer than that"});
        continue;
      }
      ThrowIfError(lake.RollBack(entry.name, point));
      outcomes.push_back({entry.name, "rolled back to " + arguments[0]});
    }
  }
  return outcomes;
}

std::vector<Outcome> AnalyzeTableCall(duckdb::ClientContext& context, EngineState& engine,
                                      LakeState& lake, const Arguments& arguments) {
  const LakeRelation relation = ValueOrThrow(lake.Find(TableNameOf(arguments[0])));
  if (relation.table == nullptr || relation.table->metadata == nullptr) {
    Throw(NotFound("table " + arguments[0] + " does not exist, or is not committed yet"));
  }
  const LakeTable& table = *relation.table;
  if (!table.added.empty() || !table.deleted.empty() || table.base != LakeTable::Base::kVisible) {
    Throw(InvalidArgument("table " + table.entry.name.ToString() + " has rows of this transaction",
                          "COMMIT them, then ANALYZE"));
  }
  // Asks whether the table may be changed, before it is read.
  ThrowIfError(lake.Alter(table.entry.name, [](TableTransaction&) { return Status::Ok(); }));
  const auto statement = StatementState::Find(context);
  StatisticsFile file = ValueOrThrow(AnalyzeTable(engine.options.tables, *table.metadata, nullptr,
                                                  statement ? &statement->cancel : nullptr));
  const std::string result = "distinct values of " + std::to_string(file.blobs.size()) + " columns";
  ThrowIfError(lake.Alter(table.entry.name, [&](TableTransaction& transaction) {
    transaction.SetStatistics(std::move(file));
    return Status::Ok();
  }));
  return {{table.entry.name, result}};
}

void Add(duckdb::ExtensionLoader& loader, EngineState& engine, const std::string& name,
         std::vector<duckdb::idx_t> argument_counts, Call call, EngineCall engine_call = nullptr) {
  duckdb::TableFunctionSet functions(name);
  for (const duckdb::idx_t count : argument_counts) {
    const duckdb::vector<LogicalType> types(count, LogicalType::VARCHAR);
    duckdb::TableFunction function(name, types, Scan, Bind, Init);
    function.function_info = duckdb::make_shared_ptr<CallInfo>(
        engine, call == RollbackLake ? About::kMoment : About::kTable, call, engine_call);
    functions.AddFunction(std::move(function));
  }
  loader.RegisterFunction(std::move(functions));
}

}  // namespace

TableName TableNameOf(const std::string& text) {
  const std::vector<std::string> parts = ValueOrThrow(SplitName(text));
  if (parts.size() < 2) {
    Throw(InvalidArgument("\"" + text + "\" does not name a table", "write 'schema.table'"));
  }
  return {parts[parts.size() - 2], parts.back()};
}

void RegisterTableCalls(duckdb::ExtensionLoader& loader, EngineState& engine) {
  Add(loader, engine, "create_tag", {2, 3}, CreateTag);
  Add(loader, engine, "create_branch", {2, 3}, CreateBranch);
  Add(loader, engine, "drop_tag", {2}, DropTag);
  Add(loader, engine, "drop_branch", {2}, DropBranch);
  Add(loader, engine, "rollback_table", {2}, RollbackTable);
  Add(loader, engine, "rollback_lake", {1}, RollbackLake);
  Add(loader, engine, "analyze_table", {1}, nullptr, AnalyzeTableCall);
}

}  // namespace tarn::duck
