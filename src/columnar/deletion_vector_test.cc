#include "columnar/deletion_vector.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "columnar/crc32.h"

namespace tarn {
namespace {

constexpr int64_t kSpan = int64_t{1} << 32;

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string ToHex(std::string_view bytes) {
  std::string hex;
  for (const unsigned char c : bytes) {
    hex += "0123456789abcdef"[c >> 4];
    hex += "0123456789abcdef"[c & 15];
  }
  return hex;
}

DeletionVector Of(const std::vector<int64_t>& positions) {
  DeletionVector vector;
  for (const int64_t position : positions) vector.Add(position);
  return vector;
}

/// Blob around a bitmap, with a length and a checksum that are right.
std::string Blob(const std::string& bitmap) {
  const std::string body = FromHex("d1d33964") + bitmap;
  auto big_endian = [](size_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
    return bytes;
  };
  return big_endian(body.size()) + body + big_endian(Crc32(body));
}

std::vector<int64_t> Live(const DeletionVector& vector, int64_t begin, int64_t count) {
  std::vector<uint32_t> out(static_cast<size_t>(count) + 1, 0xdeadbeef);
  const int64_t found = vector.SelectLive(begin, count, out.data());
  EXPECT_EQ(out.back(), 0xdeadbeef) << "wrote beyond its room";
  return {out.begin(), out.begin() + found};
}

/// Ranges and single positions of all three kinds of containers, around the border of two bitmaps.
struct Sample {
  DeletionVector vector;
  std::set<int64_t> set;

  void Fill(std::mt19937_64& random) {
    auto below = [&](int64_t n) {
      return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
    };
    for (int64_t base : {int64_t{0}, kSpan - 70000, 5 * kSpan}) {
      for (int64_t i = below(300); i > 0; --i) Put(base + below(140000));
      if (below(2) == 0) {
        const int64_t begin = base + below(140000);
        const int64_t end = begin + below(20000);
        vector.AddRange(begin, end);
        for (int64_t at = begin; at < end; ++at) set.insert(set.end(), at);
      }
      if (below(3) == 0) {
        for (int64_t i = 0; i < 5000; ++i) Put(base + below(10000));
      }
    }
  }
  void Put(int64_t position) {
    vector.Add(position);
    set.insert(position);
  }
};

TEST(DeletionVectorTest, IsEmptyAtFirst) {
  const DeletionVector vector;
  EXPECT_TRUE(vector.empty());
  EXPECT_EQ(vector.cardinality(), 0);
  EXPECT_EQ(vector.max(), -1);
  EXPECT_FALSE(vector.Contains(0));
  EXPECT_EQ(vector.CountIn(0, DeletionVector::kPositionMax), 0);
  EXPECT_EQ(Live(vector, 7, 3), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(Live(vector, 7, 0), std::vector<int64_t>{});
}

TEST(DeletionVectorTest, HoldsPositionsBeyond32Bits) {
  const DeletionVector vector = Of({5, kSpan - 1, kSpan, DeletionVector::kPositionMax - 1});
  EXPECT_EQ(vector.cardinality(), 4);
  EXPECT_EQ(vector.max(), DeletionVector::kPositionMax - 1);
  EXPECT_TRUE(vector.Contains(kSpan));
  EXPECT_FALSE(vector.Contains(kSpan + 5));
  EXPECT_FALSE(vector.Contains(-1));
  EXPECT_FALSE(vector.Contains(INT64_MAX));
  EXPECT_EQ(vector.CountIn(5, kSpan), 2);
  EXPECT_EQ(vector.CountIn(6, kSpan + 1), 2);
  EXPECT_EQ(vector.CountIn(INT64_MIN, INT64_MAX), 4);
  EXPECT_EQ(Live(vector, kSpan - 3, 6), (std::vector<int64_t>{0, 1, 4, 5}));
  auto parsed = DeletionVector::Parse(vector.Serialize(), "x");
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(parsed->ToVector(), vector.ToVector());
}

TEST(DeletionVectorTest, AgreesWithASetWhateverIsInIt) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 40; ++round) {
    Sample sample;
    sample.Fill(random);
    const std::vector<int64_t> expected(sample.set.begin(), sample.set.end());
    ASSERT_EQ(sample.vector.ToVector(), expected);
    ASSERT_EQ(sample.vector.cardinality(), static_cast<int64_t>(expected.size()));
    ASSERT_EQ(sample.vector.max(), expected.empty() ? -1 : expected.back());
    for (int i = 0; i < 50; ++i) {
      const int64_t base = i % 2 == 0 ? 0 : kSpan - 70000;
      const int64_t begin = base + static_cast<int64_t>(random() % 140000);
      const auto count = static_cast<int64_t>(random() % (i % 5 == 0 ? 100000 : 3000));
      std::vector<int64_t> live;
      auto at = sample.set.lower_bound(begin);
      for (int64_t row = 0; row < count; ++row) {
        if (at != sample.set.end() && *at == begin + row) {
          ++at;
        } else {
          live.push_back(row);
        }
      }
      ASSERT_EQ(Live(sample.vector, begin, count), live) << begin << " " << count;
      ASSERT_EQ(sample.vector.CountIn(begin, begin + count),
                count - static_cast<int64_t>(live.size()));
      ASSERT_EQ(sample.vector.Contains(begin), sample.set.contains(begin));
    }
    const std::string blob = sample.vector.Serialize();
    auto parsed = DeletionVector::Parse(blob, "x");
    ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
    ASSERT_TRUE(*parsed == sample.vector);
    ASSERT_EQ(parsed->ToVector(), expected);
    ASSERT_EQ(parsed->Serialize(), blob);
    ASSERT_GT(parsed->memory_bytes(), 0);
  }
}

TEST(DeletionVectorTest, SetOperationsAgreeWithASet) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 40; ++round) {
    Sample a;
    Sample b;
    a.Fill(random);
    b.Fill(random);
    // What was read has run containers; what was filled has not.
    if (round % 2 == 0) a.vector = DeletionVector::Parse(a.vector.Serialize(), "a").value();
    if (round % 3 == 0) b.vector = DeletionVector::Parse(b.vector.Serialize(), "b").value();
    std::vector<int64_t> both;
    std::set_intersection(a.set.begin(), a.set.end(), b.set.begin(), b.set.end(),
                          std::back_inserter(both));
    EXPECT_EQ(a.vector.Intersects(b.vector), !both.empty());

    DeletionVector sum = a.vector;
    sum.AddAll(b.vector);
    std::set<int64_t> expected = a.set;
    expected.insert(b.set.begin(), b.set.end());
    ASSERT_EQ(sum.ToVector(), std::vector<int64_t>(expected.begin(), expected.end()));

    sum.RemoveAll(b.vector);
    for (const int64_t position : b.set) expected.erase(position);
    ASSERT_EQ(sum.ToVector(), std::vector<int64_t>(expected.begin(), expected.end()));
    EXPECT_FALSE(sum.Intersects(b.vector));
    EXPECT_EQ(sum == a.vector, both.empty());
    ASSERT_EQ(a.vector.ToVector(), std::vector<int64_t>(a.set.begin(), a.set.end())) << "the copy";
    sum.RemoveAll(a.vector);
    EXPECT_TRUE(sum.empty());
    EXPECT_TRUE(sum == DeletionVector());
  }
}

