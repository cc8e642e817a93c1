#include <algorithm>
#include <charconv>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

#include "columnar/prune.h"
#include "table/dual/manifest_io.h"
#include "table/dual/stage.h"
#include "table/iceberg/single_value.h"
#include "table/model/partition.h"

namespace tarn {

namespace {

constexpr int64_t kManifestBytesMax = 8 << 20;  ///< after which a new manifest begins
constexpr int64_t kManifestEntriesMax = 50'000;
constexpr size_t kManifestsBeforeMerge = 100;

using Content = ManifestFile::Content;

/// Writes entries into as many manifests as they need, by spec and content.
class ManifestRoller {
 public:
  ManifestRoller(const TableContext& context, const StageRowsRequest& request,
                 const ManifestTypes& types, StagedFiles& files, int64_t& next_name)
      : context_(context), request_(request), types_(types), files_(files), next_name_(next_name) {}

  Status Add(const ManifestEntry& entry) {
    const Content content =
        entry.file.content == FileContent::kData ? Content::kData : Content::kDeletes;
    const Place place{entry.file.spec_id.value(), content};
    auto found = open_.find(place);
    if (found == open_.end()) {
      const PartitionSpec* spec = request_.table->FindSpec(entry.file.spec_id);
      if (spec == nullptr) {
        return InvalidArgument("the file " + entry.file.path + " has partition spec " +
                               std::to_string(entry.file.spec_id.value()) +
                               ", which the table does not have");
      }
      if (entry.file.partition.size() != spec->fields.size()) {
        return InvalidArgument("the file " + entry.file.path + " has " +
                               std::to_string(entry.file.partition.size()) +
                               " partition values, and its spec has " +
                               std::to_string(spec->fields.size()) + " fields");
      }
      const ManifestWriter::Options options{content, request_.snapshot, request_.sequence_number};
      TARN_ASSIGN_OR_RETURN(auto writer, ManifestWriter::Open(*spec, request_.table->schema(),
                                                              types_, options, *context_.random));
      found = open_.emplace(place, std::move(writer)).first;
    }
    ManifestWriter& writer = *found->second;
    writer.Add(entry);
    if (writer.entries() < kManifestEntriesMax && writer.estimated_bytes() < kManifestBytesMax) {
      return {};
    }
    Status status = FinishOne(writer);
    open_.erase(found);
    return status;
  }

  Result<std::vector<ManifestFile>> Finish() {
    for (auto& [place, writer] : open_) TARN_RETURN_IF_ERROR(FinishOne(*writer));
    open_.clear();
    return std::move(manifests_);
  }

 private:
  using Place = std::pair<int32_t, Content>;

  Status FinishOne(ManifestWriter& writer) {
    TARN_ASSIGN_OR_RETURN(WrittenManifest written, writer.Finish());
    TARN_ASSIGN_OR_RETURN(
        written.file.path,
        files_.PutNumbered(request_.commit_id + "-m", next_name_, ".avro", written.bytes));
    manifests_.push_back(std::move(written.file));
    return {};
  }

  const TableContext& context_;
  const StageRowsRequest& request_;
  const ManifestTypes& types_;
  StagedFiles& files_;
  int64_t& next_name_;
  std::map<Place, std::unique_ptr<ManifestWriter>> open_;
  std::vector<ManifestFile> manifests_;
};

/// Counts of one snapshot, as its summary tells them.
struct Tally {
  int64_t added_files = 0, added_rows = 0, added_bytes = 0;
  int64_t removed_files = 0, removed_rows = 0, removed_bytes = 0;
  int64_t removed_delete_files = 0, removed_position_deletes = 0;
  std::set<std::string> partitions;

