#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "table/delta/state.h"

namespace tarn::delta {

/// A classic checkpoint ("V1 Spec") as the Arrow table of its Parquet file, one row an action.
/// Tombstones older than `now_ms` less kTombstoneRetentionMs are left out.
Result<std::shared_ptr<arrow::Table>> CheckpointTable(const State& state, int64_t now_ms);

/// The state that a checkpoint of `version` holds, also one of another writer: columns that are
/// not known are skipped. Errors: Corruption; Unsupported (deletion vectors, sidecars).
Result<State> ReadCheckpoint(const arrow::Table& table, int64_t version);

}  // namespace tarn::delta
