#include "sql/duckdb/lake_catalog.h"

#include <utility>

#include "catalog/committer.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/lake_change.h"
#include "sql/duckdb/lake_insert.h"
#include "sql/duckdb/lake_table.h"

namespace tarn::duck {
namespace {

const SessionOptions& OptionsOf(const duckdb::shared_ptr<SessionState>& session) {
  static const SessionOptions kNone;
  return session ? session->options : kNone;
}

/// What a table's changes are shown as is no table.
void CheckIsTable(const duckdb::TableCatalogEntry& table) {
  if (dynamic_cast<const LakeTableEntry*>(&table) != nullptr) return;
  Throw(PermissionDenied("\"" + table.name + "\" tells about a table and cannot be written",
                         "change the rows of the table itself"));
}

}  // namespace

LakeTransaction::LakeTransaction(duckdb::TransactionManager& owner, duckdb::ClientContext& client,
                                 EngineState& engine)
    : Transaction(owner, client),
      engine_(engine),
      session_(SessionState::Find(client)),
      statement_(StatementState::Find(client)),
      extent_(client.transaction.IsAutoCommit() ? LakeState::Extent::kOneStatement
                                                : LakeState::Extent::kExplicit),
      state_(engine, OptionsOf(session_), statement_ ? &statement_->sequence : nullptr) {}

LakeTransaction& LakeTransaction::Get(duckdb::ClientContext& context, duckdb::Catalog& catalog) {
  return Transaction::Get(context, catalog).Cast<LakeTransaction>();
}

LakeTransaction& LakeTransaction::Get(duckdb::CatalogTransaction transaction) {
  return transaction.transaction->Cast<LakeTransaction>();
}

LakeSchemaEntry& LakeTransaction::SchemaEntry(duckdb::Catalog& catalog, const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<LakeSchemaEntry>& entry = schemas_[name];
  if (entry == nullptr) {
    duckdb::CreateSchemaInfo info;
    info.schema = name;
    entry = std::make_unique<LakeSchemaEntry>(catalog, info);
  }
  return *entry;
}

void LakeTransaction::ForgetEarlierEntriesLocked() {
  if (session_ == nullptr) return;
  const int64_t begun = session_->statements;
  if (begun == statements_) return;
  statements_ = begun;
  entries_.clear();
  own_entries_.clear();
  kept_.clear();
}

duckdb::CatalogEntry& LakeTransaction::Entry(LakeSchemaEntry& schema,
                                             const LakeRelation& relation) {
  const std::lock_guard lock(mutex_);
  ForgetEarlierEntriesLocked();
  const void* address = relation.table ? static_cast<const void*>(relation.table.get())
                                       : static_cast<const void*>(relation.view.get());
  std::unique_ptr<duckdb::CatalogEntry>& entry = entries_[address];
  if (entry == nullptr) {
    kept_.push_back(relation);
    if (relation.table) {
      entry = MakeTableEntry(schema, engine_, relation.table);
    } else {
      entry = MakeViewEntry(schema, *relation.view);
    }
  }
  return *entry;
}

duckdb::CatalogEntry& LakeTransaction::Keep(std::unique_ptr<duckdb::CatalogEntry> entry) {
  const std::lock_guard lock(mutex_);
  ForgetEarlierEntriesLocked();
  own_entries_.push_back(std::move(entry));
  return *own_entries_.back();
}

duckdb::Transaction& LakeTransactionManager::StartTransaction(duckdb::ClientContext& context) {
  auto transaction = std::make_unique<LakeTransaction>(*this, context, engine_);
  duckdb::Transaction& result = *transaction;
  const std::lock_guard lock(mutex_);
  open_[&result] = std::move(transaction);
  return result;
}

std::unique_ptr<LakeTransaction> LakeTransactionManager::Take(duckdb::Transaction& transaction) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(&transaction);
  std::unique_ptr<LakeTransaction> result = std::move(found->second);
  open_.erase(found);
  return result;
}

