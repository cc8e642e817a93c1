#include "columnar/scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "columnar/utf8.h"

namespace tarn {

namespace {

__extension__ typedef unsigned __int128 uint128;

constexpr size_t kTextBytesShown = 200;

std::string DoubleToString(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  char buffer[40];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  std::string text(buffer, end);
  // 3.0 is not to be mistaken for the integer 3.
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (unsigned char c : bytes) {
    text += kDigits[c >> 4];
    text += kDigits[c & 15];
  }
  return text;
}

std::string StringToString(std::string_view value) {
  std::string_view shown = value;
  if (!IsValidUtf8(value)) {
    shown = shown.substr(0, kTextBytesShown / 2);
    return "x'" + Hex(shown) + (shown.size() < value.size() ? "…'" : "'");
  }
  shown = Utf8Prefix(value, kTextBytesShown);
  std::string text = "'";
  for (char c : shown) {
    text += c;
    if (c == '\'') text += c;
  }
  return text + (shown.size() < value.size() ? "…'" : "'");
}

}  // namespace

std::partial_ordering Compare(const Scalar& a, const Scalar& b) {
  if (a.index() != b.index() || IsNull(a)) return std::partial_ordering::unordered;
  if (auto* text = std::get_if<std::string>(&a)) {
    // char_traits<char> compares as unsigned bytes.
    return text->compare(std::get<std::string>(b)) <=> 0;
  }
  if (auto* number = std::get_if<double>(&a)) return *number <=> std::get<double>(b);
  if (auto* number = std::get_if<int64_t>(&a)) return *number <=> std::get<int64_t>(b);
  if (auto* flag = std::get_if<bool>(&a)) return *flag <=> std::get<bool>(b);
  return std::get<Int128>(a) <=> std::get<Int128>(b);
}

std::string ToString(const Scalar& value) {
  if (auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (auto* number = std::get_if<double>(&value)) return DoubleToString(*number);
  if (auto* text = std::get_if<std::string>(&value)) return StringToString(*text);
  if (auto* decimal = std::get_if<Int128>(&value)) return ToString(*decimal);
  return "NULL";
}

std::string ToString(const Int128& value) {
  uint128 rest = static_cast<uint128>(static_cast<uint64_t>(value.high)) << 64 | value.low;
  const bool negative = value.high < 0;
  if (negative) rest = ~rest + 1;
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (negative) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

Result<Int128> Int128FromBigEndian(std::string_view bytes) {
  if (bytes.empty()) return Int128{};
  const bool negative = (bytes[0] & 0x80) != 0;
  const char filler = negative ? '\xff' : '\0';
  while (bytes.size() > 16) {
    if (bytes[0] != filler || ((bytes[1] & 0x80) != 0) != negative) {
      return Corruption("a decimal of " + std::to_string(bytes.size()) +
                        " bytes does not fit into 128 bits");
    }
    bytes.remove_prefix(1);
  }
  uint128 value = negative ? ~static_cast<uint128>(0) : 0;
  for (unsigned char c : bytes) value = value << 8 | c;
  return Int128{static_cast<int64_t>(static_cast<uint64_t>(value >> 64)),
                static_cast<uint64_t>(value)};
}

std::string Int128ToBigEndian(const Int128& value) {
  std::string bytes = Int128ToBigEndian(value, 16).value();
  const char filler = value.high < 0 ? '\xff' : '\0';
  size_t skip = 0;
  while (skip < 15 && bytes[skip] == filler && ((bytes[skip + 1] ^ filler) & 0x80) == 0) ++skip;
  return bytes.substr(skip);
}

Result<std::string> Int128ToBigEndian(const Int128& value, int width) {
  if (width < 0) return InvalidArgument("a decimal cannot have a negative width");
  const char filler = value.high < 0 ? '\xff' : '\0';
  std::string bytes(static_cast<size_t>(std::max(width, 16)), filler);
  for (size_t i = 0; i < 8; ++i) {
    bytes[bytes.size() - 1 - i] = static_cast<char>(value.low >> (8 * i));
    bytes[bytes.size() - 9 - i] = static_cast<char>(static_cast<uint64_t>(value.high) >> (8 * i));
  }
  const size_t skip = bytes.size() - static_cast<size_t>(width);
  const bool sign_kept = width == 0 ? value == Int128{} : ((bytes[skip] ^ filler) & 0x80) == 0;
  if (!sign_kept || !std::all_of(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(skip),
                                 [&](char c) { return c == filler; })) {
    return InvalidArgument("decimal " + ToString(value) + " does not fit into " +
                           std::to_string(width) + " bytes");
  }
  return bytes.substr(skip);
}

}  // namespace tarn
