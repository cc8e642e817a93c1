#include "catalog/delta_cleanup.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "catalog/delta_checkpoint.h"
#include "catalog/delta_log.h"
#include "table/delta/log_json.h"
#include "table/delta/properties.h"

namespace tarn {
namespace {

constexpr int64_t kDayMs = 24 * 3600 * 1000;
constexpr std::string_view kSidecarFolder = "_sidecars/";

struct SidecarObject {
  std::string key;
  int64_t modified_ms = 0;
};

struct LogFolder {
  delta::LogListing listing;
  std::vector<SidecarObject> sidecars;
};

Result<LogFolder> List(ObjectStore& store, const std::string& folder) {
  LogFolder log;
  TARN_RETURN_IF_ERROR(store.List(folder, [&](const ObjectInfo& object) -> Status {
    const std::string_view name = std::string_view(object.key).substr(folder.size());
    if (name.starts_with(kSidecarFolder)) {
      log.sidecars.push_back({object.key, object.modified_micros / 1000});
    } else {
      log.listing.Add(name, object.modified_micros);
    }
    return {};
  }));
  return log;
}

// The last version that was written up to a time, as times grow with the versions.
std::optional<int64_t> VersionBefore(const delta::LogListing& listing, int64_t cutoff_ms) {
  std::optional<int64_t> found;
  for (const auto& [version, micros] : listing.entries()) {
    if (micros / 1000 > cutoff_ms) break;
    found = version;
  }
  return found;
}

// The sidecars that checkpoints of `oldest` and later name, by their keys.
Result<std::set<std::string>> NamedSidecars(ObjectStore& store, const std::string& folder,
                                            const delta::LogListing& listing, int64_t oldest) {
  using Form = delta::CheckpointFiles::Form;
  std::set<std::string> named;
  const auto take = [&](std::vector<delta::Action>&& actions) -> Status {
    for (const delta::Action& action : actions) {
      named.insert(SidecarKey(folder, std::get<delta::Sidecar>(action)));
    }
    return {};
  };
  for (const delta::LogListing::Named& file : listing.checkpoint_files()) {
    if (file.version < oldest) continue;
    const Form form = file.name.ends_with(".json") ? Form::kJson : Form::kParquet;
    TARN_RETURN_IF_ERROR(ReadDeltaCheckpoint(store, folder, {file.version, form, {file.name}},
                                             CheckpointContent::kSidecars, take));
  }
  return named;
}

}  // namespace

Result<std::vector<std::string>> FindExpiredDeltaLog(ObjectStore& store,
                                                     const std::string& table_key, int64_t now_ms) {
  std::vector<std::string> expired;
  const std::string folder = table_key + "/_delta_log/";
  TARN_ASSIGN_OR_RETURN(const LogFolder log, List(store, folder));
  const delta::LogListing& listing = log.listing;
  if (listing.entries().empty()) return expired;
  TARN_ASSIGN_OR_RETURN(const DeltaLog::Shape shape,
                        DeltaLog(store, table_key).ReadShape(listing.entries().rbegin()->first));
  const int64_t retention_ms = delta::IntervalProperty(
      shape.metadata.configuration, delta::kLogRetentionProperty, kLogRetentionMs);
  const auto midnight = [](int64_t ms) { return ms - ms % kDayMs; };

  const std::optional<int64_t> cutoff = VersionBefore(listing, midnight(now_ms - retention_ms));
  const auto checkpoint =
      cutoff ? listing.NewestCheckpoint(*cutoff) : std::optional<delta::CheckpointFiles>();
  if (!checkpoint) return expired;
  const int64_t oldest = checkpoint->version;

  for (const auto& [version, modified] : listing.entries()) {
    if (version < oldest) expired.push_back(folder + delta::LogEntryName(version));
  }
  for (const delta::LogListing::Named& file : listing.other_files()) {
    const bool compacted = file.name.ends_with(".compacted.json");
    if (file.version < oldest || (compacted && file.version == oldest)) {
      expired.push_back(folder + file.name);
    }
  }
  for (const delta::LogListing::Named& file : listing.checkpoint_files()) {
    if (file.version < oldest) expired.push_back(folder + file.name);
  }
  if (log.sidecars.empty()) return expired;
  TARN_ASSIGN_OR_RETURN(const std::set<std::string> named,
                        NamedSidecars(store, folder, listing, oldest));
  for (const SidecarObject& sidecar : log.sidecars) {
    // A checkpoint that is just being written names its sidecars last.
    const bool young = sidecar.modified_ms > midnight(now_ms) - kDayMs;
    if (!young && !named.contains(sidecar.key)) expired.push_back(sidecar.key);
  }
  return expired;
}

}  // namespace tarn
