#include "columnar/theta_sketch.h"

#include <cmath>

#include <gtest/gtest.h>

namespace tarn {
namespace {

ThetaSketch Of(int64_t begin, int64_t end) {
  ThetaSketch sketch;
  for (int64_t value = begin; value < end; ++value) {
    sketch.Update({reinterpret_cast<const char*>(&value), sizeof(value)});
  }
  return sketch;
}

TEST(ThetaSketchTest, IsExactForFewValuesAndNearForMany) {
  EXPECT_EQ(ThetaSketch().Estimate(), 0);
  ThetaSketch few = Of(0, 4096);
  few.Merge(Of(0, 4096));
  EXPECT_EQ(few.Estimate(), 4096);
  for (const int64_t values : {10'000, 1'000'000}) {
    EXPECT_NEAR(Of(0, values).Estimate(), static_cast<double>(values),
                0.05 * static_cast<double>(values));
  }
}

TEST(ThetaSketchTest, PartsMakeTheSketchOfTheWhole) {
  ThetaSketch parts;
  for (int64_t begin = 0; begin < 90'000; begin += 30'000) {
    parts.Merge(Of(begin, begin + 60'000));  // they overlap
  }
  EXPECT_EQ(parts.Serialize(), Of(0, 120'000).Serialize());
}

TEST(ThetaSketchTest, RepeatedValuesChangeNothing) {
  // More of them than are remembered, in turns, before and after the sketch gets full.
  for (const int64_t values : {1'000, 7'000, 50'000}) {
    ThetaSketch sketch;
    for (int round = 0; round < 20; ++round) {
      for (int64_t value = 0; value < values; ++value) {
        sketch.Update({reinterpret_cast<const char*>(&value), sizeof(value)});
      }
    }
    EXPECT_EQ(sketch.Serialize(), Of(0, values).Serialize()) << values;
  }
}

TEST(ThetaSketchTest, EmptyBytesAreNoValue) {
  ThetaSketch sketch;
  sketch.Update("");
  EXPECT_EQ(sketch.Estimate(), 0);
}

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[static_cast<uint8_t>(c) >> 4];
    text += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return text;
}

TEST(ThetaSketchTest, ItsBytesAreThoseOfDataSketches) {
  // Of datasketches 5.2.0 for Python: update_theta_sketch(12) of 7, 8 and 9.
  EXPECT_EQ(Hex(Of(7, 10).Serialize()),
            "02030300001acc930300000000000000698bb991b86857081ad1300b998c2f22e0f48bea9983c37c");
  // One value has a head of its own there.
  const std::string one("\x01\x03\x03\x00\x00\x1a\xcc\x93\xe0\xf4\x8b\xea\x99\x83\xc3\x7c", 16);
  const auto read = ThetaSketch::Parse(one, "blob");
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->Serialize(), Of(7, 8).Serialize());
}

TEST(ThetaSketchTest, WhatIsWrittenIsReadBack) {
  for (const int64_t values : {0, 1, 5, 4096, 4097, 100'000}) {
    const ThetaSketch sketch = Of(0, values);
    const auto read = ThetaSketch::Parse(sketch.Serialize(), "blob");
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_EQ(read->Estimate(), sketch.Estimate());
    EXPECT_EQ(read->Serialize(), sketch.Serialize());
  }
}

TEST(ThetaSketchTest, DamagedBytesAreErrorsThatNameTheBlob) {
  const std::string good = Of(0, 10'000).Serialize();
  for (const size_t size :
       {size_t{0}, size_t{7}, size_t{8}, size_t{15}, size_t{23}, good.size() - 1}) {
    const auto read = ThetaSketch::Parse(good.substr(0, size), "blob 3");
    ASSERT_FALSE(read.ok()) << size;
    EXPECT_NE(read.error().message.find("blob 3"), std::string::npos);
  }
  const auto with = [&](size_t at, char byte) {
    std::string bytes = good;
    bytes[at] = byte;
    return ThetaSketch::Parse(bytes, "blob").status();
  };
  EXPECT_EQ(with(0, 9).error().kind, ErrorKind::kCorruption);
  EXPECT_EQ(with(1, 2).error().kind, ErrorKind::kUnsupported);       // an older version
  EXPECT_EQ(with(2, 2).error().kind, ErrorKind::kUnsupported);       // not compact
  EXPECT_EQ(with(5, 25).error().kind, ErrorKind::kUnsupported);      // big endian
  EXPECT_EQ(with(6, 0).error().kind, ErrorKind::kUnsupported);       // another seed
  EXPECT_EQ(with(11, '\x7f').error().kind, ErrorKind::kCorruption);  // more entries than bytes
  EXPECT_EQ(with(23, '\xff').error().kind, ErrorKind::kCorruption);  // theta beyond 1
}

}  // namespace
}  // namespace tarn
