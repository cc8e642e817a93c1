#include "sql/duckdb/live_catalog.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/live_scan.h"

namespace tarn::duck {
namespace {

/// The one element equal to `name`, exactly or without regard to case; nullopt for none or several.
std::optional<std::string> Match(const std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) != names.end()) return name;
  std::optional<std::string> result;
  for (const std::string& candidate : names) {
    if (!duckdb::StringUtil::CIEquals(candidate, name)) continue;
    if (result) return std::nullopt;
    result = candidate;
  }
  return result;
}

[[noreturn]] void RefuseWrite(const std::string& source) {
  Throw(PermissionDenied("source " + source + " is read only",
                         "write to a schema of the lake instead"));
}

}  // namespace

LiveTableEntry::LiveTableEntry(duckdb::SchemaCatalogEntry& in_schema, duckdb::CreateTableInfo& info,
                               Source& source, std::shared_ptr<const SourceTable> table)
    : TableCatalogEntry(in_schema.catalog, in_schema, info),
      source_(source),
      table_(std::move(table)) {}

duckdb::TableStorageInfo LiveTableEntry::GetStorageInfo(duckdb::ClientContext&) {
  duckdb::TableStorageInfo info;
  if (table_->estimated_rows >= 0) {
    info.cardinality = static_cast<duckdb::idx_t>(table_->estimated_rows);
  }
  return info;
}

duckdb::TableFunction LiveTableEntry::GetScanFunction(
    duckdb::ClientContext& context, duckdb::unique_ptr<duckdb::FunctionData>& bind_data) {
  return BindLiveScan(context, *this, bind_data);
}

duckdb::virtual_column_map_t LiveTableEntry::GetVirtualColumns() const {
  duckdb::virtual_column_map_t result;
  result.insert(
      {duckdb::COLUMN_IDENTIFIER_EMPTY, duckdb::TableColumn("", duckdb::LogicalType::BOOLEAN)});
  return result;
}

LiveTransaction::LiveTransaction(duckdb::TransactionManager& owner, duckdb::ClientContext& client,
                                 Source& source)
    : Transaction(owner, client), source_(source) {}

LiveTransaction::~LiveTransaction() = default;

const std::vector<std::string>& LiveTransaction::SchemaNames() {
  if (!names_) names_ = ValueOrThrow(source_.ListSchemas());
  return *names_;
}

LiveSchemaEntry* LiveTransaction::FindSchema(duckdb::Catalog& catalog, const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::optional<std::string> found = Match(SchemaNames(), name);
  // `source.table` looks into the schema that every PostgreSQL has.
  if (!found && name == DEFAULT_SCHEMA) found = Match(SchemaNames(), "public");
  if (!found) return nullptr;
  std::unique_ptr<LiveSchemaEntry>& entry = schemas_[*found];
  if (entry == nullptr) {
    duckdb::CreateSchemaInfo info;
    info.schema = *found;
    entry = std::make_unique<LiveSchemaEntry>(catalog, info);
  }
  return entry.get();
}

std::vector<LiveSchemaEntry*> LiveTransaction::Schemas(duckdb::Catalog& catalog) {
  const std::lock_guard lock(mutex_);
  std::vector<LiveSchemaEntry*> result;
  for (const std::string& name : SchemaNames()) result.push_back(FindSchema(catalog, name));
  return result;
}

duckdb::CatalogEntry* LiveTransaction::FindTable(duckdb::ClientContext& client,
                                                 LiveSchemaEntry& schema, const std::string& name) {
  const std::lock_guard lock(mutex_);
  SourceTableName asked{schema.name, name};
  if (const auto known = tables_.find(asked); known != tables_.end()) return known->second.get();
  auto described = source_.Describe(asked);
  if (!described.ok() && described.error().kind == ErrorKind::kNotFound) {
    std::vector<std::string> names;
    for (const SourceTableName& table : ValueOrThrow(source_.ListTables(schema.name))) {
      names.push_back(table.name);
    }
    const auto spelled = Match(names, name);
    if (!spelled || *spelled == name) return nullptr;
    described = source_.Describe(SourceTableName{schema.name, *spelled});
  }
  auto table = std::make_shared<const SourceTable>(ValueOrThrow(std::move(described)));
  std::unique_ptr<duckdb::CatalogEntry>& entry = tables_[asked];
  entry = MakeLiveTableEntry(client, schema, source_, std::move(table));
  return entry.get();
}

