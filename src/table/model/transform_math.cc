#include "table/model/transform_math.h"

#include <bit>
#include <cstring>

namespace tarn {

namespace {

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

Wide ToWide(Int128 value) {
  return static_cast<Wide>((static_cast<UnsignedWide>(value.high) << 64) | value.low);
}

Int128 FromWide(Wide value) {
  return {static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value)};
}

uint32_t MixBlock(uint32_t block) {
  block *= 0xcc9e2d51U;
  block = std::rotl(block, 15);
  return block * 0x1b873593U;
}

}  // namespace

std::optional<int64_t> TicksOfDays(int64_t days, int64_t of_day, int64_t ticks_per_day) {
  const Wide ticks = static_cast<Wide>(days) * ticks_per_day + of_day;
  if (ticks < std::numeric_limits<int64_t>::min() || ticks > std::numeric_limits<int64_t>::max()) {
    return std::nullopt;
  }
  return static_cast<int64_t>(ticks);
}

// Days to civil date by eras of 400 years, which begin on 1 March so that leap days come last.
Int128 TruncateDecimal(Int128 unscaled, int64_t width) {
  const Wide value = ToWide(unscaled);
  const Wide remainder = ((value % width) + width) % width;
  return FromWide(value - remainder);
}

std::string_view TruncateText(std::string_view text, int64_t code_points) {
  if (static_cast<int64_t>(text.size()) <= code_points) return text;
  int64_t seen = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool starts_code_point = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    if (starts_code_point && ++seen > code_points) return text.substr(0, i);
  }
  return text;
}

int32_t Murmur3(const void* data, size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  uint32_t hash = 0;
  const size_t blocks = size / 4;
  for (size_t i = 0; i < blocks; ++i) {
    uint32_t block;
    std::memcpy(&block, bytes + i * 4, 4);
    hash = std::rotl(hash ^ MixBlock(block), 13) * 5 + 0xe6546b64U;
  }
  uint32_t tail = 0;
  for (size_t i = size; i > blocks * 4; --i) tail = (tail << 8) | bytes[i - 1];
  if (size % 4 != 0) hash ^= MixBlock(tail);
  hash ^= static_cast<uint32_t>(size);
  hash = (hash ^ (hash >> 16)) * 0x85ebca6bU;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35U;
  return static_cast<int32_t>(hash ^ (hash >> 16));
}

int32_t Murmur3OfLong(int64_t value) { return Murmur3(&value, sizeof(value)); }

int32_t Murmur3OfDecimal(Int128 unscaled) {
  unsigned char bytes[16];
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<unsigned char>(static_cast<uint64_t>(unscaled.high) >> (56 - 8 * i));
    bytes[8 + i] = static_cast<unsigned char>(unscaled.low >> (56 - 8 * i));
  }
  const unsigned char sign = unscaled.high < 0 ? 0xFF : 0x00;
  size_t first = 0;
  while (first < 15 && bytes[first] == sign && ((bytes[first + 1] ^ sign) & 0x80U) == 0) ++first;
  return Murmur3(bytes + first, 16 - first);
}

}  // namespace tarn
