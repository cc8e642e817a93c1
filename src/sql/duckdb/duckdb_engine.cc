#include "sql/duckdb/duckdb_engine.h"

#include <set>
#include <utility>

#include <arrow/type.h>

#include "base/random.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/file_fields.h"
#include "sql/duckdb/file_system.h"
#include "sql/duckdb/gate.h"
#include "sql/duckdb/info_functions.h"
#include "sql/duckdb/inputs.h"
#include "sql/duckdb/lake_catalog.h"
#include "sql/duckdb/lake_reads.h"
#include "sql/duckdb/lake_scan.h"
#include "sql/duckdb/lineage.h"
#include "sql/duckdb/live_catalog.h"
#include "sql/duckdb/live_scan.h"
#include "sql/duckdb/remembering_engine.h"
#include "sql/duckdb/session.h"
#include "sql/duckdb/statement.h"
#include "sql/duckdb/types.h"
#include "sql/duckdb/variant_export.h"
#include "sql/duckdb/variant_import.h"

namespace tarn {
namespace duck {
namespace {

Status CheckNames(const SqlEngineOptions& options) {
  std::set<std::string> taken = {"memory", "system", "temp"};
  const auto take = [&taken](const std::string& what, const std::string& name) -> Status {
    if (name.empty()) return InvalidArgument(what + " has an empty name");
    const std::string lower = duckdb::StringUtil::Lower(name);
    if (taken.count(lower) == 0) {
      taken.insert(lower);
      return Status::Ok();
    }
    if (lower == "memory" || lower == "system" || lower == "temp") {
      return InvalidArgument(what + " cannot be named " + name + ": SQL reserves that name",
                             "choose another name in tarn.yaml");
    }
    return InvalidArgument(what + " cannot be named " + name + ": the name is used twice",
                           "the catalog and every source need names of their own in tarn.yaml");
  };
  TARN_RETURN_IF_ERROR(take("the catalog", options.catalog_name));
  for (const auto& [name, source] : options.sources) TARN_RETURN_IF_ERROR(take("a source", name));
  return Status::Ok();
}

void Attach(duckdb::Connection& connection, const std::string& name, const std::string& type) {
  const auto result =
      connection.Query("ATTACH '" + duckdb::StringUtil::Replace(name, "'", "''") + "' AS \"" +
                       duckdb::StringUtil::Replace(name, "\"", "\"\"") + "\" (TYPE " + type + ")");
  if (result->HasError()) result->ThrowError();
}

class DuckDbEngine final : public SqlEngine {
 public:
  DuckDbEngine(SqlEngineOptions options, std::unique_ptr<QueryLog> queries)
      : state_(std::move(options)), queries_(std::move(queries)) {
    state_.open_token = SystemRandom().Uuid();
  }

  Status Open() {
    TARN_RETURN_IF_ERROR(CheckNames(state_.options));
    return Guard([this]() -> Status {
      duckdb::DBConfig config;
      const auto set = [&config](const char* name, const duckdb::Value& value) {
        config.SetOptionByName(name, value);
      };
      set("memory_limit",
          duckdb::Value(std::to_string(state_.options.limits.duckdb_memory_bytes) + "B"));
      set("autoinstall_known_extensions", duckdb::Value::BOOLEAN(false));
      set("autoload_known_extensions", duckdb::Value::BOOLEAN(false));
      set("allow_community_extensions", duckdb::Value::BOOLEAN(false));
      set("temp_directory", duckdb::Value(state_.options.temp_directory));
      // Suggestions for a misspelt name would otherwise list every live source.
      set("catalog_error_max_schemas", duckdb::Value::UBIGINT(0));
      database_ = std::make_shared<duckdb::DuckDB>(nullptr, &config);
      duckdb::DatabaseInstance& instance = *database_->instance;
      instance.GetFileSystem().RegisterSubSystem(duckdb::make_uniq<LakeFileSystem>(state_));
      duckdb::DBConfig& live_config = duckdb::DBConfig::GetConfig(instance);
      LakeCatalog::Register(live_config, state_);
      LiveCatalog::Register(live_config, state_);
      RegisterLimitPushdown(live_config);
      RegisterReads(live_config);
      RegisterGate(live_config, state_);
      RegisterInfoFunctions(instance, state_);
      RegisterForeignTables(instance, state_);
      RegisterVariantExport(instance);
      RegisterVariantImport(instance);
      RegisterFileCasts(instance);
      duckdb::Connection connection(*database_);
      Attach(connection, state_.options.catalog_name, LakeCatalog::kType);
      for (const auto& [name, source] : state_.options.sources) {
        Attach(connection, name, LiveCatalog::kType);
      }
      for (const char* statement :
           {"SET GLOBAL TimeZone = 'UTC'", "SET GLOBAL parquet_metadata_cache = true"}) {
        const auto result = connection.Query(statement);
        if (result->HasError()) return FromDuckDb(result->GetErrorObject());
      }
      return LockDown(connection);
    });
  }