duckdb::Transaction& LiveTransactionManager::StartTransaction(duckdb::ClientContext& context) {
  auto transaction = std::make_unique<LiveTransaction>(*this, context, source_);
  duckdb::Transaction& result = *transaction;
  const std::lock_guard lock(mutex_);
  open_[&result] = std::move(transaction);
  return result;
}

duckdb::ErrorData LiveTransactionManager::CommitTransaction(duckdb::ClientContext&,
                                                            duckdb::Transaction& transaction) {
  const std::lock_guard lock(mutex_);
  open_.erase(&transaction);
  return duckdb::ErrorData();
}

void LiveTransactionManager::RollbackTransaction(duckdb::Transaction& transaction) {
  const std::lock_guard lock(mutex_);
  open_.erase(&transaction);
}

void LiveCatalog::Register(duckdb::DBConfig& config, EngineState& engine) {
  auto extension = duckdb::make_shared_ptr<duckdb::StorageExtension>();
  extension->storage_info = duckdb::make_shared_ptr<EngineInfo>(engine);
  extension->attach = [](duckdb::optional_ptr<duckdb::StorageExtensionInfo> info,
                         duckdb::ClientContext&, duckdb::AttachedDatabase& database,
                         const std::string& name, duckdb::AttachInfo&,
                         duckdb::AttachOptions&) -> duckdb::unique_ptr<duckdb::Catalog> {
    EngineState& state = static_cast<EngineInfo&>(*info).engine;
    return duckdb::make_uniq<LiveCatalog>(database, *state.options.sources.at(name));
  };
  extension->create_transaction_manager =
      [](duckdb::optional_ptr<duckdb::StorageExtensionInfo>, duckdb::AttachedDatabase& database,
         duckdb::Catalog& catalog) -> duckdb::unique_ptr<duckdb::TransactionManager> {
    return duckdb::make_uniq<LiveTransactionManager>(database,
                                                     catalog.Cast<LiveCatalog>().source());
  };
  duckdb::StorageExtension::Register(config, kType, std::move(extension));
}

duckdb::optional_ptr<duckdb::SchemaCatalogEntry> LiveCatalog::LookupSchema(
    duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo& lookup,
    duckdb::OnEntryNotFound if_not_found) {
  if (!transaction.transaction) return nullptr;
  auto& live = transaction.transaction->Cast<LiveTransaction>();
  LiveSchemaEntry* entry = live.FindSchema(*this, lookup.GetEntryName());
  if (entry == nullptr && if_not_found == duckdb::OnEntryNotFound::THROW_EXCEPTION) {
    Throw(NotFound("schema " + lookup.GetEntryName() + " does not exist in source " + GetName(),
                   "SHOW SCHEMAS FROM " + GetName() + " lists them"));
  }
  return entry;
}

void LiveCatalog::ScanSchemas(duckdb::ClientContext& context,
                              std::function<void(duckdb::SchemaCatalogEntry&)> callback) {
  // DuckDB lists every attached database for information_schema and for its suggestions: a source
  // that is away must not break those.
  auto& live = duckdb::Transaction::Get(context, *this).Cast<LiveTransaction>();
  std::vector<LiveSchemaEntry*> schemas;
  const Status listed = Guard([&]() -> Status {
    schemas = live.Schemas(*this);
    return Status::Ok();
  });
  if (!listed.ok()) {
    Log(LogLevel::kWarning, "source " + GetName() + " is not listed: " + listed.error().message);
  }
  for (LiveSchemaEntry* schema : schemas) callback(*schema);
}

void LiveCatalog::Refuse() const { RefuseWrite(db.GetName()); }

duckdb::optional_ptr<duckdb::CatalogEntry> LiveCatalog::CreateSchema(duckdb::CatalogTransaction,
                                                                     duckdb::CreateSchemaInfo&) {
  Refuse();
}
duckdb::PhysicalOperator& LiveCatalog::PlanCreateTableAs(duckdb::ClientContext&,
                                                         duckdb::PhysicalPlanGenerator&,
                                                         duckdb::LogicalCreateTable&,
                                                         duckdb::PhysicalOperator&) {
  Refuse();
}
duckdb::PhysicalOperator& LiveCatalog::PlanInsert(duckdb::ClientContext&,
                                                  duckdb::PhysicalPlanGenerator&,
                                                  duckdb::LogicalInsert&,
                                                  duckdb::optional_ptr<duckdb::PhysicalOperator>) {
  Refuse();
}
duckdb::PhysicalOperator& LiveCatalog::PlanDelete(duckdb::ClientContext&,
                                                  duckdb::PhysicalPlanGenerator&,
                                                  duckdb::LogicalDelete&,
                                                  duckdb::PhysicalOperator&) {
  Refuse();
}
duckdb::PhysicalOperator& LiveCatalog::PlanUpdate(duckdb::ClientContext&,
                                                  duckdb::PhysicalPlanGenerator&,
                                                  duckdb::LogicalUpdate&,
                                                  duckdb::PhysicalOperator&) {
  Refuse();
}
void LiveCatalog::DropSchema(duckdb::ClientContext&, duckdb::DropInfo&) { Refuse(); }