duckdb::ErrorData LakeTransactionManager::CommitTransaction(duckdb::ClientContext&,
                                                            duckdb::Transaction& transaction) {
  // No rollback follows a failed commit: the transaction ends here in any case.
  const std::unique_ptr<LakeTransaction> lake = Take(transaction);
  const CancelFlag* cancel = lake->statement() != nullptr ? &lake->statement()->cancel : nullptr;
  const Status rewritten = Guard([&] { return lake->state().RewriteChangedFiles(cancel); });
  if (!rewritten.ok()) {
    lake->state().Abort();
    if (lake->session() != nullptr) lake->session()->commit_error = rewritten.error();
    return duckdb::ErrorData(duckdb::ExceptionType::TRANSACTION, rewritten.error().message);
  }
  const Status committed = Guard([&lake] { return lake->state().Commit(lake->extent()); });
  if (committed.ok()) return duckdb::ErrorData();
  if (lake->state().may_be_committed()) {
    lake->state().Forget();
  } else {
    lake->state().Abort();
  }
  if (lake->session() != nullptr) lake->session()->commit_error = committed.error();
  return duckdb::ErrorData(duckdb::ExceptionType::TRANSACTION, committed.error().message);
}

void LakeTransactionManager::RollbackTransaction(duckdb::Transaction& transaction) {
  Take(transaction)->state().Abort();
}

void LakeCatalog::Register(duckdb::DBConfig& config, EngineState& engine) {
  auto extension = duckdb::make_shared_ptr<duckdb::StorageExtension>();
  extension->storage_info = duckdb::make_shared_ptr<EngineInfo>(engine);
  extension->attach = [](duckdb::optional_ptr<duckdb::StorageExtensionInfo> info,
                         duckdb::ClientContext&, duckdb::AttachedDatabase& database,
                         const std::string&, duckdb::AttachInfo&,
                         duckdb::AttachOptions&) -> duckdb::unique_ptr<duckdb::Catalog> {
    return duckdb::make_uniq<LakeCatalog>(database, static_cast<EngineInfo&>(*info).engine);
  };
  extension->create_transaction_manager =
      [](duckdb::optional_ptr<duckdb::StorageExtensionInfo> info,
         duckdb::AttachedDatabase& database,
         duckdb::Catalog&) -> duckdb::unique_ptr<duckdb::TransactionManager> {
    return duckdb::make_uniq<LakeTransactionManager>(database,
                                                     static_cast<EngineInfo&>(*info).engine);
  };
  duckdb::StorageExtension::Register(config, kType, std::move(extension));
}

