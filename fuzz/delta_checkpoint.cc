#include "catalog/delta_checkpoint.h"

#include "storage/memory/memory_store.h"
#include "table/delta/state.h"
#include "target.h"

namespace tarn::fuzz {

/// A checkpoint of a Delta log: Parquet, or JSON where it does not begin as Parquet does.
TARN_FUZZ_TARGET(delta_checkpoint) {
  MemoryStore store;
  delta::CheckpointFiles files;
  files.version = 7;
  files.form = input.starts_with("PAR1") ? delta::CheckpointFiles::Form::kParquet
                                         : delta::CheckpointFiles::Form::kJson;
  files.names = {"input.checkpoint"};
  CheckThat(store.Put("t/_delta_log/input.checkpoint", input).ok(), "put");
  delta::State state;
  const Status status = ReadDeltaCheckpoint(store, "t/_delta_log/", files, CheckpointContent::kAll,
                                            [&](std::vector<delta::Action>&& actions) -> Status {
                                              state.Apply(7, std::move(actions));
                                              return {};
                                            });
  // A sidecar that it names is not there.
  if (status.ok() || status.error().kind == ErrorKind::kNotFound) return;
  CheckError(status.error(), "input.checkpoint");
}

}  // namespace tarn::fuzz
