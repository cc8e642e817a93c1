#include "sql/duckdb/info_functions.h"

#include <functional>
#include <utility>
#include <vector>

#include "sql/duckdb/adopt_table.h"
#include "sql/duckdb/changes_view.h"
#include "sql/duckdb/constraints.h"
#include "sql/duckdb/delta_changes.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/info_table.h"
#include "sql/duckdb/lake_catalog.h"
#include "sql/duckdb/lake_table.h"
#include "sql/duckdb/show_create.h"
#include "sql/duckdb/statement_state.h"
#include "sql/duckdb/table_calls.h"
#include "sql/duckdb/table_info.h"

namespace tarn::duck {
namespace {

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

InfoTable ShowCreate(duckdb::ClientContext& context, EngineState& engine,
                     const std::vector<Value>& arguments) {
  InfoTable table;
  table.Column("create_statement", LogicalType::VARCHAR);
  std::string catalog = Text(arguments[0]);
  std::string schema = Text(arguments[1]);
  duckdb::Binder::BindSchemaOrCatalog(context, catalog, schema);
  const std::string name = arguments[2].ToString();  // the lookup borrows it
  const duckdb::EntryLookupInfo lookup(duckdb::CatalogType::TABLE_ENTRY, name);
  const auto entry = duckdb::Catalog::GetEntry(context, catalog, schema, lookup,
                                               duckdb::OnEntryNotFound::THROW_EXCEPTION);
  std::string sql;
  if (const auto* lake = dynamic_cast<const LakeTableEntry*>(entry.get())) {
    const TableName& of_lake = lake->lake_table().entry.name;
    sql = CreateStatements(*lake, ValueOrThrow(Lake(context, engine).Constraints(of_lake)));
  } else {
    sql = WithoutEnd(entry->ToSQL());
  }
  table.rows.push_back({Value(sql)});
  return table;
}

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

InfoTable Queries(duckdb::ClientContext& context, EngineState&, const std::vector<Value>&) {
  constexpr double kMicrosPerMilli = 1000;
  InfoTable table;
  table.Column("id", LogicalType::VARCHAR);
  table.Column("started_at", LogicalType::TIMESTAMP_TZ);
  table.Column("duration_ms", LogicalType::DOUBLE);
  table.Column("statement", LogicalType::VARCHAR);
  table.Column("status", LogicalType::VARCHAR);
  table.Column("rows", LogicalType::BIGINT);
  table.Column("error_kind", LogicalType::VARCHAR);
  table.Column("error", LogicalType::VARCHAR);
  table.Column("author", LogicalType::VARCHAR);
  table.Column("sequence", LogicalType::BIGINT);
  const auto state = StatementState::Find(context);
  if (!state || state->queries == nullptr) return table;
  const auto text = [](const std::string& value) { return value.empty() ? Value() : Value(value); };
  for (const QueryRecord& query : ValueOrThrow(state->queries->List(kListMax))) {
    table.rows.push_back(
        {Value(query.id), Time(query.started_micros),
         Value::DOUBLE(static_cast<double>(query.duration_micros) / kMicrosPerMilli),
         Value(query.statement), Value(query.status), Value::BIGINT(query.rows),
         text(query.error_kind), text(query.error), Value(query.author),
         query.sequence ? Value::BIGINT(query.sequence->value()) : Value()});
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

}  // namespace

void RegisterInfoFunctions(duckdb::DatabaseInstance& database, EngineState& engine) {
  duckdb::ExtensionLoader loader(database, "tarn");
  AddInfoFunction(loader, engine, "tarn_catalogs", 0, Catalogs);
  AddInfoFunction(loader, engine, "tarn_schemas", 1, Schemas);
  AddInfoFunction(loader, engine, "tarn_relations", 2, Relations);
  AddInfoFunction(loader, engine, "tarn_show_create", 3, ShowCreate);
  AddInfoFunction(loader, engine, "tarn_runs", 0, Runs);
  AddInfoFunction(loader, engine, "tarn_commits", 0, Commits);
  AddSystemView(database, "runs", "SELECT * FROM tarn_runs()");
  AddInfoFunction(loader, engine, "tarn_queries", 0, Queries);
  AddSystemView(database, "commits", "SELECT * FROM tarn_commits()");
  AddSystemView(database, "queries", "SELECT * FROM tarn_queries()");
  RegisterTableInfo(loader, database, engine);
  RegisterTableCalls(loader, engine);
  RegisterAdoptTable(loader, engine);
  RegisterConstraintCalls(loader, engine);
  RegisterDeltaChanges(loader, engine);
  RegisterTableChanges(loader, engine);
}

}  // namespace tarn::duck
