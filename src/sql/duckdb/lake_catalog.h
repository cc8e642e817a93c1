#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/lake_state.h"
#include "sql/duckdb/statement_state.h"

namespace tarn::duck {

class LakeSchemaEntry;

/// DuckDB's view of one transaction on the lake. Catalog entries live until the next statement of
/// it begins: plans point at them, and what was prepared is planned anew. Threads: one statement
/// calls from several; the maps are under the mutex.
class LakeTransaction final : public duckdb::Transaction {
 public:
  LakeTransaction(duckdb::TransactionManager& owner, duckdb::ClientContext& context,
                  EngineState& engine);

  static LakeTransaction& Get(duckdb::ClientContext& context, duckdb::Catalog& catalog);
  static LakeTransaction& Get(duckdb::CatalogTransaction transaction);

  LakeState& state() { return state_; }
  EngineState& engine() { return engine_; }
  SessionState* session() { return session_.get(); }
  StatementState* statement() { return statement_.get(); }
  /// Whether BEGIN opened it, or the statement itself.
  LakeState::Extent extent() const { return extent_; }

  LakeSchemaEntry& SchemaEntry(duckdb::Catalog& catalog, const std::string& name);
  /// The entry of a table or view; in one statement the same one for the same state.
  duckdb::CatalogEntry& Entry(LakeSchemaEntry& schema, const LakeRelation& relation);
  /// Takes an entry that was made for one statement.
  duckdb::CatalogEntry& Keep(std::unique_ptr<duckdb::CatalogEntry> entry);

 private:
  /// Lets go of the entries of statements that have ended: each may name every file that the
  /// transaction wrote.
  void ForgetEarlierEntriesLocked();

  EngineState& engine_;
  duckdb::shared_ptr<SessionState> session_;
  duckdb::shared_ptr<StatementState> statement_;
  const LakeState::Extent extent_;
  LakeState state_;
  std::recursive_mutex mutex_;
  std::map<std::string, std::unique_ptr<LakeSchemaEntry>> schemas_;
  int64_t statements_ = 0;  ///< of the session, when the entries below were made
  std::map<const void*, std::unique_ptr<duckdb::CatalogEntry>> entries_;
  std::vector<std::unique_ptr<duckdb::CatalogEntry>> own_entries_;
  std::vector<LakeRelation> kept_;  ///< keeps the addresses in entries_ taken
};

class LakeTransactionManager final : public duckdb::TransactionManager {
 public:
  LakeTransactionManager(duckdb::AttachedDatabase& database, EngineState& engine)
      : TransactionManager(database), engine_(engine) {}
  duckdb::Transaction& StartTransaction(duckdb::ClientContext& context) override;
  duckdb::ErrorData CommitTransaction(duckdb::ClientContext& context,
                                      duckdb::Transaction& transaction) override;
  void RollbackTransaction(duckdb::Transaction& transaction) override;
  void Checkpoint(duckdb::ClientContext&, bool) override {}

 private:
  std::unique_ptr<LakeTransaction> Take(duckdb::Transaction& transaction);

  EngineState& engine_;
  std::mutex mutex_;
  std::map<duckdb::Transaction*, std::unique_ptr<LakeTransaction>> open_;
};

/// The lake as a DuckDB catalog. Holds nothing itself: everything comes from the transaction.
class LakeCatalog final : public duckdb::Catalog {
 public:
  static constexpr char kType[] = "tarn_lake";
  LakeCatalog(duckdb::AttachedDatabase& database, EngineState& engine)
      : Catalog(database), engine_(engine) {}

  /// Makes `ATTACH … (TYPE tarn_lake)` known.
  static void Register(duckdb::DBConfig& config, EngineState& engine);

