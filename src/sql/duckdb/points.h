#pragma once

#include <string>

#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/lake_state.h"

namespace tarn::duck {

/// "sequence 42", a snapshot's number, or the name of a branch or tag: what stands after
/// `AT (VERSION => …)`. Errors: InvalidArgument.
Result<LakePoint> ParsePoint(const std::string& text);

/// A point as SQL gives it: a snapshot's number, a text as above, a date or a timestamp. Throws.
LakePoint PointOf(duckdb::ClientContext& context, const duckdb::Value& value);
/// A time, whatever its type; without a time zone it is one of the session's, as a time that the
/// session is shown. Throws.
LakePoint PointOfTime(duckdb::ClientContext& context, const duckdb::Value& value);

}  // namespace tarn::duck
