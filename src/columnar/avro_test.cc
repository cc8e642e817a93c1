#include <fstream>
#include <iterator>
#include <limits>

#include <gtest/gtest.h>

#include "base/random.h"
#include "columnar/avro_reader.h"
#include "columnar/avro_writer.h"

namespace tarn {
namespace {

std::string ReadFile(const std::string& name) {
  std::ifstream in("src/columnar/testdata/" + name, std::ios::binary);
  EXPECT_TRUE(in.good()) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

AvroReader Opened(std::string bytes, const std::vector<AvroColumn>& columns) {
  auto reader = AvroReader::Open(std::move(bytes), "x.avro");
  EXPECT_TRUE(reader.ok()) << reader.status().ToString();
  auto status = reader->Select(columns);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return std::move(reader).value();
}

/// Reads everything; the error if there is one.
Status Drain(std::string bytes, const std::vector<AvroColumn>& columns) {
  TARN_ASSIGN_OR_RETURN(AvroReader reader, AvroReader::Open(std::move(bytes), "x.avro"));
  TARN_RETURN_IF_ERROR(reader.Select(columns));
  while (true) {
    TARN_ASSIGN_OR_RETURN(const bool more, reader.Next());
    if (!more) return {};
  }
}

class AvroCodecTest : public testing::TestWithParam<const char*> {};

TEST_P(AvroCodecTest, EveryTypeThatFastavroWroteIsRead) {
  using E = AvroExpect;
  AvroReader reader = Opened(ReadFile(std::string("types_") + GetParam() + ".avro"),
                             {{1},
                              {2, E::kBoolean},
                              {3, E::kInt},
                              {4, E::kInt},
                              {5, E::kDouble},
                              {6, E::kDouble},
                              {7, E::kBytes},
                              {8, E::kBytes},
                              {9, E::kBytes},
                              {10, E::kBytes},
                              {11, E::kInt},
                              {12},
                              {13, E::kList},
                              {15, E::kList},
                              {20, E::kList, {{19, E::kBytes}, {18, E::kInt}}},
                              {22, E::kInt},
                              {23, E::kList},
                              {26, E::kBytes},
                              {27, E::kInt},
                              {29, E::kInt},
                              {999}});
  EXPECT_EQ(reader.metadata().at("owner"), "golden");
  EXPECT_FALSE(reader.has(20));
  EXPECT_TRUE(reader.has(19));
  for (int64_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(reader.Next().value());
    EXPECT_TRUE(reader[0].is_null());
    EXPECT_EQ(reader[1].as_bool(), i % 2 == 1);
    const int64_t ints[] = {0, std::numeric_limits<int32_t>::max(),
                            std::numeric_limits<int32_t>::min()};
    const int64_t longs[] = {0, std::numeric_limits<int64_t>::max(),
                             std::numeric_limits<int64_t>::min()};
    EXPECT_EQ(reader[2].as_int(), ints[i % 3]);
    EXPECT_EQ(reader[3].as_int(), longs[i % 3]);
    EXPECT_EQ(reader[4].as_double(), 0.5 * static_cast<double>(i));
    EXPECT_EQ(reader[5].as_double(), 1e300 * static_cast<double>(i));
    EXPECT_EQ(reader[6].as_bytes(), std::string({'\0', static_cast<char>(i)}));
    std::string text;
    for (int64_t k = 0; k < i % 3; ++k) text += "grün";
    EXPECT_EQ(reader[7].as_bytes(), text);
    EXPECT_EQ(reader[8].as_bytes(), std::string({1, 2, 3, static_cast<char>(i)}));
    EXPECT_EQ(reader[9].as_bytes(), i % 2 == 0 ? "HEARTS" : "SPADES");
    EXPECT_EQ(reader[10].int_or(-7), i % 2 == 0 ? -7 : i);
    const Scalar either[] = {std::string("text"), Scalar{}, 2.5, std::string("four")};
    EXPECT_EQ(reader[11].ToScalar(), either[i % 4]);

    const AvroList numbers = reader.list(12);
    ASSERT_EQ(static_cast<int64_t>(numbers.size()), i % 5);
    for (size_t k = 0; k < numbers.size(); ++k) {
      EXPECT_EQ(numbers(k).as_int(), static_cast<int64_t>(k));
    }
    const AvroList texts = reader.list(13);
    ASSERT_EQ(static_cast<int64_t>(texts.size()), i % 4);
    for (size_t k = 0; k < texts.size(); ++k) {
      EXPECT_EQ(texts(k, 0).as_bytes(), "k" + std::to_string(k));
      EXPECT_EQ(texts(k, 1).bytes_or("null"), k == 1 ? "null" : std::string(k, 'v'));
    }
    EXPECT_EQ(reader[14].is_null(), i % 3 == 0);
    const AvroList pairs = reader.list(14);
    ASSERT_EQ(static_cast<int64_t>(pairs.size()), i % 3 == 0 ? 0 : i % 7);
    for (size_t k = 0; k < pairs.size(); ++k) {
      EXPECT_EQ(pairs(k, 0).as_bytes(), std::string(k, 'x'));
      EXPECT_EQ(pairs(k, 1).as_int(), static_cast<int64_t>(k));
    }
    EXPECT_EQ(reader[15].int_or(1), i % 4 == 0 ? 1 : -i);
    const AvroList lists = reader.list(16);
    ASSERT_EQ(static_cast<int64_t>(lists.size()), i % 4);
    for (size_t k = 0; k < lists.size(); ++k) {
      const AvroList inner = reader.list(lists(k));
      ASSERT_EQ(inner.size(), k);
      for (size_t n = 0; n < k; ++n) EXPECT_EQ(inner(n).as_bytes(), "SPADES");
    }
    EXPECT_EQ(Int128FromBigEndian(reader[17].as_bytes()).value(), Int128FromInt64(i - 50));
    EXPECT_EQ(reader[18].int_or(0), i);
    EXPECT_EQ(reader[19].int_or(0), i % 2);
  }
  EXPECT_FALSE(reader.Next().value());
  EXPECT_FALSE(reader.Next().value());
}

TEST_P(AvroCodecTest, FieldsThatNobodyWantsAreSkipped) {
  AvroReader reader =
      Opened(ReadFile(std::string("types_") + GetParam() + ".avro"), {{27, AvroExpect::kInt}});
  int64_t sum = 0;
  while (reader.Next().value()) sum += reader[0].int_or(0);
  EXPECT_EQ(sum, 99 * 100 / 2);
}

INSTANTIATE_TEST_SUITE_P(Codecs, AvroCodecTest,
                         testing::Values("null", "deflate", "snappy", "zstandard"));

TEST(AvroReaderTest, ManifestOfPyiceberg) {
  using E = AvroExpect;
  AvroReader reader = Opened(ReadFile("pyiceberg_manifest.avro"),
                             {{0, E::kInt},
                              {100, E::kBytes},
                              {103, E::kInt},
                              {.id = 1000, .within = 102},
                              {109, E::kList, {{119}, {120}}},
                              {125, E::kList, {{126, E::kInt}, {127, E::kBytes}}}});
  EXPECT_EQ(reader.metadata().at("format-version"), "2");
  EXPECT_EQ(reader.metadata().at("content"), "data");
  std::map<std::string, int64_t> rows;
  int64_t values = 0;
  while (reader.Next().value()) {
    EXPECT_EQ(reader[0].as_int(), 1);
    EXPECT_TRUE(reader[1].as_bytes().ends_with(".parquet"));
    rows[ToString(reader[3].ToScalar())] += reader[2].as_int();
    const AvroList counts = reader.list(4);
    EXPECT_EQ(counts.size(), 3u);
    for (size_t i = 0; i < counts.size(); ++i) values += counts(i, 1).as_int();
    const AvroList lower = reader.list(5);
    ASSERT_GT(lower.size(), 0u);
    EXPECT_EQ(lower(0, 0).as_int(), 1);
    EXPECT_EQ(lower(0, 1).as_bytes().size(), 8u);
  }
  EXPECT_EQ(values, 9);
  EXPECT_EQ(rows, (std::map<std::string, int64_t>{{"'north'", 1}, {"'south'", 1}, {"NULL", 1}}));
}

TEST(AvroReaderTest, ManifestListOfPyiceberg) {
  using E = AvroExpect;
  AvroReader reader =
      Opened(ReadFile("pyiceberg_manifest_list.avro"),
             {{500, E::kBytes},
              {504, E::kInt},
              {512, E::kInt},
              {507, E::kList, {{509, E::kBoolean}, {510, E::kBytes}, {511, E::kBytes}}}});
  ASSERT_TRUE(reader.Next().value());
  EXPECT_TRUE(reader[0].as_bytes().ends_with("-m0.avro"));
  EXPECT_EQ(reader[1].as_int(), 3);
  EXPECT_EQ(reader[2].as_int(), 3);
  const AvroList partitions = reader.list(3);
  ASSERT_EQ(partitions.size(), 1u);
  EXPECT_TRUE(partitions(0, 0).as_bool());
  EXPECT_EQ(partitions(0, 1).as_bytes(), "north");
  EXPECT_EQ(partitions(0, 2).as_bytes(), "south");
  EXPECT_FALSE(reader.Next().value());
}

TEST(AvroReaderTest, AFieldOfAnotherTypeThanExpectedIsNamed) {
  auto reader = AvroReader::Open(ReadFile("types_null.avro"), "m.avro");
  auto status = reader->Select({{8, AvroExpect::kInt}});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kCorruption);
  EXPECT_EQ(status.error().message,
            "m.avro: avro schema: field a_string (id 8): is string, expected an integer");
  EXPECT_FALSE(reader->Select({{21}}).ok());
}

TEST(AvroReaderTest, ATruncatedFileIsCorruptWhereverItEnds) {
  for (const char* name : {"types_null.avro", "types_deflate.avro", "types_snappy.avro",
                           "types_zstandard.avro", "pyiceberg_manifest.avro"}) {
    const std::string whole = ReadFile(name);
    int64_t ends_of_blocks = 0;
    for (size_t size = 0; size < whole.size(); ++size) {
      const Status status = Drain(whole.substr(0, size), {{13, AvroExpect::kList}});
      if (status.ok()) {
        ++ends_of_blocks;  // a file may end behind any block
      } else {
        ASSERT_EQ(status.error().kind, ErrorKind::kCorruption) << status.ToString();
      }
    }
    EXPECT_LT(ends_of_blocks, 20) << name;
  }
}

TEST(AvroReaderTest, DamagedBytesNeverCrash) {
  auto random = SeededRandom(7);
  const std::vector<AvroColumn> columns = {{2},  {4},
                                           {8},  {10},
                                           {12}, {13, AvroExpect::kList},
                                           {15}, {20, AvroExpect::kList, {{18}, {19}}},
                                           {23}};
  for (const char* name : {"types_null.avro", "types_deflate.avro", "types_snappy.avro",
                           "types_zstandard.avro", "pyiceberg_manifest_list.avro"}) {
    const std::string whole = ReadFile(name);
    for (int round = 0; round < 3000; ++round) {
      std::string bytes = whole;
      for (uint64_t n = 1 + random->Below(4); n > 0; --n) {
        bytes[random->Below(bytes.size())] = static_cast<char>(random->Next());
      }
      if (const Status status = Drain(bytes, columns); !status.ok()) {
        ASSERT_NE(status.error().kind, ErrorKind::kInternal) << status.ToString();
      }
    }
  }
}

TEST(AvroReaderTest, LengthsBeyondTheFileAllocateNothing) {
  auto random = SeededRandom(1);
  const std::string head = AvroWriter::Open(R"({"type":"record","name":"r","fields":[
        {"name":"n","field-id":1,"type":{"type":"array","items":"null"}},
        {"name":"i","field-id":2,"type":{"type":"array","items":"int"}}]})",
                                            {}, *random, {.codec = AvroWriterOptions::Codec::kNull})
                               .value()
                               .Finish()
                               .value();
  const std::string sync = head.substr(head.size() - 16);
  const std::string huge = "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01";   // 2^63 - 1
  const std::string least = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";  // -2^63
  const std::string zero(1, '\0');
  const std::string two_records = "\x04\x08" + zero + zero + zero + zero;
  ASSERT_TRUE(Drain(head + two_records + sync, {}).ok());
  for (const std::string& block : {
           huge + "\x08" + zero + zero + zero + zero,  // records
           least + "\x08" + zero + zero + zero + zero,
           "\x02" + huge + zero + zero,              // bytes of the block
           "\x02" + least + zero + zero,             //
           "\x02\x18" + huge + zero + zero,          // nulls
           "\x02\x18" + zero + huge + zero,          // ints
           "\x02\x18" + zero + least + zero,         // ints, with their size
           "\x02\x1a" + zero + "\x01" + huge + zero  // the size of one int
       }) {
    for (const std::vector<AvroColumn>& columns :
         {std::vector<AvroColumn>{}, std::vector<AvroColumn>{{1}, {2}}}) {
      const Status status = Drain(head + block + sync, columns);
      // A list of nulls may be skipped however long it is: it takes no bytes.
      if (columns.empty() && block.starts_with("\x02\x18" + huge)) continue;
      ASSERT_FALSE(status.ok());
      EXPECT_EQ(status.error().kind, ErrorKind::kCorruption) << status.ToString();
    }
  }
}