TEST(DeletionVectorTest, OperationsOnItself) {
  DeletionVector vector = Of({1, 2, kSpan});
  vector.AddAll(vector);
  EXPECT_EQ(vector.cardinality(), 3);
  vector = *&vector;
  EXPECT_EQ(vector.cardinality(), 3);
  vector.RemoveAll(vector);
  EXPECT_TRUE(vector.empty());
}

TEST(DeletionVectorTest, RangesOfWholeBitmaps) {
  DeletionVector vector;
  vector.AddRange(3, 3);
  EXPECT_TRUE(vector.empty());
  vector.AddRange(10, 2 * kSpan + 10);
  EXPECT_EQ(vector.cardinality(), 2 * kSpan);
  EXPECT_EQ(vector.CountIn(0, kSpan), kSpan - 10);
  EXPECT_EQ(Live(vector, 2 * kSpan + 8, 4), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(Live(vector, kSpan - 2, 4), std::vector<int64_t>{});
}

/// Vectors that Iceberg's own Java library wrote.
struct Golden {
  const char* hex;
  DeletionVector expected;
};
std::vector<Golden> Goldens() {
  std::vector<Golden> goldens;
  goldens.push_back({"0000000cd1d339640000000000000000bf18480c", {}});
  goldens.push_back(
      {"0000002ad1d339640100000000000000000000003a3000000100000000000400100000000100030005"
       "0007000900b3fb20be",
       Of({1, 3, 5, 7, 9})});
  goldens.push_back(
      {"00000030d1d339640100000000000000000000003a3000000200000000000100008001001800000"
       "01c000000640065006300640015eb1c7c",
       Of({100, 101, 2147483747, 2147483748})});
  DeletionVector all = Of({5, 7, kSpan + 10, kSpan + 20});
  all.AddRange(65537, 65536 + 1000);
  all.AddRange(131073, 131072 + 65535);
  all.AddRange(kSpan + 65546, kSpan + 65536 + 500);
  all.AddRange(kSpan + 131073, kSpan + 131072 + 65535);
  goldens.push_back(
      {"00000056d1d339640200000000000000000000003b3002000600000100"
       "0100e6030200fdff0500070001000100e603010001"
       "00fdff010000003b300200060000010001"
       "00e9010200fdff0a00140001000a00e901010001"
       "00fdffc89be397",
       std::move(all)});
  return goldens;
}

TEST(DeletionVectorTest, ReadsTheBytesOfIcebergJava) {
  for (const Golden& golden : Goldens()) {
    auto parsed = DeletionVector::Parse(FromHex(golden.hex), "golden");
    ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
    EXPECT_EQ(parsed->ToVector(), golden.expected.ToVector());
    EXPECT_TRUE(*parsed == golden.expected);
    EXPECT_TRUE(DeletionVector::Parse(golden.expected.Serialize(), "x").value() == golden.expected);
  }
}

TEST(DeletionVectorTest, ReadsTheInlineFormWithItsPadding) {
  const std::string blob = Of({3, 4, 7, 11, 18, 29}).Serialize();
  const std::string bare = blob.substr(4, blob.size() - 8);
  for (const size_t zeros : {0, 1, 2, 3}) {
    auto parsed = DeletionVector::ParseBare(bare + std::string(zeros, '\0'), "inline");
    ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
    EXPECT_EQ(parsed->ToVector(), (std::vector<int64_t>{3, 4, 7, 11, 18, 29}));
  }
  EXPECT_FALSE(DeletionVector::ParseBare(bare + "\1", "inline").ok());
  EXPECT_FALSE(DeletionVector::ParseBare(bare.substr(0, bare.size() - 1), "inline").ok());
  EXPECT_FALSE(DeletionVector::ParseBare("", "inline").ok());
}

TEST(DeletionVectorTest, ReadsEmptyBitmapsBetweenKeys) {
  auto parsed = DeletionVector::Parse(Blob(FromHex("0200000000000000"
                                                   "00000000"
                                                   "3a30000000000000"
                                                   "01000000"
                                                   "3a300000010000000000000010000000"
                                                   "0900")),
                                      "x");
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(parsed->ToVector(), std::vector<int64_t>{kSpan + 9});
  EXPECT_TRUE(*parsed == Of({kSpan + 9}));
}

TEST(DeletionVectorTest, IsWrittenWithoutRuns) {
  DeletionVector vector;
  vector.AddRange(0, 70000);
  const std::string blob = vector.Serialize();
  // The cookie of a bitmap without run containers, after length, magic, count and key.
  EXPECT_EQ(ToHex(blob.substr(20, 4)), "3a300000");
  EXPECT_TRUE(DeletionVector::Parse(blob, "x").value() == vector);
}

TEST(DeletionVectorTest, EqualHoweverItIsStored) {
  // [0, 6) as two runs that touch.
  auto parsed = DeletionVector::Parse(Blob(FromHex("0100000000000000"
                                                   "00000000"
                                                   "3b30000001"
                                                   "00000500"
                                                   "0200"
                                                   "00000200"
                                                   "03000200")),
                                      "x");
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_TRUE(*parsed == Of({0, 1, 2, 3, 4, 5}));
}

TEST(DeletionVectorTest, BytesThatAreNoVectorAreCorruption) {
  const std::string one = "0100000000000000";
  const struct {
    std::string what;
    std::string blob;
  } cases[] = {
      {"nothing", ""},
      {"too short", FromHex("0000000cd1d33964")},
      {"another magic", FromHex("0000000cd1d3396500000000000000001bf41a06")},
      {"wrong checksum", FromHex("0000000cd1d339640000000000000000bf18480d")},
      {"length too small", FromHex("0000000bd1d339640000000000000000bf18480c")},
      {"a byte follows", FromHex("0000000cd1d339640000000000000000bf18480c00")},
      {"a bitmap is missing", Blob(FromHex(one))},
      {"more bitmaps than bytes", Blob(FromHex("ffffffffffffffff"))},
      {"trailing byte", Blob(FromHex("000000000000000000"))},
      {"no cookie", Blob(FromHex(one + "00000000"
                                       "3c30000000000000"))},
      {"too many containers", Blob(FromHex(one + "00000000"
                                                 "3a30000001000100"))},
      {"count without containers", Blob(FromHex(one + "00000000"
                                                      "3a300000ffff0000"))},
      {"array does not ascend", Blob(FromHex(one + "00000000"
                                                   "3a30000001000000"
                                                   "00000100"
                                                   "10000000"
                                                   "05000500"))},
      {"array ends early", Blob(FromHex(one + "00000000"
                                              "3a30000001000000"
                                              "00000200"
                                              "10000000"
                                              "05000600"))},
      {"containers do not ascend", Blob(FromHex(one + "00000000"
                                                      "3a30000002000000"
                                                      "0100000001000000"
                                                      "1800000019000000"
                                                      "0500"
                                                      "0600"))},
      {"bitset of another cardinality", Blob(FromHex(one + "00000000"
                                                           "3a30000001000000"
                                                           "00000010"
                                                           "10000000") +
                                             std::string(8192, '\x01'))},
      {"runs overlap", Blob(FromHex(one + "00000000"
                                          "3b30000001"
                                          "00000500"
                                          "0200"
                                          "00000200"
                                          "02000200"))},
      {"run beyond its container", Blob(FromHex(one + "00000000"
                                                      "3b30000001"
                                                      "00000500"
                                                      "0100"
                                                      "ffff0500"))},
      {"runs of another cardinality", Blob(FromHex(one + "00000000"
                                                         "3b30000001"
                                                         "00000500"
                                                         "0100"
                                                         "00000400"))},
      {"no runs", Blob(FromHex(one + "00000000"
                                     "3b30000001"
                                     "00000000"
                                     "0000"))},
      {"key above every position", Blob(FromHex(one + "00000040"
                                                      "3a30000000000000"))},
      {"negative key", Blob(FromHex(one + "ffffffff"
                                          "3a30000000000000"))},
      {"keys do not ascend", Blob(FromHex("0200000000000000"
                                          "01000000"
                                          "3a30000000000000"
                                          "01000000"
                                          "3a30000000000000"))},
  };
  for (const auto& one_case : cases) {
    auto parsed = DeletionVector::Parse(one_case.blob, "deletes/1.puffin");
    ASSERT_FALSE(parsed.ok()) << one_case.what;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kCorruption) << one_case.what;
    EXPECT_TRUE(parsed.error().message.starts_with("deletes/1.puffin: ")) << one_case.what;
  }
}

