#include "catalog/delta_checkpoint_writer.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include <arrow/record_batch.h>

#include "columnar/parquet_rows_writer.h"
#include "table/delta/checkpoint.h"
#include "table/delta/checkpoint_merge.h"
#include "table/delta/properties.h"

namespace tarn {
namespace {

/// Files of one sidecar at most: some hundred MB, which several readers take apart.
constexpr int64_t kSidecarActionsMax = 1'000'000;

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
  CheckpointWriter(ObjectStore& store, const std::string& folder, const DeltaTail& tail,
                   const CheckpointTime& time, Random& random)
      : store_(store),
        folder_(folder),
        base_(tail.base),
        state_(tail.state),
        now_ms_(time.now_ms),
        random_(random) {
    const auto& configuration = state_.metadata->configuration;
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
    written.add_files = add_files_;
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

  // What passes of the earlier checkpoint, then the files and tombstones of the entries after it.
  template <typename F>
  Status VisitFiles(F&& visit) {
    delta::CheckpointMerge merge(state_, expired_ms_);
    const auto visit_add = [&](const delta::AddFile& add) -> Status {
      ++add_files_;
      return visit(add);
    };
    const auto visit_earlier = [&](std::vector<delta::Action>&& actions) -> Status {
      for (const delta::Action& action : actions) {
        if (const auto* add = std::get_if<delta::AddFile>(&action)) {
          if (merge.Keeps(*add)) TARN_RETURN_IF_ERROR(visit_add(*add));
        } else if (const auto* remove = std::get_if<delta::RemoveFile>(&action)) {
          if (merge.Keeps(*remove)) TARN_RETURN_IF_ERROR(visit(*remove));
        }
      }
      return {};
    };
    if (base_) {
      TARN_RETURN_IF_ERROR(ReadDeltaCheckpoint(store_, folder_, *base_,
                                               CheckpointContent::kFilesAndRemoved, visit_earlier));
    }
    for (const auto& [path, add] : state_.files) TARN_RETURN_IF_ERROR(visit_add(add));
    for (const delta::RemoveFile* remove : merge.Tombstones()) {
      TARN_RETURN_IF_ERROR(visit(*remove));
    }
    return {};
  }

  Status OpenSidecar() {
    // Two processes may write this checkpoint at once, each from another earlier one: neither must
    // find the other's files under the names that it tells.
    sidecars_.push_back({random_.Uuid() + ".parquet", 0, now_ms_});
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
  const std::optional<delta::CheckpointFiles>& base_;
  const delta::State& state_;
  const int64_t now_ms_;
  Random& random_;
  int64_t expired_ms_ = 0;
  std::vector<delta::Sidecar> sidecars_;
  std::optional<PartWriter> sidecar_;  // the last of them, while it is open
  int64_t add_files_ = 0;
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

Result<delta::LastCheckpoint> WriteDeltaCheckpoint(ObjectStore& store, const std::string& folder,
                                                   const DeltaTail& tail,
                                                   const CheckpointTime& time, Random& random) {
  if (!tail.state.protocol || !tail.state.metadata) {
    return Corruption(store.UriOf(folder) + " has no protocol or no metaData action");
  }
  CheckpointWriter writer(store, folder, tail, time, random);
  return WantsSidecars(tail.state) ? writer.WriteWithSidecars() : writer.WriteWhole();
}

}  // namespace tarn