duckdb::ErrorData LakeCatalog::SupportsCreateTable(duckdb::BoundCreateTableInfo&) {
  return duckdb::ErrorData();  // also partitioned, sorted and with properties
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeCatalog::CreateSchema(
    duckdb::CatalogTransaction transaction, duckdb::CreateSchemaInfo& info) {
  LakeTransaction& lake = LakeTransaction::Get(transaction);
  OnTaken on_taken = OnTaken::kFail;
  if (info.on_conflict == duckdb::OnCreateConflict::IGNORE_ON_CONFLICT) on_taken = OnTaken::kKeep;
  if (info.on_conflict == duckdb::OnCreateConflict::REPLACE_ON_CONFLICT) {
    on_taken = OnTaken::kReplace;
  }
  ThrowIfError(lake.state().CreateSchema(info.schema, on_taken));
  return &lake.SchemaEntry(*this, info.schema);
}

void LakeCatalog::DropSchema(duckdb::ClientContext& context, duckdb::DropInfo& info) {
  LakeTransaction& lake = LakeTransaction::Get(context, *this);
  const auto name = ValueOrThrow(lake.state().FindSchema(info.name));
  if (!name) {
    if (info.if_not_found == duckdb::OnEntryNotFound::RETURN_NULL) return;
    Throw(NotFound("schema " + info.name + " does not exist", "SHOW SCHEMAS lists them"));
  }
  ThrowIfError(lake.state().DropSchema(
      *name, info.cascade ? LakeState::Contents::kDropToo : LakeState::Contents::kMustBeEmpty));
}

duckdb::optional_ptr<duckdb::SchemaCatalogEntry> LakeCatalog::LookupSchema(
    duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo& lookup,
    duckdb::OnEntryNotFound if_not_found) {
  const std::string& asked = lookup.GetEntryName();
  // Asked for every function and type: DuckDB's own schemas are never ours.
  if (!transaction.transaction || asked == "pg_catalog" || asked == "information_schema") {
    return nullptr;
  }
  LakeTransaction& lake = LakeTransaction::Get(transaction);
  if (asked == DEFAULT_SCHEMA) return &lake.SchemaEntry(*this, asked);
  const auto name = ValueOrThrow(lake.state().FindSchema(asked));
  if (name) return &lake.SchemaEntry(*this, *name);
  if (if_not_found == duckdb::OnEntryNotFound::THROW_EXCEPTION) {
    Throw(NotFound("schema " + asked + " does not exist in " + GetName(),
                   "SHOW SCHEMAS FROM " + GetName() + " lists them"));
  }
  return nullptr;
}

void LakeCatalog::ScanSchemas(duckdb::ClientContext& context,
                              std::function<void(duckdb::SchemaCatalogEntry&)> callback) {
  LakeTransaction& lake = LakeTransaction::Get(context, *this);
  for (const std::string& name : ValueOrThrow(lake.state().ListSchemas())) {
    callback(lake.SchemaEntry(*this, name));
  }
}

duckdb::PhysicalOperator& LakeCatalog::PlanCreateTableAs(duckdb::ClientContext&,
                                                         duckdb::PhysicalPlanGenerator& planner,
                                                         duckdb::LogicalCreateTable& op,
                                                         duckdb::PhysicalOperator& plan) {
  return PlanLakeCreateTableAs(planner, *this, op, plan);
}

duckdb::PhysicalOperator& LakeCatalog::PlanInsert(
    duckdb::ClientContext&, duckdb::PhysicalPlanGenerator& planner, duckdb::LogicalInsert& op,
    duckdb::optional_ptr<duckdb::PhysicalOperator> plan) {
  return PlanLakeInsert(planner, *this, op, plan);
}

duckdb::unique_ptr<duckdb::LogicalOperator> LakeCatalog::BindCreateIndex(
    duckdb::Binder&, duckdb::CreateStatement&, duckdb::TableCatalogEntry&,
    duckdb::unique_ptr<duckdb::LogicalOperator>) {
  Throw(Unsupported("the lake cannot hold an index",
                    "partition the table instead: rows are found by file statistics"));
}

duckdb::unique_ptr<duckdb::LogicalOperator> LakeCatalog::BindAlterAddIndex(
    duckdb::Binder&, duckdb::TableCatalogEntry&, duckdb::unique_ptr<duckdb::LogicalOperator>,
    duckdb::unique_ptr<duckdb::CreateIndexInfo>, duckdb::unique_ptr<duckdb::AlterTableInfo>) {
  Throw(Unsupported("keys are not supported on tables of the lake: nothing would enforce them",
                    "put `checks:` on the model that makes the rows"));
}

duckdb::PhysicalOperator& LakeCatalog::PlanDelete(duckdb::ClientContext&,
                                                  duckdb::PhysicalPlanGenerator& planner,
                                                  duckdb::LogicalDelete& op,
                                                  duckdb::PhysicalOperator& plan) {
  CheckIsTable(op.table);
  return PlanLakeDelete(planner, *this, op, plan);
}

duckdb::PhysicalOperator& LakeCatalog::PlanUpdate(duckdb::ClientContext&,
                                                  duckdb::PhysicalPlanGenerator& planner,
                                                  duckdb::LogicalUpdate& op,
                                                  duckdb::PhysicalOperator& plan) {
  CheckIsTable(op.table);
  return PlanLakeUpdate(planner, *this, op, plan);
}

duckdb::PhysicalOperator& LakeCatalog::PlanMergeInto(duckdb::ClientContext&,
                                                     duckdb::PhysicalPlanGenerator& planner,
                                                     duckdb::LogicalMergeInto& op,
                                                     duckdb::PhysicalOperator& plan) {
  CheckIsTable(op.table);
  return PlanLakeMerge(planner, *this, op, plan);
}

}  // namespace tarn::duck
