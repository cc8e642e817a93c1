#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "columnar/scalar.h"

namespace tarn::delta {

/// \name Text of values as Delta's statistics and partition values spell them. Dates and times
/// outside of the years 1 to 9999 have no spelling that all readers know.
/// @{
std::optional<std::string> DateText(int64_t days);
/// "2026-11-21<separator>04:05:06.123456", the fraction with `fraction_digits` digits (3 or 6; what
/// does not fit is cut off).
std::optional<std::string> TimestampText(int64_t micros, char separator, int fraction_digits);
/// "-12.50" of the unscaled -1250 with scale 2.
std::string DecimalText(Int128 unscaled, int scale);
/// The shortest text that reads back as the same finite number.
std::string DoubleText(double value);
/// @}

/// `path` of a log entry for a file at the absolute URI `file_uri` of the table at `table_uri`:
/// relative where it stands below the table, else the whole URI, of a local file its path;
/// percent-encoded (RFC 2396).
std::string LogPath(std::string_view table_uri, std::string_view file_uri);
/// The inverse: the absolute URI, decoded.
std::string FileUri(std::string_view table_uri, std::string_view log_path);
/// The same for all spellings of one path: writers encode different characters, and what one adds
/// another removes.
std::string FileKey(std::string_view log_path);

}  // namespace tarn::delta
