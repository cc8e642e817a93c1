#include "source/mysql/my_json.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "source/mysql/my_binlog_types.h"

namespace tarn::mysql {
namespace {

constexpr int kDepthMax = 200;  // the servers' own limit is 100

template <typename T>
T Read(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

void AppendQuoted(std::string_view chars, std::string* text) {
  *text += '"';
  for (const char c : chars) {
    switch (c) {
      case '"':
      case '\\':
        *text += '\\';
        *text += c;
        break;
      case '\b':
        *text += "\\b";
        break;
      case '\t':
        *text += "\\t";
        break;
      case '\n':
        *text += "\\n";
        break;
      case '\f':
        *text += "\\f";
        break;
      case '\r':
        *text += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) {
          *text += c;
        } else {
          *text += "\\u00";
          *text += "0123456789abcdef"[c >> 4];
          *text += "0123456789abcdef"[c & 15];
        }
    }
  }
  *text += '"';
}

template <typename T>
void AppendNumber(T value, std::string* text) {
  char chars[24];
  text->append(chars, std::to_chars(chars, chars + sizeof(chars), value).ptr);
}

// Lines of 76 characters, as the servers' own encoder makes them.
std::string Base64(std::string_view bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  size_t line = 0;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    if (line == 76) {
      text += '\n';
      line = 0;
    }
    const size_t left = bytes.size() - i;
    uint32_t three = 0;
    for (size_t j = 0; j < 3; ++j) {
      three = three << 8 | (j < left ? static_cast<uint8_t>(bytes[i + j]) : 0);
    }
    text += kDigits[three >> 18];
    text += kDigits[three >> 12 & 63];
    text += left > 1 ? kDigits[three >> 6 & 63] : '=';
    text += left > 2 ? kDigits[three & 63] : '=';
    line += 4;
  }
  return text;
}

bool AppendDecimal(std::string_view bytes, std::string* text) {
  static constexpr int kGroupBytes[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
  if (bytes.size() < 3) return false;
  const int digits = static_cast<uint8_t>(bytes[0]);
  const int fraction = static_cast<uint8_t>(bytes[1]);
  bytes.remove_prefix(2);
  const int size = LogDecimalBytes(digits, fraction);
  if (size < 1 || bytes.size() < static_cast<size_t>(size)) return false;
  const bool negative = (bytes[0] & 0x80) == 0;
  size_t at = 0;
  std::string all;
  const auto group = [&](int of) {
    uint32_t part = 0;
    for (int i = 0; i < kGroupBytes[of]; ++i, ++at) {
      uint8_t byte = static_cast<uint8_t>(bytes[at]);
      if (negative) byte = static_cast<uint8_t>(~byte);
      if (at == 0) byte ^= 0x80;
      part = part << 8 | byte;
    }
    char chars[12];
    std::snprintf(chars, sizeof(chars), "%0*u", of, part);
    all += chars;
  };
  const int whole = digits - fraction;
  if (whole % 9 != 0) group(whole % 9);
  for (int i = 0; i < whole / 9; ++i) group(9);
  all.erase(0, std::min(all.find_first_not_of('0'), all.size()));
  if (all.empty()) all = "0";
  if (fraction > 0) all += '.';
  for (int i = 0; i < fraction / 9; ++i) group(9);
  if (fraction % 9 != 0) group(fraction % 9);
  *text += (negative ? "-" : "") + all;
  return true;
}

bool AppendTemporal(uint8_t type, std::string_view bytes, std::string* text) {
  if (bytes.size() != 8) return false;
  int64_t packed = Read<int64_t>(reinterpret_cast<const uint8_t*>(bytes.data()));
  const bool negative = packed < 0;
  if (packed == INT64_MIN) return false;
  if (negative) packed = -packed;
  const int micros = static_cast<int>(packed & 0xffffff);
  const int64_t value = packed >> 24;
  const int seconds = static_cast<int>(value & 63);
  const int minutes = static_cast<int>(value >> 6 & 63);
  char chars[64];
  if (type == kLogTimeOld) {
    std::snprintf(chars, sizeof(chars), "\"%s%02d:%02d:%02d.%06d\"", negative ? "-" : "",
                  static_cast<int>(value >> 12 & 1023), minutes, seconds, micros);
  } else {
    const int64_t day = value >> 17;
    const int64_t month = day >> 5;
    const int size = std::snprintf(chars, sizeof(chars), "\"%04d-%02d-%02d",
                                   static_cast<int>(month / 13 % 10000),
                                   static_cast<int>(month % 13), static_cast<int>(day & 31));
    if (type == kLogDate) {
      std::snprintf(chars + size, sizeof(chars) - static_cast<size_t>(size), "\"");
    } else {
      std::snprintf(chars + size, sizeof(chars) - static_cast<size_t>(size),
                    " %02d:%02d:%02d.%06d\"", static_cast<int>(value >> 12 & 31), minutes, seconds,
                    micros);
    }
  }
  *text += chars;
  return true;
}

class Reader {
 public:
  Reader(const uint8_t* p, const uint8_t* end, std::string* text)
      : end_(end), text_(text), left_(end - p) {}

  // The value of this type whose bytes begin at p.
  bool Value(uint8_t type, const uint8_t* p, int depth) {
    switch (type) {
      case 0:
        return Container(p, false, true, depth);
      case 1:
        return Container(p, true, true, depth);
      case 2:
        return Container(p, false, false, depth);
      case 3:
        return Container(p, true, false, depth);
      case 4:
        return Has(p, 1) && Literal(*p);
      case 5:
        return Number<int16_t>(p);
      case 6:
        return Number<uint16_t>(p);
      case 7:
        return Number<int32_t>(p);
      case 8:
        return Number<uint32_t>(p);
      case 9:
        return Number<int64_t>(p);
      case 10:
        return Number<uint64_t>(p);
      case 11: {
        if (!Has(p, 8)) return false;
        AppendJsonDouble(Read<double>(p), text_);
        return true;
      }
      case 12: {
        std::string_view chars;
        if (!Chars(p, &chars)) return false;
        AppendQuoted(chars, text_);
        return true;
      }
      case 15:
        return Opaque(p);
      default:
        return false;
    }
  }

 private:
  bool Has(const uint8_t* p, int64_t bytes) const { return end_ - p >= bytes; }
  bool Take(int64_t bytes) { return (left_ -= bytes) >= 0; }

  template <typename T>
  bool Number(const uint8_t* p) {
    if (!Has(p, sizeof(T))) return false;
    AppendNumber(Read<T>(p), text_);
    return true;
  }

  bool Literal(uint64_t value) {
    static constexpr const char* kLiterals[] = {"null", "true", "false"};
    if (value > 2) return false;
    *text_ += kLiterals[value];
    return true;
  }

  // Seven bits of length a byte, at most five of them.
  bool Chars(const uint8_t* p, std::string_view* chars) {
    uint64_t length = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      if (!Has(p, 1)) return false;
      const uint8_t byte = *p++;
      length |= uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80) != 0) continue;
      if (!Has(p, static_cast<int64_t>(length)) || !Take(static_cast<int64_t>(length)))
        return false;
      *chars = {reinterpret_cast<const char*>(p), static_cast<size_t>(length)};
      return true;
    }
    return false;
  }

  bool Opaque(const uint8_t* p) {
    if (!Has(p, 1)) return false;
    const uint8_t type = *p;
    std::string_view bytes;
    if (!Chars(p + 1, &bytes)) return false;
    switch (type) {
      case kLogDecimal:
        return AppendDecimal(bytes, text_);
      case kLogDate:
      case kLogTimeOld:
      case kLogDatetimeOld:
      case kLogTimestampOld:
        return AppendTemporal(type, bytes, text_);
      default:
        AppendQuoted("base64:type" + std::to_string(type) + ":" + Base64(bytes), text_);
        return true;
    }
  }

  bool Container(const uint8_t* p, bool large, bool object, int depth) {
    if (depth >= kDepthMax) return false;
    const int64_t width = large ? 4 : 2;
    const auto offset = [&](const uint8_t* at) -> int64_t {
      return large ? int64_t{Read<uint32_t>(at)} : int64_t{Read<uint16_t>(at)};
    };
    if (!Has(p, 2 * width)) return false;
    const int64_t count = offset(p);
    const int64_t key_bytes = object ? width + 2 : 0;
    const int64_t value_bytes = 1 + width;
    const int64_t table = 2 * width + count * (key_bytes + value_bytes);
    if (!Has(p, table) || !Take(table)) return false;
    const uint8_t* key = p + 2 * width;
    const uint8_t* value = key + count * key_bytes;
    *text_ += object ? '{' : '[';
    for (int64_t i = 0; i < count; ++i, key += key_bytes, value += value_bytes) {
      if (i > 0) *text_ += ", ";
      if (object) {
        const int64_t at = offset(key);
        const int64_t length = Read<uint16_t>(key + width);
        if (at > end_ - p || !Has(p + at, length) || !Take(length)) return false;
        AppendQuoted({reinterpret_cast<const char*>(p + at), static_cast<size_t>(length)}, text_);
        *text_ += ": ";
      }
      const uint8_t type = *value;
      const bool inlined =
          type == 4 || type == 5 || type == 6 || (large && (type == 7 || type == 8));
      if (inlined) {
        if (!Value(type, value + 1, depth + 1)) return false;
        continue;
      }
      const int64_t at = offset(value + 1);
      if (at > end_ - p || !Value(type, p + at, depth + 1)) return false;
    }
    *text_ += object ? '}' : ']';
    return true;
  }

  const uint8_t* const end_;
  std::string* const text_;
  /// Nothing of a value overlaps. In what is damaged it may, and the text would grow without end.
  int64_t left_;
};

}  // namespace