TEST(AvroReaderTest, ErrorsNameFileAndBlock) {
  std::string bytes = ReadFile("types_null.avro");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  const Status status = Drain(bytes, {});
  ASSERT_FALSE(status.ok());
  EXPECT_TRUE(status.error().message.starts_with("x.avro: avro block at byte "));
  EXPECT_TRUE(status.error().message.ends_with(": the sync marker does not match"));
  EXPECT_EQ(Drain("PAR1", {}).error().message, "x.avro: not an avro container file");
}

TEST(AvroSchemaTest, BadSchemasAreCorruption) {
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += R"({"type":"array","items":)";
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("42"),
        std::string(R"("nope")"), std::string(R"({"type":"record","name":"r"})"),
        std::string(R"({"type":"fixed","name":"f","size":-1})"),
        std::string(R"({"type":"fixed","name":"f","size":99999999999999})"),
        std::string(R"({"type":"array"})"), std::string(R"({"type":"map"})"),
        std::string(R"({"type":"record","name":"r","fields":[{"name":"a","type":"r"}]})"),
        std::string(
            R"({"type":"record","name":"r","fields":[{"name":"a","type":"int","field-id":"x"}]})"),
        std::string(R"([["null"]])"), std::string(R"({"name":"x"})"), deep}) {
    auto schema = AvroSchema::Parse(text, "x.avro");
    ASSERT_FALSE(schema.ok()) << text.substr(0, 100);
    EXPECT_EQ(schema.error().kind, ErrorKind::kCorruption);
  }
}

