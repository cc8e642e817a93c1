#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "columnar/prune.h"
#include "table/dual/manifest_io.h"
#include "table/dual/table.h"
#include "table/iceberg/single_value.h"
#include "table/model/partition.h"

namespace tarn {

namespace {

void CollectColumns(const Predicate& predicate, std::set<std::string>& columns) {
  if (!predicate.column.empty()) columns.insert(predicate.column);
  for (const Predicate& child : predicate.children) CollectColumns(child, columns);
}

template <typename T>
std::optional<T> Lookup(const std::map<int32_t, T>& values, int32_t id) {
  auto found = values.find(id);
  return found == values.end() ? std::nullopt : std::optional<T>(found->second);
}

ColumnBounds BoundsOfValue(const Scalar& value) {
  ColumnBounds bounds;
  bounds.value_count = 1;
  bounds.null_count = IsNull(value) ? 1 : 0;
  const auto* number = std::get_if<double>(&value);
  const bool nan = number != nullptr && std::isnan(*number);
  bounds.nan_count = nan ? 1 : 0;
  if (!nan && !IsNull(value)) bounds.lower = bounds.upper = value;
  return bounds;
}

ColumnBounds BoundsOfSummary(const PartitionSummary& summary, const Type& type) {
  ColumnBounds bounds;
  if (summary.lower) bounds.lower = DecodeSingleValue(type, *summary.lower);
  if (summary.upper) bounds.upper = DecodeSingleValue(type, *summary.upper);
  if (!summary.contains_null) bounds.null_count = 0;
  if (summary.contains_nan && !*summary.contains_nan) bounds.nan_count = 0;
  return bounds;
}

/// The predicate as it applies to the partitions of each spec, and to the columns of files.
class Pruner {
 public:
  Pruner(const TableMetadata& table, const Schema& schema, const ManifestTypes& types,
         const Predicate& predicate)
      : table_(table), schema_(schema), types_(types), predicate_(predicate) {
    std::set<std::string> names;
    CollectColumns(predicate, names);
    for (const std::string& name : names) {
      const Field* field = schema.Find(name);
      if (field != nullptr && field->type.primitive()) columns_[name] = field->id.value();
    }
  }

  std::vector<int32_t> column_ids() const {
    std::vector<int32_t> ids;
    for (const auto& [name, id] : columns_) ids.push_back(id);
    return ids;
  }

  bool ManifestMayMatch(const ManifestFile& manifest) {
    const Projection& projection = ProjectionOf(manifest.spec_id);
    if (projection.predicate.always_true() ||
        manifest.partitions.size() != projection.types.size()) {
      return true;
    }
    return Evaluate(projection, [&](size_t i) {
      return BoundsOfSummary(manifest.partitions[i], projection.types[i]);
    });
  }

  bool PartitionMayMatch(const DataFile& file) {
    const Projection& projection = ProjectionOf(file.spec_id);
    if (projection.predicate.always_true() || file.partition.size() != projection.types.size()) {
      return true;
    }
    return Evaluate(projection, [&](size_t i) { return BoundsOfValue(file.partition[i]); });
  }

  bool FileMayMatch(const DataFile& file) const {
    if (columns_.empty()) return true;
    ColumnBounds bounds;
    return MayMatch(predicate_, [&](const std::string& column) -> const ColumnBounds* {
      auto found = columns_.find(column);
      if (found == columns_.end()) return nullptr;
      const int32_t id = found->second;
      bounds = {};
      bounds.lower = Lookup(file.lower_bounds, id);
      bounds.upper = Lookup(file.upper_bounds, id);
      bounds.null_count = Lookup(file.null_counts, id);
      bounds.value_count = Lookup(file.value_counts, id);
      if (!bounds.value_count) bounds.value_count = file.record_count;
      bounds.nan_count = Lookup(file.nan_counts, id);
      return &bounds;
    });
  }

 private:
  struct Projection {
    Predicate predicate;
    std::vector<Type> types;
    std::map<std::string, size_t> places;  ///< of partition fields by name
  };

  const Projection& ProjectionOf(SpecId id) {
    auto [found, fresh] = projections_.try_emplace(id.value());
    Projection& projection = found->second;
    const PartitionSpec* spec = table_.FindSpec(id);
    if (!fresh || spec == nullptr) return projection;
    projection.predicate = ProjectPredicate(predicate_, schema_, *spec);
    projection.types = types_.PartitionTypes(*spec);
    for (size_t i = 0; i < spec->fields.size(); ++i) {
      projection.places.emplace(spec->fields[i].name, i);
    }
    return projection;
  }