  Result<std::unique_ptr<Session>> NewSession(const SessionOptions& options) override {
    return Guard([&]() -> Result<std::unique_ptr<Session>> {
      return std::unique_ptr<Session>(
          DuckDbSession::Open(database_, state_, options, queries_.get()));
    });
  }

  Result<std::vector<TableName>> InputsOf(const std::string& sql) override {
    return Guard([&]() -> Result<std::vector<TableName>> {
      TARN_ASSIGN_OR_RETURN(const auto query, ParseQuery(sql));
      return InputsOfQuery(state_.options, *query).lake;
    });
  }

  Result<QueryAnalysis> Analyze(const std::string& sql, const SessionOptions& options) override {
    return Guard([&] { return AnalyzeQuery(sql, options); });
  }

 private:
  Result<QueryAnalysis> AnalyzeQuery(const std::string& sql, const SessionOptions& options) {
    TARN_ASSIGN_OR_RETURN(auto query, ParseQuery(sql));
    QueryAnalysis analysis;
    QueryInputs inputs = InputsOfQuery(state_.options, *query);
    analysis.lake_inputs = std::move(inputs.lake);
    analysis.live_inputs = std::move(inputs.live);
    const std::unique_ptr<DuckDbSession> session =
        DuckDbSession::Open(database_, state_, options, nullptr);
    duckdb::ClientContext& context = *session->connection().context;
    Status bound;
    context.RunFunctionInTransaction([&] {
      try {
        duckdb::Planner planner(context);
        planner.CreatePlan(std::move(query));
        bound = Describe(context, planner, analysis);
      } catch (const std::exception& exception) {
        duckdb::ErrorData error(exception);
        const auto position = error.ExtraInfo().find("position");
        const std::string where = position == error.ExtraInfo().end() ? "" : position->second;
        error.AddErrorLocation(sql);
        Error result = FromDuckDb(error);
        if (!where.empty()) {
          result.message = LineColumn(sql, std::stoull(where)) + ": " + result.message;
        }
        bound = std::move(result);
      }
    });
    TARN_RETURN_IF_ERROR(bound);
    return analysis;
  }

  static Status Describe(duckdb::ClientContext& context, duckdb::Planner& planner,
                         QueryAnalysis& analysis) {
    duckdb::vector<duckdb::LogicalType> types;
    for (const auto& type : planner.types) types.push_back(ExportType(type));
    TARN_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Schema> schema,
                          ToArrowSchema(context, types, planner.names));
    Lineage lineage;
    const std::vector<Lineage::Origins> origins = lineage.Of(*planner.plan);
    for (size_t i = 0; i < planner.names.size(); ++i) {
      QueryColumn column;
      column.name = planner.names[i];
      column.field = schema->field(static_cast<int>(i));
      if (i < origins.size()) column.origins.assign(origins[i].begin(), origins[i].end());
      analysis.columns.push_back(std::move(column));
    }
    return Status::Ok();
  }

  EngineState state_;
  const std::unique_ptr<QueryLog> queries_;  ///< may be absent
  std::shared_ptr<duckdb::DuckDB> database_;
};

}  // namespace
}  // namespace duck

Result<std::unique_ptr<SqlEngine>> OpenDuckDbEngine(SqlEngineOptions options) {
  return OpenDuckDbEngine(std::move(options), nullptr);
}

Result<std::unique_ptr<SqlEngine>> OpenDuckDbEngine(SqlEngineOptions options,
                                                    std::unique_ptr<QueryLog> queries) {
  auto engine = std::make_unique<duck::DuckDbEngine>(std::move(options), std::move(queries));
  TARN_RETURN_IF_ERROR(engine->Open());
  return std::unique_ptr<SqlEngine>(std::move(engine));
}

}  // namespace tarn
