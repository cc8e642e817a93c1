#pragma once

#include <string>

#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/lake_state.h"

namespace tarn::duck {

/// "sequence 42", a snapshot's number, or the name of a branch or tag: what stands after
/// `AT (VERSION => …)`. Errors: InvalidArgument.
Result<LakePoint> ParsePoint(const std::string& text);

/// A point as SQL gives it: a snapshot's number, a text as above, a date or a timestamp. Throws.
LakePoint PointOf(const duckdb::Value& value);
/// A time, whatever its type. A session's time zone has no say in what an instant is: literals
/// without one are UTC. Throws.
LakePoint PointOfTime(const duckdb::Value& value);

}  // namespace tarn::duck
