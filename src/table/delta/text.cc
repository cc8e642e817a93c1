#include "table/delta/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace tarn::delta {
namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;
constexpr int64_t kFirstDay = -719'162;  // 0001-01-01
constexpr int64_t kLastDay = 2'932'896;  // 9999-12-31

__extension__ typedef unsigned __int128 UInt128;

constexpr char kHex[] = "0123456789ABCDEF";

// Unreserved characters and those that stand for themselves in a path (RFC 2396 §3.3).
bool StaysInPath(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_.!~*'():@&=+$,;/").find(c) != std::string_view::npos;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Encode(std::string_view path) {
  std::string encoded;
  for (const char c : path) {
    if (StaysInPath(c)) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

std::string Decode(std::string_view path) {
  std::string decoded;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size() && HexValue(path[i + 1]) >= 0 &&
        HexValue(path[i + 2]) >= 0) {
      decoded += static_cast<char>(HexValue(path[i + 1]) * 16 + HexValue(path[i + 2]));
      i += 2;
    } else {
      decoded += path[i];
    }
  }
  return decoded;
}

// Whether there is a colon in the first segment of a path, which not every reader takes for a part
// of it.
bool ColonInFirstSegment(std::string_view path) {
  const size_t colon = path.find(':');
  return colon != std::string_view::npos && colon > 0 &&
         path.substr(0, colon).find('/') == std::string_view::npos;
}

// RFC 2396 §3.1
bool HasScheme(std::string_view path) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (!ColonInFirstSegment(path) || !letter(path[0])) return false;
  const std::string_view scheme = path.substr(0, path.find(':'));
  return std::all_of(scheme.begin(), scheme.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
}

std::string_view WithoutDot(std::string_view path) {
  return path.starts_with("./") ? path.substr(2) : path;
}

}  // namespace

std::optional<std::string> DateText(int64_t days) {
  if (days < kFirstDay || days > kLastDay) return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::sys_days{std::chrono::days{static_cast<int>(days)}}};
  std::array<char, 32> text;
  const int size =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return std::string(text.data(), static_cast<size_t>(size));
}

std::optional<std::string> TimestampText(int64_t micros, char separator, int fraction_digits) {
  int64_t days = micros / kMicrosPerDay;
  int64_t rest = micros % kMicrosPerDay;
  if (rest < 0) {
    --days;
    rest += kMicrosPerDay;
  }
  std::optional<std::string> text = DateText(days);
  if (!text) return std::nullopt;
  std::array<char, 64> clock;
  const int seconds = static_cast<int>(rest / 1'000'000);
  const int fraction = static_cast<int>(rest % 1'000'000);
  const int size = std::snprintf(clock.data(), clock.size(), "%c%02d:%02d:%02d.%06d", separator,
                                 seconds / 3600, seconds / 60 % 60, seconds % 60, fraction);
  text->append(clock.data(), static_cast<size_t>(size - (6 - fraction_digits)));
  return text;
}

std::string DecimalText(Int128 unscaled, int scale) {
  const bool negative = unscaled.high < 0;
  UInt128 rest = (static_cast<UInt128>(static_cast<uint64_t>(unscaled.high)) << 64) | unscaled.low;
  if (negative) rest = -rest;
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  while (digits.size() <= static_cast<size_t>(scale)) digits += '0';
  std::reverse(digits.begin(), digits.end());
  if (scale > 0) digits.insert(digits.size() - static_cast<size_t>(scale), ".");
  return negative ? "-" + digits : digits;
}

std::string DoubleText(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  std::string number(text.data(), end);
  // JSON readers that infer types take a bare "1" for an integer.
  if (number.find_first_of(".e") == std::string::npos) number += ".0";
  return number;
}

std::string LogPath(std::string_view table_uri, std::string_view file_uri) {
  const bool below = file_uri.size() > table_uri.size() + 1 && file_uri.starts_with(table_uri) &&
                     file_uri[table_uri.size()] == '/';
  if (!below) {
    // A path from the root on is as good as the URI, and understood by more readers.
    constexpr std::string_view kLocal = "file:///";
    if (file_uri.starts_with(kLocal)) file_uri.remove_prefix(kLocal.size() - 1);
    return Encode(file_uri);
  }
  const std::string relative = Encode(file_uri.substr(table_uri.size() + 1));
  return ColonInFirstSegment(relative) ? "./" + relative : relative;  // RFC 2396 §5
}

std::string FileUri(std::string_view table_uri, std::string_view log_path) {
  if (HasScheme(log_path)) return Decode(log_path);
  if (log_path.starts_with('/')) {
    return (table_uri.starts_with("file:") ? "file://" : "") + Decode(log_path);
  }
  return std::string(table_uri) + "/" + Decode(WithoutDot(log_path));
}

std::string FileKey(std::string_view log_path) { return Decode(WithoutDot(log_path)); }

}  // namespace tarn::delta
