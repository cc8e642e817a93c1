#pragma once

#include <cstdint>
#include <string_view>

namespace tarn {

/// \name Microseconds since the epoch; 0 for what is no such time. Independent of the locale.
/// @{
/// "2026-11-21T04:05:06Z", "2026-11-21T04:05:06.123Z", "2026-11-21T05:05:06+01:00".
int64_t ParseIsoTime(std::string_view text);
/// "Sat, 21 Nov 2026 04:05:06 GMT" (RFC 9110 §5.6.7).
int64_t ParseHttpTime(std::string_view text);
/// @}

}  // namespace tarn
