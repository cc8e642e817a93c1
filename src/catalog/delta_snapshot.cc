#include "catalog/delta_snapshot.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "catalog/delta_checkpoint.h"
#include "table/delta/features.h"
#include "table/delta/log_json.h"
#include "table/delta/text.h"

namespace tarn {
namespace {

// `table_key` is empty where the store's root is the table.
std::string LogFolder(const std::string& table_key) {
  return table_key.empty() ? "_delta_log/" : table_key + "/_delta_log/";
}
std::string TableUri(const ObjectStore& store, const std::string& table_key) {
  return table_key.empty() ? store.root_uri() : store.UriOf(table_key);
}

std::string VersionText(int64_t version) { return "version " + std::to_string(version); }

std::optional<int64_t> NumberProperty(const delta::Metadata& metadata, const char* key) {
  const auto found = metadata.configuration.find(key);
  int64_t number = 0;
  if (found == metadata.configuration.end()) return std::nullopt;
  const char* end = found->second.data() + found->second.size();
  const auto parsed = std::from_chars(found->second.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end ? std::optional<int64_t>(number)
                                                       : std::nullopt;
}

}  // namespace

class DeltaSnapshotReader {
 public:
  DeltaSnapshotReader(ObjectStore& store, const std::string& table_key)
      : store_(store), folder_(LogFolder(table_key)), table_uri_(TableUri(store, table_key)) {}

  Result<std::shared_ptr<const DeltaSnapshot>> Open(const DeltaVersion& at) {
    TARN_RETURN_IF_ERROR(store_.List(folder_, [&](const ObjectInfo& object) -> Status {
      listing_.Add(std::string_view(object.key).substr(folder_.size()), object.modified_micros);
      return {};
    }));
    const auto checkpoint = listing_.NewestCheckpoint(INT64_MAX);
    if (!checkpoint && listing_.entries().empty()) {
      return NotFound("there is no Delta table at " + table_uri_);
    }
    latest_ = checkpoint ? checkpoint->version : -1;
    if (!listing_.entries().empty())
      latest_ = std::max(latest_, listing_.entries().rbegin()->first);
    if (at.version) return OpenVersion(*at.version);
    TARN_ASSIGN_OR_RETURN(auto newest, OpenVersion(latest_));
    if (!at.timestamp_ms) return newest;
    TARN_ASSIGN_OR_RETURN(const int64_t version, VersionAt(newest->metadata(), *at.timestamp_ms));
    return version == latest_ ? newest : OpenVersion(version);
  }

 private:
  Result<std::shared_ptr<const DeltaSnapshot>> OpenVersion(int64_t version) {
    if (version < 0 || version > latest_) {
      return NotFound("Delta table " + table_uri_ + " has no " + VersionText(version),
                      "its newest is " + std::to_string(latest_));
    }
    std::shared_ptr<DeltaSnapshot> snapshot(new DeltaSnapshot(store_, folder_, table_uri_));
    snapshot->checkpoint_ = listing_.NewestCheckpoint(version);
    delta::State& state = snapshot->state_;
    if (snapshot->checkpoint_) {
      const auto take = [&](std::vector<delta::Action>&& actions) -> Status {
        state.Apply(snapshot->checkpoint_->version, std::move(actions));
        return {};
      };
      TARN_RETURN_IF_ERROR(ReadDeltaCheckpoint(store_, folder_, *snapshot->checkpoint_,
                                               CheckpointContent::kNoFiles, take));
      state.version = snapshot->checkpoint_->version;
    }
    while (state.version < version) {
      const int64_t next = state.version + 1;
      if (!listing_.entries().contains(next)) return Missing(next, version);
      TARN_ASSIGN_OR_RETURN(std::vector<delta::Action> actions, ReadEntry(next));
      state.Apply(next, std::move(actions));
    }
    if (!state.protocol || !state.metadata) {
      return Corruption(store_.UriOf(folder_) + " has no protocol or no metaData action");
    }
    TARN_RETURN_IF_ERROR(delta::CheckReadable(*state.protocol).Wrap(table_uri_));
    Result<delta::TableSchema> schema = delta::ReadTableSchema(*state.protocol, *state.metadata);
    TARN_ASSIGN_OR_RETURN(snapshot->schema_, std::move(schema).Wrap(table_uri_));
    const auto clustering = state.domains.find("delta.clustering");
    if (clustering != state.domains.end()) {
      snapshot->schema_.clustering_columns =
          delta::ClusteringColumns(clustering->second.configuration);
    }
    if (listing_.entries().contains(version)) {
      TARN_ASSIGN_OR_RETURN(snapshot->timestamp_ms_, TimestampMs(*state.metadata, version));
    }
    return std::shared_ptr<const DeltaSnapshot>(std::move(snapshot));
  }

  // Entries go from the oldest on when a log is cleaned up, never from between others.
  Error Missing(int64_t missing, int64_t version) const {
    const auto& entries = listing_.entries();
    if (entries.empty() || missing < entries.begin()->first) {
      return NotFound(VersionText(version) + " of Delta table " + table_uri_ +
                      " is not there any more: its log was cleaned up");
    }
    return Corruption(store_.UriOf(folder_ + delta::LogEntryName(missing)) + " is missing");
  }

