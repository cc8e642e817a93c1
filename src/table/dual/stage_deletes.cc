#include "table/dual/stage_deletes.h"

#include <map>
#include <unordered_map>

#include "columnar/position_deletes.h"
#include "columnar/puffin.h"
#include "table/dual/delete_index.h"
#include "table/dual/deletes.h"

namespace tarn {

namespace {

/// The field id that vectors name as theirs: the position of a row, `_pos`.
constexpr int32_t kRowPositionFieldId = 2147483645;

using Content = ManifestFile::Content;

class DeleteStager {
 public:
  DeleteStager(const TableContext& context, const StageRowsRequest& request, ManifestIo& io,
               const std::vector<ManifestFile>& base_manifests, StagedFiles& files)
      : context_(context),
        request_(request),
        change_(*request.change),
        io_(io),
        base_manifests_(base_manifests),
        files_(files),
        index_(*request.table) {}

  Result<StagedDeletes> Run() {
    for (const DataFile& file : change_.files) own_.insert(file.path);
    for (const auto& [path, file] : change_.removed) touched_.push_back(file);
    for (const auto& [path, deletes] : change_.deletes) {
      if (!own_.contains(path) && !change_.removed.contains(path)) touched_.push_back(deletes.file);
    }
    TARN_RETURN_IF_ERROR(CheckLive());
    TARN_RETURN_IF_ERROR(ReadBaseDeletes());
    for (const auto& [path, file] : change_.removed) Remove(file);
    for (const auto& [path, deletes] : change_.deletes) {
      if (!change_.removed.contains(path)) TARN_RETURN_IF_ERROR(Merge(deletes));
    }
    TARN_RETURN_IF_ERROR(request_.table->format_version >= 3 ? WriteVectors() : WritePositions());
    return std::move(staged_);
  }

 private:
  /// Every file that rows are taken out of stands in the base still.
  Status CheckLive() {
    std::set<std::string> missing;
    for (const DataFile& file : touched_) missing.insert(file.path);
    const ManifestMetrics none{ManifestMetrics::Kind::kNone, {}};
    for (const ManifestFile& manifest : base_manifests_) {
      if (missing.empty()) break;
      if (manifest.content != Content::kData || !io_.MayHoldPartitionOf(manifest, touched_)) {
        continue;
      }
      TARN_RETURN_IF_ERROR(io_.Read({manifest}, none, [&](ManifestEntry&& entry) -> Status {
        if (entry.status != EntryStatus::kDeleted) missing.erase(entry.file.path);
        return {};
      }));
    }
    if (missing.empty()) return {};
    return Conflict(
        "the data file " + *missing.begin() + " was replaced by somebody else meanwhile",
        "run the statement again");
  }

  Status ReadBaseDeletes() {
    const ManifestMetrics paths{ManifestMetrics::Kind::kPruning, {kDeletePathFieldId}};
    for (const ManifestFile& manifest : base_manifests_) {
      if (manifest.content != Content::kDeletes || !io_.MayHoldPartitionOf(manifest, touched_)) {
        continue;
      }
      TARN_RETURN_IF_ERROR(io_.Read({manifest}, paths, [&](ManifestEntry&& entry) -> Status {
        if (entry.status != EntryStatus::kDeleted &&
            entry.file.content == FileContent::kPositionDeletes) {
          index_.Add(std::move(entry));
        }
        return {};
      }));
    }
    return {};
  }

  /// The delete files of the base that are about this data file alone are not needed any more.
  void ReplaceDeletesOf(const std::vector<DataFile>& deletes) {
    for (const DataFile& file : deletes) {
      if (!file.referenced_data_file.empty()) staged_.removed.insert(KeyOfDeletes(file));
    }
  }

  void Remove(const DataFile& file) {
    staged_.removed_data.insert(file.path);
    ReplaceDeletesOf(index_.For(file, 0));
  }

