#include "sql/duckdb/foreign_table.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "catalog/delta_snapshot.h"
#include "catalog/delta_vectors.h"
#include "sql/duckdb/points.h"
#include "sql/duckdb/types.h"
#include "table/dual/deletes.h"
#include "table/dual/file_columns.h"
#include "table/dual/file_pruner.h"
#include "table/dual/iceberg_folder.h"
#include "table/model/adopted_columns.h"

namespace tarn::duck {
namespace {

/// A path as the shell has it becomes absolute; a URI stays.
std::string Absolute(const std::string& location) {
  if (location.find("://") != std::string::npos || location.starts_with("file:")) return location;
  std::error_code error;
  const auto path = std::filesystem::absolute(location, error).lexically_normal();
  return error ? location : path.string();
}

/// The context of a table that is not in the lake's store: its metadata is not cached, because only
/// the lake's own names are never used twice.
TableContext ContextOf(EngineState& engine, uint64_t store_id) {
  TableContext context = engine.options.tables;
  if (store_id == 0) return context;
  context.store = &engine.StoreOf(store_id);
  context.cache = nullptr;
  return context;
}

Result<const Snapshot*> SnapshotOf(const TableMetadata& table, const ForeignPoint& point) {
  const Snapshot* found = nullptr;
  if (point.timestamp_ms) {
    for (const auto& [made_ms, id] : table.snapshot_log) {
      if (made_ms <= *point.timestamp_ms) found = table.FindSnapshot(id);
    }
    if (found == nullptr) return NotFound("table " + table.location + " has no snapshot that old");
    return found;
  }
  if (point.version.empty()) return table.current();
  TARN_ASSIGN_OR_RETURN(const LakePoint wanted, ParsePoint(point.version));
  if (wanted.snapshot) found = table.FindSnapshot(*wanted.snapshot);
  if (const auto ref = table.refs.find(wanted.ref); ref != table.refs.end()) {
    found = table.FindSnapshot(ref->second.snapshot);
  }
  if (found == nullptr) {
    return NotFound("table " + table.location + " has no snapshot, branch or tag \"" +
                    point.version + "\"");
  }
  return found;
}

/// Files that were taken over from Hive tables do not have such columns.
std::map<int32_t, Scalar> ConstantsOf(const TableMetadata& table, const DataFile& file) {
  const PartitionSpec* spec = table.FindSpec(file.spec_id);
  return spec == nullptr ? std::map<int32_t, Scalar>() : IdentityValues(*spec, file);
}

/// The constants of files by path, filled while files are planned. Threads: any.
class ConstantsByFile {
 public:
  void Put(const std::string& path, std::map<int32_t, Scalar> values) {
    if (values.empty()) return;
    const std::lock_guard lock(mutex_);
    values_.try_emplace(path, std::move(values));
  }
  /// Addresses stay valid: a path's values never change.
  const std::map<int32_t, Scalar>* Find(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto found = values_.find(path);
    return found == values_.end() ? nullptr : &found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::map<int32_t, Scalar>> values_;
};

/// A Delta table of any writer, and what its log says of the files that were planned.
struct DeltaTable {
  std::shared_ptr<const DeltaSnapshot> snapshot;
  ObjectStore* store = nullptr;
  ConstantsByFile constants;
  std::mutex mutex;
  std::unordered_map<std::string, delta::DeletionVectorDescriptor> vectors;  ///< by path
};

Result<ScanPlan> PlanDelta(DeltaTable& table, const Predicate& predicate) {
  // Partition columns have bounds as well: one look at the bounds of a file is all that is needed.
  TableMetadata described;
  described.schemas = {table.snapshot->schema().schema};
  described.current_schema = described.schemas[0].id;
  const ManifestTypes types(described);
  const FilePruner pruner(described, described.schema(), types, predicate);
  ScanPlan plan;
  TARN_RETURN_IF_ERROR(table.snapshot->VisitFiles([&](delta::TableFile&& found) -> Status {
    ++plan.files_total;
    if (!pruner.FileMayMatch(found.file)) {
      ++plan.files_skipped;
      return {};
    }
    table.constants.Put(found.file.path, std::move(found.partition_values));
    ScanFile file;
    file.file = std::move(found.file);
    if (found.deletion_vector) {
      // Says that rows are missing; what it names is looked up below.
      DataFile vector;
      vector.content = FileContent::kPositionDeletes;
      vector.record_count = found.deletion_vector->cardinality;
      vector.content_offset = 0;
      file.deletes.push_back(std::move(vector));
      const std::lock_guard lock(table.mutex);
      table.vectors.insert_or_assign(file.file.path, *found.deletion_vector);
    }
    plan.files.push_back(std::move(file));
    return {};
  }));
  return plan;
}

Result<std::shared_ptr<const DeletionVector>> DeltaDeletedRows(DeltaTable& table,
                                                               const ScanFile& file) {
  std::optional<delta::DeletionVectorDescriptor> descriptor;
  {
    const std::lock_guard lock(table.mutex);
    if (const auto found = table.vectors.find(file.file.path); found != table.vectors.end()) {
      descriptor = found->second;
    }
  }
  if (!descriptor) return std::shared_ptr<const DeletionVector>();
  TARN_ASSIGN_OR_RETURN(DeletionVector rows,
                        LoadDeltaVector(*table.store, table.snapshot->table_uri(), *descriptor));
  return std::make_shared<const DeletionVector>(std::move(rows));
}

/// `physical_names`: what data files call fields, where it is not their name, by id.
void AddColumns(const Schema& schema, const std::map<int32_t, std::string>& physical_names,
                ForeignTable& table) {
  table.columns = ToScanColumns(schema.fields);
  table.file_fields.names = NamesInFiles(schema, physical_names);
  for (const Field& field : schema.fields) table.planner.field_names.push_back(field.name);
}

}  // namespace

Result<ForeignIceberg> FindForeignIceberg(EngineState& engine, const std::string& location,
                                          const ForeignPoint& point) {
  const std::string absolute = Absolute(location);
  ForeignIceberg found;
  TARN_ASSIGN_OR_RETURN(found.store_id, engine.StoreFor(absolute));
  found.context = ContextOf(engine, found.store_id);
  TARN_ASSIGN_OR_RETURN(const std::string metadata_location,
                        FindIcebergMetadata(*found.context.store, absolute));
  TARN_ASSIGN_OR_RETURN(found.metadata, LoadTableMetadata(found.context, metadata_location));
  TARN_ASSIGN_OR_RETURN(found.snapshot, SnapshotOf(*found.metadata, point));
  if (found.context.cache == nullptr) {
    found.cache = std::make_shared<TableCache>();
    found.context.cache = found.cache.get();
  }
  return found;
}

Result<ForeignDelta> FindForeignDelta(EngineState& engine, const std::string& location,
                                      const ForeignPoint& point) {
  const std::string absolute = Absolute(location);
  ForeignDelta found;
  TARN_ASSIGN_OR_RETURN(found.store_id, engine.StoreFor(absolute));
  found.store = &engine.StoreOf(found.store_id);
  DeltaVersion at;
  at.timestamp_ms = point.timestamp_ms;
  if (!point.version.empty()) {
    TARN_ASSIGN_OR_RETURN(const LakePoint version, ParsePoint(point.version));
    if (!version.snapshot) {
      return InvalidArgument("\"" + point.version + "\" is no version of a Delta table",
                             "versions are counted from 0");
    }
    at.version = version.snapshot->value();
  }
  TARN_ASSIGN_OR_RETURN(const std::string key, found.store->KeyOf(absolute));
  TARN_ASSIGN_OR_RETURN(found.snapshot, DeltaSnapshot::Open(*found.store, key, at));
  return found;
}

Result<ForeignTable> OpenForeignIceberg(EngineState& engine, const std::string& location,
                                        const ForeignPoint& point) {
  TARN_ASSIGN_OR_RETURN(const ForeignIceberg found, FindForeignIceberg(engine, location, point));
  const TableContext context = found.context;
  const auto metadata = found.metadata;
  const Snapshot* snapshot = found.snapshot;
  const bool current = snapshot == nullptr || snapshot == metadata->current();
  const Schema* schema =
      !current && snapshot->schema_id ? metadata->FindSchema(*snapshot->schema_id) : nullptr;
  if (schema == nullptr) schema = &metadata->schema();

  ForeignTable table;
  AddColumns(*schema, {}, table);
  if (const auto mapping = metadata->properties.find(kNameMappingProperty);
      mapping != metadata->properties.end()) {
    TARN_ASSIGN_OR_RETURN(table.file_fields.names, ReadNameMapping(mapping->second));
    table.file_fields.match = FileFields::Match::kExact;
  }
  std::optional<SnapshotId> pinned;
  if (!current) pinned = snapshot->id;
  const auto constants = std::make_shared<ConstantsByFile>();
  table.planner.store_id = found.store_id;
  table.planner.plan = [context, metadata, cache = found.cache, pinned,
                        constants](const Predicate& predicate) -> Result<ScanPlan> {
    TARN_ASSIGN_OR_RETURN(ScanPlan plan, PlanScan(context, *metadata, pinned, predicate));
    for (const ScanFile& file : plan.files) {
      constants->Put(file.file.path, ConstantsOf(*metadata, file.file));
    }
    return plan;
  };
  table.planner.deleted_rows = [context, metadata, cache = found.cache](const ScanFile& file) {
    return LoadDeletes(context, *metadata, file);
  };
  table.planner.constants = [constants](const ScanFile& file) {
    return constants->Find(file.file.path);
  };
  return table;
}

Result<ForeignTable> OpenForeignDelta(EngineState& engine, const std::string& location,
                                      const ForeignPoint& point) {
  TARN_ASSIGN_OR_RETURN(const ForeignDelta found, FindForeignDelta(engine, location, point));
  auto opened = std::make_shared<DeltaTable>();
  opened->store = found.store;
  opened->snapshot = found.snapshot;

  ForeignTable table;
  const delta::TableSchema& schema = opened->snapshot->schema();
  AddColumns(schema.schema, schema.physical_names, table);
  // Field ids say nothing without column mapping, nor in its mode "name", also where files have
  // some.
  if (schema.mapping != delta::ColumnMapping::kById) {
    table.file_fields.ids = FileFields::Ids::kIgnored;
  }
  table.planner.store_id = found.store_id;
  table.planner.plan = [opened](const Predicate& predicate) {
    return PlanDelta(*opened, predicate);
  };
  table.planner.deleted_rows = [opened](const ScanFile& file) {
    return DeltaDeletedRows(*opened, file);
  };
  table.planner.constants = [opened](const ScanFile& file) {
    return opened->constants.Find(file.file.path);
  };
  return table;
}

}  // namespace tarn::duck