TEST(DeletionVectorTest, MutatedBytesNeverCrash) {
  std::mt19937_64 random(3);
  Sample sample;
  sample.vector.AddRange(0, 70000);
  for (int64_t i = 0; i < 30; ++i) sample.vector.Add(kSpan + i * i);
  for (int64_t i = 0; i < 9000; i += 2) sample.vector.Add(3 * kSpan + i);
  const std::string blob = sample.vector.Serialize();
  const std::string bitmap = blob.substr(8, blob.size() - 12);
  // Heads decide most, so half of the changes go there.
  std::vector<std::string> seeds{bitmap, FromHex(Goldens()[3].hex).substr(8, 78)};
  std::vector<uint32_t> out(2048);
  int read = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = seeds[round % 2];
    for (uint64_t changes = 1 + random() % 3; changes > 0; --changes) {
      const size_t within = random() % 2 == 0 ? std::min<size_t>(bytes.size(), 48) : bytes.size();
      bytes[random() % within] = static_cast<char>(random());
    }
    if (random() % 8 == 0) bytes.resize(random() % bytes.size());
    auto parsed = round % 16 < 2 ? DeletionVector::Parse(Blob(bytes), "x")
                                 : DeletionVector::ParseBare(FromHex("d1d33964") + bytes, "x");
    if (!parsed.ok()) {
      ASSERT_EQ(parsed.error().kind, ErrorKind::kCorruption);
      continue;
    }
    ++read;
    // What is accepted is a set like any other.
    if (parsed->cardinality() > 100000) continue;
    const std::vector<int64_t> positions = parsed->ToVector();
    ASSERT_EQ(static_cast<int64_t>(positions.size()), parsed->cardinality());
    ASSERT_TRUE(std::is_sorted(positions.begin(), positions.end()));
    parsed->SelectLive(kSpan - 1000, 2048, out.data());
    if (round % 16 == 0) {
      ASSERT_EQ(DeletionVector::Parse(parsed->Serialize(), "y").value().ToVector(), positions);
    }
  }
  EXPECT_GT(read, 0);
}

TEST(Crc32Test, IsTheOneOfZlib) {
  EXPECT_EQ(Crc32(""), 0u);
  EXPECT_EQ(Crc32("123456789"), 0xCBF43926u);
  EXPECT_EQ(Crc32("The quick brown fox jumps over the lazy dog"), 0x414FA339u);
}

}  // namespace
}  // namespace tarn
