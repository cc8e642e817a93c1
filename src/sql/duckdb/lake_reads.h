#pragma once

#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

/// Tells the transaction of every table of the lake that a statement reads, before the optimizer
/// sees the plan: a scan may be gone afterwards, its filter or its count being answered from what
/// the manifests say, and the transaction has looked at the table all the same
/// (LakeState::NoteRead). The scan in which a statement finds the rows that it changes is not one
/// of them: what that looked for is noted more exactly (LakeState::ChangeRows). EXPLAIN reads
/// nothing.
void RegisterReads(duckdb::DBConfig& config);

}  // namespace tarn::duck