  Result<std::vector<delta::Action>> ReadEntry(int64_t version) {
    const std::string key = folder_ + delta::LogEntryName(version);
    TARN_ASSIGN_OR_RETURN(const std::string text, store_.Get(key));
    return delta::ParseLogEntry(text, store_.UriOf(key));
  }

  // "Recommendations for Readers of Tables with In-Commit Timestamps". The first version that has
  // one; none where the table does not.
  static std::optional<int64_t> FirstInCommitTimestamp(const delta::Metadata& metadata) {
    const auto enabled = metadata.configuration.find("delta.enableInCommitTimestamps");
    if (enabled == metadata.configuration.end() || enabled->second != "true") return std::nullopt;
    return NumberProperty(metadata, "delta.inCommitTimestampEnablementVersion").value_or(0);
  }

  Result<int64_t> InCommitTimestampMs(int64_t version) {
    TARN_ASSIGN_OR_RETURN(const std::vector<delta::Action> actions, ReadEntry(version));
    for (const delta::Action& action : actions) {
      const auto* info = std::get_if<delta::CommitInfo>(&action);
      if (info != nullptr && info->in_commit_timestamp_ms) return *info->in_commit_timestamp_ms;
    }
    return Corruption(store_.UriOf(folder_ + delta::LogEntryName(version)) +
                      " has no in-commit timestamp");
  }

  // Times at which entries were written, made to grow with the versions as Delta does.
  std::map<int64_t, int64_t> WrittenMs() const {
    std::map<int64_t, int64_t> times;
    int64_t last_ms = INT64_MIN;
    for (const auto& [version, micros] : listing_.entries()) {
      last_ms = last_ms == INT64_MIN ? micros / 1000 : std::max(micros / 1000, last_ms + 1);
      times[version] = last_ms;
    }
    return times;
  }

  Result<int64_t> TimestampMs(const delta::Metadata& metadata, int64_t version) {
    const auto first = FirstInCommitTimestamp(metadata);
    if (first && version >= *first) return InCommitTimestampMs(version);
    return WrittenMs().at(version);
  }

  Result<int64_t> VersionAt(const delta::Metadata& metadata, int64_t timestamp_ms) {
    const auto first = FirstInCommitTimestamp(metadata);
    const int64_t enabled_ms =
        NumberProperty(metadata, "delta.inCommitTimestampEnablementTimestamp").value_or(INT64_MIN);
    if (first && timestamp_ms >= enabled_ms) return VersionAtInCommit(*first, timestamp_ms);
    std::optional<int64_t> found;
    for (const auto& [version, written_ms] : WrittenMs()) {
      if (written_ms <= timestamp_ms && (!first || version < *first)) found = version;
    }
    if (found) return *found;
    return TooEarly();
  }

  // The timestamps grow with the versions: halving finds the last one up to the time.
  Result<int64_t> VersionAtInCommit(int64_t first, int64_t timestamp_ms) {
    std::vector<int64_t> versions;
    for (const auto& [version, micros] : listing_.entries()) {
      if (version >= first) versions.push_back(version);
    }
    size_t low = 0;
    size_t high = versions.size();
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      TARN_ASSIGN_OR_RETURN(const int64_t at_ms, InCommitTimestampMs(versions[middle]));
      if (at_ms <= timestamp_ms) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low == 0) return TooEarly();
    return versions[low - 1];
  }

  Error TooEarly() const {
    return NotFound("Delta table " + table_uri_ + " has no version that is so old");
  }

  ObjectStore& store_;
  const std::string folder_;
  const std::string table_uri_;
  delta::LogListing listing_;
  int64_t latest_ = -1;
};

Result<std::shared_ptr<const DeltaSnapshot>> DeltaSnapshot::Open(ObjectStore& store,
                                                                 const std::string& table_key,
                                                                 const DeltaVersion& at) {
  return DeltaSnapshotReader(store, table_key).Open(at);
}

Status DeltaSnapshot::VisitFiles(const std::function<Status(delta::TableFile&&)>& visit) const {
  const auto visit_one = [&](const delta::AddFile& add) -> Status {
    TARN_ASSIGN_OR_RETURN(delta::TableFile file, delta::ReadTableFile(add, schema_, table_uri_));
    return visit(std::move(file));
  };
  for (const auto& [path, add] : state_.files) TARN_RETURN_IF_ERROR(visit_one(add));
  if (!checkpoint_) return {};
  const auto visit_some = [&](std::vector<delta::Action>&& actions) -> Status {
    for (const delta::Action& action : actions) {
      const auto& add = std::get<delta::AddFile>(action);
      // What the entries after the checkpoint say counts.
      if (state_.Replaces(delta::FileKey(add.path), add.VectorId())) continue;
      TARN_RETURN_IF_ERROR(visit_one(add));
    }
    return {};
  };
  return ReadDeltaCheckpoint(store_, folder_, *checkpoint_, CheckpointContent::kFiles, visit_some);
}

Result<std::vector<delta::Action>> ReadDeltaEntry(ObjectStore& store, const std::string& table_key,
                                                  int64_t version) {
  const std::string key = LogFolder(table_key) + delta::LogEntryName(version);
  TARN_ASSIGN_OR_RETURN(const std::string text, store.Get(key));
  return delta::ParseLogEntry(text, store.UriOf(key));
}

}  // namespace tarn
