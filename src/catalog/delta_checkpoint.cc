#include "catalog/delta_checkpoint.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <arrow/record_batch.h>

#include "base/limits.h"
#include "columnar/parquet_reader.h"
#include "columnar/parquet_rows_writer.h"
#include "table/delta/checkpoint.h"
#include "table/delta/properties.h"
#include "table/delta/text.h"

namespace tarn {
namespace {

/// Files of one sidecar at most: some hundred MB, which several readers take apart.
constexpr int64_t kSidecarActionsMax = 1'000'000;

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
  return content == CheckpointContent::kAll || !file;
}

Status ReadParquetPart(ObjectStore& store, const std::string& key, CheckpointContent content,
                       const Visit& visit) {
  Limits limits;
  limits.batch_rows = delta::kCheckpointBatchRows;
  ParquetReadOptions options;
  options.columns = delta::CheckpointColumns();
  std::erase_if(*options.columns,
                [&](const ParquetColumn& column) { return !IsWanted(column.name, content); });
  TARN_ASSIGN_OR_RETURN(const auto reader,
                        ParquetReader::Open(store, key, std::nullopt, std::move(options), limits));
  while (true) {
    TARN_ASSIGN_OR_RETURN(const std::optional<ParquetBatch> batch, reader->Next());
    if (!batch) return {};
    TARN_ASSIGN_OR_RETURN(std::vector<delta::Action> actions,
                          delta::ReadCheckpointBatch(*batch->rows).Wrap(store.UriOf(key)));
    TARN_RETURN_IF_ERROR(visit(std::move(actions)));
  }
}

// One Parquet file of a checkpoint that is being written.
class PartWriter {
 public:
  static Result<PartWriter> Open(ObjectStore& store, const std::string& key,
                                 const delta::Protocol& protocol, delta::CheckpointPart part) {
    PartWriter writer;
    TARN_ASSIGN_OR_RETURN(
        auto file, OpenParquetRowsWriter(store, key, delta::CheckpointSchema(protocol, part)));
    writer.file_ = std::move(file);
    writer.rows_ = std::make_unique<delta::CheckpointRows>(
        protocol, part,
        [out = writer.file_.get()](const arrow::RecordBatch& batch) { return out->Write(batch); });
    return writer;
  }

  template <typename T>
  Status Add(const T& action) {
    ++actions_;
    return rows_->Add(action);
  }
  Result<int64_t> Finish() {
    TARN_RETURN_IF_ERROR(rows_->Finish());
    return file_->Finish();
  }
  int64_t actions() const { return actions_; }

 private:
  PartWriter() = default;

  std::unique_ptr<ParquetRowsWriter> file_;
  std::unique_ptr<delta::CheckpointRows> rows_;
  int64_t actions_ = 0;
};

class CheckpointWriter {
 public:
  CheckpointWriter(ObjectStore& store, const std::string& folder, const delta::State& state,
                   const CheckpointTime& time)
      : store_(store), folder_(folder), state_(state), now_ms_(time.now_ms) {
    const auto& configuration = state.metadata->configuration;
    expired_ms_ =
        now_ms_ - delta::IntervalProperty(configuration, delta::kDeletedFileRetentionProperty,
                                          delta::kTombstoneRetentionMs);
    if (!configuration.contains(delta::kDeletedFileRetentionProperty)) {
      expired_ms_ = std::max(expired_ms_, time.unread_before_ms - 1);
    }
  }

  Result<delta::LastCheckpoint> WriteWhole() {
    TARN_ASSIGN_OR_RETURN(PartWriter part, OpenTop(delta::CheckpointPart::kWhole));
    TARN_RETURN_IF_ERROR(AddOthers(part));
    TARN_RETURN_IF_ERROR(VisitFiles([&](const auto& file) { return part.Add(file); }));
    return FinishTop(part);
  }

  // Sidecars first: nobody reads them before the top level names them.
  Result<delta::LastCheckpoint> WriteWithSidecars() {
    const auto add_to_sidecar = [&](const auto& file) -> Status {
      if (!sidecar_) TARN_RETURN_IF_ERROR(OpenSidecar());
      TARN_RETURN_IF_ERROR(sidecar_->Add(file));
      return sidecar_->actions() < kSidecarActionsMax ? Status() : FinishSidecar();
    };
    TARN_RETURN_IF_ERROR(VisitFiles(add_to_sidecar));
    if (sidecar_) TARN_RETURN_IF_ERROR(FinishSidecar());
    TARN_ASSIGN_OR_RETURN(PartWriter part, OpenTop(delta::CheckpointPart::kTop));
    TARN_RETURN_IF_ERROR(part.Add(delta::Action(delta::CheckpointMetadata{state_.version})));
    TARN_RETURN_IF_ERROR(AddOthers(part));
    for (const delta::Sidecar& sidecar : sidecars_) {
      TARN_RETURN_IF_ERROR(part.Add(delta::Action(sidecar)));
    }
    TARN_ASSIGN_OR_RETURN(delta::LastCheckpoint written, FinishTop(part));
    written.top = {delta::CheckpointName(state_.version), top_size_bytes_, now_ms_};
    return written;
  }

