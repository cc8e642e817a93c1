#include "table/dual/manifest_index.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace tarn {

namespace {

/// So often a builder asks how large its index has become.
constexpr size_t kEntriesBetweenChecks = 1024;

std::optional<Type> TypeOf(const ManifestTypes& types, int32_t column) {
  const Type* type = types.Column(column);
  return type == nullptr ? std::nullopt : std::optional<Type>(*type);
}

std::vector<std::optional<Type>> SourceTypes(const PartitionSpec& spec,
                                             const ManifestTypes& types) {
  std::vector<std::optional<Type>> result;
  for (const PartitionField& field : spec.fields) {
    result.push_back(TypeOf(types, field.source_id.value()));
  }
  return result;
}

}  // namespace

bool ManifestIndex::IsOf(const PartitionSpec& spec, const ManifestTypes& types) const {
  return spec_ == spec && source_types_ == SourceTypes(spec, types);
}

bool ManifestIndex::Covers(const ManifestTypes& types, const std::vector<int32_t>& columns) const {
  return std::all_of(columns.begin(), columns.end(), [&](int32_t id) {
    const auto found = columns_.find(id);
    return found != columns_.end() && found->second->type == TypeOf(types, id);
  });
}

bool ManifestIndex::TooLargeFor(const std::vector<int32_t>& columns) const {
  return !too_large_for_.empty() &&
         std::all_of(too_large_for_.begin(), too_large_for_.end(), [&](int32_t id) {
           return std::find(columns.begin(), columns.end(), id) != columns.end();
         });
}

bool ManifestIndex::FitsRowIds(const ManifestFile& manifest) const {
  return !manifest.first_row_id ||
         rows_ < std::numeric_limits<int64_t>::max() - *manifest.first_row_id;
}

std::vector<int64_t> ManifestIndex::Matching(FilePruner& pruner) const {
  size_t file = 0, zone = 0;
  ColumnBounds bounds;
  using OfPartition = std::function<const ColumnBounds*(size_t)>;
  using OfColumn = std::function<const ColumnBounds*(int32_t)>;
  const auto column = [this](int32_t id) -> const IndexColumn& {
    return columns_.find(id)->second->bounds;
  };
  const OfPartition zone_partition = [&](size_t i) { return &partitions_[i].Zone(zone); };
  const OfColumn zone_column = [&](int32_t id) { return &column(id).Zone(zone); };
  const OfPartition file_partition = [&](size_t i) {
    partitions_[i].Read(file, bounds);
    return &bounds;
  };
  const OfColumn file_column = [&](int32_t id) {
    column(id).Read(file, bounds);
    return &bounds;
  };
  const size_t fields = partitions_.size();
  const FilePruner::Check of_zone = pruner.CheckOf(spec_.id, fields, zone_partition, zone_column);
  const FilePruner::Check of_file = pruner.CheckOf(spec_.id, fields, file_partition, file_column);

  std::vector<int64_t> numbers;
  for (size_t begin = 0; begin < live_.size(); begin += IndexColumn::kZoneFiles, ++zone) {
    if (!of_zone.MayMatch()) continue;
    const size_t end = std::min(live_.size(), begin + IndexColumn::kZoneFiles);
    for (file = begin; file < end; ++file) {
      if (live_[file] && of_file.MayMatch()) numbers.push_back(static_cast<int64_t>(file));
    }
  }
  return numbers;
}

int64_t ManifestIndex::memory_bytes() const {
  size_t bytes = sizeof(*this) + live_.capacity() / 8 + blocks_.capacity() * sizeof(blocks_[0]) +
                 partitions_.capacity() * sizeof(IndexColumn) +
                 spec_.fields.capacity() * sizeof(PartitionField) +
                 source_types_.capacity() * sizeof(source_types_[0]) +
                 columns_.size() * sizeof(Column) + too_large_for_.capacity() * sizeof(int32_t);
  for (const IndexColumn& column : partitions_) bytes += static_cast<size_t>(column.memory_bytes());
  for (const auto& [id, column] : columns_) {
    bytes += static_cast<size_t>(column->bounds.memory_bytes());
  }
  return static_cast<int64_t>(bytes);
}

ManifestIndexBuilder::ManifestIndexBuilder(const PartitionSpec& spec, const ManifestTypes& types,
                                           const std::vector<int32_t>& columns, int64_t bytes_max)
    : bytes_max_(bytes_max), ids_(columns), index_(std::make_unique<ManifestIndex>()) {
  index_->spec_ = spec;
  index_->source_types_ = SourceTypes(spec, types);
  index_->partitions_.resize(spec.fields.size());
  for (const int32_t id : ids_) {
    columns_.push_back(std::make_shared<ManifestIndex::Column>());
    columns_.back()->type = TypeOf(types, id);
    index_->columns_[id] = columns_.back();
  }
}

void ManifestIndexBuilder::BeginBlock(const ManifestBlock& block) {
  if (!too_large_) index_->blocks_.push_back(block);
}

void ManifestIndexBuilder::Add(const ManifestEntry& entry) {
  if (too_large_) return;
  const DataFile& file = entry.file;
  const bool live = entry.status != EntryStatus::kDeleted;
  const auto use = live ? IndexColumn::Use::kAsked : IndexColumn::Use::kNever;
  index_->live_.push_back(live);
  if (live) ++index_->live_files_;
  index_->rows_ += std::min(file.record_count, std::numeric_limits<int64_t>::max() - index_->rows_);
  for (size_t i = 0; i < index_->partitions_.size(); ++i) {
    index_->partitions_[i].Add(BoundsOfPartition(file.partition[i]), use);
  }
  for (size_t i = 0; i < ids_.size(); ++i) {
    columns_[i]->bounds.Add(BoundsOfColumn(file, ids_[i]), use);
  }
  if (index_->live_.size() % kEntriesBetweenChecks == 0 && index_->memory_bytes() > bytes_max_) {
    too_large_ = true;
    index_.reset();
    columns_.clear();
  }
}

std::shared_ptr<const ManifestIndex> ManifestIndexBuilder::TooLarge(
    const ManifestIndex* earlier) const {
  auto index = earlier != nullptr ? std::make_shared<ManifestIndex>(*earlier)
                                  : std::make_shared<ManifestIndex>();
  index->too_large_for_ = ids_;
  return index;
}

std::shared_ptr<const ManifestIndex> ManifestIndexBuilder::Finish(const ManifestIndex* earlier,
                                                                  const ManifestTypes& types) && {
  if (too_large_) return TooLarge(earlier);
  index_->live_.shrink_to_fit();
  index_->blocks_.shrink_to_fit();
  for (IndexColumn& column : index_->partitions_) column.Finish();
  for (const auto& column : columns_) column->bounds.Finish();
  if (index_->memory_bytes() > bytes_max_) return TooLarge(earlier);
  if (earlier != nullptr && earlier->IsOf(index_->spec_, types) &&
      earlier->live_.size() == index_->live_.size()) {
    index_->too_large_for_ = earlier->too_large_for_;
    for (const auto& [id, column] : earlier->columns_) {
      if (!earlier->Covers(types, {id}) || !index_->columns_.emplace(id, column).second) continue;
      if (index_->memory_bytes() > bytes_max_) index_->columns_.erase(id);
    }
  }
  return std::move(index_);
}

}  // namespace tarn
