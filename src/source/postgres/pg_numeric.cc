#include "source/postgres/pg_numeric.h"

#include <algorithm>

namespace tarn::postgres {

const int64_t kPowersOfTen[19] = {1,
                                  10,
                                  100,
                                  1000,
                                  10000,
                                  100000,
                                  1000000,
                                  10000000,
                                  100000000,
                                  1000000000,
                                  10000000000,
                                  100000000000,
                                  1000000000000,
                                  10000000000000,
                                  100000000000000,
                                  1000000000000000,
                                  10000000000000000,
                                  100000000000000000,
                                  1000000000000000000};

namespace {

constexpr unsigned kNegative = 0x4000;
constexpr unsigned kNaN = 0xC000;
constexpr unsigned kPlusInfinity = 0xD000;
constexpr unsigned kMinusInfinity = 0xF000;

UnsignedWide PowerOfTen(int exponent) {
  UnsignedWide power = 1;
  for (; exponent > 18; exponent -= 18) power *= static_cast<uint64_t>(kPowersOfTen[18]);
  return power * static_cast<uint64_t>(kPowersOfTen[exponent]);
}

}  // namespace

NumericFault DecodeNumericSlow(const uint8_t* p, int64_t bytes, int precision, int scale,
                               Wide* unscaled) {
  if (bytes < kNumericHeaderBytes) return NumericFault::kMalformed;
  int digits = ReadBig16(p);
  const int weight = static_cast<int16_t>(ReadBig16(p + 2));
  const unsigned sign = ReadBig16(p + 4);
  if (sign == kNaN || sign == kPlusInfinity || sign == kMinusInfinity) {
    return NumericFault::kSpecial;
  }
  if (bytes != kNumericHeaderBytes + 2 * digits || (sign != 0 && sign != kNegative)) {
    return NumericFault::kMalformed;
  }
  const auto digit = [&](int i) -> unsigned { return ReadBig16(p + kNumericHeaderBytes + 2 * i); };
  int first = 0;
  while (first < digits && digit(first) == 0) ++first;
  while (digits > first && digit(digits - 1) == 0) --digits;
  if (first == digits) {
    *unscaled = 0;
    return NumericFault::kNone;
  }
  // The last base-10000 digit counts 10^shift units of the wanted scale.
  const int shift = scale + 4 * (weight - digits + 1);
  if (shift <= -4) return NumericFault::kInexact;
  const UnsignedWide limit = PowerOfTen(precision);
  UnsignedWide value = 0;
  for (int i = first; i < digits; ++i) {
    unsigned part = digit(i);
    unsigned factor = 10000;
    if (i == digits - 1 && shift < 0) {
      const unsigned cut = static_cast<unsigned>(kPowersOfTen[-shift]);
      if (part % cut != 0) return NumericFault::kInexact;
      part /= cut;
      factor /= cut;
    }
    if (value > limit / factor) return NumericFault::kOverflow;  // keeps the next line in 128 bits
    value = value * factor + part;
    if (value >= limit) return NumericFault::kOverflow;
  }
  if (shift > 0) {
    if (shift > precision || value >= PowerOfTen(precision - shift)) return NumericFault::kOverflow;
    value *= PowerOfTen(shift);
  }
  *unscaled = sign != 0 ? -static_cast<Wide>(value) : static_cast<Wide>(value);
  return NumericFault::kNone;
}

std::string NumericToText(const uint8_t* p, int64_t bytes) {
  if (bytes < kNumericHeaderBytes) return "?";
  const int digits = std::min<int>(ReadBig16(p), static_cast<int>((bytes - 8) / 2));
  const int weight = static_cast<int16_t>(ReadBig16(p + 2));
  const unsigned sign = ReadBig16(p + 4);
  const int scale = ReadBig16(p + 6);
  if (sign == kNaN) return "NaN";
  if (sign == kPlusInfinity) return "Infinity";
  if (sign == kMinusInfinity) return "-Infinity";
  const auto group = [&](int position) {  // position counts base-10000 digits from the highest
    const unsigned value = position >= 0 && position < digits ? ReadBig16(p + 8 + 2 * position) : 0;
    std::string text = std::to_string(value);
    return std::string(text.size() < 4 ? 4 - text.size() : 0, '0') + text;
  };
  std::string whole;
  for (int i = 0; i <= weight; ++i) whole += group(i);
  const size_t nonzero = whole.find_first_not_of('0');
  whole = nonzero == std::string::npos ? "0" : whole.substr(nonzero);
  std::string fraction;
  for (int i = weight + 1; static_cast<int>(fraction.size()) < scale; ++i) fraction += group(i);
  fraction.resize(static_cast<size_t>(scale));
  return (sign == kNegative ? "-" : "") + whole + (scale > 0 ? "." + fraction : "");
}

}  // namespace tarn::postgres
