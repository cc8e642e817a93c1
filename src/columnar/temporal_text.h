#pragma once

#include <cstdint>
#include <string>

namespace tarn {

/// "HH:MM:SS" or "HH:MM:SS.ffffff" (as many digits as are needed, at most nine) for a time of day.
std::string TimeText(int64_t nanos_of_day);

/// ISO 8601 as PostgreSQL's `intervalstyle = iso_8601` writes it: "P1Y2M3DT4H5M6.5S", every part
/// with its own sign, "PT0S" for nothing.
std::string IntervalText(int64_t months, int64_t days, int64_t seconds, int64_t nanos);

}  // namespace tarn