 private:
  Result<PartWriter> OpenTop(delta::CheckpointPart part) {
    return PartWriter::Open(store_, folder_ + delta::CheckpointName(state_.version),
                            *state_.protocol, part);
  }

  Result<delta::LastCheckpoint> FinishTop(PartWriter& part) {
    TARN_ASSIGN_OR_RETURN(top_size_bytes_, part.Finish());
    size_bytes_ += top_size_bytes_;
    delta::LastCheckpoint written;
    written.version = state_.version;
    written.actions = actions_in_sidecars_ + part.actions();
    written.size_bytes = size_bytes_;
    written.add_files = static_cast<int64_t>(state_.files.size());
    return written;
  }

  Status AddOthers(PartWriter& part) {
    TARN_RETURN_IF_ERROR(part.Add(delta::Action(*state_.protocol)));
    TARN_RETURN_IF_ERROR(part.Add(delta::Action(*state_.metadata)));
    for (const auto& [app, transaction] : state_.transactions) {
      TARN_RETURN_IF_ERROR(part.Add(delta::Action(transaction)));
    }
    for (const auto& [name, domain] : state_.domains) {
      TARN_RETURN_IF_ERROR(part.Add(delta::Action(domain)));
    }
    return {};
  }

  // Tombstones that readers may still ask for, then the files.
  template <typename F>
  Status VisitFiles(F&& visit) {
    for (const delta::RemoveFile* remove : delta::TombstonesToKeep(state_, expired_ms_)) {
      TARN_RETURN_IF_ERROR(visit(*remove));
    }
    for (const auto& [path, add] : state_.files) TARN_RETURN_IF_ERROR(visit(add));
    return {};
  }

  Status OpenSidecar() {
    // The name follows from the state, so that a repeated attempt leaves no second file.
    const std::string name = state_.metadata->id + "/" + std::to_string(state_.version) + "/" +
                             std::to_string(now_ms_) + "/" + std::to_string(sidecars_.size());
    sidecars_.push_back({delta::UuidOfName(name) + ".parquet", 0, now_ms_});
    TARN_ASSIGN_OR_RETURN(PartWriter part,
                          PartWriter::Open(store_, SidecarKey(folder_, sidecars_.back()),
                                           *state_.protocol, delta::CheckpointPart::kSidecar));
    sidecar_ = std::move(part);
    return {};
  }

  Status FinishSidecar() {
    TARN_ASSIGN_OR_RETURN(sidecars_.back().size_bytes, sidecar_->Finish());
    size_bytes_ += sidecars_.back().size_bytes;
    actions_in_sidecars_ += sidecar_->actions();
    sidecar_.reset();
    return {};
  }

  ObjectStore& store_;
  const std::string& folder_;
  const delta::State& state_;
  const int64_t now_ms_;
  int64_t expired_ms_ = 0;
  std::vector<delta::Sidecar> sidecars_;
  std::optional<PartWriter> sidecar_;  // the last of them, while it is open
  int64_t actions_in_sidecars_ = 0;
  int64_t top_size_bytes_ = 0;
  int64_t size_bytes_ = 0;
};

bool WantsSidecars(const delta::State& state) {
  const auto policy = state.metadata->configuration.find(delta::kCheckpointPolicyProperty);
  const std::vector<std::string>& features = state.protocol->writer_features;
  return policy != state.metadata->configuration.end() && policy->second == "v2" &&
         std::find(features.begin(), features.end(), "v2Checkpoint") != features.end();
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
  const auto take = [&](std::vector<delta::Action>&& actions) -> Status {
    for (const delta::Action& action : actions) {
      if (const auto* sidecar = std::get_if<delta::Sidecar>(&action)) sidecars.push_back(*sidecar);
    }
    std::erase_if(actions, [&](const delta::Action& one) { return !IsWanted(one, content); });
    return visit(std::move(actions));
  };
  for (const std::string& name : files.names) {
    const std::string key = folder + name;
    if (files.form == delta::CheckpointFiles::Form::kParquet) {
      TARN_RETURN_IF_ERROR(ReadParquetPart(store, key, content, take));
    } else {
      TARN_ASSIGN_OR_RETURN(const std::string text, store.Get(key));
      TARN_ASSIGN_OR_RETURN(std::vector<delta::Action> actions,
                            delta::ParseLogEntry(text, store.UriOf(key)));
      TARN_RETURN_IF_ERROR(take(std::move(actions)));
    }
  }
  if (content != CheckpointContent::kAll && content != CheckpointContent::kFiles) return {};
  for (const delta::Sidecar& sidecar : sidecars) {
    TARN_RETURN_IF_ERROR(ReadParquetPart(store, SidecarKey(folder, sidecar), content, visit)
                             .Wrap("sidecar of " + store.UriOf(folder + files.names.front())));
  }
  return {};
}

Result<delta::LastCheckpoint> WriteDeltaCheckpoint(ObjectStore& store, const std::string& folder,
                                                   const delta::State& state,
                                                   const CheckpointTime& time) {
  if (!state.protocol || !state.metadata) {
    return Corruption(store.UriOf(folder) + " has no protocol or no metaData action");
  }
  CheckpointWriter writer(store, folder, state, time);
  return WantsSidecars(state) ? writer.WriteWithSidecars() : writer.WriteWhole();
}

}  // namespace tarn
