#pragma once

#include "base/json.h"
#include "project/apply.h"

namespace tarn {

/// What `apply`, `run` and `resync` print with --json: `loaded`, a list of tables with rows, bytes
/// and the sequence of their commit, and `models` with how each ended.
Json ReportJson(const ApplyReport& report);

}  // namespace tarn
