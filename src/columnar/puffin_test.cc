#include "columnar/puffin.h"

#include <random>

#include <arrow/result.h>
#include <arrow/util/compression.h>
#include <gtest/gtest.h>

#include "columnar/deletion_vector.h"

namespace tarn {
namespace {

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string LittleEndian32(uint32_t value) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

/// A file of `body` and a footer with this payload.
std::string File(const std::string& payload, const std::string& body = "", uint32_t flags = 0) {
  return "PFA1" + body + "PFA1" + payload + LittleEndian32(static_cast<uint32_t>(payload.size())) +
         LittleEndian32(flags) + "PFA1";
}

Result<PuffinFooter> Read(const std::string& file) {
  return ReadPuffinFooter(file, static_cast<int64_t>(file.size()), "x.puffin", nullptr);
}

std::string Lz4(std::string_view bytes) {
  auto codec = arrow::util::Codec::Create(arrow::Compression::LZ4_FRAME).ValueOrDie();
  const auto size = static_cast<int64_t>(bytes.size());
  const auto* input = reinterpret_cast<const uint8_t*>(bytes.data());
  std::string packed(static_cast<size_t>(codec->MaxCompressedLen(size, input)), '\0');
  packed.resize(static_cast<size_t>(codec
                                        ->Compress(size, input, static_cast<int64_t>(packed.size()),
                                                   reinterpret_cast<uint8_t*>(packed.data()))
                                        .ValueOrDie()));
  return packed;
}

TEST(PuffinTest, WhatIsWrittenIsRead) {
  DeletionVector vector;
  vector.AddRange(5, 10);
  const std::string bytes = vector.Serialize();
  PuffinWriter writer;
  EXPECT_EQ(writer.size_bytes(), 4);
  PuffinBlob blob;
  blob.type = kDeletionVectorBlob;
  blob.fields = {2147483645};
  blob.properties = {{"referenced-data-file", "s3://b/é \"x\".parquet"}, {"cardinality", "5"}};
  const PuffinBlob first = writer.Add(blob, bytes);
  EXPECT_EQ(first.offset, 4);
  EXPECT_EQ(first.length, static_cast<int64_t>(bytes.size()));
  const PuffinBlob second = writer.Add(
      {.type = kThetaSketchBlob, .fields = {1, 2}, .snapshot_id = 7, .sequence_number = 8},
      "sketch");
  EXPECT_EQ(second.offset, 4 + first.length);
  const std::string file = writer.Finish({{"created-by", "Tarn"}});

  auto footer = Read(file);
  ASSERT_TRUE(footer.ok()) << footer.status().ToString();
  EXPECT_EQ(footer->properties.at("created-by"), "Tarn");
  ASSERT_EQ(footer->blobs.size(), 2u);
  EXPECT_EQ(footer->blobs[0].type, "deletion-vector-v1");
  EXPECT_EQ(footer->blobs[0].fields, std::vector<int32_t>{2147483645});
  EXPECT_EQ(footer->blobs[0].snapshot_id, -1);
  EXPECT_EQ(footer->blobs[0].sequence_number, -1);
  EXPECT_EQ(footer->blobs[0].properties, blob.properties);
  EXPECT_EQ(footer->blobs[1].snapshot_id, 7);
  EXPECT_EQ(footer->blobs[1].sequence_number, 8);
  const std::string stored = file.substr(static_cast<size_t>(footer->blobs[0].offset),
                                         static_cast<size_t>(footer->blobs[0].length));
  auto decoded = DecodePuffinBlob(footer->blobs[0], stored, "x.puffin");
  ASSERT_TRUE(decoded.ok());
  EXPECT_TRUE(DeletionVector::Parse(*decoded, "x").value() == vector);
}

TEST(PuffinTest, FinishStartsOver) {
  PuffinWriter writer;
  writer.Add({.type = "a"}, "x");
  writer.Finish({});
  EXPECT_EQ(writer.Finish({}),
            FromHex("50464131504641317b22626c6f6273223a5b5d7d0c000000000000005046"
                    "4131"))
      << "the empty file of Iceberg's Java library";
}

TEST(PuffinTest, ReadsAndWritesTheFileOfIcebergJava) {
  const std::string second =
      std::string("some blob ") + '\0' +
      " binary data 🤯 that is not very very very very very very long, is it?";
  PuffinWriter writer;
  writer.Add({.type = "some-blob", .fields = {1}, .snapshot_id = 2, .sequence_number = 1},
             "abcdefghi");
  writer.Add({.type = "some-other-blob", .fields = {2}, .snapshot_id = 2, .sequence_number = 1},
             second);
  const std::string footer =
      R"({"blobs":[{"type":"some-blob","fields":[1],"snapshot-id":2,"sequence-number":1,"offset":4,)"
      R"("length":9},{"type":"some-other-blob","fields":[2],"snapshot-id":2,"sequence-number":1,)"
      R"("offset":13,"length":83}],"properties":{"created-by":"Test 1234"}})";
  EXPECT_EQ(writer.Finish({{"created-by", "Test 1234"}}), File(footer, "abcdefghi" + second));
}

TEST(PuffinTest, ReadsCompressedBlobsOfIcebergJava) {
  const std::string stored = FromHex("28b52ffd2409490000616263646566676869135eb9db");
  PuffinBlob blob{.type = "some-blob"};
  blob.length = static_cast<int64_t>(stored.size());
  blob.compression = "zstd";
  auto decoded = DecodePuffinBlob(blob, stored, "x");
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(*decoded, "abcdefghi");
}

TEST(PuffinTest, ReadsACompressedFooterAndBlob) {
  const std::string big(1 << 20, 'x');
  const std::string packed = Lz4(big);
  const std::string payload = R"({"blobs":[{"type":"t","fields":[],"snapshot-id":-1,)"
                              R"("sequence-number":-1,"offset":4,"length":)" +
                              std::to_string(packed.size()) + R"(,"compression-codec":"lz4"}]})";
  const std::string file = File(Lz4(payload), packed, 1);
  auto footer = Read(file);
  ASSERT_TRUE(footer.ok()) << footer.status().ToString();
  ASSERT_EQ(footer->blobs.size(), 1u);
  auto decoded = DecodePuffinBlob(footer->blobs[0], packed, "x");
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(*decoded, big);

  EXPECT_EQ(DecodePuffinBlob(footer->blobs[0], packed + "x", "x").error().kind,
            ErrorKind::kCorruption);
  PuffinBlob cut = footer->blobs[0];
  cut.length = 20;
  EXPECT_EQ(DecodePuffinBlob(cut, packed.substr(0, 20), "x").error().kind, ErrorKind::kCorruption);
  cut.length = footer->blobs[0].length + 1;
  EXPECT_EQ(DecodePuffinBlob(cut, packed + "x", "x").error().kind, ErrorKind::kCorruption);
  cut.length = 0;
  EXPECT_EQ(DecodePuffinBlob(cut, "", "x").error().kind, ErrorKind::kCorruption);
  cut.compression = "gzip";
  EXPECT_EQ(DecodePuffinBlob(cut, "", "x").error().kind, ErrorKind::kUnsupported);
}

TEST(PuffinTest, ABlobThatUnpacksToTooMuchIsRefused) {
  // Zeros pack to a few thousandths: what is stored says little of what comes out.
  const std::string packed = Lz4(std::string(257 << 20, '\0'));
  PuffinBlob blob{.type = "t"};
  blob.length = static_cast<int64_t>(packed.size());
  blob.compression = "lz4";
  EXPECT_EQ(DecodePuffinBlob(blob, packed, "x").error().kind, ErrorKind::kUnsupported);
}

TEST(PuffinTest, ATailThatIsTooShortSaysWhatIsNeeded) {
  PuffinWriter writer;
  writer.Add({.type = "a"}, std::string(1000, 'x'));
  const std::string file = writer.Finish({});
  const auto size = static_cast<int64_t>(file.size());
  int64_t needed = 0;
  auto read = [&](size_t bytes) {
    return ReadPuffinFooter(std::string_view(file).substr(file.size() - bytes), size, "x", &needed);
  };
  EXPECT_EQ(read(3).error().kind, ErrorKind::kResourceExhausted);
  EXPECT_EQ(read(static_cast<size_t>(needed)).error().kind, ErrorKind::kResourceExhausted);
  EXPECT_EQ(needed, size - 1004);
  auto footer = read(static_cast<size_t>(needed));
  ASSERT_TRUE(footer.ok()) << footer.status().ToString();
  EXPECT_EQ(footer->footer_bytes, needed);
  EXPECT_EQ(footer->blobs.size(), 1u);
}

TEST(PuffinTest, FilesThatAreNotPuffinAreCorruption) {
  auto blob = [](const std::string& offset, const std::string& length) {
    return R"({"blobs":[{"type":"t","fields":[1],"snapshot-id":1,"sequence-number":1,"offset":)" +
           offset + R"(,"length":)" + length + "}]}";
  };
  ASSERT_TRUE(Read(File(blob("4", "3"), "abc")).ok());
  std::string wrong_start = File(R"({"blobs":[]})");
  wrong_start[0] = 'X';
  std::string wrong_footer = File(R"({"blobs":[]})");
  wrong_footer[4] = 'X';
  const struct {
    std::string what;
    std::string file;
  } cases[] = {
      {"nothing", ""},
      {"too short", "PFA1PFA1PFA1"},
      {"magic at the end", std::string(40, 'x')},
      {"magic at the start", wrong_start},
      {"magic of the footer", wrong_footer},
      {"footer longer than the file",
       "PFA1PFA1{}" + LittleEndian32(100) + LittleEndian32(0) + "PFA1"},
      {"negative footer", "PFA1PFA1{}" + LittleEndian32(0x80000000) + LittleEndian32(0) + "PFA1"},
      {"footer over the first magic", "PFA1{}" + LittleEndian32(2) + LittleEndian32(0) + "PFA1"},
      {"no JSON", File("{")},
      {"no blobs", File("{}")},
      {"blobs of another type", File(R"({"blobs":{}})")},
      {"a blob that is none", File(R"({"blobs":[1]})")},
      {"fields of another type", File(R"({"blobs":[{"type":"t","fields":["a"]}]})")},
      {"a field id too large", File(R"({"blobs":[{"type":"t","fields":[2147483648]}]})")},
      {"a blob before the first", File(blob("3", "1"), "abc")},
      {"a blob in the footer", File(blob("4", "4"), "abc")},
      {"a negative length", File(blob("4", "-1"), "abc")},
      {"a sum that overflows", File(blob("9223372036854775807", "9223372036854775807"), "abc")},
      {"a property that is no string", File(R"({"blobs":[],"properties":{"a":1}})")},
      {"a footer that is not compressed", File(R"({"blobs":[]})", "", 1)},
  };
  for (const auto& one_case : cases) {
    auto footer = Read(one_case.file);
    ASSERT_FALSE(footer.ok()) << one_case.what;
    EXPECT_EQ(footer.error().kind, ErrorKind::kCorruption) << one_case.what;
    EXPECT_NE(footer.error().message.find("x.puffin"), std::string::npos) << one_case.what;
  }
  EXPECT_EQ(Read(File(R"({"blobs":[]})", "", 2)).error().kind, ErrorKind::kUnsupported);
}

TEST(PuffinTest, MutatedBytesNeverCrash) {
  PuffinWriter writer;
  writer.Add({.type = "a", .fields = {1, 2}, .properties = {{"k", "v"}}}, "some bytes");
  const std::string payload = R"({"blobs":[],"properties":{"a":"b"}})";
  const std::string seeds[] = {writer.Finish({{"created-by", "x"}}), File(Lz4(payload), "", 1)};
  std::mt19937_64 random(4);
  int read = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string file = seeds[round % 2];
    for (uint64_t changes = random() % 3; changes > 0; --changes) {
      file[random() % file.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) file.erase(random() % file.size(), 1 + random() % 8);
    auto footer = Read(file);
    if (!footer.ok()) {
      ASSERT_TRUE(footer.error().kind == ErrorKind::kCorruption ||
                  footer.error().kind == ErrorKind::kUnsupported);
      continue;
    }
    ++read;
    for (const PuffinBlob& blob : footer->blobs) {
      ASSERT_LE(blob.offset + blob.length, static_cast<int64_t>(file.size()));
      const auto stored = std::string_view(file).substr(static_cast<size_t>(blob.offset),
                                                        static_cast<size_t>(blob.length));
      static_cast<void>(DecodePuffinBlob(blob, stored, "x").ok());
    }
  }
  EXPECT_GT(read, 1000);
}

}  // namespace
}  // namespace tarn