  template <typename BoundsOf>
  static bool Evaluate(const Projection& projection, BoundsOf bounds_of) {
    ColumnBounds bounds;
    return MayMatch(projection.predicate, [&](const std::string& name) -> const ColumnBounds* {
      auto place = projection.places.find(name);
      if (place == projection.places.end()) return nullptr;
      bounds = bounds_of(place->second);
      return &bounds;
    });
  }

  const TableMetadata& table_;
  const Schema& schema_;
  const ManifestTypes& types_;
  const Predicate& predicate_;
  std::map<std::string, int32_t> columns_;
  std::unordered_map<int32_t, Projection> projections_;
};

/// Position delete files, by the partition whose data files they may touch.
class DeleteIndex {
 public:
  void Add(ManifestEntry&& entry) {
    std::string key = PartitionKey(entry.file.spec_id, entry.file.partition);
    by_partition_[std::move(key)].push_back(std::move(entry));
  }

  std::vector<DataFile> For(const DataFile& file, int64_t data_sequence_number) const {
    std::vector<DataFile> deletes;
    if (by_partition_.empty()) return deletes;
    auto found = by_partition_.find(PartitionKey(file.spec_id, file.partition));
    if (found == by_partition_.end()) return deletes;
    for (const ManifestEntry& entry : found->second) {
      if (entry.data_sequence_number >= data_sequence_number && MayTouch(entry.file, file.path)) {
        deletes.push_back(entry.file);
      }
    }
    return deletes;
  }

 private:
  static bool MayTouch(const DataFile& deletes, const std::string& path) {
    if (!deletes.referenced_data_file.empty()) return deletes.referenced_data_file == path;
    const auto lower = Lookup(deletes.lower_bounds, kDeletePathFieldId);
    const auto upper = Lookup(deletes.upper_bounds, kDeletePathFieldId);
    const Scalar wanted(path);
    return !(lower && Compare(wanted, *lower) < 0) && !(upper && Compare(wanted, *upper) > 0);
  }

  std::unordered_map<std::string, std::vector<ManifestEntry>> by_partition_;
};

}  // namespace

Result<ScanPlan> PlanScan(const TableContext& context, const TableMetadata& table,
                          std::optional<SnapshotId> snapshot_id, const Predicate& predicate) {
  ScanPlan plan;
  const Snapshot* snapshot = table.current();
  const Schema* schema = &table.schema();
  if (snapshot_id) {
    TARN_ASSIGN_OR_RETURN(snapshot, FindSnapshot(table, *snapshot_id));
    if (snapshot->schema_id && table.FindSchema(*snapshot->schema_id) != nullptr) {
      schema = table.FindSchema(*snapshot->schema_id);
    }
  }
  if (snapshot == nullptr) return plan;
  ManifestIo io(*context.store, context.cache, table);
  TARN_ASSIGN_OR_RETURN(std::vector<ManifestFile> manifests, io.List(*snapshot));
  Pruner pruner(table, *schema, io.types(), predicate);

  std::vector<ManifestFile> data, deletes;
  for (ManifestFile& manifest : manifests) {
    ++plan.manifests_total;
    if (!manifest.may_have_live_files() || !pruner.ManifestMayMatch(manifest)) {
      ++plan.manifests_skipped;
      continue;
    }
    const bool is_data = manifest.content == ManifestFile::Content::kData;
    (is_data ? data : deletes).push_back(std::move(manifest));
  }

  DeleteIndex delete_index;
  const ManifestMetrics paths{ManifestMetrics::Kind::kPruning, {kDeletePathFieldId}};
  TARN_RETURN_IF_ERROR(io.Read(deletes, paths, [&](ManifestEntry&& entry) -> Status {
    if (entry.status == EntryStatus::kDeleted) return {};
    if (entry.file.content == FileContent::kEqualityDeletes) {
      return Unsupported("table " + table.location + " has equality deletes (" + entry.file.path +
                             "), which are not supported",
                         "compact the table with the engine that wrote them");
    }
    delete_index.Add(std::move(entry));
    return {};
  }));

  ManifestMetrics metrics{ManifestMetrics::Kind::kPruning, pruner.column_ids()};
  if (metrics.columns.empty()) metrics.kind = ManifestMetrics::Kind::kNone;
  TARN_RETURN_IF_ERROR(io.Read(data, metrics, [&](ManifestEntry&& entry) -> Status {
    if (entry.status == EntryStatus::kDeleted) return {};
    ++plan.files_total;
    if (!pruner.PartitionMayMatch(entry.file) || !pruner.FileMayMatch(entry.file)) {
      ++plan.files_skipped;
      return {};
    }
    ScanFile file;
    file.deletes = delete_index.For(entry.file, entry.data_sequence_number);
    file.data_sequence_number = entry.data_sequence_number;
    file.file = std::move(entry.file);
    plan.files.push_back(std::move(file));
    return {};
  }));
  return plan;
}

}  // namespace tarn
