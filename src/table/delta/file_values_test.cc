#include "table/delta/file_values.h"

#include <gmock/gmock.h>

#include "table/delta/stats.h"

namespace tarn::delta {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

Type Kind(Type::Kind kind) { return Type(kind); }

TableSchema Table(std::vector<Type> types, std::vector<FieldId> partition = {}) {
  TableSchema table;
  for (const Type& type : types) {
    const auto id = static_cast<int32_t>(table.schema.fields.size() + 1);
    table.physical_names[id] = "c" + std::to_string(id);
    table.schema.fields.push_back(
        {FieldId(id), "c" + std::to_string(id), type, Nullability::kOptional, ""});
  }
  table.partition_columns = std::move(partition);
  return table;
}

void CheckValue(const Type& type, const std::string& text, const Scalar& expected) {
  const auto value = ReadPartitionValue(type, text);
  ASSERT_TRUE(value.ok()) << value.status().ToString();
  EXPECT_EQ(*value, expected) << text;
}

TEST(DeltaPartitionValue, EveryTypeIsRead) {
  CheckValue(Kind(Type::Kind::kString), "eu/ü", std::string("eu/ü"));
  CheckValue(Kind(Type::Kind::kInt), "-7", int64_t{-7});
  CheckValue(Kind(Type::Kind::kDouble), "1.5", 1.5);
  CheckValue(Kind(Type::Kind::kBoolean), "true", true);
  CheckValue(Type::Decimal(9, 2), "1.5", Int128{0, 150});
  CheckValue(Kind(Type::Kind::kDate), "1970-01-02", int64_t{1});
  CheckValue(Kind(Type::Kind::kBinary), "\x01\x02", std::string("\x01\x02"));
  CheckValue(Kind(Type::Kind::kTimestamp), "1970-01-01 00:00:01", int64_t{1'000'000});
  CheckValue(Kind(Type::Kind::kTimestampTz), "1970-01-01 00:00:00.123456", int64_t{123'456});
  CheckValue(Kind(Type::Kind::kTimestampTz), "1970-01-01T00:00:00.123456Z", int64_t{123'456});
  CheckValue(Kind(Type::Kind::kTimestampTz), "1970-01-01T01:00:00+01:00", int64_t{0});
  CheckValue(Kind(Type::Kind::kString), "", Scalar());
  EXPECT_EQ(*ReadPartitionValue(Kind(Type::Kind::kInt), std::nullopt), Scalar());
}

TEST(DeltaPartitionValue, WhatIsNoneIsRefused) {
  for (const auto& [type, text] : std::vector<std::pair<Type, std::string>>{
           {Kind(Type::Kind::kInt), "x"},
           {Kind(Type::Kind::kInt), "3000000000"},
           {Kind(Type::Kind::kDate), "1970-13-01"},
           {Kind(Type::Kind::kTimestampTz), "1970-01-01T00:00:00+0x:00"},
           {Kind(Type::Kind::kBoolean), "yes"}}) {
    EXPECT_EQ(ReadPartitionValue(type, text).error().kind, ErrorKind::kCorruption) << text;
  }
}

TableFile Read(const TableSchema& table, const std::string& stats, PartitionValues values = {}) {
  const auto file = ReadTableFile({"data/a%20b", std::move(values), 7, 1, DataChange::kYes, stats},
                                  table, "file:///t");
  EXPECT_TRUE(file.ok()) << file.status().ToString();
  return file.ok() ? *file : TableFile();
}

TEST(DeltaTableFile, StatisticsBecomeBounds) {
  const TableSchema table = Table(
      {Kind(Type::Kind::kLong), Kind(Type::Kind::kString), Kind(Type::Kind::kTimestampTz),
       Type::Struct({{FieldId(9), "in", Kind(Type::Kind::kFloat), Nullability::kOptional, ""}}),
       Type::Decimal(20, 2)});
  TableSchema named = table;
  named.physical_names[9] = "in";
  const DataFile file =
      Read(named, R"({"numRecords":3,"minValues":{"c1":-1,"c2":"a","c3":"1970-01-01T00:00:00.001Z",
          "c4":{"in":0.1},"c5":1234567890123456.25},"maxValues":{"c1":9,"c2":"b",
          "c3":"1969-12-31T16:00:00.001-08:00","c4":{"in":0.1}},"nullCount":{"c1":1,"c4":{"in":0}}})")
          .file;
  EXPECT_EQ(file.path, "file:///t/data/a b");
  EXPECT_EQ(file.record_count, 3);
  EXPECT_EQ(file.lower_bounds.at(1), Scalar(int64_t{-1}));
  EXPECT_EQ(file.upper_bounds.at(2), Scalar(std::string("b")));
  EXPECT_EQ(file.lower_bounds.at(3), Scalar(int64_t{1000}));
  EXPECT_EQ(file.upper_bounds.at(3), Scalar(int64_t{1999}));  // milliseconds were cut
  EXPECT_EQ(file.upper_bounds.at(9), Scalar(static_cast<double>(0.1F)));
  EXPECT_FALSE(file.lower_bounds.contains(5));  // more digits than a JSON number keeps
  EXPECT_EQ(file.null_counts.at(1), 1);
  EXPECT_EQ(file.null_counts.at(9), 0);
}

TEST(DeltaTableFile, WhatIsWrittenIsReadBack) {
  const TableSchema table = Table({Kind(Type::Kind::kLong), Type::Decimal(9, 2)});
  DataFile file;
  file.record_count = 5;
  file.value_counts = {{1, 5}, {2, 5}};
  file.null_counts = {{1, 0}, {2, 5}};
  file.lower_bounds = {{1, int64_t{3}}, {2, Int128{0, 250}}};
  file.upper_bounds = {{1, int64_t{4}}, {2, Int128{0, 251}}};
  for (const Bounds bounds : {Bounds::kTight, Bounds::kWide}) {
    const DataFile read = Read(table, StatsJson(file, table.schema, {"c1", "c2"}, bounds)).file;
    EXPECT_EQ(read.record_count, file.record_count);
    EXPECT_EQ(read.null_counts, file.null_counts);
    EXPECT_EQ(read.lower_bounds, file.lower_bounds);
    EXPECT_EQ(read.upper_bounds, file.upper_bounds);
  }
  file.null_counts[1] = 2;
  const DataFile wide =
      Read(table, StatsJson(file, table.schema, {"c1", "c2"}, Bounds::kWide)).file;
  EXPECT_FALSE(wide.null_counts.contains(1));
}

TEST(DeltaTableFile, PartitionValuesAreBounds) {
  const TableSchema table =
      Table({Kind(Type::Kind::kDate), Kind(Type::Kind::kString)}, {FieldId(1), FieldId(2)});
  const TableFile file =
      Read(table, R"({"numRecords":3})", {{"c1", "1970-01-03"}, {"c2", std::nullopt}});
  EXPECT_EQ(file.partition_values.at(1), Scalar(int64_t{2}));
  EXPECT_EQ(file.file.lower_bounds.at(1), Scalar(int64_t{2}));
  EXPECT_EQ(file.file.null_counts.at(1), 0);
  EXPECT_TRUE(IsNull(file.partition_values.at(2)));
  EXPECT_EQ(file.file.null_counts.at(2), 3);
  const auto bad = ReadTableFile({"x", {{"c1", "never"}}, 1, 1, DataChange::kYes, ""}, table, "t");
  EXPECT_EQ(bad.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(bad.error().message, HasSubstr("t/x"));
}

TEST(DeltaTableFile, BadStatisticsArePassedOver) {
  const TableSchema table = Table({Kind(Type::Kind::kLong), Kind(Type::Kind::kDate)});
  for (const char* stats :
       {"", "{", "[]", "7", R"({"numRecords":-1,"minValues":{"c1":1}})",
        R"({"numRecords":1,"minValues":[1],"maxValues":7,"nullCount":"x"})",
        R"({"numRecords":1,"minValues":{"c1":"1","c2":5},"maxValues":{"c1":1.5,"c2":"x"}})"}) {
    const DataFile file = Read(table, stats).file;
    EXPECT_THAT(file.lower_bounds, IsEmpty()) << stats;
    EXPECT_THAT(file.upper_bounds, IsEmpty()) << stats;
  }
}

}  // namespace
}  // namespace tarn::delta
