#include "pipeline/maintain/reachable.h"

#include <utility>

#include "base/hash.h"
#include "base/json.h"
#include "base/thread.h"
#include "table/delta/text.h"
#include "table/delta/vector_descriptor.h"
#include "table/dual/manifest_io.h"

namespace tarn {

namespace {

/// Manifests, or lists of them, that are read at once.
constexpr size_t kReadsAtOnceMax = 8;
/// Hashes of objects that one thread gathers.
constexpr size_t kObjectsAtOnce = 4096;

const ManifestMetrics kNoMetrics{ManifestMetrics::Kind::kNone, {}};

/// Members that are not understood may name files all the same.
void VisitTexts(const Json& json, const std::function<void(const std::string&)>& visit) {
  if (json.is_string()) visit(json.get_ref<const std::string&>());
  if (!json.is_structured()) return;
  for (const Json& part : json) VisitTexts(part, visit);
}

void VisitUnknown(const std::map<std::string, std::string>& members,
                  const std::function<void(const std::string&)>& visit) {
  for (const auto& [key, text] : members) {
    if (const auto json = ParseJson(text, key); json.ok()) VisitTexts(*json, visit);
  }
}

bool IsNotFound(const Status& status) {
  return !status.ok() && status.error().kind == ErrorKind::kNotFound;
}

}  // namespace

std::string DeltaCopyOf(const std::string& table_uri, const std::string& puffin_uri) {
  return table_uri + "/" +
         delta::VectorFilePath(delta::UuidOfName(delta::LogPath(table_uri, puffin_uri)));
}

void ReachableFiles::AddKey(std::string_view key) { objects_.insert(Hash64(key)); }

void ReachableFiles::AddUri(const std::string& uri) {
  const auto key = context_.tables.store->KeyOf(uri);
  if (key.ok()) AddKey(*key);
}

bool ReachableFiles::ContainsKey(std::string_view key) const {
  return objects_.contains(Hash64(key));
}

bool ReachableFiles::ContainsUri(const std::string& uri) const {
  const auto key = context_.tables.store->KeyOf(uri);
  return key.ok() && ContainsKey(*key);
}

Status ReachableFiles::AddState(const TableMetadata& table) {
  const auto add_text = [this](const std::string& text) { AddUri(text); };
  for (const StatisticsFile& file : table.statistics) AddUri(file.path);
  VisitUnknown(table.unknown_members, add_text);
  for (const Snapshot& snapshot : table.snapshots) {
    VisitUnknown(snapshot.unknown_members, add_text);
    if (!snapshot.manifest_list.empty()) AddUri(snapshot.manifest_list);
  }
  TARN_ASSIGN_OR_RETURN(const std::vector<ManifestFile> manifests, FindManifests(table));
  return RunInThreads(manifests.size(), kReadsAtOnceMax, [&](size_t at) -> Status {
    if (context_.cancel != nullptr) TARN_RETURN_IF_ERROR(context_.cancel->Check());
    ManifestIo io(*context_.tables.store, context_.tables.cache, table);
    std::vector<uint64_t> found;
    const auto add = [&](const std::string& uri) {
      const auto key = context_.tables.store->KeyOf(uri);
      if (key.ok()) found.push_back(Hash64(*key));
    };
    add(manifests[at].path);
    const auto visit = [&](ManifestEntry&& entry) -> Status {
      if (entry.status == EntryStatus::kDeleted) return {};
      add(entry.file.path);
      if (entry.file.is_deletion_vector()) add(DeltaCopyOf(table.location, entry.file.path));
      if (found.size() >= kObjectsAtOnce) Insert(std::exchange(found, {}));
      return {};
    };
    TARN_RETURN_IF_ERROR(io.Read({manifests[at]}, kNoMetrics, visit));
    Insert(found);
    return {};
  });
}

Result<std::vector<ManifestFile>> ReachableFiles::FindManifests(const TableMetadata& table) {
  std::vector<ManifestFile> found;
  const auto list = [&](size_t at) -> Status {
    if (context_.cancel != nullptr) TARN_RETURN_IF_ERROR(context_.cancel->Check());
    ManifestIo io(*context_.tables.store, context_.tables.cache, table);
    TARN_ASSIGN_OR_RETURN(std::vector<ManifestFile> listed, io.List(table.snapshots[at]));
    const std::lock_guard lock(mutex_);
    for (ManifestFile& manifest : listed) {
      if (read_.insert(Hash64(manifest.path)).second) found.push_back(std::move(manifest));
    }
    return {};
  };
  TARN_RETURN_IF_ERROR(RunInThreads(table.snapshots.size(), kReadsAtOnceMax, list));
  return found;
}

void ReachableFiles::Insert(const std::vector<uint64_t>& objects) {
  const std::lock_guard lock(mutex_);
  objects_.insert(objects.begin(), objects.end());
}

Status VisitUnreachable(const PipelineContext& context, const TableMetadata& table,
                        const std::vector<SnapshotId>& snapshots, const ReachableFiles& others,
                        const std::string& folder,
                        const std::function<Status(std::string key)>& visit) {
  std::unordered_set<uint64_t> seen;
  const auto take = [&](const std::string& uri) -> Status {
    const auto key = context.tables.store->KeyOf(uri);
    if (!key.ok() || !key->starts_with(folder + "/") || others.ContainsKey(*key)) return {};
    return seen.insert(Hash64(*key)).second ? visit(*key) : Status();
  };
  ManifestIo io(*context.tables.store, nullptr, table);
  for (const SnapshotId id : snapshots) {
    const Snapshot* snapshot = table.FindSnapshot(id);
    if (snapshot == nullptr) continue;
    const auto manifests = io.List(*snapshot);
    if (IsNotFound(manifests.status())) continue;
    TARN_RETURN_IF_ERROR(manifests.status());
    for (const ManifestFile& manifest : *manifests) {
      const auto key = context.tables.store->KeyOf(manifest.path);
      if (!key.ok() || others.ContainsKey(*key) || seen.contains(Hash64(*key))) continue;
      const Status read = io.Read({manifest}, kNoMetrics, [&](ManifestEntry&& entry) -> Status {
        TARN_RETURN_IF_ERROR(take(entry.file.path));
        if (!entry.file.is_deletion_vector()) return {};
        return take(DeltaCopyOf(table.location, entry.file.path));
      });
      if (!IsNotFound(read)) TARN_RETURN_IF_ERROR(read);
      TARN_RETURN_IF_ERROR(take(manifest.path));
    }
    TARN_RETURN_IF_ERROR(take(snapshot->manifest_list));
  }
  for (const StatisticsFile& file : table.statistics) TARN_RETURN_IF_ERROR(take(file.path));
  return {};
}

}  // namespace tarn