  void Initialize(bool) override {}
  std::string GetCatalogType() override { return kType; }
  bool SupportsTimeTravel() const override { return true; }
  duckdb::ErrorData SupportsCreateTable(duckdb::BoundCreateTableInfo& info) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateSchema(duckdb::CatalogTransaction transaction,
                                                          duckdb::CreateSchemaInfo& info) override;
  duckdb::optional_ptr<duckdb::SchemaCatalogEntry> LookupSchema(
      duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo& lookup,
      duckdb::OnEntryNotFound if_not_found) override;
  void ScanSchemas(duckdb::ClientContext& context,
                   std::function<void(duckdb::SchemaCatalogEntry&)> callback) override;
  duckdb::PhysicalOperator& PlanCreateTableAs(duckdb::ClientContext& context,
                                              duckdb::PhysicalPlanGenerator& planner,
                                              duckdb::LogicalCreateTable& op,
                                              duckdb::PhysicalOperator& plan) override;
  duckdb::PhysicalOperator& PlanInsert(
      duckdb::ClientContext& context, duckdb::PhysicalPlanGenerator& planner,
      duckdb::LogicalInsert& op, duckdb::optional_ptr<duckdb::PhysicalOperator> plan) override;
  duckdb::PhysicalOperator& PlanDelete(duckdb::ClientContext& context,
                                       duckdb::PhysicalPlanGenerator& planner,
                                       duckdb::LogicalDelete& op,
                                       duckdb::PhysicalOperator& plan) override;
  duckdb::PhysicalOperator& PlanUpdate(duckdb::ClientContext& context,
                                       duckdb::PhysicalPlanGenerator& planner,
                                       duckdb::LogicalUpdate& op,
                                       duckdb::PhysicalOperator& plan) override;
  duckdb::PhysicalOperator& PlanMergeInto(duckdb::ClientContext& context,
                                          duckdb::PhysicalPlanGenerator& planner,
                                          duckdb::LogicalMergeInto& op,
                                          duckdb::PhysicalOperator& plan) override;
  duckdb::unique_ptr<duckdb::LogicalOperator> BindCreateIndex(
      duckdb::Binder& binder, duckdb::CreateStatement& statement, duckdb::TableCatalogEntry& table,
      duckdb::unique_ptr<duckdb::LogicalOperator> plan) override;
  duckdb::unique_ptr<duckdb::LogicalOperator> BindAlterAddIndex(
      duckdb::Binder& binder, duckdb::TableCatalogEntry& table,
      duckdb::unique_ptr<duckdb::LogicalOperator> plan,
      duckdb::unique_ptr<duckdb::CreateIndexInfo> index,
      duckdb::unique_ptr<duckdb::AlterTableInfo> alter) override;
  duckdb::DatabaseSize GetDatabaseSize(duckdb::ClientContext&) override { return {}; }
  bool InMemory() override { return false; }
  std::string GetDBPath() override { return GetName(); }

 private:
  void DropSchema(duckdb::ClientContext& context, duckdb::DropInfo& info) override;

  EngineState& engine_;
};

/// One schema of the lake in one transaction.
class LakeSchemaEntry final : public duckdb::SchemaCatalogEntry {
 public:
  LakeSchemaEntry(duckdb::Catalog& lake, duckdb::CreateSchemaInfo& info)
      : SchemaCatalogEntry(lake, info) {}

  void Scan(duckdb::ClientContext& context, duckdb::CatalogType wanted,
            const std::function<void(duckdb::CatalogEntry&)>& callback) override;
  void Scan(duckdb::CatalogType type,
            const std::function<void(duckdb::CatalogEntry&)>& callback) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> LookupEntry(
      duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo& lookup) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateTable(
      duckdb::CatalogTransaction transaction, duckdb::BoundCreateTableInfo& info) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateView(duckdb::CatalogTransaction transaction,
                                                        duckdb::CreateViewInfo& info) override;
  void DropEntry(duckdb::ClientContext& context, duckdb::DropInfo& info) override;
  void Alter(duckdb::CatalogTransaction transaction, duckdb::AlterInfo& info) override;

  /// \name Refused
  /// @{
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateIndex(duckdb::CatalogTransaction,
                                                         duckdb::CreateIndexInfo&,
                                                         duckdb::TableCatalogEntry&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateFunction(duckdb::CatalogTransaction,
                                                            duckdb::CreateFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateSequence(duckdb::CatalogTransaction,
                                                            duckdb::CreateSequenceInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateTableFunction(
      duckdb::CatalogTransaction, duckdb::CreateTableFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateCopyFunction(
      duckdb::CatalogTransaction, duckdb::CreateCopyFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreatePragmaFunction(
      duckdb::CatalogTransaction, duckdb::CreatePragmaFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateCollation(duckdb::CatalogTransaction,
                                                             duckdb::CreateCollationInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateType(duckdb::CatalogTransaction,
                                                        duckdb::CreateTypeInfo&) override;
  /// @}

 private:
  LakeRelation Lookup(LakeTransaction& transaction, const duckdb::EntryLookupInfo& lookup);
};

}  // namespace tarn::duck
