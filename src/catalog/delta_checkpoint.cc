#include "catalog/delta_checkpoint.h"

#include <optional>
#include <utility>

#include "base/limits.h"
#include "columnar/parquet_reader.h"
#include "table/delta/checkpoint.h"
#include "table/delta/text.h"

namespace tarn {
namespace {

constexpr char kSidecarFolder[] = "_sidecars/";

using Visit = std::function<Status(std::vector<delta::Action>&&)>;

bool IsWanted(const std::string& column, CheckpointContent content) {
  switch (content) {
    case CheckpointContent::kShape:
      return column == "protocol" || column == "metaData";
    case CheckpointContent::kNoFiles:
      return column != "add" && column != "remove";
    case CheckpointContent::kFiles:
      return column == "add" || column == "sidecar";
    case CheckpointContent::kFilesAndRemoved:
      return column == "add" || column == "remove" || column == "sidecar";
    case CheckpointContent::kSidecars:
      return column == "sidecar";
    case CheckpointContent::kAll:
      break;
  }
  return true;
}

bool IsWanted(const delta::Action& action, CheckpointContent content) {
  const bool add = std::holds_alternative<delta::AddFile>(action);
  const bool sidecar = std::holds_alternative<delta::Sidecar>(action);
  if (content == CheckpointContent::kFiles) return add;
  if (content == CheckpointContent::kSidecars) return sidecar;
  if (sidecar || std::holds_alternative<delta::CheckpointMetadata>(action)) return false;
  const bool file = add || std::holds_alternative<delta::RemoveFile>(action);
  return content == CheckpointContent::kAll ||
         file == (content == CheckpointContent::kFilesAndRemoved);
}

bool HasSidecars(CheckpointContent content) {
  return content == CheckpointContent::kAll || content == CheckpointContent::kFiles ||
         content == CheckpointContent::kFilesAndRemoved;
}

// `is_done`: whether nothing that is wanted can follow.
Status ReadParquetPart(ObjectStore& store, const std::string& key, CheckpointContent content,
                       const std::function<bool()>& is_done, const Visit& visit) {
  Limits limits;
  limits.batch_rows = delta::kCheckpointBatchRows;
  ParquetReadOptions options;
  options.columns = delta::CheckpointColumns();
  std::erase_if(*options.columns,
                [&](const ParquetColumn& column) { return !IsWanted(column.name, content); });
  TARN_ASSIGN_OR_RETURN(const auto reader,
                        ParquetReader::Open(store, key, std::nullopt, std::move(options), limits));
  while (!is_done()) {
    TARN_ASSIGN_OR_RETURN(const std::optional<ParquetBatch> batch, reader->Next());
    if (!batch) break;
    TARN_ASSIGN_OR_RETURN(std::vector<delta::Action> actions,
                          delta::ReadCheckpointBatch(*batch->rows).Wrap(store.UriOf(key)));
    TARN_RETURN_IF_ERROR(visit(std::move(actions)));
  }
  return {};
}

}  // namespace

std::string SidecarKey(const std::string& folder, const delta::Sidecar& sidecar) {
  // A name, by the specification's advice; writers that put a whole path there mean the same file.
  const std::string path = delta::FileUri("", sidecar.path);
  return folder + kSidecarFolder + path.substr(path.rfind('/') + 1);
}

Status ReadDeltaCheckpoint(ObjectStore& store, const std::string& folder,
                           const delta::CheckpointFiles& files, CheckpointContent content,
                           const Visit& visit) {
  std::vector<delta::Sidecar> sidecars;
  bool has_protocol = false;
  bool has_metadata = false;
  // There is one of each, and in our own checkpoints they come first.
  const auto is_done = [&] {
    return content == CheckpointContent::kShape && has_protocol && has_metadata;
  };
  const auto take = [&](std::vector<delta::Action>&& actions) -> Status {
    for (const delta::Action& action : actions) {
      if (const auto* sidecar = std::get_if<delta::Sidecar>(&action)) sidecars.push_back(*sidecar);
      has_protocol |= std::holds_alternative<delta::Protocol>(action);
      has_metadata |= std::holds_alternative<delta::Metadata>(action);
    }
    std::erase_if(actions, [&](const delta::Action& one) { return !IsWanted(one, content); });
    return visit(std::move(actions));
  };
  for (const std::string& name : files.names) {
    const std::string key = folder + name;
    if (files.form == delta::CheckpointFiles::Form::kParquet) {
      TARN_RETURN_IF_ERROR(ReadParquetPart(store, key, content, is_done, take));
    } else {
      TARN_ASSIGN_OR_RETURN(const std::string text, store.Get(key));
      TARN_ASSIGN_OR_RETURN(std::vector<delta::Action> actions,
                            delta::ParseLogEntry(text, store.UriOf(key)));
      TARN_RETURN_IF_ERROR(take(std::move(actions)));
    }
  }
  if (!HasSidecars(content)) return {};
  for (const delta::Sidecar& sidecar : sidecars) {
    TARN_RETURN_IF_ERROR(
        ReadParquetPart(store, SidecarKey(folder, sidecar), content, is_done, visit)
            .Wrap("sidecar of " + store.UriOf(folder + files.names.front())));
  }
  return {};
}

}  // namespace tarn
