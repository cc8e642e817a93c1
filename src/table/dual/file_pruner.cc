#include "table/dual/file_pruner.h"

#include <cmath>
#include <optional>
#include <set>
#include <utility>

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

ColumnBounds BoundsOfSummary(const PartitionSummary& summary, const Type& type) {
  ColumnBounds bounds;
  if (summary.lower) bounds.lower = DecodeSingleValue(type, *summary.lower);
  if (summary.upper) bounds.upper = DecodeSingleValue(type, *summary.upper);
  if (!summary.contains_null) bounds.null_count = 0;
  if (summary.contains_nan && !*summary.contains_nan) bounds.nan_count = 0;
  return bounds;
}

}  // namespace

ColumnBounds BoundsOfPartition(const Scalar& value) {
  ColumnBounds bounds;
  bounds.value_count = 1;
  bounds.null_count = IsNull(value) ? 1 : 0;
  const auto* number = std::get_if<double>(&value);
  const bool nan = number != nullptr && std::isnan(*number);
  bounds.nan_count = nan ? 1 : 0;
  if (!nan && !IsNull(value)) bounds.lower = bounds.upper = value;
  return bounds;
}

ColumnBounds BoundsOfColumn(const DataFile& file, int32_t id) {
  ColumnBounds bounds;
  bounds.lower = Lookup(file.lower_bounds, id);
  bounds.upper = Lookup(file.upper_bounds, id);
  bounds.null_count = Lookup(file.null_counts, id);
  bounds.value_count = Lookup(file.value_counts, id);
  if (!bounds.value_count && file.record_count >= 0) bounds.value_count = file.record_count;
  bounds.nan_count = Lookup(file.nan_counts, id);
  return bounds;
}

FilePruner::FilePruner(const TableMetadata& table, const Schema& schema, const ManifestTypes& types,
                       const Predicate& predicate)
    : table_(table), schema_(schema), types_(types), predicate_(predicate) {
  std::set<std::string> names;
  CollectColumns(predicate, names);
  for (const std::string& name : names) {
    const Field* field = schema.Find(name);
    if (field != nullptr && field->type.primitive()) columns_[name] = field->id.value();
  }
}

std::vector<int32_t> FilePruner::column_ids() const {
  std::vector<int32_t> ids;
  for (const auto& [name, id] : columns_) ids.push_back(id);
  return ids;
}

bool FilePruner::ManifestMayMatch(const ManifestFile& manifest) {
  const Projection& projection = ProjectionOf(manifest.spec_id);
  if (projection.predicate.always_true() || manifest.partitions.size() != projection.types.size()) {
    return true;
  }
  return Evaluate(projection, [&](size_t i) {
    return BoundsOfSummary(manifest.partitions[i], projection.types[i]);
  });
}

bool FilePruner::PartitionMayMatch(const DataFile& file) {
  const Projection& projection = ProjectionOf(file.spec_id);
  if (projection.predicate.always_true() || file.partition.size() != projection.types.size()) {
    return true;
  }
  return Evaluate(projection, [&](size_t i) { return BoundsOfPartition(file.partition[i]); });
}

bool FilePruner::FileMayMatch(const DataFile& file) const {
  if (columns_.empty()) return true;
  ColumnBounds bounds;
  return MayMatch(predicate_, [&](const std::string& column) -> const ColumnBounds* {
    auto found = columns_.find(column);
    if (found == columns_.end()) return nullptr;
    bounds = BoundsOfColumn(file, found->second);
    return &bounds;
  });
}

bool FilePruner::Check::MayMatch() const {
  return (of_partition_ == nullptr || tarn::MayMatch(*of_partition_, partition_)) &&
         (of_columns_ == nullptr || tarn::MayMatch(*of_columns_, columns_));
}

FilePruner::Check FilePruner::CheckOf(
    SpecId id, size_t fields, const std::function<const ColumnBounds*(size_t)>& of_partition,
    const std::function<const ColumnBounds*(int32_t)>& of_column) {
  Check check;
  const Projection& projection = ProjectionOf(id);
  if (!projection.predicate.always_true() && fields == projection.types.size()) {
    check.of_partition_ = &projection.predicate;
    check.partition_ = [&projection, &of_partition](const std::string& name) {
      const auto place = projection.places.find(name);
      return place == projection.places.end() ? nullptr : of_partition(place->second);
    };
  }
  if (!columns_.empty()) {
    check.of_columns_ = &predicate_;
    check.columns_ = [this, &of_column](const std::string& name) {
      const auto found = columns_.find(name);
      return found == columns_.end() ? nullptr : of_column(found->second);
    };
  }
  return check;
}

const FilePruner::Projection& FilePruner::ProjectionOf(SpecId id) {
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

bool FilePruner::Evaluate(const Projection& projection,
                          const std::function<ColumnBounds(size_t)>& bounds_of) {
  ColumnBounds bounds;
  return MayMatch(projection.predicate, [&](const std::string& name) -> const ColumnBounds* {
    auto place = projection.places.find(name);
    if (place == projection.places.end()) return nullptr;
    bounds = bounds_of(place->second);
    return &bounds;
  });
}

}  // namespace tarn
