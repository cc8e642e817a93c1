#include "sql/duckdb/info_table.h"

#include <utility>

#include "sql/duckdb/lake_catalog.h"

namespace tarn::duck {
namespace {

struct MakerInfo final : duckdb::TableFunctionInfo {
  MakerInfo(EngineState& engine_state, InfoMaker info_maker)
      : engine(engine_state), maker(info_maker) {}
  EngineState& engine;
  const InfoMaker maker;
};

struct InfoBindData final : duckdb::TableFunctionData {
  InfoTable table;
};
struct InfoState final : duckdb::GlobalTableFunctionState {
  size_t row = 0;
};

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> Init(duckdb::ClientContext&,
                                                          duckdb::TableFunctionInitInput&) {
  return duckdb::make_uniq<InfoState>();
}

void Scan(duckdb::ClientContext&, duckdb::TableFunctionInput& input, duckdb::DataChunk& output) {
  const InfoTable& table = input.bind_data->Cast<InfoBindData>().table;
  auto& state = input.global_state->Cast<InfoState>();
  duckdb::idx_t count = 0;
  for (; state.row < table.rows.size() && count < STANDARD_VECTOR_SIZE; ++state.row, ++count) {
    for (size_t column = 0; column < table.names.size(); ++column) {
      output.SetValue(column, count, table.rows[state.row][column]);
    }
  }
  output.SetCardinality(count);
}

duckdb::unique_ptr<duckdb::FunctionData> Bind(duckdb::ClientContext& context,
                                              duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<LogicalType>& types,
                                              duckdb::vector<std::string>& names) {
  auto bind = duckdb::make_uniq<InfoBindData>();
  const auto& info = static_cast<const MakerInfo&>(*input.info);
  bind->table = info.maker(context, info.engine, {input.inputs.begin(), input.inputs.end()});
  types = bind->table.types;
  names = bind->table.names;
  return bind;
}

}  // namespace

void AddInfoFunction(duckdb::ExtensionLoader& loader, EngineState& engine, const std::string& name,
                     duckdb::idx_t arguments, InfoMaker maker) {
  const duckdb::vector<LogicalType> types(arguments, LogicalType::VARCHAR);
  duckdb::TableFunction function(name, types, Scan, Bind, Init);
  function.function_info = duckdb::make_shared_ptr<MakerInfo>(engine, maker);
  loader.RegisterFunction(std::move(function));
}

void AddSystemView(duckdb::DatabaseInstance& database, const std::string& name,
                   const std::string& sql) {
  duckdb::CreateViewInfo info;
  info.schema = DEFAULT_SCHEMA;
  info.view_name = name;
  info.sql = sql;
  info.query = duckdb::CreateViewInfo::ParseSelect(sql);
  info.internal = true;
  duckdb::Catalog::GetSystemCatalog(database).CreateView(
      duckdb::CatalogTransaction::GetSystemTransaction(database), info);
}

LakeState& Lake(duckdb::ClientContext& context, EngineState& engine) {
  auto& catalog = duckdb::Catalog::GetCatalog(context, engine.options.catalog_name);
  return LakeTransaction::Get(context, catalog).state();
}

std::string Text(const Value& value) { return value.IsNull() ? "" : value.ToString(); }

Value Time(int64_t micros) { return Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(micros)); }

}  // namespace tarn::duck