TEST(AvroSchemaTest, NamesAreResolvedInTheirNamespace) {
  auto schema = AvroSchema::Parse(
      R"({"type":"record","name":"a.r","fields":[
           {"name":"x","type":{"type":"fixed","name":"f","size":3}},
           {"name":"y","type":"f"},{"name":"z","type":["null","a.f"]}]})",
      "x.avro");
  ASSERT_TRUE(schema.ok()) << schema.status().ToString();
  EXPECT_EQ(schema->root().name, "a.r");
  EXPECT_EQ(schema->root().fields[1].type->fixed_bytes, 3);
  EXPECT_EQ(schema->root().encoded_bytes_min, 7);
}

TEST(AvroSchemaTest, FilesOfOneSchemaShareIt) {
  const auto record = [](int n) {
    return R"({"type": "record", "name": "r)" + std::to_string(n) + R"(", "fields": []})";
  };
  const auto first = AvroSchema::Shared(record(0), "a.avro").value();
  EXPECT_EQ(first->root().name, "r0");
  EXPECT_EQ(AvroSchema::Shared(record(0), "b.avro").value(), first);
  for (size_t n = 1; n <= AvroSchema::kSharedMax; ++n) {
    EXPECT_EQ(AvroSchema::Shared(record(static_cast<int>(n)), "a.avro").value()->root().name,
              "r" + std::to_string(n));
  }
  EXPECT_NE(AvroSchema::Shared(record(0), "a.avro").value(), first) << "no more are kept";
  const auto broken = AvroSchema::Shared("{", "c.avro");
  ASSERT_FALSE(broken.ok());
  EXPECT_TRUE(broken.error().message.starts_with("c.avro")) << broken.error().message;
}

