#include "table/dual/manifest_io.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/thread.h"
#include "storage/outside_files.h"
#include "table/dual/file_pruner.h"
#include "table/dual/manifest_index.h"
#include "table/iceberg/single_value.h"

namespace tarn {

namespace {

constexpr char kExpired[] =
    "old snapshots expire with `tarn maintain`; `tarn history` shows what is left";

}  // namespace

/// How the matching entries of one manifest are found.
struct ManifestIo::Way {
  const ManifestFile* manifest = nullptr;
  const PartitionSpec* spec = nullptr;
  std::shared_ptr<const ManifestIndex> index;  ///< what the cache has; of use or not
  enum class Kind {
    kIndex,     ///< `matching` are all
    kAddIndex,  ///< reads all and makes an index of it
    kRead       ///< reads all
  } kind = Kind::kRead;
  std::vector<int64_t> matching;
};

Result<ManifestIo::Object> ManifestIo::Fetch(const std::string& uri) {
  if (cache_ != nullptr) {
    if (auto cached = cache_->FindObject(uri)) return cached;
  }
  TARN_ASSIGN_OR_RETURN(const ObjectPlace place, FindObject(store_, uri));
  TARN_ASSIGN_OR_RETURN(std::string bytes, place.store->Get(place.key));
  auto object = std::make_shared<const std::string>(std::move(bytes));
  if (cache_ != nullptr) cache_->PutObject(uri, object);
  return std::shared_ptr<const std::string>(std::move(object));
}

Result<std::vector<ManifestFile>> ManifestIo::List(const Snapshot& snapshot) {
  const std::string name =
      "snapshot " + std::to_string(snapshot.id.value()) + " of " + table_.location;
  if (snapshot.unknown_members.contains("key-id")) {
    return Unsupported(name + " is encrypted, which is not supported");
  }
  std::vector<ManifestFile> manifests;
  if (!snapshot.manifest_list.empty()) {
    auto fetched = Fetch(snapshot.manifest_list);
    if (!fetched.ok() && fetched.error().kind == ErrorKind::kNotFound) {
      return std::move(fetched).Wrap(name + " is gone").Hint(kExpired).status();
    }
    TARN_ASSIGN_OR_RETURN(auto bytes, std::move(fetched));
    TARN_ASSIGN_OR_RETURN(manifests, ReadManifestList(*bytes, snapshot.manifest_list));
  } else if (snapshot.manifests.empty()) {
    return Corruption(name + " has neither a manifest list nor manifests");
  }
  for (const std::string& path : snapshot.manifests) {
    if (!snapshot.manifest_list.empty()) break;
    TARN_ASSIGN_OR_RETURN(auto bytes, Fetch(path));
    TARN_ASSIGN_OR_RETURN(ManifestFile manifest,
                          ListedManifest(*bytes, path, snapshot, table_, types_));
    manifests.push_back(std::move(manifest));
  }
  for (ManifestFile& manifest : manifests) {
    if (table_.FindSpec(manifest.spec_id) == nullptr) {
      return Corruption("manifest " + manifest.path + " has partition spec " +
                        std::to_string(manifest.spec_id.value()) +
                        ", which the table does not have");
    }
    // Writers of version 1 could leave counts out, which every later list must have.
    if (LacksCounts(manifest)) {
      TARN_ASSIGN_OR_RETURN(auto bytes, Fetch(manifest.path));
      TARN_RETURN_IF_ERROR(CompleteManifest(*bytes, table_, types_, manifest));
    }
  }
  return manifests;
}

bool ManifestIo::MayHoldPartitionOf(const ManifestFile& manifest,
                                    const std::vector<DataFile>& files) const {
  const PartitionSpec* spec = table_.FindSpec(manifest.spec_id);
  if (spec == nullptr || manifest.partitions.size() != spec->fields.size()) return true;
  const std::vector<Type> types = types_.PartitionTypes(*spec);
  for (const DataFile& file : files) {
    if (file.spec_id != manifest.spec_id || file.partition.size() != types.size()) continue;
    bool may = true;
    for (size_t i = 0; may && i < types.size(); ++i) {
      const PartitionSummary& summary = manifest.partitions[i];
      const Scalar& value = file.partition[i];
      if (IsNull(value)) {
        may = summary.contains_null;
        continue;
      }
      const auto lower = summary.lower ? DecodeSingleValue(types[i], *summary.lower) : std::nullopt;
      const auto upper = summary.upper ? DecodeSingleValue(types[i], *summary.upper) : std::nullopt;
      may = !(lower && Compare(value, *lower) < 0) && !(upper && Compare(value, *upper) > 0);
    }
    if (may) return true;
  }
  return false;
}

Result<std::vector<ManifestIo::Object>> ManifestIo::FetchAll(
    const std::vector<const ManifestFile*>& manifests) {
  std::vector<Object> objects(manifests.size());
  std::vector<size_t> missing;
  for (size_t i = 0; i < objects.size(); ++i) {
    if (cache_ != nullptr) objects[i] = cache_->FindObject(manifests[i]->path);
    if (objects[i] == nullptr) missing.push_back(i);
  }
  TARN_RETURN_IF_ERROR(RunInThreads(missing.size(), missing.size(), [&](size_t n) -> Status {
    TARN_ASSIGN_OR_RETURN(objects[missing[n]], Fetch(manifests[missing[n]]->path));
    return {};
  }));
  return objects;
}

Result<const PartitionSpec*> ManifestIo::SpecOf(const ManifestFile& manifest) const {
  const PartitionSpec* spec = table_.FindSpec(manifest.spec_id);
  if (spec == nullptr) return Corruption("manifest " + manifest.path + " has an unknown spec");
  return spec;
}

Status ManifestIo::Read(const std::vector<ManifestFile>& manifests, const ManifestMetrics& metrics,
                        const std::function<Status(ManifestEntry&&)>& visit) {
  for (size_t begin = 0; begin < manifests.size(); begin += kFetchesMax) {
    std::vector<const ManifestFile*> some;
    for (size_t i = begin; i < std::min(begin + kFetchesMax, manifests.size()); ++i) {
      some.push_back(&manifests[i]);
    }
    TARN_ASSIGN_OR_RETURN(const std::vector<Object> objects, FetchAll(some));
    for (size_t i = 0; i < some.size(); ++i) {
      TARN_ASSIGN_OR_RETURN(const PartitionSpec* const spec, SpecOf(*some[i]));
      TARN_RETURN_IF_ERROR(ReadManifest(objects[i], *some[i], *spec, types_, metrics, visit));
    }
  }
  return {};
}

Result<ManifestIo::Way> ManifestIo::WayTo(const ManifestFile& manifest, FilePruner& pruner) const {
  Way way;
  way.manifest = &manifest;
  TARN_ASSIGN_OR_RETURN(way.spec, SpecOf(manifest));
  const std::vector<int32_t> columns = pruner.column_ids();
  if (cache_ == nullptr || columns.empty() || !TableCache::Keeps(manifest.path)) return way;
  way.index = cache_->FindIndex(manifest.path);
  if (way.index != nullptr && way.index->TooLargeFor(columns)) return way;
  way.kind = Way::Kind::kAddIndex;
  if (way.index != nullptr && way.index->IsOf(*way.spec, types_) &&
      way.index->Covers(types_, columns)) {
    if (!way.index->FitsRowIds(manifest)) {
      way.kind = Way::Kind::kRead;
      return way;
    }
    way.kind = Way::Kind::kIndex;
    way.matching = way.index->Matching(pruner);
  }
  return way;
}

Result<ManifestIo::FileCounts> ManifestIo::ReadMatching(
    const std::vector<ManifestFile>& manifests, const ManifestMetrics& metrics, FilePruner& pruner,
    const std::function<Status(ManifestEntry&&)>& visit) {
  FileCounts counts;
  std::vector<Way> ways;  // to manifests that must be opened
  for (const ManifestFile& manifest : manifests) {
    TARN_ASSIGN_OR_RETURN(Way way, WayTo(manifest, pruner));
    if (way.kind == Way::Kind::kIndex) {
      counts.total += way.index->live_files();
      counts.skipped += way.index->live_files() - static_cast<int64_t>(way.matching.size());
      if (way.matching.empty()) continue;
    }
    ways.push_back(std::move(way));
  }
  for (size_t begin = 0; begin < ways.size(); begin += kFetchesMax) {
    std::vector<const ManifestFile*> some;
    for (size_t i = begin; i < std::min(begin + kFetchesMax, ways.size()); ++i) {
      some.push_back(ways[i].manifest);
    }
    TARN_ASSIGN_OR_RETURN(const std::vector<Object> objects, FetchAll(some));
    for (size_t i = 0; i < some.size(); ++i) {
      TARN_RETURN_IF_ERROR(
          ReadOneMatching(ways[begin + i], objects[i], metrics, pruner, visit, counts));
    }
  }
  return counts;
}

Status ManifestIo::ReadOneMatching(const Way& way, const Object& bytes,
                                   const ManifestMetrics& metrics, FilePruner& pruner,
                                   const std::function<Status(ManifestEntry&&)>& visit,
                                   FileCounts& counts) {
  if (way.kind == Way::Kind::kIndex) {
    return ReadManifestEntries(bytes, *way.manifest, *way.spec, types_, metrics,
                               way.index->blocks(), way.matching, visit);
  }
  std::optional<ManifestIndexBuilder> builder;
  std::function<void(const ManifestBlock&)> on_block;
  if (way.kind == Way::Kind::kAddIndex) {
    builder.emplace(*way.spec, types_, pruner.column_ids(), cache_->entry_bytes_max());
    on_block = [&builder](const ManifestBlock& block) { builder->BeginBlock(block); };
  }
  const auto sift = [&](ManifestEntry&& entry) -> Status {
    if (builder) builder->Add(entry);
    if (entry.status == EntryStatus::kDeleted) return {};
    ++counts.total;
    if (!pruner.PartitionMayMatch(entry.file) || !pruner.FileMayMatch(entry.file)) {
      ++counts.skipped;
      return {};
    }
    return visit(std::move(entry));
  };
  TARN_RETURN_IF_ERROR(
      ReadManifest(bytes, *way.manifest, *way.spec, types_, metrics, sift, on_block));
  if (builder) {
    cache_->PutIndex(way.manifest->path, std::move(*builder).Finish(way.index.get(), types_));
  }
  return {};
}

Result<const Snapshot*> FindSnapshot(const TableMetadata& table, SnapshotId id) {
  const Snapshot* snapshot = table.FindSnapshot(id);
  if (snapshot == nullptr) {
    return NotFound("table " + table.location + " has no snapshot " + std::to_string(id.value()));
  }
  return snapshot;
}

std::string PartitionKey(SpecId spec, const std::vector<Scalar>& values) {
  std::string key = std::to_string(spec.value());
  const auto append = [&key](const auto& number) {
    key.append(reinterpret_cast<const char*>(&number), sizeof(number));
  };
  for (const Scalar& value : values) {
    key += static_cast<char>('a' + value.index());
    std::visit(
        [&](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, std::string>) {
            append(v.size());
            key += v;
          } else if constexpr (std::is_same_v<T, Int128>) {
            append(v.high);
            append(v.low);
          } else if constexpr (!std::is_same_v<T, std::monostate>) {
            append(v);
          }
        },
        value);
  }
  return key;
}

}  // namespace tarn
