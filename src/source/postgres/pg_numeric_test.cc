#include "source/postgres/pg_numeric.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tarn::postgres {
namespace {

void Append16(std::vector<uint8_t>* out, int value) {
  out->push_back(static_cast<uint8_t>(value >> 8));
  out->push_back(static_cast<uint8_t>(value));
}

// numeric_send of a decimal text such as "-12.50".
std::vector<uint8_t> Wire(std::string text) {
  const bool negative = text[0] == '-';
  if (negative) text.erase(0, 1);
  const size_t dot = std::min(text.find('.'), text.size());
  std::string whole = text.substr(0, dot);
  std::string fraction = dot < text.size() ? text.substr(dot + 1) : "";
  const size_t scale = fraction.size();
  whole.insert(0, (4 - whole.size() % 4) % 4, '0');
  fraction.append((4 - fraction.size() % 4) % 4, '0');
  std::vector<int> digits;
  const std::string all = whole + fraction;
  for (size_t i = 0; i < all.size(); i += 4) digits.push_back(std::stoi(all.substr(i, 4)));
  int weight = static_cast<int>(whole.size() / 4) - 1;
  while (!digits.empty() && digits.front() == 0) {
    digits.erase(digits.begin());
    --weight;
  }
  while (!digits.empty() && digits.back() == 0) digits.pop_back();
  if (digits.empty()) weight = 0;
  std::vector<uint8_t> out;
  Append16(&out, static_cast<int>(digits.size()));
  Append16(&out, weight);
  Append16(&out, negative && !digits.empty() ? 0x4000 : 0);
  Append16(&out, static_cast<int>(scale));
  for (int digit : digits) Append16(&out, digit);
  return out;
}

void CheckDecimal(const std::string& text, int precision, int scale, int64_t expected) {
  const std::vector<uint8_t> wire = Wire(text);
  const int64_t bytes = static_cast<int64_t>(wire.size());
  Wide fast = 0;
  Wide slow = 0;
  EXPECT_EQ(DecodeNumeric(wire.data(), bytes, precision, scale, &fast), NumericFault::kNone)
      << text;
  EXPECT_EQ(DecodeNumericSlow(wire.data(), bytes, precision, scale, &slow), NumericFault::kNone)
      << text;
  EXPECT_TRUE(fast == expected && slow == expected) << text << " at scale " << scale;
  EXPECT_EQ(NumericToText(wire.data(), bytes), text);
}

NumericFault FaultOf(const std::string& text, int precision, int scale) {
  const std::vector<uint8_t> wire = Wire(text);
  const int64_t bytes = static_cast<int64_t>(wire.size());
  Wide value = 0;
  const NumericFault slow = DecodeNumericSlow(wire.data(), bytes, precision, scale, &value);
  Wide fast_value = 0;
  const NumericFault fast = DecodeNumeric(wire.data(), bytes, precision, scale, &fast_value);
  // A value may be both too long and too fine: which of the two is told is not promised.
  EXPECT_EQ(fast == NumericFault::kNone, slow == NumericFault::kNone) << text;
  EXPECT_TRUE(slow != NumericFault::kNone || fast_value == value) << text;
  return slow;
}

TEST(Numeric, ValuesAreExact) {
  CheckDecimal("0", 15, 2, 0);
  CheckDecimal("0.00", 15, 2, 0);
  CheckDecimal("17.00", 15, 2, 1700);
  CheckDecimal("-21168.23", 15, 2, -2116823);
  CheckDecimal("0.04", 15, 2, 4);
  CheckDecimal("10000", 15, 2, 1000000);
  CheckDecimal("100000000.5", 15, 2, 10000000050);
  CheckDecimal("9999999999999.99", 15, 2, 999999999999999);
  CheckDecimal("0.00000001", 18, 8, 1);
  CheckDecimal("123456789012345678", 18, 0, 123456789012345678);
}

TEST(Numeric, WhatDoesNotFitIsRefusedNeverRounded) {
  EXPECT_EQ(FaultOf("0.005", 15, 2), NumericFault::kInexact);
  EXPECT_EQ(FaultOf("0.00001", 15, 2), NumericFault::kInexact);
  EXPECT_EQ(FaultOf("0.0000000001", 15, 2), NumericFault::kInexact);
  EXPECT_EQ(FaultOf("1000.00", 5, 2), NumericFault::kOverflow);
  EXPECT_EQ(FaultOf("99999.9", 5, 1), NumericFault::kOverflow);
  EXPECT_EQ(FaultOf("1" + std::string(38, '0'), 38, 0), NumericFault::kOverflow);
  EXPECT_EQ(FaultOf(std::string(1000, '9'), 38, 18), NumericFault::kOverflow);
  EXPECT_EQ(FaultOf("1" + std::string(1000, '0'), 38, 18), NumericFault::kOverflow);
  EXPECT_EQ(FaultOf("0." + std::string(1000, '0') + "1", 38, 18), NumericFault::kInexact);
  EXPECT_EQ(FaultOf(std::string(38, '9'), 38, 0), NumericFault::kNone);
  const uint8_t nan[] = {0, 0, 0, 0, 0xC0, 0, 0, 0};
  Wide value = 0;
  EXPECT_EQ(DecodeNumeric(nan, 8, 38, 18, &value), NumericFault::kSpecial);
  EXPECT_EQ(DecodeNumeric(nan, 7, 38, 18, &value), NumericFault::kMalformed);
  const uint8_t cut[] = {0, 2, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(DecodeNumeric(cut, 10, 38, 18, &value), NumericFault::kMalformed);
}

TEST(Numeric, TheFastWayAndTheSlowWayAgreeOnRandomValues) {
  std::mt19937_64 random(20261121);
  for (int i = 0; i < 200000; ++i) {
    const int digits = 1 + static_cast<int>(random() % 20);
    std::string text = random() % 2 == 0 ? "" : "-";
    const int point = static_cast<int>(random() % static_cast<uint64_t>(digits + 1));
    for (int j = 0; j < digits; ++j) {
      if (j == point) text += text.empty() || text == "-" ? "0." : ".";
      text += static_cast<char>('0' + (random() % 3 == 0 ? random() % 10 : 0));
    }
    const int precision = 1 + static_cast<int>(random() % 38);
    FaultOf(text, precision, static_cast<int>(random() % static_cast<uint64_t>(precision + 1)));
    if (::testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace tarn::postgres
