#pragma once

#include <cstdio>

#include "base/limits.h"
#include "base/result.h"
#include "sql/engine.h"

namespace tarn {

/// Writes all rows as one Parquet file to `out`, row group by row group.
Status PrintParquet(Rows& rows, const Limits& limits, std::FILE* out);

}  // namespace tarn
