#include "pipeline/table_target.h"

#include <algorithm>

#include <arrow/api.h>

#include "base/log.h"
#include "base/text.h"
#include "catalog/committer.h"
#include "catalog/location.h"

namespace tarn {
namespace {

/// The query's columns as a table schema with the target's key.
Result<Schema> WantedSchema(const arrow::Schema& storable, const TableTarget& target) {
  // Engines look columns up without regard to case, so names that differ by nothing else collide.
  std::map<std::string, std::string> seen;
  for (const auto& field : storable.fields()) {
    const std::string& name = field->name();
    if (name.empty()) {
      return InvalidArgument("a column of " + target.name.ToString() + " has no name");
    }
    auto [it, fresh] = seen.emplace(LowerAscii(name), name);
    if (!fresh) {
      return InvalidArgument("two columns of " + target.name.ToString() + " are called \"" +
                                 it->second + "\" and \"" + name + "\"",
                             "give one of them another name with AS: case alone does not tell "
                             "columns apart");
    }
  }
  TARN_ASSIGN_OR_RETURN(Schema schema, SchemaFromArrow(storable));
  for (const std::string& column : target.key) {
    bool found = false;
    for (Field& field : schema.fields) {
      if (field.name != column) continue;
      field.nullability = Nullability::kRequired;
      schema.identifier_fields.push_back(field.id);
      found = true;
    }
    if (!found) {
      return InvalidArgument(
          "the key column \"" + column + "\" is not a column of " + target.name.ToString(),
          "correct `key:`");
    }
  }
  return schema;
}

/// Whether the project alone says what the property is. Models own their comment; a mirrored table
/// may have one that somebody gave it.
bool Declared(const TableTarget& target, const std::string& key) {
  if (key.rfind(kTagPrefix, 0) == 0) return true;
  return key == kCommentProperty && target.owner.rfind("model:", 0) == 0;
}

/// Tells how many properties differed.
Result<int> SetProperties(const TableMetadata& base, const TableTarget& target,
                          TableTransaction* transaction) {
  int changed = 0;
  for (const auto& [key, value] : base.properties) {
    if (!Declared(target, key) || target.properties.count(key) != 0) continue;
    TARN_RETURN_IF_ERROR(transaction->RemoveProperty(key));
    ++changed;
  }
  for (const auto& [key, value] : target.properties) {
    auto old = base.properties.find(key);
    if (old != base.properties.end() && old->second == value) continue;
    TARN_RETURN_IF_ERROR(transaction->SetProperty(key, value));
    ++changed;
  }
  return changed;
}

/// Whether the column's type may change in place (Iceberg "Schema Evolution"), part by part.
bool CanBecome(const Type& from, const Type& to) {
  if (from.primitive() || to.primitive()) return from == to || CanWiden(from, to);
  if (from.kind() != to.kind()) return false;
  for (const Field& part : from.fields()) {
    const auto& fields = to.fields();
    const auto same = std::find_if(fields.begin(), fields.end(),
                                   [&](const Field& field) { return field.name == part.name; });
    if (same != fields.end() && !CanBecome(part.type, same->type)) return false;
  }
  return true;
}

Status DropIncompatible(const Schema& base, const Schema& wanted, TableTransaction* transaction) {
  for (const Field& field : base.fields) {
    const Field* becomes = wanted.Find(field.name);
    if (becomes == nullptr || CanBecome(field.type, becomes->type)) continue;
    TARN_RETURN_IF_ERROR(transaction->DropColumn(field.name));
  }
  return {};
}

Status CheckOwner(const TableEntry& existing, const TableTarget& target) {
  if (existing.owner == target.owner) return Status::Ok();
  return AlreadyExists("the table " + target.name.ToString() + " exists and was not made by " +
                           (target.owner.empty() ? "this" : target.owner),
                       "choose another name, or DROP TABLE " + target.name.ToString());
}

}  // namespace

Result<WrittenTable> OpenTarget(const PipelineContext& context, const arrow::Schema& storable,
                                const TableTarget& target, WriteMode mode) {
  TARN_ASSIGN_OR_RETURN(const Schema schema, WantedSchema(storable, target));
  WrittenTable out;
  for (const auto& field : storable.fields()) out.columns.push_back(field->name());
  auto existing = context.catalog->LoadTable(target.name, std::nullopt);
  if (!existing.ok() && existing.error().kind != ErrorKind::kNotFound) return existing.status();
  if (!existing.ok()) {
    NewTable table;
    TARN_ASSIGN_OR_RETURN(const FreeFolder folder,
                          NewTableFolder(*context.catalog, *context.tables.store,
                                         *context.tables.random, target.name, target.owner));
    table.location = folder.uri;
    out.owner = target.owner;
    out.free_at = folder.free_at;
    table.schema = schema;
    table.partition = target.partition;
    table.properties = target.properties;
    TARN_ASSIGN_OR_RETURN(out.transaction, TableTransaction::Create(context.tables, table));
    return out;
  }
  TARN_RETURN_IF_ERROR(CheckOwner(*existing, target));
  out.uuid = existing->uuid;
  TARN_ASSIGN_OR_RETURN(auto base, LoadTableMetadata(context.tables, existing->metadata_location));
  TARN_ASSIGN_OR_RETURN(
      out.transaction, TableTransaction::Change(context.tables, base, existing->metadata_location));
  if (mode == WriteMode::kAppendReplacing) {
    TARN_RETURN_IF_ERROR(DropIncompatible(base->schema(), schema, out.transaction.get()));
  }
  using Incompatible = TableTransaction::IncompatibleColumns;
  TARN_RETURN_IF_ERROR(out.transaction->EvolveTo(
      schema, mode == WriteMode::kOverwrite ? Incompatible::kReplace : Incompatible::kRefuse));
  TARN_RETURN_IF_ERROR(out.transaction->SetKey(target.key));
  TARN_RETURN_IF_ERROR(out.transaction->SetPartition(target.partition));
  TARN_RETURN_IF_ERROR(SetProperties(*base, target, out.transaction.get()).status());
  return out;
}

Result<std::string> WhyNotInPlace(const TableContext& tables, const TableEntry& standing,
                                  const arrow::Schema& storable, const TableTarget& target) {
  TARN_ASSIGN_OR_RETURN(const Schema schema, WantedSchema(storable, target));
  TARN_ASSIGN_OR_RETURN(auto base, LoadTableMetadata(tables, standing.metadata_location));
  TARN_ASSIGN_OR_RETURN(auto transaction,
                        TableTransaction::Change(tables, base, standing.metadata_location));
  const Status evolved =
      transaction->EvolveTo(schema, TableTransaction::IncompatibleColumns::kRefuse);
  return evolved.ok() ? std::string() : evolved.error().message;
}

Status CommitProperties(const PipelineContext& context, const TableTarget& target,
                        std::vector<CommitOp> ops, const std::string& author) {
  TARN_ASSIGN_OR_RETURN(const TableEntry entry,
                        context.catalog->LoadTable(target.name, std::nullopt));
  TARN_RETURN_IF_ERROR(CheckOwner(entry, target));
  TARN_ASSIGN_OR_RETURN(auto base, LoadTableMetadata(context.tables, entry.metadata_location));
  TARN_ASSIGN_OR_RETURN(auto transaction,
                        TableTransaction::Change(context.tables, base, entry.metadata_location));
  TARN_ASSIGN_OR_RETURN(const int changed, SetProperties(*base, target, transaction.get()));
  LakeCommit commit = context.NewCommit(author, "properties of " + target.name.ToString());
  commit.ops.insert(commit.ops.end(), ops.begin(), ops.end());
  if (changed > 0)
    commit.tables.push_back({target.name, target.owner, entry.uuid, transaction.get()});
  return CommitToLake(context.tables, *context.catalog, commit).status();
}

Result<std::unique_ptr<DataWriter>> OpenTargetWriter(const PipelineContext& context,
                                                     const WrittenTable& table) {
  DataWriterOptions options;
  options.location = table.transaction->location();
  options.schema = table.transaction->schema();
  options.spec = table.transaction->spec();
  options.physical_names = table.transaction->physical_names();
  options.factory = context.file_writer;
  return DataWriter::Open(context.tables, std::move(options));
}

Status StageFiles(const PipelineContext& context, std::vector<DataFile> files, WriteMode mode,
                  WrittenTable* table) {
  table->files = std::move(files);
  for (const DataFile& file : table->files) {
    table->rows += file.record_count;
    table->bytes += file.size_bytes;
  }
  Status staged = mode == WriteMode::kOverwrite ? table->transaction->Overwrite(table->files)
                                                : table->transaction->Append(table->files);
  if (!staged.ok()) Discard(context, *table);
  return staged;
}

void Discard(const PipelineContext& context, const WrittenTable& written) {
  for (const DataFile& file : written.files) {
    auto key = context.tables.store->KeyOf(file.path);
    Status deleted = key.ok() ? context.tables.store->Delete(*key) : key.status();
    if (!deleted.ok()) {
      Log(LogLevel::kWarning, "an unused file remains: " + deleted.error().message);
    }
  }
}

}  // namespace tarn
