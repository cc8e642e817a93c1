#pragma once

#include <cstdint>
#include <string>

namespace tarn::postgres {

/// \name Big-endian reads from the wire; `p` need not be aligned.
/// @{
inline uint16_t ReadBig16(const uint8_t* p) {
  uint16_t v;
  __builtin_memcpy(&v, p, 2);
  return __builtin_bswap16(v);
}
inline uint32_t ReadBig32(const uint8_t* p) {
  uint32_t v;
  __builtin_memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}
inline uint64_t ReadBig64(const uint8_t* p) {
  uint64_t v;
  __builtin_memcpy(&v, p, 8);
  return __builtin_bswap64(v);
}
/// @}

/// Wide enough for an unscaled decimal of 38 digits.
__extension__ typedef __int128 Wide;
__extension__ typedef unsigned __int128 UnsignedWide;

enum class NumericFault : uint8_t {
  kNone,
  kSpecial,    ///< NaN or an infinity
  kInexact,    ///< digits beyond the scale
  kOverflow,   ///< more digits than the precision
  kMalformed,  ///< not what numeric_send writes
};

/// What numeric_send writes: ndigits, weight, sign, dscale, then ndigits base-10000 digits.
constexpr int kNumericHeaderBytes = 8;

/// The value of `bytes` wire bytes as decimal128(precision, scale), unscaled, exactly or not at
/// all.
NumericFault DecodeNumericSlow(const uint8_t* p, int64_t bytes, int precision, int scale,
                               Wide* unscaled);

/// As text, exactly: what PostgreSQL would print up to trailing zeros of the scale. For messages.
std::string NumericToText(const uint8_t* p, int64_t bytes);

extern const int64_t kPowersOfTen[19];

/// The path of nearly all values (at most four base-10000 digits), without a loop over 128-bit
/// arithmetic; everything else goes the slow way.
inline NumericFault DecodeNumeric(const uint8_t* p, int64_t bytes, int precision, int scale,
                                  Wide* unscaled) {
  if (bytes < kNumericHeaderBytes) return NumericFault::kMalformed;
  const uint64_t header = ReadBig64(p);
  const int digits = static_cast<int>(header >> 48);
  const int weight = static_cast<int16_t>(header >> 32);
  const unsigned sign = static_cast<unsigned>(header >> 16) & 0xffff;
  const int shift = scale + 4 * (weight - digits + 1);
  if ((sign & ~0x4000U) != 0 || digits > 4 || shift < -3 || shift + 4 * digits > 18 ||
      bytes != kNumericHeaderBytes + 2 * digits) [[unlikely]] {
    return DecodeNumericSlow(p, bytes, precision, scale, unscaled);
  }
  int64_t value = 0;
  const uint8_t* digit = p + kNumericHeaderBytes;
  if (digits > 0) {
    for (int i = 0; i < digits - 1; ++i, digit += 2) value = value * 10000 + ReadBig16(digit);
    unsigned last = ReadBig16(digit);
    // Divisions by a constant cost a multiplication; by a variable, tens of cycles.
    switch (shift) {
      case -1:
        if (last % 10 != 0) return NumericFault::kInexact;
        value = value * 1000 + last / 10;
        break;
      case -2:
        if (last % 100 != 0) return NumericFault::kInexact;
        value = value * 100 + last / 100;
        break;
      case -3:
        if (last % 1000 != 0) return NumericFault::kInexact;
        value = value * 10 + last / 1000;
        break;
      default:
        value = (value * 10000 + last) * kPowersOfTen[shift];
    }
  }
  if (precision < 19 && value >= kPowersOfTen[precision]) return NumericFault::kOverflow;
  *unscaled = sign != 0 ? -value : value;
  return NumericFault::kNone;
}

}  // namespace tarn::postgres
