#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

class LiveSchemaEntry;

/// A table of a live source in one transaction.
class LiveTableEntry final : public duckdb::TableCatalogEntry {
 public:
  LiveTableEntry(duckdb::SchemaCatalogEntry& in_schema, duckdb::CreateTableInfo& info,
                 Source& source, std::shared_ptr<const SourceTable> table);

  Source& source() const { return source_; }
  const std::shared_ptr<const SourceTable>& source_table() const { return table_; }

  duckdb::unique_ptr<duckdb::BaseStatistics> GetStatistics(duckdb::ClientContext&,
                                                           duckdb::column_t) override {
    return nullptr;
  }
  duckdb::TableStorageInfo GetStorageInfo(duckdb::ClientContext& context) override;
  duckdb::TableFunction GetScanFunction(
      duckdb::ClientContext& context, duckdb::unique_ptr<duckdb::FunctionData>& bind_data) override;
  duckdb::vector<duckdb::column_t> GetRowIdColumns() const override { return {}; }
  duckdb::virtual_column_map_t GetVirtualColumns() const override;

 private:
  Source& source_;
  const std::shared_ptr<const SourceTable> table_;
};

/// What one transaction has asked of a source: names and tables, each once. Every statement reads
/// the source's newest state; nothing is locked there.
class LiveTransaction final : public duckdb::Transaction {
 public:
  LiveTransaction(duckdb::TransactionManager& owner, duckdb::ClientContext& context,
                  Source& source);
  ~LiveTransaction() override;

  /// The stored spelling of a schema; nullptr when there is none.
  LiveSchemaEntry* FindSchema(duckdb::Catalog& catalog, const std::string& name);
  std::vector<LiveSchemaEntry*> Schemas(duckdb::Catalog& catalog);
  duckdb::CatalogEntry* FindTable(duckdb::ClientContext& client, LiveSchemaEntry& schema,
                                  const std::string& name);
  Source& source() { return source_; }

 private:
  const std::vector<std::string>& SchemaNames();

  Source& source_;
  std::recursive_mutex mutex_;
  std::optional<std::vector<std::string>> names_;
  std::map<std::string, std::unique_ptr<LiveSchemaEntry>> schemas_;
  std::map<SourceTableName, std::unique_ptr<duckdb::CatalogEntry>> tables_;
};

class LiveTransactionManager final : public duckdb::TransactionManager {
 public:
  LiveTransactionManager(duckdb::AttachedDatabase& database, Source& source)
      : TransactionManager(database), source_(source) {}
  duckdb::Transaction& StartTransaction(duckdb::ClientContext& context) override;
  duckdb::ErrorData CommitTransaction(duckdb::ClientContext&,
                                      duckdb::Transaction& transaction) override;
  void RollbackTransaction(duckdb::Transaction& transaction) override;
  void Checkpoint(duckdb::ClientContext&, bool) override {}

 private:
  Source& source_;
  std::mutex mutex_;
  std::map<duckdb::Transaction*, std::unique_ptr<LiveTransaction>> open_;
};

/// An operational database as a read-only DuckDB catalog.
class LiveCatalog final : public duckdb::Catalog {
 public:
  static constexpr char kType[] = "tarn_live";
  LiveCatalog(duckdb::AttachedDatabase& database, Source& source)
      : Catalog(database), source_(source) {}

  /// Makes `ATTACH '<source>' … (TYPE tarn_live)` known.
  static void Register(duckdb::DBConfig& config, EngineState& engine);

  Source& source() { return source_; }

  void Initialize(bool) override {}
  std::string GetCatalogType() override { return kType; }
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateSchema(duckdb::CatalogTransaction,
                                                          duckdb::CreateSchemaInfo&) override;
  duckdb::optional_ptr<duckdb::SchemaCatalogEntry> LookupSchema(
      duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo& lookup,
      duckdb::OnEntryNotFound if_not_found) override;
  void ScanSchemas(duckdb::ClientContext& context,
                   std::function<void(duckdb::SchemaCatalogEntry&)> callback) override;
  duckdb::PhysicalOperator& PlanCreateTableAs(duckdb::ClientContext&,
                                              duckdb::PhysicalPlanGenerator&,
                                              duckdb::LogicalCreateTable&,
                                              duckdb::PhysicalOperator&) override;
  duckdb::PhysicalOperator& PlanInsert(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&,
                                       duckdb::LogicalInsert&,
                                       duckdb::optional_ptr<duckdb::PhysicalOperator>) override;
  duckdb::PhysicalOperator& PlanDelete(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&,
                                       duckdb::LogicalDelete&, duckdb::PhysicalOperator&) override;
  duckdb::PhysicalOperator& PlanUpdate(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&,
                                       duckdb::LogicalUpdate&, duckdb::PhysicalOperator&) override;
  duckdb::DatabaseSize GetDatabaseSize(duckdb::ClientContext&) override { return {}; }
  bool InMemory() override { return false; }
  std::string GetDBPath() override { return GetName(); }

 private:
  void DropSchema(duckdb::ClientContext&, duckdb::DropInfo&) override;
  [[noreturn]] void Refuse() const;

  Source& source_;
};

/// One schema of a source in one transaction. Everything that would change it is refused.
class LiveSchemaEntry final : public duckdb::SchemaCatalogEntry {
 public:
  LiveSchemaEntry(duckdb::Catalog& live, duckdb::CreateSchemaInfo& info)
      : SchemaCatalogEntry(live, info) {}

  void Scan(duckdb::ClientContext& context, duckdb::CatalogType wanted,
            const std::function<void(duckdb::CatalogEntry&)>& callback) override;
  void Scan(duckdb::CatalogType, const std::function<void(duckdb::CatalogEntry&)>&) override {}
  duckdb::optional_ptr<duckdb::CatalogEntry> LookupEntry(
      duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo& lookup) override;

  duckdb::optional_ptr<duckdb::CatalogEntry> CreateIndex(duckdb::CatalogTransaction,
                                                         duckdb::CreateIndexInfo&,
                                                         duckdb::TableCatalogEntry&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateFunction(duckdb::CatalogTransaction,
                                                            duckdb::CreateFunctionInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateTable(duckdb::CatalogTransaction,
                                                         duckdb::BoundCreateTableInfo&) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateView(duckdb::CatalogTransaction,
                                                        duckdb::CreateViewInfo&) override;
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
  void DropEntry(duckdb::ClientContext&, duckdb::DropInfo&) override;
  void Alter(duckdb::CatalogTransaction, duckdb::AlterInfo&) override;

 private:
  [[noreturn]] void Refuse() const;
};

}  // namespace tarn::duck