  void Added(const DataFile& file) {
    ++added_files;
    added_rows += file.record_count;
    added_bytes += file.size_bytes;
    partitions.insert(PartitionKey(file.spec_id, file.partition));
  }
  void Removed(const DataFile& file) {
    partitions.insert(PartitionKey(file.spec_id, file.partition));
    removed_bytes += file.size_bytes;
    if (file.content != FileContent::kData) {
      ++removed_delete_files;
      removed_position_deletes += file.record_count;
      return;
    }
    ++removed_files;
    removed_rows += file.record_count;
  }
};

std::optional<int64_t> Number(const std::map<std::string, std::string>& summary,
                              const std::string& key) {
  auto found = summary.find(key);
  if (found == summary.end()) return std::nullopt;
  const std::string& text = found->second;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class RowStager {
 public:
  RowStager(const TableContext& context, const StageRowsRequest& request, StagedFiles& files)
      : context_(context),
        request_(request),
        files_(files),
        types_(*request.table),
        io_(*context.store, context.cache, *request.table) {}

  Result<StagedRows> Run() {
    parent_ = request_.base == nullptr ? nullptr : request_.base->current();
    if (parent_ != nullptr) {
      TARN_ASSIGN_OR_RETURN(base_manifests_, io_.List(*parent_));
      std::erase_if(base_manifests_,
                    [](const ManifestFile& m) { return !m.may_have_live_files(); });
    }
    TARN_RETURN_IF_ERROR(WriteAdded());
    switch (request_.change->kind) {
      case RowChange::Kind::kOverwrite:
        TARN_RETURN_IF_ERROR(RemoveAll());
        break;
      case RowChange::Kind::kReplacePartitions:
        TARN_RETURN_IF_ERROR(RemovePartitions());
        break;
      default:
        TARN_RETURN_IF_ERROR(KeepAndMerge());
    }
    Summarise();
    return std::move(staged_);
  }

 private:
  ManifestRoller Roller() { return {context_, request_, types_, files_, next_name_}; }

  Status Take(Result<std::vector<ManifestFile>> manifests) {
    TARN_RETURN_IF_ERROR(manifests.status());
    for (ManifestFile& manifest : *manifests) staged_.manifests.push_back(std::move(manifest));
    return {};
  }

  Status WriteAdded() {
    ManifestRoller roller = Roller();
    ManifestEntry entry;
    entry.status = EntryStatus::kAdded;
    entry.snapshot = request_.snapshot;
    for (const DataFile& file : request_.change->files) {
      entry.file = file;
      tally_.Added(file);
      TARN_RETURN_IF_ERROR(roller.Add(entry));
    }
    return Take(roller.Finish());
  }

  Status AddRemoved(ManifestRoller& roller, ManifestEntry&& entry) {
    tally_.Removed(entry.file);
    entry.status = EntryStatus::kDeleted;
    entry.snapshot = request_.snapshot;
    return roller.Add(entry);
  }

  Status RemoveAll() {
    ManifestRoller roller = Roller();
    TARN_RETURN_IF_ERROR(io_.Read(base_manifests_, {}, [&](ManifestEntry&& entry) -> Status {
      if (entry.status == EntryStatus::kDeleted) return {};
      return AddRemoved(roller, std::move(entry));
    }));
    return Take(roller.Finish());
  }

  /// False only when certainly no file of the manifest is in a partition that is replaced.
  bool MayHoldReplaced(const ManifestFile& manifest) const {
    const PartitionSpec* spec = request_.table->FindSpec(manifest.spec_id);
    if (spec == nullptr || manifest.partitions.size() != spec->fields.size()) return true;
    const std::vector<Type> types = types_.PartitionTypes(*spec);
    for (const DataFile& file : request_.change->files) {
      bool may = true;
      for (size_t i = 0; may && i < types.size(); ++i) {
        const PartitionSummary& summary = manifest.partitions[i];
        const Scalar& value = file.partition[i];
        if (IsNull(value)) {
          may = summary.contains_null;
          continue;
        }
        const auto lower =
            summary.lower ? DecodeSingleValue(types[i], *summary.lower) : std::nullopt;
        const auto upper =
            summary.upper ? DecodeSingleValue(types[i], *summary.upper) : std::nullopt;
        may = !(lower && Compare(value, *lower) < 0) && !(upper && Compare(value, *upper) > 0);
      }
      if (may) return true;
    }
    return false;
  }

  Status RemovePartitions() {
    if (request_.change->files.empty()) return KeepAndMerge();
    std::set<std::string> replaced;
    const SpecId spec = request_.change->files.front().spec_id;
    for (const DataFile& file : request_.change->files) {
      if (file.spec_id != spec) {
        return InvalidArgument("the files that replace partitions are partitioned in two ways");
      }
      replaced.insert(PartitionKey(file.spec_id, file.partition));
    }
    const PartitionSpec* fields = request_.table->FindSpec(spec);
    for (const DataFile& file : request_.change->files) {
      if (fields == nullptr || file.partition.size() != fields->fields.size()) {
        return InvalidArgument("the file " + file.path + " has no value for each partition field");
      }
    }
    if (fields != nullptr && fields->fields.empty()) return RemoveAll();
    std::vector<ManifestFile> rewritten;
    for (ManifestFile& manifest : base_manifests_) {
      if (manifest.spec_id != spec) {
        return Unsupported("partitions of " + request_.table->location +
                               " cannot be replaced: it has files of an earlier partitioning",
                           "overwrite the whole table once");
      }
      auto& destination = MayHoldReplaced(manifest) ? rewritten : staged_.manifests;
      destination.push_back(std::move(manifest));
    }
    for (ManifestFile& manifest : rewritten) {
      TARN_RETURN_IF_ERROR(RewriteWithout(manifest, replaced));
    }
    return {};
  }

  /// Keeps a manifest that holds none of the partitions as it is.
  Status RewriteWithout(const ManifestFile& manifest, const std::set<std::string>& replaced) {
    std::vector<ManifestEntry> entries;
    bool touched = false;
    TARN_RETURN_IF_ERROR(io_.Read({manifest}, {}, [&](ManifestEntry&& entry) -> Status {
      if (entry.status == EntryStatus::kDeleted) return {};
      const bool gone = replaced.contains(PartitionKey(entry.file.spec_id, entry.file.partition));
      entry.status = gone ? EntryStatus::kDeleted : EntryStatus::kExisting;
      touched = touched || gone;
      entries.push_back(std::move(entry));
      return {};
    }));
    if (!touched) {
      staged_.manifests.push_back(manifest);
      return {};
    }
    ManifestRoller roller = Roller();
    for (ManifestEntry& entry : entries) {
      TARN_RETURN_IF_ERROR(entry.status == EntryStatus::kDeleted
                               ? AddRemoved(roller, std::move(entry))
                               : roller.Add(entry));
    }
    return Take(roller.Finish());
  }

  /// Appends share their base's manifests; once there are many, the small ones are put together.
  Status KeepAndMerge() {
    const bool merge = staged_.manifests.size() + base_manifests_.size() > kManifestsBeforeMerge;
    std::map<std::pair<int32_t, Content>, std::vector<ManifestFile>> small;
    for (ManifestFile& manifest : base_manifests_) {
      if (merge && manifest.length < kManifestBytesMax / 2 && manifest.key_metadata.empty()) {
        small[{manifest.spec_id.value(), manifest.content}].push_back(std::move(manifest));
      } else {
        staged_.manifests.push_back(std::move(manifest));
      }
    }
    for (auto& [place, manifests] : small) {
      if (manifests.size() == 1) {
        staged_.manifests.push_back(std::move(manifests[0]));
        continue;
      }
      ManifestRoller roller = Roller();
      TARN_RETURN_IF_ERROR(io_.Read(manifests, {}, [&](ManifestEntry&& entry) -> Status {
        if (entry.status == EntryStatus::kDeleted) return {};
        entry.status = EntryStatus::kExisting;
        return roller.Add(entry);
      }));
      TARN_RETURN_IF_ERROR(Take(roller.Finish()));
    }
    return {};
  }

  void Set(const std::string& key, int64_t value) { staged_.summary[key] = std::to_string(value); }
  void SetIfAny(const std::string& key, int64_t value) {
    if (value > 0) Set(key, value);
  }

  /// A total is known when the parent's is, or when nothing of the parent is left.
  void SetTotal(const std::string& key, int64_t added, int64_t removed) {
    if (parent_ == nullptr || request_.change->kind == RowChange::Kind::kOverwrite) {
      return Set(key, added);
    }
    if (auto before = Number(parent_->summary, key)) Set(key, *before + added - removed);
  }

  void Summarise() {
    const bool adds = tally_.added_files > 0;
    const bool removes = tally_.removed_files + tally_.removed_delete_files > 0;
    staged_.operation = !removes ? "append" : adds ? "overwrite" : "delete";
    SetIfAny("added-data-files", tally_.added_files);
    SetIfAny("added-records", tally_.added_rows);
    SetIfAny("added-files-size", tally_.added_bytes);
    SetIfAny("deleted-data-files", tally_.removed_files);
    SetIfAny("deleted-records", tally_.removed_rows);
    SetIfAny("removed-files-size", tally_.removed_bytes);
    SetIfAny("removed-delete-files", tally_.removed_delete_files);
    SetIfAny("removed-position-delete-files", tally_.removed_delete_files);
    SetIfAny("removed-position-deletes", tally_.removed_position_deletes);
    Set("changed-partition-count", static_cast<int64_t>(tally_.partitions.size()));
    SetTotal("total-data-files", tally_.added_files, tally_.removed_files);
    SetTotal("total-records", tally_.added_rows, tally_.removed_rows);
    SetTotal("total-files-size", tally_.added_bytes, tally_.removed_bytes);
    SetTotal("total-delete-files", 0, tally_.removed_delete_files);
    SetTotal("total-position-deletes", 0, tally_.removed_position_deletes);
    SetTotal("total-equality-deletes", 0, 0);
  }

  const TableContext& context_;
  const StageRowsRequest& request_;
  StagedFiles& files_;
  const ManifestTypes types_;
  ManifestIo io_;
  const Snapshot* parent_ = nullptr;
  std::vector<ManifestFile> base_manifests_;
  int64_t next_name_ = 0;
  StagedRows staged_;
  Tally tally_;
};

}  // namespace

Result<StagedRows> StageRows(const TableContext& context, const StageRowsRequest& request,
                             StagedFiles& files) {
  return RowStager(context, request, files).Run();
}

}  // namespace tarn
