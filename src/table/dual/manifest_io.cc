#include "table/dual/manifest_io.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/thread.h"
#include "storage/outside_files.h"
#include "table/iceberg/single_value.h"
#include "table/model/adopted_columns.h"

namespace tarn {

namespace {

constexpr char kExpired[] =
    "old snapshots expire with `tarn maintain`; `tarn history` shows what is left";

}  // namespace

Result<std::shared_ptr<const std::string>> ManifestIo::Fetch(const std::string& uri) {
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

Status ManifestIo::ReadOne(const ManifestFile& manifest, const std::string& bytes,
                           const ManifestMetrics& metrics,
                           const std::function<Status(ManifestEntry&&)>& visit) {
  const PartitionSpec* spec = table_.FindSpec(manifest.spec_id);
  if (spec == nullptr) return Corruption("manifest " + manifest.path + " has an unknown spec");
  return ReadManifest(bytes, manifest, *spec, types_, metrics, visit);
}

Status ManifestIo::Read(const std::vector<ManifestFile>& manifests, const ManifestMetrics& metrics,
                        const std::function<Status(ManifestEntry&&)>& visit) {
  for (size_t begin = 0; begin < manifests.size(); begin += kFetchesMax) {
    const size_t count = std::min(kFetchesMax, manifests.size() - begin);
    std::vector<std::shared_ptr<const std::string>> objects(count);
    std::vector<size_t> missing;
    for (size_t i = 0; i < count; ++i) {
      if (cache_ != nullptr) objects[i] = cache_->FindObject(manifests[begin + i].path);
      if (objects[i] == nullptr) missing.push_back(i);
    }
    TARN_RETURN_IF_ERROR(RunInThreads(missing.size(), missing.size(), [&](size_t n) -> Status {
      TARN_ASSIGN_OR_RETURN(objects[missing[n]], Fetch(manifests[begin + missing[n]].path));
      return {};
    }));
    for (size_t i = 0; i < count; ++i) {
      TARN_RETURN_IF_ERROR(ReadOne(manifests[begin + i], *objects[i], metrics, visit));
    }
  }
  return {};
}

Result<std::set<int32_t>> AdoptedPartitionsOf(const TableContext& context,
                                              const TableMetadata& table,
                                              std::optional<SnapshotId> snapshot) {
  std::set<int32_t> used;
  const std::set<int32_t> adopted = ReadAdoptedPartitions(table.properties);
  if (adopted.empty() || !snapshot) return used;
  TARN_ASSIGN_OR_RETURN(const Snapshot* const shown, FindSnapshot(table, *snapshot));
  ManifestIo io(*context.store, context.cache, table);
  TARN_ASSIGN_OR_RETURN(const std::vector<ManifestFile> manifests, io.List(*shown));
  for (const ManifestFile& manifest : manifests) {
    const bool is_data = manifest.content == ManifestFile::Content::kData;
    if (!is_data || !manifest.may_have_live_files()) continue;
    for (const PartitionField& field : table.FindSpec(manifest.spec_id)->fields) {
      const bool identity = field.transform.kind == Transform::Kind::kIdentity;
      if (identity && adopted.contains(field.source_id.value()))
        used.insert(field.source_id.value());
    }
  }
  return used;
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
