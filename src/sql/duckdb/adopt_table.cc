#include "sql/duckdb/adopt_table.h"

#include <utility>

#include "catalog/adopt_delta.h"
#include "sql/duckdb/constraints.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/foreign_table.h"
#include "sql/duckdb/info_table.h"
#include "sql/duckdb/tokens.h"
#include "table/model/adopted_columns.h"

namespace tarn::duck {
namespace {

/// What is adopted, read out of its table's metadata.
using Reader = AdoptedTable (*)(EngineState&, const std::string& location, const ForeignPoint&);

struct AdoptInfo final : duckdb::TableFunctionInfo {
  AdoptInfo(EngineState& engine_state, Reader read_table)
      : engine(engine_state), read(read_table) {}
  EngineState& engine;
  const Reader read;
};

struct AdoptBindData final : duckdb::TableFunctionData {
  EngineState* engine = nullptr;
  Reader read = nullptr;
  std::string name;
  bool keep = false;
  std::string location;
  ForeignPoint point;
};

struct AdoptState final : duckdb::GlobalTableFunctionState {
  std::vector<Value> answer;  ///< one row, or none
};

std::string From(const std::string& format, const std::string& uri, const std::string& state) {
  return format + " " + uri + (state.empty() ? "" : " " + state);
}

AdoptedTable ReadIceberg(EngineState& engine, const std::string& location,
                         const ForeignPoint& point) {
  const ForeignIceberg found = ValueOrThrow(FindForeignIceberg(engine, location, point));
  AdoptedTable adopted = ValueOrThrow(AdoptIceberg(found.context, *found.metadata, found.snapshot));
  const std::string state =
      found.snapshot == nullptr ? "" : "snapshot " + std::to_string(found.snapshot->id.value());
  adopted.seed.properties[kAdoptedFromProperty] = From("iceberg", found.metadata->location, state);
  return adopted;
}

AdoptedTable ReadDelta(EngineState& engine, const std::string& location,
                       const ForeignPoint& point) {
  const ForeignDelta found = ValueOrThrow(FindForeignDelta(engine, location, point));
  AdoptedTable adopted =
      ValueOrThrow(AdoptDelta(*found.store, engine.options.limits, *found.snapshot));
  adopted.seed.properties[kAdoptedFromProperty] = From(
      "delta", found.snapshot->table_uri(), "version " + std::to_string(found.snapshot->version()));
  return adopted;
}

duckdb::unique_ptr<duckdb::FunctionData> Bind(duckdb::ClientContext&,
                                              duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<LogicalType>& types,
                                              duckdb::vector<std::string>& names) {
  types = {LogicalType::VARCHAR, LogicalType::VARCHAR, LogicalType::BIGINT, LogicalType::BIGINT};
  names = {"schema_name", "table_name", "data_files", "rows"};
  const auto& info = static_cast<const AdoptInfo&>(*input.info);
  auto bind = duckdb::make_uniq<AdoptBindData>();
  bind->engine = &info.engine;
  bind->read = info.read;
  bind->name = Text(input.inputs[0]);
  bind->keep = Text(input.inputs[1]) == "keep";
  bind->location = Text(input.inputs[2]);
  for (const auto& [key, value] : input.named_parameters) {
    if (value.IsNull()) continue;
    if (key == "version") {
      bind->point.version = value.ToString();
    } else {
      bind->point.timestamp_ms =
          duckdb::Timestamp::GetEpochMs(value.GetValue<duckdb::timestamp_tz_t>());
    }
  }
  return bind;
}

/// The work is done when the statement runs, not when it is prepared or explained.
duckdb::unique_ptr<duckdb::GlobalTableFunctionState> Init(duckdb::ClientContext& context,
                                                          duckdb::TableFunctionInitInput& input) {
  const auto& bind = input.bind_data->Cast<AdoptBindData>();
  LakeState& lake = Lake(context, *bind.engine);
  TableName name = ResolveTable(context, *bind.engine, bind.name);
  const auto schema = ValueOrThrow(lake.FindSchema(name.schema));
  if (!schema) {
    Throw(NotFound(
        "schema " + name.schema + " does not exist in " + bind.engine->options.catalog_name,
        "CREATE SCHEMA first"));
  }
  name.schema = *schema;
  auto state = duckdb::make_uniq<AdoptState>();
  // Before all files are looked into.
  if (const LakeRelation old = ValueOrThrow(lake.Find(name)); old) {
    if (bind.keep) return state;
    Throw(AlreadyExists(
        std::string(old.table ? "table " : "view ") + name.ToString() + " already exists",
        "use IF NOT EXISTS or another name"));
  }
  AdoptedTable adopted = bind.read(*bind.engine, bind.location, bind.point);
  // Constraints that nobody here could keep are no table's.
  const RowChecks checks(context, name, adopted.seed.schema(),
                         ConstraintsOf(adopted.seed.properties));
  int64_t rows = 0;
  for (const DataFile& file : adopted.files) rows += file.record_count;
  for (const RowDeletes& deletes : adopted.deletes) rows -= deletes.positions.cardinality();
  state->answer = {Value(name.schema), Value(name.name),
                   Value::BIGINT(static_cast<int64_t>(adopted.files.size())), Value::BIGINT(rows)};
  ThrowIfError(lake.AdoptTable(name, std::move(adopted)));
  return state;
}

void Scan(duckdb::ClientContext&, duckdb::TableFunctionInput& input, duckdb::DataChunk& output) {
  auto& state = input.global_state->Cast<AdoptState>();
  for (size_t i = 0; i < state.answer.size(); ++i) output.SetValue(i, 0, state.answer[i]);
  output.SetCardinality(state.answer.empty() ? 0 : 1);
  state.answer.clear();
}

void Add(duckdb::ExtensionLoader& loader, EngineState& engine, const std::string& name,
         Reader read) {
  const duckdb::vector<LogicalType> arguments(3, LogicalType::VARCHAR);
  duckdb::TableFunction function(name, arguments, Scan, Bind, Init);
  function.named_parameters = {{"version", LogicalType::VARCHAR},
                               {"timestamp", LogicalType::TIMESTAMP_TZ}};
  function.function_info = duckdb::make_shared_ptr<AdoptInfo>(engine, read);
  loader.RegisterFunction(std::move(function));
}

}  // namespace

void RegisterAdoptTable(duckdb::ExtensionLoader& loader, EngineState& engine) {
  Add(loader, engine, "tarn_adopt_iceberg", ReadIceberg);
  Add(loader, engine, "tarn_adopt_delta", ReadDelta);
}

}  // namespace tarn::duck
