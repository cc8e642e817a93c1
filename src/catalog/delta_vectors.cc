#include "catalog/delta_vectors.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "catalog/delta_log.h"
#include "columnar/position_deletes.h"
#include "columnar/puffin.h"
#include "storage/outside_files.h"
#include "table/delta/text.h"
#include "table/dual/manifest_io.h"

namespace tarn {
namespace {

/// Around magic and bitmap of a stored vector: its length before, its checksum after them.
constexpr int64_t kLengthBytes = 4;
constexpr int64_t kFrameBytes = 8;
/// Where the first blob of a Puffin file begins, and where it stands in Delta's file.
constexpr int64_t kPuffinMagicBytes = 4;
constexpr char kDeltaVectorVersion = 1;
/// Small vectors of one Puffin file that stand near to each other are fetched together.

Error HasEqualityDeletes(const DataFile& deletes) {
  return Unsupported("equality deletes cannot be told in a Delta log: " + deletes.path,
                     "rewrite the table's data files without them");
}

std::string_view Bare(std::string_view blob) {
  return blob.substr(kLengthBytes, blob.size() - kFrameBytes);
}

// The vectors that stand in one Puffin file.
class PuffinVectors {
 public:
  PuffinVectors(const TableMetadata& table, std::string uri)
      : uri_(std::move(uri)), uuid_(delta::UuidOfName(delta::LogPath(table.location, uri_))) {}

  Status Add(const DataFile& vector, DeltaVectors& found) {
    const int64_t offset = *vector.content_offset;
    const int64_t size_bytes = vector.content_size_bytes.value_or(0) - kFrameBytes;
    if (offset < kPuffinMagicBytes || size_bytes < kLengthBytes) {
      return Corruption("deletion vector of " + vector.referenced_data_file + " in " + uri_ +
                        " stands at an impossible place");
    }
    if (offset + size_bytes > INT32_MAX) {
      return Unsupported("a Delta log cannot tell of deletion vectors beyond 2 GiB of " + uri_);
    }
    const int64_t shifted = offset - kPuffinMagicBytes + 1;
    return Keep(vector.referenced_data_file,
                {delta::VectorInFile(uuid_, shifted, size_bytes, vector.record_count), uri_, ""},
                found);
  }

 private:
  Status Keep(const std::string& data_file, DeltaVector vector, DeltaVectors& found) const {
    if (found.emplace(data_file, std::move(vector)).second) return {};
    return Corruption("data file " + data_file + " has two deletion vectors, one of them in " +
                      uri_);
  }