TEST(AvroSchemaTest, ColumnNamesBecomeAvroNamesAsIcebergMakesThem) {
  EXPECT_EQ(AvroName("plain_1"), "plain_1");
  EXPECT_EQ(AvroName("1st"), "_1st");
  EXPECT_EQ(AvroName("a b"), "a_x20b");
  EXPECT_EQ(AvroName("é"), "_xE9");
  EXPECT_EQ(AvroName("😀"), "_xD83D_xDE00");
  EXPECT_EQ(AvroName("\xff"), "_xFF");
  EXPECT_EQ(AvroName(""), "_");
}

constexpr char kWriterSchema[] = R"({"type":"record","name":"r","fields":[
  {"name":"a","type":"int","field-id":1},
  {"name":"b","type":["null","string"],"field-id":2},
  {"name":"c","field-id":3,"type":["null",{"type":"record","name":"p","fields":[
    {"name":"d","type":["null",{"type":"fixed","name":"dec","size":3,"logicalType":"decimal",
      "precision":6,"scale":2}],"field-id":4},
    {"name":"e","type":["null","double"],"field-id":5}]}]},
  {"name":"f","field-id":6,"type":{"type":"array","logicalType":"map","items":{
    "type":"record","name":"k7_v8","fields":[{"name":"key","type":"int","field-id":7},
    {"name":"value","type":"long","field-id":8}]}}},
  {"name":"g","type":{"type":"map","values":"boolean","key-id":10,"value-id":11},"field-id":9}]})";

