#include "catalog/delta_cleanup.h"

#include <algorithm>
#include <iterator>
#include <map>
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

int64_t Midnight(int64_t ms) { return ms - ms % kDayMs; }

// The checkpoints that are kept however many there are. Days are those of the entries, which nobody
// writes again, and grow with the versions.
std::set<int64_t> CheckpointsToKeep(const delta::LogListing& listing,
                                    const std::map<int64_t, delta::CheckpointFiles>& checkpoints) {
  std::set<int64_t> kept;
  std::pair<int64_t, int64_t> last{-1, -1};
  for (const auto& [version, files] : checkpoints) {
    const auto entry = listing.entries().find(version);
    const int64_t day = entry == listing.entries().end() ? 0 : entry->second / 1000 / kDayMs;
    const std::pair here{std::max(day, last.first), version / kCheckpointsKeptVersions};
    if (here != last) kept.insert(version);
    last = here;
  }
  return kept;
}

// What can be asked of a log's entries in one look.
class Entries {
 public:
  explicit Entries(const std::map<int64_t, int64_t>& entries) {
    for (const auto& [version, modified] : entries) versions_.push_back(version);
  }
  // Whether all of `from` + 1 to `to` are there.
  bool Lead(int64_t from, int64_t to) const { return Before(to) - Before(from) == to - from; }

 private:
  int64_t Before(int64_t version) const {
    return std::upper_bound(versions_.begin(), versions_.end(), version) - versions_.begin();
  }
  std::vector<int64_t> versions_;
};

// The sidecars that checkpoints which stay name, by their keys.
Result<std::set<std::string>> NamedSidecars(ObjectStore& store, const std::string& folder,
                                            const std::vector<delta::LogListing::Named>& stay) {
  using Form = delta::CheckpointFiles::Form;
  std::set<std::string> named;
  const auto take = [&](std::vector<delta::Action>&& actions) -> Status {
    for (const delta::Action& action : actions) {
      named.insert(SidecarKey(folder, std::get<delta::Sidecar>(action)));
    }
    return {};
  };
  for (const delta::LogListing::Named& file : stay) {
    const Form form = file.name.ends_with(".json") ? Form::kJson : Form::kParquet;
    TARN_RETURN_IF_ERROR(ReadDeltaCheckpoint(store, folder, {file.version, form, {file.name}},
                                             CheckpointContent::kSidecars, take));
  }
  return named;
}

class Finder {
 public:
  Finder(ObjectStore& store, const std::string& table_key, int64_t now_ms)
      : store_(store),
        delta_log_(store, table_key),
        folder_(table_key + "/_delta_log/"),
        today_ms_(Midnight(now_ms)),
        now_ms_(now_ms) {}

  Result<std::vector<std::string>> Find() {
    TARN_ASSIGN_OR_RETURN(log_, List(store_, folder_));
    if (log_.listing.entries().empty()) return std::move(expired_);
    checkpoints_ = log_.listing.Checkpoints();
    kept_ = CheckpointsToKeep(log_.listing, checkpoints_);
    TARN_ASSIGN_OR_RETURN(const std::optional<int64_t> oldest, OldestToKeep());
    if (oldest) TakeBefore(*oldest);
    TARN_ASSIGN_OR_RETURN(const std::set<int64_t> thinned, CheckpointsToThin(oldest));
    std::vector<delta::LogListing::Named> stay;
    for (const delta::LogListing::Named& file : log_.listing.checkpoint_files()) {
      if ((oldest && file.version < *oldest) || thinned.contains(file.version)) {
        expired_.push_back(folder_ + file.name);
      } else {
        stay.push_back(file);
      }
    }
    if (log_.sidecars.empty()) return std::move(expired_);
    TARN_ASSIGN_OR_RETURN(const std::set<std::string> named, NamedSidecars(store_, folder_, stay));
    for (const SidecarObject& sidecar : log_.sidecars) {
      // A checkpoint that is just being written names its sidecars last.
      if (!IsYoung(sidecar.modified_ms) && !named.contains(sidecar.key)) {
        expired_.push_back(sidecar.key);
      }
    }
    return std::move(expired_);
  }

 private:
  bool IsYoung(int64_t modified_ms) const { return modified_ms > today_ms_ - kDayMs; }

  // The checkpoint that everything before may go for.
  Result<std::optional<int64_t>> OldestToKeep() {
    const delta::LogListing& listing = log_.listing;
    TARN_ASSIGN_OR_RETURN(const DeltaLog::Shape shape,
                          delta_log_.ReadShape(listing.entries().rbegin()->first));
    const int64_t retention_ms = delta::IntervalProperty(
        shape.metadata.configuration, delta::kLogRetentionProperty, kLogRetentionMs);
    const std::optional<int64_t> cutoff = VersionBefore(listing, Midnight(now_ms_ - retention_ms));
    const auto after = cutoff ? kept_.upper_bound(*cutoff) : kept_.begin();
    if (after == kept_.begin()) return std::optional<int64_t>();
    return std::optional<int64_t>(*std::prev(after));
  }

  void TakeBefore(int64_t oldest) {
    for (const auto& [version, modified] : log_.listing.entries()) {
      if (version < oldest) expired_.push_back(folder_ + delta::LogEntryName(version));
    }
    for (const delta::LogListing::Named& file : log_.listing.other_files()) {
      const bool compacted = file.name.ends_with(".compacted.json");
      if (file.version < oldest || (compacted && file.version == oldest)) {
        expired_.push_back(folder_ + file.name);
      }
    }
  }

  Result<std::set<int64_t>> CheckpointsToThin(std::optional<int64_t> oldest) {
    std::set<int64_t> thinned;
    if (checkpoints_.empty()) return thinned;
    TARN_ASSIGN_OR_RETURN(const auto hint, delta_log_.ReadLastCheckpoint());
    const int64_t newest = checkpoints_.rbegin()->first;
    const int64_t readers_begin = hint ? std::min(hint->version, newest) : newest;
    std::set<int64_t> young;
    for (const delta::LogListing::Named& file : log_.listing.checkpoint_files()) {
      if (IsYoung(file.modified_micros / 1000)) young.insert(file.version);
    }
    const Entries entries(log_.listing.entries());
    int64_t stays = oldest.value_or(-1);
    for (const auto& [version, files] : checkpoints_) {
      if (version <= stays) continue;
      const bool goes = version < readers_begin && !kept_.contains(version) &&
                        !young.contains(version) && entries.Lead(stays, version);
      if (goes) {
        thinned.insert(version);
      } else {
        stays = version;
      }
    }
    return thinned;
  }

  ObjectStore& store_;
  const DeltaLog delta_log_;
  const std::string folder_;
  const int64_t today_ms_;
  const int64_t now_ms_;
  LogFolder log_;
  std::map<int64_t, delta::CheckpointFiles> checkpoints_;  // by version
  std::set<int64_t> kept_;                                 // of these, for long
  std::vector<std::string> expired_;
};

}  // namespace

Result<std::vector<std::string>> FindExpiredDeltaLog(ObjectStore& store,
                                                     const std::string& table_key, int64_t now_ms) {
  return Finder(store, table_key, now_ms).Find();
}

}  // namespace tarn