  Status Merge(const RowDeletes& deletes) {
    const DataFile& file = deletes.file;
    if (deletes.positions.empty()) return {};
    if (deletes.positions.max() >= file.record_count) {
      return Internal("row " + std::to_string(deletes.positions.max()) + " of " + file.path +
                      " is deleted, which has " + std::to_string(file.record_count) + " rows");
    }
    if (own_.contains(file.path)) {
      if (deletes.positions.cardinality() == file.record_count) {
        staged_.emptied.insert(file.path);
      } else {
        merged_.emplace_back(&file, deletes.positions);
      }
      return {};
    }
    ScanFile before;
    before.file = file;
    before.deletes = index_.For(file, 0);
    TARN_ASSIGN_OR_RETURN(const auto old, LoadDeletes(context_, *request_.table, before));
    DeletionVector all = deletes.positions;
    if (old != nullptr) {
      if (all.Intersects(*old)) {
        return Conflict(
            "rows of " + request_.table->location + " were changed by somebody else meanwhile",
            "run the statement again");
      }
      all.AddAll(*old);
    }
    if (all.cardinality() == file.record_count) {
      staged_.removed_data.insert(file.path);
    } else {
      merged_.emplace_back(&file, std::move(all));
    }
    ReplaceDeletesOf(before.deletes);
    return {};
  }

  DataFile NewDeletes(const DataFile& file, const DeletionVector& positions) const {
    DataFile deletes;
    deletes.content = FileContent::kPositionDeletes;
    deletes.spec_id = file.spec_id;
    deletes.partition = file.partition;
    deletes.record_count = positions.cardinality();
    deletes.referenced_data_file = file.path;
    return deletes;
  }

  /// Every vector has a Puffin file of its own: DuckDB's iceberg extension (1.5.5) takes the vector
  /// of another data file for some of those that share one.
  Status WriteVectors() {
    for (const auto& [file, positions] : merged_) {
      PuffinWriter puffin;
      PuffinBlob blob;
      blob.type = kDeletionVectorBlob;
      blob.fields = {kRowPositionFieldId};
      blob.properties = {{"referenced-data-file", file->path},
                         {"cardinality", std::to_string(positions.cardinality())}};
      blob = puffin.Add(std::move(blob), positions.Serialize());
      DataFile deletes = NewDeletes(*file, positions);
      deletes.format = "PUFFIN";
      deletes.content_offset = blob.offset;
      deletes.content_size_bytes = blob.length;
      const std::string bytes = puffin.Finish({{"created-by", "Tarn"}});
      const std::string key = files_.NewDeletesKey(context_.random->Uuid() + ".puffin");
      TARN_RETURN_IF_ERROR(context_.store->PutIfAbsent(key, bytes));
      deletes.path = context_.store->UriOf(key);
      deletes.size_bytes = static_cast<int64_t>(bytes.size());
      staged_.added.push_back(std::move(deletes));
    }
    return {};
  }

  Status WritePositions() {
    for (const auto& [file, positions] : merged_) {
      const std::string key = files_.NewDeletesKey(context_.random->Uuid() + ".parquet");
      TARN_ASSIGN_OR_RETURN(auto writer,
                            PositionDeleteWriter::Open(*context_.store, key, *context_.limits));
      TARN_RETURN_IF_ERROR(writer->Add(file->path, positions));
      TARN_ASSIGN_OR_RETURN(const WrittenFile written, writer->Finish());
      DataFile deletes = NewDeletes(*file, positions);
      deletes.path = context_.store->UriOf(key);
      deletes.size_bytes = written.size_bytes;
      deletes.lower_bounds[kDeletePathFieldId] = file->path;
      deletes.upper_bounds[kDeletePathFieldId] = file->path;
      staged_.added.push_back(std::move(deletes));
    }
    return {};
  }

  const TableContext& context_;
  const StageRowsRequest& request_;
  const RowChange& change_;
  ManifestIo& io_;
  const std::vector<ManifestFile>& base_manifests_;
  StagedFiles& files_;
  DeleteIndex index_;              ///< of the base, of the partitions that are touched
  std::set<std::string> own_;      ///< paths that this change adds
  std::vector<DataFile> touched_;  ///< files of the base that lose rows
  std::vector<std::pair<const DataFile*, DeletionVector>> merged_;
  StagedDeletes staged_;
};

}  // namespace

Result<StagedDeletes> StageDeletes(const TableContext& context, const StageRowsRequest& request,
                                   ManifestIo& io, const std::vector<ManifestFile>& base_manifests,
                                   StagedFiles& files) {
  return DeleteStager(context, request, io, base_manifests, files).Run();
}

}  // namespace tarn
