#include <utility>

#include "base/text.h"
#include "sql/duckdb/constraints.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/info_table.h"
#include "sql/duckdb/tokens.h"

namespace tarn::duck {
namespace {

using Arguments = std::vector<std::string>;
/// Does the work on a table; what became of it.
using Work = std::string (*)(duckdb::ClientContext&, LakeState&, const TableName&,
                             const Arguments&);

struct CallInfo final : duckdb::TableFunctionInfo {
  CallInfo(EngineState& engine_state, Work function) : engine(engine_state), work(function) {}
  EngineState& engine;
  const Work work;
};

struct CallBindData final : duckdb::TableFunctionData {
  EngineState* engine = nullptr;
  Work work = nullptr;
  Arguments arguments;
};

struct CallState final : duckdb::GlobalTableFunctionState {
  TableName table;
  std::string result;
  bool told = false;
};

duckdb::unique_ptr<duckdb::FunctionData> Bind(duckdb::ClientContext&,
                                              duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<LogicalType>& types,
                                              duckdb::vector<std::string>& names) {
  types = {LogicalType::VARCHAR, LogicalType::VARCHAR, LogicalType::VARCHAR};
  names = {"schema_name", "table_name", "result"};
  const auto& info = static_cast<const CallInfo&>(*input.info);
  auto bind = duckdb::make_uniq<CallBindData>();
  bind->engine = &info.engine;
  bind->work = info.work;
  for (const Value& value : input.inputs) bind->arguments.push_back(Text(value));
  return bind;
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> Init(duckdb::ClientContext& context,
                                                          duckdb::TableFunctionInitInput& input) {
  const auto& bind = input.bind_data->Cast<CallBindData>();
  LakeState& lake = Lake(context, *bind.engine);
  const TableName name = ResolveTable(context, *bind.engine, bind.arguments[0]);
  const LakeRelation relation = ValueOrThrow(lake.Find(name));
  if (relation.table == nullptr) {
    Throw(NotFound("table " + name.ToString() + " does not exist", "SHOW TABLES lists them"));
  }
  auto state = duckdb::make_uniq<CallState>();
  state->table = relation.table->entry.name;
  state->result = bind.work(context, lake, state->table, bind.arguments);
  return state;
}

void Scan(duckdb::ClientContext&, duckdb::TableFunctionInput& input, duckdb::DataChunk& output) {
  auto& state = input.global_state->Cast<CallState>();
  if (!state.told) {
    output.SetValue(0, 0, Value(state.table.schema));
    output.SetValue(1, 0, Value(state.table.name));
    output.SetValue(2, 0, Value(state.result));
  }
  output.SetCardinality(state.told ? 0 : 1);
  state.told = true;
}

/// A constraint's name without its quotes. Delta tells names apart without regard to case.
std::string NameOf(const std::string& text) {
  const std::vector<std::string> parts = ValueOrThrow(SplitName(text));
  if (parts.size() != 1 || parts[0].empty()) {
    Throw(InvalidArgument("\"" + text + "\" is no name of a constraint"));
  }
  return parts[0];
}

std::optional<std::string> Find(const std::map<std::string, std::string>& constraints,
                                const std::string& name) {
  for (const auto& [known, expression] : constraints) {
    if (duckdb::StringUtil::CIEquals(known, name)) return known;
  }
  return std::nullopt;
}

std::string AddConstraint(duckdb::ClientContext& context, LakeState& lake, const TableName& table,
                          const Arguments& arguments) {
  const std::string name = NameOf(arguments[1]);
  const std::string expression = ToSpark(arguments[2]);
  if (Find(ValueOrThrow(lake.Constraints(table)), name)) {
    Throw(AlreadyExists("table " + table.ToString() + " has a constraint " + QuoteIdentifier(name),
                        "DROP CONSTRAINT it first, or choose another name"));
  }
  const Schema schema = ValueOrThrow(lake.Find(table)).table->schema;
  const RowChecks checks(context, table, schema, {{name, expression}});
  ThrowIfError(lake.AddConstraint(table, name, expression));
  return "added constraint " + name;
}

std::string DropConstraint(duckdb::ClientContext&, LakeState& lake, const TableName& table,
                           const Arguments& arguments) {
  const std::string name = NameOf(arguments[1]);
  const auto known = Find(ValueOrThrow(lake.Constraints(table)), name);
  if (known) {
    const bool dropped = ValueOrThrow(lake.DropConstraint(table, *known));
    if (dropped) return "dropped constraint " + *known;
  }
  if (arguments[2].empty()) {
    Throw(NotFound("table " + table.ToString() + " has no constraint " + QuoteIdentifier(name),
                   "`tarn show` lists its properties"));
  }
  return "there was no constraint " + name;
}

void Add(duckdb::ExtensionLoader& loader, EngineState& engine, const std::string& name, Work work) {
  const duckdb::vector<LogicalType> arguments(3, LogicalType::VARCHAR);
  duckdb::TableFunction function(name, arguments, Scan, Bind, Init);
  function.function_info = duckdb::make_shared_ptr<CallInfo>(engine, work);
  loader.RegisterFunction(std::move(function));
}

}  // namespace

void RegisterConstraintCalls(duckdb::ExtensionLoader& loader, EngineState& engine) {
  Add(loader, engine, "tarn_add_constraint", AddConstraint);
  Add(loader, engine, "tarn_drop_constraint", DropConstraint);
}

}  // namespace tarn::duck
