#pragma once

#include <cstdint>
#include <string>

namespace tarn {

/// "HH:MM:SS" or "HH:MM:SS.ffffff" (as many digits as are needed, at most nine) for a time of day,
/// or for a length of time: then the hours may be more.
std::string TimeText(int64_t nanos_of_day);

/// An interval as SQL writes it, and reads it: "1 year 2 months -3 days 04:05:06.5", "00:00:00" for
/// nothing.
std::string SqlIntervalText(int64_t months, int64_t days, int64_t nanos);

/// ISO 8601 as PostgreSQL's `intervalstyle = iso_8601` writes it: "P1Y2M3DT4H5M6.5S", every part
/// with its own sign, "PT0S" for nothing.
std::string IntervalText(int64_t months, int64_t days, int64_t seconds, int64_t nanos);

}  // namespace tarn
