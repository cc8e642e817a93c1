#include "table/dual/delete_index.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "table/dual/manifest_io.h"

namespace tarn {

namespace {

std::optional<Scalar> BoundOfPath(const std::map<int32_t, Scalar>& bounds) {
  auto found = bounds.find(kDeletePathFieldId);
  return found == bounds.end() ? std::nullopt : std::optional<Scalar>(found->second);
}

bool MayName(const DataFile& deletes, const std::string& path) {
  const Scalar wanted(path);
  const auto lower = BoundOfPath(deletes.lower_bounds);
  const auto upper = BoundOfPath(deletes.upper_bounds);
  return !(lower && Compare(wanted, *lower) < 0) && !(upper && Compare(wanted, *upper) > 0);
}

/// The one data file that a file of position deletes is about; empty when it may be several.
std::string OnlyDataFile(const DataFile& deletes) {
  return deletes.content == FileContent::kPositionDeletes ? deletes.referenced_data_file : "";
}

}  // namespace

void DeleteIndex::Add(ManifestEntry&& entry) {
  empty_ = false;
  const DataFile& file = entry.file;
  if (const std::string path = OnlyDataFile(file); !path.empty()) {
    by_file_[path].push_back(std::move(entry));
    return;
  }
  const PartitionSpec* spec = table_.FindSpec(file.spec_id);
  // A spec whose fields are all void says nothing of where rows are.
  const bool unpartitioned =
      spec != nullptr &&
      std::all_of(spec->fields.begin(), spec->fields.end(), [](const PartitionField& field) {
        return field.transform.kind == Transform::Kind::kVoid;
      });
  if (file.content == FileContent::kEqualityDeletes && unpartitioned) {
    global_.push_back(std::move(entry));
    return;
  }
  auto& index = file.content == FileContent::kEqualityDeletes ? equality_ : by_partition_;
  index[PartitionKey(file.spec_id, file.partition)].push_back(std::move(entry));
}

std::vector<DataFile> DeleteIndex::For(const DataFile& file, int64_t data_sequence_number) const {
  std::vector<DataFile> deletes;
  if (empty_) return deletes;
  if (auto found = by_file_.find(file.path); found != by_file_.end()) {
    for (const ManifestEntry& entry : found->second) {
      if (entry.data_sequence_number >= data_sequence_number) deletes.push_back(entry.file);
    }
  }
  const std::string partition = by_partition_.empty() && equality_.empty()
                                    ? std::string()
                                    : PartitionKey(file.spec_id, file.partition);
  if (auto found = by_partition_.find(partition); found != by_partition_.end()) {
    for (const ManifestEntry& entry : found->second) {
      if (entry.data_sequence_number >= data_sequence_number && MayName(entry.file, file.path)) {
        deletes.push_back(entry.file);
      }
    }
  }
  // Equality deletes say nothing of rows that came with them.
  const auto add_equality = [&](const Entries& entries) {
    for (const ManifestEntry& entry : entries) {
      if (entry.data_sequence_number > data_sequence_number) deletes.push_back(entry.file);
    }
  };
  if (auto found = equality_.find(partition); found != equality_.end()) add_equality(found->second);
  add_equality(global_);
  return deletes;
}

}  // namespace tarn