  const std::string uri_;
  const std::string uuid_;
};

DeltaVector VectorOfPositions(const TableMetadata& table, const std::string& data_file,
                              const DeletionVector& positions) {
  const std::string blob = positions.Serialize();
  const std::string_view bare = Bare(blob);
  // Named by its content: the same rows are the same vector, in however many files they stood.
  const std::string uuid =
      delta::UuidOfName(delta::LogPath(table.location, data_file) + '\n' + blob);
  return {delta::VectorInFile(uuid, 1, static_cast<int64_t>(bare.size()), positions.cardinality()),
          "", kDeltaVectorVersion + blob};
}

Status CheckPositions(const DataFile& deletes) {
  if (deletes.content == FileContent::kEqualityDeletes) return HasEqualityDeletes(deletes);
  if (deletes.is_deletion_vector() || deletes.format == "PARQUET") return {};
  return Unsupported("position deletes in " + deletes.format + " are not read: " + deletes.path);
}

}  // namespace

Result<DeltaVectors> DeltaVectorReader::Read(const TableMetadata& table) {
  DeltaVectors found;
  if (table.current() == nullptr) return found;
  ObjectStore& store = *context_.store;
  ManifestIo io(store, context_.cache, table);
  TARN_ASSIGN_OR_RETURN(std::vector<ManifestFile> manifests, io.List(*table.current()));
  std::erase_if(manifests, [](const ManifestFile& manifest) {
    return manifest.content != ManifestFile::Content::kDeletes || !manifest.may_have_live_files();
  });
  std::map<std::string, PuffinVectors> puffins;
  std::vector<DataFile> position_files;
  const ManifestMetrics metrics{ManifestMetrics::Kind::kPruning, {kDeletePathFieldId}};
  const auto take = [&](ManifestEntry&& entry) -> Status {
    DataFile& file = entry.file;
    if (entry.status == EntryStatus::kDeleted) return {};
    TARN_RETURN_IF_ERROR(CheckPositions(file));
    if (!file.is_deletion_vector()) {
      if (MayHold(file)) position_files.push_back(std::move(file));
      return {};
    }
    if (!Wants(file.referenced_data_file)) return {};
    return puffins.try_emplace(file.path, table, file.path).first->second.Add(file, found);
  };
  TARN_RETURN_IF_ERROR(io.Read(manifests, metrics, take));

  Positions sums;
  for (const DataFile& file : position_files) {
    TARN_ASSIGN_OR_RETURN(const Positions* positions, ReadPositions(file));
    for (const auto& [path, some] : *positions) sums[path].AddAll(some);
  }
  for (const auto& [path, positions] : sums) {
    // Where a data file has a vector, it holds what older files of positions say (Iceberg
    // "Deletion Vectors").
    if (!found.contains(path)) found.emplace(path, VectorOfPositions(table, path, positions));
  }
  return found;
}

bool DeltaVectorReader::MayHold(const DataFile& deletes) const {
  if (!wanted_) return true;
  if (!deletes.referenced_data_file.empty()) return Wants(deletes.referenced_data_file);
  const auto bound = [](const std::map<int32_t, Scalar>& bounds) {
    const auto found = bounds.find(kDeletePathFieldId);
    return found == bounds.end() ? nullptr : std::get_if<std::string>(&found->second);
  };
  const std::string* lower = bound(deletes.lower_bounds);
  const std::string* upper = bound(deletes.upper_bounds);
  const auto first = lower == nullptr ? wanted_->begin() : wanted_->lower_bound(*lower);
  return first != wanted_->end() && (upper == nullptr || *first <= *upper);
}

Result<const DeltaVectorReader::Positions*> DeltaVectorReader::ReadPositions(
    const DataFile& deletes) {
  const auto known = positions_.find(deletes.path);
  if (known != positions_.end()) return &known->second;
  TARN_ASSIGN_OR_RETURN(const std::string key, context_.store->KeyOf(deletes.path));
  const bool one = wanted_ && wanted_->size() == 1;
  Positions positions;
  std::string wanted_path;
  TARN_RETURN_IF_ERROR(ReadPositionDeletes(
      *context_.store, key, deletes.size_bytes,
      one ? std::optional<std::string>(*wanted_->begin()) : std::nullopt,
      [&](std::string_view path, std::span<const int64_t> rows) -> Status {
        wanted_path = path;
        if (!Wants(wanted_path)) return {};
        DeletionVector& vector = positions[wanted_path];
        for (const int64_t row : rows) vector.Add(row);
        return {};
      },
      *context_.limits));
  return &positions_.emplace(deletes.path, std::move(positions)).first->second;
}

Status AddDataFilesOf(const TableContext& context, const DataFile& deletes,
                      std::set<std::string>& paths) {
  TARN_RETURN_IF_ERROR(CheckPositions(deletes));
  if (!deletes.referenced_data_file.empty()) {
    paths.insert(deletes.referenced_data_file);
    return {};
  }
  TARN_ASSIGN_OR_RETURN(const ObjectPlace place, FindObject(*context.store, deletes.path));
  return ReadPositionDeletes(
      *place.store, place.key, deletes.size_bytes, std::nullopt,
      [&](std::string_view path, std::span<const int64_t>) -> Status {
        paths.emplace(path);
        return {};
      },
      *context.limits);
}

Result<DeletionVector> LoadDeltaVector(ObjectStore& store, const std::string& table_uri,
                                       const delta::DeletionVectorDescriptor& descriptor) {
  using Storage = delta::DeletionVectorDescriptor::Storage;
  if (descriptor.storage == Storage::kInline) {
    TARN_ASSIGN_OR_RETURN(const std::string bytes, delta::InlineVectorBytes(descriptor));
    return DeletionVector::ParseBare(bytes, "a deletion vector of " + table_uri);
  }
  TARN_ASSIGN_OR_RETURN(const std::string uri, delta::VectorFileUri(table_uri, descriptor));
  TARN_ASSIGN_OR_RETURN(const ObjectPlace place, FindObject(store, uri));
  const int64_t offset = descriptor.offset.value_or(0);
  const int64_t size_bytes = descriptor.size_bytes;
  if (offset < 0 || size_bytes < 0 || size_bytes > INT32_MAX) {
    return Corruption("a deletion vector stands at an impossible place of " + uri);
  }
  TARN_ASSIGN_OR_RETURN(const std::string blob,
                        place.store->GetRange(place.key, offset, size_bytes + kFrameBytes));
  return DeletionVector::Parse(blob, uri);
}

Status WriteVectorFiles(ObjectStore& store, const TableMetadata& table,
                        const std::vector<const DeltaVector*>& vectors) {
  TARN_ASSIGN_OR_RETURN(const std::string table_key, store.KeyOf(table.location));
  std::set<std::string> puffins;
  for (const DeltaVector* vector : vectors) {
    if (!vector->puffin.empty()) puffins.insert(vector->puffin);
    if (vector->blob.empty()) continue;
    TARN_ASSIGN_OR_RETURN(const std::string uri,
                          delta::VectorFileUri(table.location, vector->descriptor));
    TARN_ASSIGN_OR_RETURN(const std::string key, store.KeyOf(uri));
    TARN_RETURN_IF_ERROR(PutOnce(store, key, vector->blob));
  }
  for (const std::string& puffin : puffins) {
    TARN_ASSIGN_OR_RETURN(const std::string key, store.KeyOf(puffin));
    TARN_ASSIGN_OR_RETURN(std::string bytes, store.Get(key));
    int64_t needed_bytes = 0;
    TARN_ASSIGN_OR_RETURN(
        const PuffinFooter footer,
        ReadPuffinFooter(bytes, static_cast<int64_t>(bytes.size()), puffin, &needed_bytes));
    int64_t end = kPuffinMagicBytes;
    for (const PuffinBlob& blob : footer.blobs) end = std::max(end, blob.offset + blob.length);
    bytes.resize(static_cast<size_t>(end));
    bytes.replace(0, kPuffinMagicBytes, 1, kDeltaVectorVersion);
    const std::string uuid = delta::UuidOfName(delta::LogPath(table.location, puffin));
    TARN_RETURN_IF_ERROR(PutOnce(store, table_key + "/" + delta::VectorFilePath(uuid), bytes));
  }
  return {};
}

}  // namespace tarn