std::string WriteRows(int rows, const AvroWriterOptions& options) {
  auto random = SeededRandom(1);
  auto out = AvroWriter::Open(kWriterSchema, {{"content", "data"}}, *random, options).value();
  for (int i = 0; i < rows; ++i) {
    out.BeginRecord();
    out.Int(i);
    out.Value(i % 2 == 0 ? Scalar{} : Scalar{"row " + std::to_string(i)});
    if (i % 3 == 0) {
      out.Null();
    } else {
      out.BeginRecord();
      out.Value(Int128FromInt64(-i));
      out.Double(i / 4.0);
      out.EndRecord();
    }
    out.BeginList(static_cast<size_t>(i % 4));
    for (int k = 0; k < i % 4; ++k) {
      out.BeginRecord();
      out.Int(k);
      out.Int(int64_t{k} << 40);
      out.EndRecord();
    }
    out.EndList();
    out.BeginList(1);
    out.Bytes("yes");
    out.Boolean(true);
    out.EndList();
    out.EndRecord();
  }
  EXPECT_EQ(out.records(), rows);
  auto bytes = std::move(out).Finish();
  EXPECT_TRUE(bytes.ok()) << bytes.status().ToString();
  return *bytes;
}

TEST(AvroWriterTest, WhatIsWrittenIsRead) {
  for (auto codec : {AvroWriterOptions::Codec::kNull, AvroWriterOptions::Codec::kDeflate}) {
    AvroReader reader = Opened(WriteRows(5000, {.codec = codec, .block_bytes = 1000}),
                               {{1, AvroExpect::kInt},
                                {2},
                                {4, AvroExpect::kBytes},
                                {5, AvroExpect::kDouble},
                                {6, AvroExpect::kList, {{7}, {8}}},
                                {9, AvroExpect::kList}});
    EXPECT_EQ(reader.metadata().at("content"), "data");
    for (int i = 0; i < 5000; ++i) {
      ASSERT_TRUE(reader.Next().value());
      ASSERT_EQ(reader[0].as_int(), i);
      ASSERT_EQ(reader[1].bytes_or("null"), i % 2 == 0 ? "null" : "row " + std::to_string(i));
      ASSERT_EQ(reader[2].is_null(), i % 3 == 0);
      if (i % 3 != 0) {
        ASSERT_EQ(Int128FromBigEndian(reader[2].as_bytes()).value(), Int128FromInt64(-i));
        ASSERT_EQ(reader[3].as_double(), i / 4.0);
      }
      const AvroList list = reader.list(4);
      ASSERT_EQ(static_cast<int>(list.size()), i % 4);
      for (size_t k = 0; k < list.size(); ++k) {
        ASSERT_EQ(list(k, 1).as_int(), static_cast<int64_t>(k) << 40);
      }
      ASSERT_EQ(reader.list(5)(0, 0).as_bytes(), "yes");
      ASSERT_TRUE(reader.list(5)(0, 1).as_bool());
    }
    EXPECT_FALSE(reader.Next().value());
  }
}

