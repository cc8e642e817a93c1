#include "sql/duckdb/info_functions.h"

#include <functional>
#include <utility>
#include <vector>

#include "sql/duckdb/errors.h"
#include "sql/duckdb/lake_catalog.h"
#include "sql/duckdb/lake_table.h"
#include "table/model/partition.h"

namespace tarn::duck {
namespace {

using duckdb::LogicalType;
using duckdb::Value;

struct InfoTable {
  duckdb::vector<std::string> names;
  duckdb::vector<LogicalType> types;
  std::vector<std::vector<Value>> rows;
  void Column(const std::string& name, const LogicalType& type) {
    names.push_back(name);
    types.push_back(type);
  }
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

using Maker = InfoTable (*)(duckdb::ClientContext&, EngineState&, const std::vector<Value>&);

template <Maker kMaker>
duckdb::unique_ptr<duckdb::FunctionData> Bind(duckdb::ClientContext& context,
                                              duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<LogicalType>& types,
                                              duckdb::vector<std::string>& names) {
  auto bind = duckdb::make_uniq<InfoBindData>();
  EngineState& engine = static_cast<EngineFunctionInfo&>(*input.info).engine;
  bind->table = kMaker(context, engine, {input.inputs.begin(), input.inputs.end()});
  types = bind->table.types;
  names = bind->table.names;
  return bind;
}

std::string Text(const Value& value) { return value.IsNull() ? "" : value.ToString(); }

LakeState& Lake(duckdb::ClientContext& context, EngineState& engine) {
  auto& catalog = duckdb::Catalog::GetCatalog(context, engine.options.catalog_name);
  return LakeTransaction::Get(context, catalog).state();
}

bool IsLake(const EngineState& engine, const std::string& name) {
  return duckdb::StringUtil::CIEquals(name, engine.options.catalog_name);
}

/// The source of that name; nullptr when there is none.
Source* FindSource(const EngineState& engine, const std::string& name) {
  for (const auto& [source_name, source] : engine.options.sources) {
    if (duckdb::StringUtil::CIEquals(name, source_name)) return source;
  }
  return nullptr;
}

Source& SourceNamed(const EngineState& engine, const std::string& name) {
  Source* source = FindSource(engine, name);
  if (source == nullptr) {
    Throw(NotFound("catalog " + name + " does not exist", "SHOW CATALOGS lists them"));
  }
  return *source;
}

InfoTable Catalogs(duckdb::ClientContext&, EngineState& engine, const std::vector<Value>&) {
  InfoTable table;
  table.Column("catalog_name", LogicalType::VARCHAR);
  table.Column("kind", LogicalType::VARCHAR);
  table.Column("address", LogicalType::VARCHAR);
  table.rows.push_back({Value(engine.options.catalog_name), Value("lake"),
                        Value(engine.options.tables.store->root_uri())});
  for (const auto& [name, source] : engine.options.sources) {
    table.rows.push_back({Value(name), Value("source"), Value(source->address())});
  }
  return table;
}

InfoTable Schemas(duckdb::ClientContext& context, EngineState& engine,
                  const std::vector<Value>& arguments) {
  InfoTable table;
  table.Column("schema_name", LogicalType::VARCHAR);
  const std::string catalog = Text(arguments[0]);
  const std::vector<std::string> names =
      ValueOrThrow(IsLake(engine, catalog) ? Lake(context, engine).ListSchemas()
                                           : SourceNamed(engine, catalog).ListSchemas());
  for (const std::string& name : names) table.rows.push_back({Value(name)});
  return table;
}

void AddLakeRelations(LakeState& lake, const std::string& schema, InfoTable& table) {
  for (const LakeRelation& relation : ValueOrThrow(lake.List(schema))) {
    const TableName& name = relation.table ? relation.table->entry.name : relation.view->name;
    table.rows.push_back(
        {Value(name.schema), Value(name.name), Value(relation.table ? "table" : "view")});
  }
}

void AddLiveRelations(Source& source, const std::string& schema, InfoTable& table) {
  for (const SourceTableName& name : ValueOrThrow(source.ListTables(schema))) {
    table.rows.push_back({Value(name.schema), Value(name.name), Value("table")});
  }
}

/// (catalog, schema), (catalog, '') for all schemas, (name, NULL) for a schema of the lake or, when
/// there is none of that name, a catalog.
InfoTable Relations(duckdb::ClientContext& context, EngineState& engine,
                    const std::vector<Value>& arguments) {
  InfoTable table;
  table.Column("schema", LogicalType::VARCHAR);
  table.Column("name", LogicalType::VARCHAR);
  table.Column("type", LogicalType::VARCHAR);
  std::string catalog = Text(arguments[0]);
  std::string schema = Text(arguments[1]);
  if (arguments[1].IsNull()) {
    const auto found = ValueOrThrow(Lake(context, engine).FindSchema(catalog));
    if (found) {
      AddLakeRelations(Lake(context, engine), *found, table);
      return table;
    }
    if (!IsLake(engine, catalog) && FindSource(engine, catalog) == nullptr) {
      Throw(NotFound("schema " + catalog + " does not exist in " + engine.options.catalog_name,
                     "SHOW SCHEMAS and SHOW CATALOGS list what there is"));
    }
  }
  if (IsLake(engine, catalog)) {
    LakeState& lake = Lake(context, engine);
    if (schema.empty()) {
      for (const std::string& name : ValueOrThrow(lake.ListSchemas())) {
        AddLakeRelations(lake, name, table);
      }
      return table;
    }
    const auto found = ValueOrThrow(lake.FindSchema(schema));
    if (!found) {
      Throw(NotFound("schema " + schema + " does not exist in " + catalog,
                     "SHOW SCHEMAS lists them"));
    }
    AddLakeRelations(lake, *found, table);
    return table;
  }
  Source& source = SourceNamed(engine, catalog);
  if (!schema.empty()) {
    AddLiveRelations(source, schema, table);
    return table;
  }
  for (const std::string& name : ValueOrThrow(source.ListSchemas())) {
    AddLiveRelations(source, name, table);
  }
  return table;
}

InfoTable ShowCreate(duckdb::ClientContext& context, EngineState&,
                     const std::vector<Value>& arguments) {
  InfoTable table;
  table.Column("create_statement", LogicalType::VARCHAR);
  std::string catalog = Text(arguments[0]);
  std::string schema = Text(arguments[1]);
  duckdb::Binder::BindSchemaOrCatalog(context, catalog, schema);
  const duckdb::EntryLookupInfo lookup(duckdb::CatalogType::TABLE_ENTRY, arguments[2].ToString());
  const auto entry = duckdb::Catalog::GetEntry(context, catalog, schema, lookup,
                                               duckdb::OnEntryNotFound::THROW_EXCEPTION);
  std::string sql = entry->ToSQL();
  while (!sql.empty() && (sql.back() == ';' || sql.back() == '\n')) sql.pop_back();
  if (const auto* lake = dynamic_cast<const LakeTableEntry*>(entry.get())) {
    std::string fields;
    for (const PartitionField& field : lake->lake_table().spec.fields) {
      if (field.transform.kind == Transform::Kind::kVoid) continue;
      fields += (fields.empty() ? "" : ", ") + PartitionFieldText(field, lake->lake_table().schema);
    }
    if (!fields.empty()) sql += " PARTITIONED BY (" + fields + ")";
  }
  table.rows.push_back({Value(sql)});
  return table;
}

Value Time(int64_t micros) { return Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(micros)); }

constexpr int64_t kListMax = 100000;

InfoTable Runs(duckdb::ClientContext&, EngineState& engine, const std::vector<Value>&) {
  InfoTable table;
  for (const char* name : {"id", "kind", "name", "status"}) {
    table.Column(name, LogicalType::VARCHAR);
  }
  table.Column("started", LogicalType::TIMESTAMP_TZ);
  table.Column("finished", LogicalType::TIMESTAMP_TZ);
  for (const char* name : {"rows", "bytes", "sequence"}) table.Column(name, LogicalType::BIGINT);
  table.Column("error", LogicalType::VARCHAR);
  table.Column("detail", LogicalType::VARCHAR);
  for (const RunRecord& run : ValueOrThrow(engine.options.catalog->ListRuns(kListMax))) {
    table.rows.push_back({Value(run.id), Value(run.kind), Value(run.name), Value(run.status),
                          Time(run.started_micros),
                          run.finished_micros ? Time(*run.finished_micros) : Value(),
                          Value::BIGINT(run.rows), Value::BIGINT(run.bytes),
                          run.sequence ? Value::BIGINT(run.sequence->value()) : Value(),
                          run.error.empty() ? Value() : Value(run.error),
                          run.detail_json.empty() ? Value() : Value(run.detail_json)});
  }
  return table;
}

InfoTable Commits(duckdb::ClientContext&, EngineState& engine, const std::vector<Value>&) {
  InfoTable table;
  table.Column("sequence", LogicalType::BIGINT);
  table.Column("commit_id", LogicalType::VARCHAR);
  table.Column("committed", LogicalType::TIMESTAMP_TZ);
  table.Column("author", LogicalType::VARCHAR);
  table.Column("message", LogicalType::VARCHAR);
  for (const CommitInfo& commit : ValueOrThrow(engine.options.catalog->ListCommits(kListMax))) {
    table.rows.push_back({Value::BIGINT(commit.sequence.value()), Value(commit.commit_id),
                          Time(commit.committed_micros), Value(commit.author),
                          Value(commit.message)});
  }
  return table;
}

template <Maker kMaker>
void Add(duckdb::ExtensionLoader& loader, EngineState& engine, const std::string& name,
         duckdb::idx_t arguments) {
  const duckdb::vector<LogicalType> types(arguments, LogicalType::VARCHAR);
  duckdb::TableFunction function(name, types, Scan, Bind<kMaker>, Init);
  function.function_info = duckdb::make_shared_ptr<EngineFunctionInfo>(engine);
  loader.RegisterFunction(std::move(function));
}

/// `system` is DuckDB's own database: a view in it answers to `system.runs`.
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

}  // namespace

void RegisterInfoFunctions(duckdb::DatabaseInstance& database, EngineState& engine) {
  duckdb::ExtensionLoader loader(database, "tarn");
  Add<Catalogs>(loader, engine, "tarn_catalogs", 0);
  Add<Schemas>(loader, engine, "tarn_schemas", 1);
  Add<Relations>(loader, engine, "tarn_relations", 2);
  Add<ShowCreate>(loader, engine, "tarn_show_create", 3);
  Add<Runs>(loader, engine, "tarn_runs", 0);
  Add<Commits>(loader, engine, "tarn_commits", 0);
  AddSystemView(database, "runs", "SELECT * FROM tarn_runs()");
  AddSystemView(database, "commits", "SELECT * FROM tarn_commits()");
}

}  // namespace tarn::duck