void LiveSchemaEntry::Scan(duckdb::ClientContext& context, duckdb::CatalogType wanted,
                           const std::function<void(duckdb::CatalogEntry&)>& callback) {
  if (wanted != duckdb::CatalogType::TABLE_ENTRY) return;
  auto& live = duckdb::Transaction::Get(context, catalog).Cast<LiveTransaction>();
  auto tables = live.source().ListTables(name);
  if (!tables.ok()) {
    Log(LogLevel::kWarning, "schema " + name + " of source " + catalog.GetName() +
                                " is not listed: " + tables.error().message);
    return;
  }
  for (const SourceTableName& table : *tables) {
    duckdb::CatalogEntry* entry = nullptr;
    // A table with a column that has no counterpart is shown when it is named, with the reason.
    const Status found = Guard([&]() -> Status {
      entry = live.FindTable(context, *this, table.name);
      return Status::Ok();
    });
    if (found.ok() && entry != nullptr) callback(*entry);
  }
}

duckdb::optional_ptr<duckdb::CatalogEntry> LiveSchemaEntry::LookupEntry(
    duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo& lookup) {
  if (lookup.GetCatalogType() != duckdb::CatalogType::TABLE_ENTRY || !transaction.transaction) {
    return nullptr;
  }
  return transaction.transaction->Cast<LiveTransaction>().FindTable(transaction.GetContext(), *this,
                                                                    lookup.GetEntryName());
}

void LiveSchemaEntry::Refuse() const { RefuseWrite(catalog.GetAttached().GetName()); }

duckdb::optional_ptr<duckdb::CatalogEntry> LiveSchemaEntry::CreateIndex(
    duckdb::CatalogTransaction, duckdb::CreateIndexInfo&, duckdb::TableCatalogEntry&) {
  Refuse();
}
duckdb::optional_ptr<duckdb::CatalogEntry> LiveSchemaEntry::CreateFunction(
    duckdb::CatalogTransaction, duckdb::CreateFunctionInfo&) {
  Refuse();
}
duckdb::optional_ptr<duckdb::CatalogEntry> LiveSchemaEntry::CreateTable(
    duckdb::CatalogTransaction, duckdb::BoundCreateTableInfo&) {
  Refuse();
}
duckdb::optional_ptr<duckdb::CatalogEntry> LiveSchemaEntry::CreateView(duckdb::CatalogTransaction,
                                                                       duckdb::CreateViewInfo&) {
  Refuse();
}
duckdb::optional_ptr<duckdb::CatalogEntry> LiveSchemaEntry::CreateSequence(
    duckdb::CatalogTransaction, duckdb::CreateSequenceInfo&) {
  Refuse();
}
duckdb::optional_ptr<duckdb::CatalogEntry> LiveSchemaEntry::CreateTableFunction(
    duckdb::CatalogTransaction, duckdb::CreateTableFunctionInfo&) {
  Refuse();
}
duckdb::optional_ptr<duckdb::CatalogEntry> LiveSchemaEntry::CreateCopyFunction(
    duckdb::CatalogTransaction, duckdb::CreateCopyFunctionInfo&) {
  Refuse();
}
duckdb::optional_ptr<duckdb::CatalogEntry> LiveSchemaEntry::CreatePragmaFunction(
    duckdb::CatalogTransaction, duckdb::CreatePragmaFunctionInfo&) {
  Refuse();
}
duckdb::optional_ptr<duckdb::CatalogEntry> LiveSchemaEntry::CreateCollation(
    duckdb::CatalogTransaction, duckdb::CreateCollationInfo&) {
  Refuse();
}
duckdb::optional_ptr<duckdb::CatalogEntry> LiveSchemaEntry::CreateType(duckdb::CatalogTransaction,
                                                                       duckdb::CreateTypeInfo&) {
  Refuse();
}
void LiveSchemaEntry::DropEntry(duckdb::ClientContext&, duckdb::DropInfo&) { Refuse(); }
void LiveSchemaEntry::Alter(duckdb::CatalogTransaction, duckdb::AlterInfo&) { Refuse(); }

}  // namespace tarn::duck
