#include <optional>
#include <utility>

#include "sql/duckdb/changes_scan.h"
#include "sql/duckdb/changes_view.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/lake_alter.h"
#include "sql/duckdb/lake_catalog.h"
#include "sql/duckdb/lake_table.h"
#include "sql/duckdb/points.h"
#include "sql/duckdb/table_info.h"
#include "sql/duckdb/types.h"

namespace tarn::duck {
namespace {

bool IsRelation(duckdb::CatalogType type) {
  return type == duckdb::CatalogType::TABLE_ENTRY || type == duckdb::CatalogType::VIEW_ENTRY;
}

OnTaken OnTakenOf(duckdb::OnCreateConflict conflict) {
  switch (conflict) {
    case duckdb::OnCreateConflict::IGNORE_ON_CONFLICT:
      return OnTaken::kKeep;
    case duckdb::OnCreateConflict::REPLACE_ON_CONFLICT:
      return OnTaken::kReplace;
    default:
      return OnTaken::kFail;
  }
}

[[noreturn]] void RefuseCreate(const std::string& what, const std::string& hint) {
  Throw(Unsupported("the lake cannot hold " + what, hint));
}

/// What an AT clause names.
LakePoint PointOfClause(duckdb::ClientContext& context, const duckdb::BoundAtClause& at) {
  const duckdb::Value& value = at.GetValue();
  const bool is_version = duckdb::StringUtil::Upper(at.Unit()) == "VERSION";
  return is_version ? PointOf(context, value) : PointOfTime(context, value);
}

}  // namespace

LakeRelation LakeSchemaEntry::Lookup(LakeTransaction& transaction,
                                     const duckdb::EntryLookupInfo& lookup) {
  const auto at = lookup.GetAtClause();
  std::optional<LakePoint> point;
  if (at) point = PointOfClause(*transaction.context.lock(), *at);
  const auto find = [&](const TableName& asked) {
    LakeState& state = transaction.state();
    return ValueOrThrow(point ? state.FindAt(asked, *point) : state.Find(asked));
  };
  const auto info = SplitTableInfoName(lookup.GetEntryName());
  if (!info) return find({name, lookup.GetEntryName()});
  const LakeRelation about = find({name, info->first});
  LakeRelation relation;
  if (about.table == nullptr) return relation;
  if (info->second == kChangesKind) {
    relation.view = ChangesView(transaction.engine(), about.table, about.table->snapshot);
    return relation;
  }
  std::string text;
  if (point && point->sequence) {
    text = "sequence " + std::to_string(point->sequence->value());
  } else if (about.table->snapshot) {
    text = std::to_string(about.table->snapshot->value());
  }
  relation.view = TableInfoView(about.table->entry.name, info->second, text);
  return relation;
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::LookupEntry(
    duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo& lookup) {
  if (!IsRelation(lookup.GetCatalogType()) || !transaction.transaction) return nullptr;
  LakeTransaction& lake = LakeTransaction::Get(transaction);
  if (auto changes = SplitChangesName(lookup.GetEntryName())) {
    const duckdb::EntryLookupInfo about(lookup, changes->first);
    changes->second.table = Lookup(lake, about).table;
    if (changes->second.table == nullptr) return nullptr;
    return &lake.Keep(MakeChangesEntry(*this, lake.engine(), std::move(changes->second)));
  }
  const LakeRelation relation = Lookup(lake, lookup);
  if (!relation) return nullptr;
  return &lake.Entry(*this, relation);
}

void LakeSchemaEntry::Scan(duckdb::ClientContext& context, duckdb::CatalogType wanted,
                           const std::function<void(duckdb::CatalogEntry&)>& callback) {
  // DuckDB asks for tables and expects the views among them.
  if (!IsRelation(wanted)) return;
  LakeTransaction& lake = LakeTransaction::Get(context, catalog);
  for (const LakeRelation& relation : ValueOrThrow(lake.state().List(name))) {
    callback(lake.Entry(*this, relation));
  }
}

void LakeSchemaEntry::Scan(duckdb::CatalogType, const std::function<void(duckdb::CatalogEntry&)>&) {
  Throw(Internal("the lake was listed without a transaction"));
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateTable(
    duckdb::CatalogTransaction transaction, duckdb::BoundCreateTableInfo& bound) {
  LakeTransaction& lake = LakeTransaction::Get(transaction);
  duckdb::CreateTableInfo& info = bound.Base();
  const TableName table_name{name, info.table};
  const NewTableParts parts =
      ValueOrThrow(PartsOfCreateTable(transaction.GetContext(), table_name, info));
  const bool created = ValueOrThrow(lake.state().CreateTable(
      table_name, parts.schema, parts.partition, parts.properties, OnTakenOf(info.on_conflict)));
  if (!created) return nullptr;
  if (!parts.sort.empty()) {
    ThrowIfError(lake.state().Alter(
        table_name, [&](TableTransaction& table) { return table.SetSortOrder(parts.sort); }));
  }
  return &lake.Entry(*this, ValueOrThrow(lake.state().Find(table_name)));
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateView(
    duckdb::CatalogTransaction transaction, duckdb::CreateViewInfo& info) {
  LakeTransaction& lake = LakeTransaction::Get(transaction);
  ViewEntry view;
  view.name = TableName{name, info.view_name};
  view.sql = info.query->ToString();
  for (const std::string& alias : info.aliases) view.columns.push_back(alias);
  if (!ValueOrThrow(lake.state().PutView(view, OnTakenOf(info.on_conflict)))) return nullptr;
  return &lake.Entry(*this, ValueOrThrow(lake.state().Find(view.name)));
}

void LakeSchemaEntry::DropEntry(duckdb::ClientContext& context, duckdb::DropInfo& info) {
  LakeTransaction& lake = LakeTransaction::Get(context, catalog);
  const TableName dropped{name, info.name};
  const LakeRelation relation = ValueOrThrow(lake.state().Find(dropped));
  if (!relation && info.if_not_found == duckdb::OnEntryNotFound::RETURN_NULL) return;
  if (relation.view && info.type == duckdb::CatalogType::TABLE_ENTRY) {
    Throw(InvalidArgument(dropped.ToString() + " is a view", "use DROP VIEW"));
  }
  if (relation.table && info.type == duckdb::CatalogType::VIEW_ENTRY) {
    Throw(InvalidArgument(dropped.ToString() + " is a table", "use DROP TABLE"));
  }
  ThrowIfError(lake.state().Drop(dropped));
}

void LakeSchemaEntry::Alter(duckdb::CatalogTransaction transaction, duckdb::AlterInfo& info) {
  LakeTransaction& lake = LakeTransaction::Get(transaction);
  ThrowIfError(
      AlterRelation(transaction.GetContext(), lake.state(), TableName{name, info.name}, info));
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateIndex(
    duckdb::CatalogTransaction, duckdb::CreateIndexInfo&, duckdb::TableCatalogEntry&) {
  RefuseCreate("an index", "partition the table instead: rows are found by file statistics");
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateFunction(
    duckdb::CatalogTransaction, duckdb::CreateFunctionInfo&) {
  RefuseCreate("a macro", "use CREATE TEMP MACRO, which lives as long as the session");
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateSequence(
    duckdb::CatalogTransaction, duckdb::CreateSequenceInfo&) {
  RefuseCreate("a sequence", "use row_number() or uuid()");
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateTableFunction(
    duckdb::CatalogTransaction, duckdb::CreateTableFunctionInfo&) {
  RefuseCreate("a table function", "");
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateCopyFunction(
    duckdb::CatalogTransaction, duckdb::CreateCopyFunctionInfo&) {
  RefuseCreate("a copy function", "");
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreatePragmaFunction(
    duckdb::CatalogTransaction, duckdb::CreatePragmaFunctionInfo&) {
  RefuseCreate("a pragma", "");
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateCollation(
    duckdb::CatalogTransaction, duckdb::CreateCollationInfo&) {
  RefuseCreate("a collation", "");
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateType(duckdb::CatalogTransaction,
                                                                       duckdb::CreateTypeInfo&) {
  RefuseCreate("a type", "use CREATE TEMP TYPE, which lives as long as the session");
}

}  // namespace tarn::duck
