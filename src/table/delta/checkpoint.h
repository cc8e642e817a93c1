#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/parquet_reader.h"
#include "table/delta/state.h"

namespace tarn::delta {

/// \name The rows of a checkpoint's Parquet files ("Checkpoint Schema"): one a row action. Written
/// and read a batch at a time, so that a checkpoint takes no memory beside the state.
/// @{

/// Which actions a file of a checkpoint holds.
enum class CheckpointPart {
  kWhole,    ///< "V1 Spec": everything
  kTop,      ///< "V2 Spec": all but the files, which stand in sidecars
  kSidecar,  ///< "Sidecar Files": added and removed files
};

/// The columns. Vectors and sidecars have columns only where the protocol allows them.
std::shared_ptr<arrow::Schema> CheckpointSchema(const Protocol& protocol, CheckpointPart part);

/// Collects rows into batches of kCheckpointBatchRows and hands them on. Threads: one at a time.
class CheckpointRows {
 public:
  using Sink = std::function<Status(const arrow::RecordBatch&)>;
  CheckpointRows(const Protocol& protocol, CheckpointPart part, Sink sink);
  ~CheckpointRows();
  /// An action that the part has a column for (an assertion). Error: those of the sink.
  Status Add(const Action& action);
  Status Add(const AddFile& add);
  Status Add(const RemoveFile& remove);
  /// Hands on what is left.
  Status Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
inline constexpr int64_t kCheckpointBatchRows = 8192;

/// What is read of a checkpoint: statistics and partition values stand there as text, and are not
/// read a second time in their own types.
const std::vector<ParquetColumn>& CheckpointColumns();

/// The actions of a batch, also one of another writer: columns that are not known are skipped.
/// Error: Corruption; Unsupported (vectors that are stored in a way that is not known).
Result<std::vector<Action>> ReadCheckpointBatch(const arrow::RecordBatch& batch);
/// @}

}  // namespace tarn::delta
