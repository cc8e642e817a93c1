#include "table/iceberg/single_value.h"

#include <cstring>
#include <utility>

#include "table/model/transform_math.h"

namespace tarn {

namespace {

template <typename T>
std::string LittleEndian(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
std::optional<T> ReadLittleEndian(std::string_view bytes) {
  if (bytes.size() != sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

template <typename T>
std::optional<Scalar> ReadInteger(std::string_view bytes) {
  if (auto value = ReadLittleEndian<T>(bytes)) return Scalar(static_cast<int64_t>(*value));
  return std::nullopt;
}

/// A bound of a column that was a date when its file was written.
std::optional<Scalar> MidnightOf(int32_t days, const Type& type) {
  if (auto ticks = TicksOfDays(days, 0, TicksPerDay(type.kind()))) return Scalar(*ticks);
  return std::nullopt;
}

struct CodePoint {
  uint32_t value = 0;
  size_t begin = 0;
};

/// The last code point of UTF-8 text; nothing where the text does not end in a valid one.
std::optional<CodePoint> LastCodePoint(std::string_view text) {
  size_t begin = text.size();
  while (begin > 0 && (static_cast<unsigned char>(text[begin - 1]) & 0xC0U) == 0x80U) --begin;
  if (begin == 0) return std::nullopt;
  --begin;
  const auto lead = static_cast<unsigned char>(text[begin]);
  const size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (text.size() - begin != length) return std::nullopt;
  uint32_t value = length == 1 ? lead : lead & (0x7FU >> length);
  for (size_t i = begin + 1; i < text.size(); ++i) {
    value = (value << 6) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  return CodePoint{value, begin};
}

std::string EncodeCodePoint(uint32_t value) {
  std::string text;
  if (value < 0x80) {
    text += static_cast<char>(value);
  } else if (value < 0x800) {
    text += static_cast<char>(0xC0U | (value >> 6));
    text += static_cast<char>(0x80U | (value & 0x3FU));
  } else if (value < 0x10000) {
    text += static_cast<char>(0xE0U | (value >> 12));
    text += static_cast<char>(0x80U | ((value >> 6) & 0x3FU));
    text += static_cast<char>(0x80U | (value & 0x3FU));
  } else {
    text += static_cast<char>(0xF0U | (value >> 18));
    text += static_cast<char>(0x80U | ((value >> 12) & 0x3FU));
    text += static_cast<char>(0x80U | ((value >> 6) & 0x3FU));
    text += static_cast<char>(0x80U | (value & 0x3FU));
  }
  return text;
}

/// The least text of at most this many code points that is greater than all that begin with it.
std::optional<Scalar> CountTextUp(std::string text) {
  constexpr uint32_t kHighest = 0x10FFFF;
  constexpr uint32_t kBeforeSurrogates = 0xD7FF;
  constexpr uint32_t kAfterSurrogates = 0xE000;
  while (!text.empty()) {
    const std::optional<CodePoint> last = LastCodePoint(text);
    if (!last) return std::nullopt;
    text.resize(last->begin);
    if (last->value < kHighest) {
      text +=
          EncodeCodePoint(last->value == kBeforeSurrogates ? kAfterSurrogates : last->value + 1);
      return Scalar(std::move(text));
    }
  }
  return std::nullopt;
}

std::optional<Scalar> CountBytesUp(std::string bytes) {
  while (!bytes.empty() && bytes.back() == '\xFF') bytes.pop_back();
  if (bytes.empty()) return std::nullopt;
  bytes.back() = static_cast<char>(static_cast<unsigned char>(bytes.back()) + 1);
  return Scalar(std::move(bytes));
}

}  // namespace

std::optional<std::string> EncodeSingleValue(const Type& type, const Scalar& value) {
  if (!ScalarFits(type, value)) return std::nullopt;
  switch (type.kind()) {
    case Type::Kind::kBoolean:
      return std::string(1, std::get<bool>(value) ? '\1' : '\0');
    case Type::Kind::kInt:
    case Type::Kind::kDate:
      return LittleEndian(static_cast<int32_t>(std::get<int64_t>(value)));
    case Type::Kind::kFloat:
      return LittleEndian(static_cast<float>(std::get<double>(value)));
    case Type::Kind::kDouble:
      return LittleEndian(std::get<double>(value));
    case Type::Kind::kDecimal:
      return Int128ToBigEndian(std::get<Int128>(value));
    case Type::Kind::kString:
    case Type::Kind::kUuid:
    case Type::Kind::kFixed:
    case Type::Kind::kBinary:
      return std::get<std::string>(value);
    default:
      return LittleEndian(std::get<int64_t>(value));
  }
}

std::optional<Scalar> DecodeSingleValue(const Type& type, std::string_view bytes) {
  switch (type.kind()) {
    case Type::Kind::kBoolean:
      if (bytes.size() != 1) return std::nullopt;
      return Scalar(bytes[0] != '\0');
    case Type::Kind::kInt:
    case Type::Kind::kDate:
      return ReadInteger<int32_t>(bytes);
    case Type::Kind::kLong:
      return bytes.size() == sizeof(int32_t) ? ReadInteger<int32_t>(bytes)
                                             : ReadInteger<int64_t>(bytes);
    case Type::Kind::kTimestamp:
    case Type::Kind::kTimestampNs:
      if (auto days = ReadLittleEndian<int32_t>(bytes)) return MidnightOf(*days, type);
      return ReadInteger<int64_t>(bytes);
    case Type::Kind::kTime:
    case Type::Kind::kTimestampTz:
    case Type::Kind::kTimestampTzNs:
      return ReadInteger<int64_t>(bytes);
    case Type::Kind::kFloat:
    case Type::Kind::kDouble:
      if (auto narrow = ReadLittleEndian<float>(bytes)) return Scalar(double{*narrow});
      if (type.kind() == Type::Kind::kFloat) return std::nullopt;
      if (auto wide = ReadLittleEndian<double>(bytes)) return Scalar(*wide);
      return std::nullopt;
    case Type::Kind::kDecimal:
      if (auto value = Int128FromBigEndian(bytes); value.ok() && !bytes.empty()) {
        return Scalar(*value);
      }
      return std::nullopt;
    case Type::Kind::kUuid:
      if (bytes.size() != 16) return std::nullopt;
      return Scalar(std::string(bytes));
    case Type::Kind::kString:
    case Type::Kind::kFixed:
    case Type::Kind::kBinary:
      return Scalar(std::string(bytes));
    default:
      return std::nullopt;
  }
}

Scalar TruncateLowerBound(const Type& type, const Scalar& value) {
  const auto* bytes = std::get_if<std::string>(&value);
  if (bytes == nullptr) return value;
  if (type.kind() == Type::Kind::kString) return std::string(TruncateText(*bytes, kBoundLengthMax));
  if (type.kind() == Type::Kind::kBinary) return bytes->substr(0, kBoundLengthMax);
  return value;
}

std::optional<Scalar> TruncateUpperBound(const Type& type, const Scalar& value) {
  const auto* bytes = std::get_if<std::string>(&value);
  if (bytes == nullptr) return value;
  Scalar cut = TruncateLowerBound(type, value);
  auto& text = std::get<std::string>(cut);
  if (text.size() == bytes->size()) return cut;
  return type.kind() == Type::Kind::kString ? CountTextUp(std::move(text))
                                            : CountBytesUp(std::move(text));
}

}  // namespace tarn