TEST(AvroReaderTest, BlocksAreFoundAgainByTheirOffsets) {
  const std::string bytes = WriteRows(3000, {.block_bytes = 1000});
  AvroReader reader = Opened(bytes, {{1, AvroExpect::kInt}});
  EXPECT_EQ(reader.block_offset(), 0U);
  std::map<size_t, int64_t> first_of;
  for (int64_t i = 0; i < 3000; ++i) {
    ASSERT_TRUE(reader.Next().value());
    first_of.emplace(reader.block_offset(), i);
  }
  ASSERT_GT(first_of.size(), 20U);
  for (auto block = first_of.rbegin(); block != first_of.rend(); ++block) {
    ASSERT_TRUE(reader.SeekBlock(block->first).ok());
    for (int64_t i = 0; i < 3 && block->second + i < 3000; ++i) {
      ASSERT_TRUE(reader.Next().value());
      ASSERT_EQ(reader[0].as_int(), block->second + i);
    }
  }
  for (size_t offset = 0; offset < bytes.size() + 20; ++offset) {
    const Status status = reader.SeekBlock(offset);
    ASSERT_EQ(status.ok(), first_of.contains(offset)) << offset;
    if (!status.ok()) {
      ASSERT_EQ(status.error().kind, ErrorKind::kCorruption);
    }
  }
}

TEST(AvroWriterTest, AFileWithoutRecordsIsRead) {
  EXPECT_TRUE(Drain(WriteRows(0, {}), {{1}}).ok());
}

Status Attempt(const std::function<void(AvroWriter&)>& calls) {
  auto random = SeededRandom(1);
  auto out = AvroWriter::Open(kWriterSchema, {}, *random).value();
  calls(out);
  return std::move(out).Finish().status();
}

TEST(AvroWriterTest, CallsThatDoNotFollowTheSchemaAreRefused) {
  const Status wrong = Attempt([](AvroWriter& out) {
    out.BeginRecord();
    out.Int(1);
    out.Int(2);
    out.Null();
  });
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind, ErrorKind::kInternal);
  EXPECT_EQ(wrong.error().message, "avro writer: an integer does not fit at record r.b");
  EXPECT_FALSE(Attempt([](AvroWriter& out) { out.BeginRecord(); }).ok());
  EXPECT_FALSE(Attempt([](AvroWriter& out) { out.EndRecord(); }).ok());
  EXPECT_FALSE(Attempt([](AvroWriter& out) { out.Int(1); }).ok());
}

TEST(AvroWriterTest, ValuesThatDoNotFitAreInvalid) {
  const Status wide = Attempt([](AvroWriter& out) {
    out.BeginRecord();
    out.Int(int64_t{1} << 31);
  });
  ASSERT_FALSE(wide.ok());
  EXPECT_EQ(wide.error().kind, ErrorKind::kInvalidArgument);
  const Status decimal = Attempt([](AvroWriter& out) {
    out.BeginRecord();
    out.Int(1);
    out.Null();
    out.BeginRecord();
    out.Value(Int128FromInt64(1 << 23));
  });
  ASSERT_FALSE(decimal.ok());
  EXPECT_EQ(decimal.error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace tarn
