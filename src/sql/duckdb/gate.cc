#include "sql/duckdb/gate.h"

#include <string>
#include <unordered_set>

#include "sql/duckdb/delta_changes.h"
#include "sql/duckdb/errors.h"

namespace tarn::duck {
namespace {

struct GateInfo final : duckdb::PlannerExtensionInfo {
  explicit GateInfo(EngineState& engine_state) : engine(engine_state) {}
  EngineState& engine;
};

/// Table functions that answer from their arguments or from the catalog alone, and the calls that
/// change a table's history under the rules of every other change.
bool IsHarmless(const std::string& function) {
  static const std::unordered_set<std::string> kNames = {"range",
                                                         "generate_series",
                                                         "unnest",
                                                         "repeat",
                                                         "repeat_row",
                                                         "summary",
                                                         "json_each",
                                                         "json_tree",
                                                         "column_data_scan",
                                                         "dummy_scan",
                                                         "icu_calendar_names",
                                                         "pg_timezone_names",
                                                         "test_all_types",
                                                         "test_vector_types",
                                                         "pragma_version",
                                                         "pragma_table_info",
                                                         "pragma_show",
                                                         "pragma_database_list",
                                                         "pragma_collations",
                                                         "pragma_platform",
                                                         "duckdb_approx_database_count",
                                                         "duckdb_columns",
                                                         "duckdb_constraints",
                                                         "duckdb_databases",
                                                         "duckdb_dependencies",
                                                         "duckdb_extensions",
                                                         "duckdb_functions",
                                                         "duckdb_indexes",
                                                         "duckdb_keywords",
                                                         "duckdb_memory",
                                                         "duckdb_optimizers",
                                                         "duckdb_prepared_statements",
                                                         "duckdb_schemas",
                                                         "duckdb_sequences",
                                                         "duckdb_settings",
                                                         "duckdb_tables",
                                                         "duckdb_types",
                                                         "duckdb_variables",
                                                         "duckdb_views",
                                                         "duckdb_external_file_cache",
                                                         "tarn_catalogs",
                                                         "tarn_schemas",
                                                         "tarn_relations",
                                                         "tarn_show_create",
                                                         "tarn_runs",
                                                         "tarn_commits",
                                                         "tarn_queries",
                                                         "create_tag",
                                                         "create_branch",
                                                         "drop_tag",
                                                         "drop_branch",
                                                         "rollback_table",
                                                         "analyze_table",
                                                         "rollback_lake",
                                                         "tarn_add_constraint",
                                                         "tarn_drop_constraint",
                                                         "tarn_table_snapshots",
                                                         "tarn_table_history",
                                                         "tarn_table_refs",
                                                         "tarn_table_files",
                                                         "tarn_table_partitions",
                                                         "tarn_table_manifests",
                                                         "tarn_system_tables",
                                                         "tarn_system_columns",
                                                         "tarn_system_snapshots",
                                                         "tarn_system_files",
                                                         "tarn_system_positions"};
  return kNames.count(function) > 0;
}

/// Tables that somebody else keeps: their own rules are in EngineState::StoreFor().
bool IsForeignTable(const std::string& function) {
  return function == "iceberg_table" || function == "delta_table" ||
         function == "tarn_adopt_iceberg" || function == "tarn_adopt_delta" ||
         function == kDeltaChangesScan;
}

void CheckPlan(duckdb::LogicalOperator& op) {
  if (op.type == duckdb::LogicalOperatorType::LOGICAL_GET) {
    auto& get = op.Cast<duckdb::LogicalGet>();
    if (!get.GetTable() && !IsHarmless(get.function.name) && !IsForeignTable(get.function.name)) {
      Throw(PermissionDenied("function " + get.function.name + " is not allowed",
                             "queries read tables of the lake and of sources"));
    }
  }
  for (auto& child : op.children) CheckPlan(*child);
}

void PostBind(duckdb::PlannerExtensionInput& input, duckdb::BoundStatement& statement) {
  if (!SessionState::Find(input.context)) return;
  if (statement.plan) CheckPlan(*statement.plan);
  const EngineState& engine = static_cast<const GateInfo&>(*input.info).engine;
  for (const auto& modified : input.binder.GetStatementProperties().modified_databases) {
    const std::string& database = modified.first;
    if (duckdb::StringUtil::CIEquals(database, engine.options.catalog_name) ||
        duckdb::StringUtil::CIEquals(database, TEMP_CATALOG)) {
      continue;
    }
    for (const auto& [source, unused] : engine.options.sources) {
      if (!duckdb::StringUtil::CIEquals(database, source)) continue;
      Throw(PermissionDenied("source " + source + " is read only",
                             "write to the lake: " + engine.options.catalog_name + ".<schema>"));
    }
    Throw(PermissionDenied("database " + database + " cannot be written",
                           "use a schema of " + engine.options.catalog_name +
                               ", or CREATE TEMP TABLE for what only this session needs"));
  }
}

}  // namespace

void RegisterGate(duckdb::DBConfig& config, EngineState& engine) {
  duckdb::PlannerExtension extension;
  extension.planner_info = duckdb::make_shared_ptr<GateInfo>(engine);
  extension.post_bind_function = PostBind;
  duckdb::PlannerExtension::Register(config, std::move(extension));
}

Status LockDown(duckdb::Connection& connection) {
  for (const char* statement :
       {"SET GLOBAL allowed_directories = ['tarn://']",
        "SET GLOBAL allowed_configs = ['timezone', 'calendar', 'explain_output']",
        "SET GLOBAL enable_external_access = false", "SET GLOBAL lock_configuration = true"}) {
    const auto result = connection.Query(statement);
    if (result->HasError()) return FromDuckDb(result->GetErrorObject());
  }
  return Status::Ok();
}

}  // namespace tarn::duck