void AppendJsonDouble(double value, std::string* text) {
  // "-d.ddde-07"
  char chars[64];
  char* const end =
      std::to_chars(chars, chars + sizeof(chars), value, std::chars_format::scientific).ptr;
  std::string_view all(chars, static_cast<size_t>(end - chars));
  const size_t e = all.find('e');
  if (e == std::string_view::npos) {
    *text += all;  // no number; JSON has none of them
    return;
  }
  std::string digits;
  for (const char c : all.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  int exponent = std::atoi(std::string(all.substr(e + 1)).c_str());
  if (all[0] == '-') *text += '-';
  const int point = exponent + 1;  // where it stands among the digits
  const int size = static_cast<int>(digits.size());
  if (point < -14 || point > 15) {
    *text += digits[0];
    if (size > 1) *text += "." + digits.substr(1);
    *text += "e" + std::to_string(exponent);
  } else if (point <= 0) {
    *text += "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  } else if (point >= size) {
    *text += digits + std::string(static_cast<size_t>(point - size), '0') + ".0";
  } else {
    *text += digits.substr(0, static_cast<size_t>(point)) + "." +
             digits.substr(static_cast<size_t>(point));
  }
}

bool JsonToText(const uint8_t* p, const uint8_t* end, std::string* text) {
  text->clear();
  if (p == end) {
    // What INSERT IGNORE puts into a column that must not be null.
    *text = "null";
    return true;
  }
  return Reader(p, end, text).Value(*p, p + 1, 0);
}

bool FixedBytesToText(MyType type, const uint8_t* p, int64_t bytes, std::string* text) {
  // Zeros at the end may be missing.
  uint8_t whole[16] = {};
  const int64_t size = type == MyType::kInet4 ? 4 : 16;
  if (bytes > size) return false;
  std::memcpy(whole, p, static_cast<size_t>(bytes));
  text->clear();
  if (type != MyType::kUuid) {
    char chars[INET6_ADDRSTRLEN];
    if (inet_ntop(size == 4 ? AF_INET : AF_INET6, whole, chars, sizeof(chars)) == nullptr) {
      return false;
    }
    *text = chars;
    return true;
  }
  // Versions 1 to 5 stand with their groups in reverse, so that they sort by time.
  if ((whole[6] & 0x80) != 0 && whole[8] != 0 && whole[8] <= 0x80) {
    uint8_t turned[16];
    std::memcpy(turned, whole + 12, 4);
    std::memcpy(turned + 4, whole + 10, 2);
    std::memcpy(turned + 6, whole + 8, 2);
    std::memcpy(turned + 8, whole + 6, 2);
    std::memcpy(turned + 10, whole, 6);
    std::memcpy(whole, turned, 16);
  }
  for (size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *text += '-';
    *text += "0123456789abcdef"[whole[i] >> 4];
    *text += "0123456789abcdef"[whole[i] & 15];
  }
  return true;
}

}  // namespace tarn::mysql
