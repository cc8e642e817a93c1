#include "table/delta/table_schema.h"

#include <gmock/gmock.h>

namespace tarn::delta {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

std::string Column(const std::string& name, const std::string& type,
                   const std::string& metadata = "{}") {
  return R"({"name":")" + name + R"(","type":)" + type + R"(,"nullable":true,"metadata":)" +
         metadata + "}";
}
Metadata Table(const std::string& columns) {
  Metadata metadata;
  metadata.schema_string = R"({"type":"struct","fields":[)" + columns + "]}";
  return metadata;
}
Result<TableSchema> Read(const Metadata& metadata) {
  return ReadTableSchema(Protocol{1, 2, {}, {}}, metadata);
}

TEST(DeltaTableSchema, EveryTypeIsRead) {
  std::string columns;
  for (const char* type : {"boolean", "byte", "short", "integer", "long", "float", "double", "date",
                           "timestamp", "timestamp_ntz", "string", "binary", "void", "decimal",
                           "decimal(38,0)", "decimal(9, 2)", "varchar(3)"}) {
    columns += (columns.empty() ? "" : ",") + Column(type, "\"" + std::string(type) + "\"");
  }
  const auto table = Read(Table(columns));
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  std::vector<std::string> types;
  for (const Field& field : table->schema.fields) types.push_back(field.type.ToString());
  EXPECT_THAT(types, ElementsAre("boolean", "int", "int", "int", "long", "float", "double", "date",
                                 "timestamptz", "timestamp", "string", "binary", "unknown",
                                 "decimal(10, 0)", "decimal(38, 0)", "decimal(9, 2)", "string"));
  EXPECT_EQ(table->schema.HighestFieldId(), 17);
}

// What SchemaJson() writes of a table is read back as the same columns.
TEST(DeltaTableSchema, WhatIsWrittenIsReadBack) {
  const Type text(Type::Kind::kString);
  const Field inner{FieldId(4), "in ner", Type(Type::Kind::kLong), Nullability::kRequired, ""};
  std::vector<Field> fields = {
      {FieldId(1), "a", text, Nullability::kOptional, "what it is"},
      {FieldId(2), "s", Type::Struct({inner, {FieldId(5), "t", text, Nullability::kOptional, ""}}),
       Nullability::kRequired, ""}};
  for (const ColumnMapping mapping : {ColumnMapping::kByName, ColumnMapping::kById}) {
    std::vector<std::string> omitted;
    Metadata metadata;
    metadata.schema_string = DumpJson(SchemaJson(fields, {"col-1", "s"}, mapping, omitted));
    metadata.configuration["delta.columnMapping.mode"] =
        mapping == ColumnMapping::kById ? "id" : "name";
    const auto table = ReadTableSchema(Protocol{2, 5, {}, {}}, metadata);
    ASSERT_TRUE(table.ok()) << table.status().ToString();
    EXPECT_EQ(table->schema.fields, fields);
    EXPECT_EQ(table->mapping, mapping);
    EXPECT_THAT(table->physical_names,
                UnorderedElementsAre(std::pair(1, "col-1"), std::pair(2, "s"),
                                     std::pair(4, "in ner"), std::pair(5, "t")));
    // The property counts only where the protocol allows it.
    EXPECT_EQ(ReadTableSchema(Protocol{1, 2, {}, {}}, metadata)->mapping, ColumnMapping::kOff);
  }
}

// The example of "Column Mapping": ids of what has none come after those that are given.
TEST(DeltaTableSchema, ElementsGetIdsOfTheirOwn) {
  Metadata metadata = Table(R"({"name":"e","type":{"type":"array","elementType":{"type":"struct",
      "fields":[{"name":"d","type":"integer","nullable":false,"metadata":{
      "delta.columnMapping.id":5,"delta.columnMapping.physicalName":"col-a7f4159c"}}]},
      "containsNull":true},"nullable":true,"metadata":{"delta.columnMapping.id":4,
      "delta.columnMapping.physicalName":"col-5f422f40"}})");
  metadata.configuration["delta.columnMapping.mode"] = "name";
  const auto table =
      ReadTableSchema(Protocol{3, 7, {"columnMapping"}, {"columnMapping"}}, metadata);
  ASSERT_TRUE(table.ok()) << table.status().ToString();
  const Field& list = table->schema.fields[0];
  EXPECT_EQ(list.id, FieldId(4));
  const Field& element = list.type.fields()[0];
  EXPECT_EQ(element.id, FieldId(6));
  EXPECT_EQ(element.type.fields()[0].id, FieldId(5));
  EXPECT_EQ(table->physical_names.at(5), "col-a7f4159c");
}

TEST(DeltaTableSchema, RulesAreToldToWriters) {
  Metadata metadata =
      Table(Column("x", "\"integer\"",
                   R"({"delta.invariants":"{\"expression\": { \"expression\": \"x > 3\"} }"})") +
            "," + Column("g", "\"integer\"", R"({"delta.generationExpression":"x + 1"})") + "," +
            Column("i", "\"long\"", R"({"delta.identity.start":5,"delta.identity.step":2})") + "," +
            Column("d", "\"long\"", R"({"CURRENT_DEFAULT":"42"})"));
  metadata.configuration = {{"delta.appendOnly", "true"},
                            {"delta.constraints.birthDateCheck", "birthDate > '1900-01-01'"}};
  using Kind = TableRule::Kind;
  EXPECT_THAT(
      Read(metadata)->rules,
      ElementsAre(TableRule{Kind::kInvariant, "x", "x > 3"},
                  TableRule{Kind::kGenerated, "g", "x + 1"},
                  TableRule{Kind::kIdentity, "i", "start 5 step 2"},
                  TableRule{Kind::kDefault, "d", "42"}, TableRule{Kind::kAppendOnly, "", ""},
                  TableRule{Kind::kCheck, "birthDateCheck", "birthDate > '1900-01-01'"}));
}

TEST(DeltaTableSchema, WidenedColumnsAreReadWhereTheReaderFollows) {
  const auto widened = [](const char* from, const char* to) {
    return Read(Table(Column("e", "\"" + std::string(to) + "\"",
                             R"({"delta.typeChanges":[{"fromType":")" + std::string(from) +
                                 R"(","toType":")" + to + "\"}]}")));
  };
  EXPECT_TRUE(widened("short", "integer").ok());
  EXPECT_TRUE(widened("integer", "long").ok());
  EXPECT_TRUE(widened("float", "double").ok());
  EXPECT_TRUE(widened("decimal(6,2)", "decimal(10,2)").ok());
  const auto refused = widened("integer", "double");
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("column e was widened from integer to double"));
}

TEST(DeltaTableSchema, PartitionAndClusteringColumns) {
  Metadata metadata = Table(Column("a", "\"integer\"") + "," + Column("b", "\"date\""));
  metadata.partition_columns = {"b"};
  EXPECT_THAT(Read(metadata)->partition_columns, ElementsAre(FieldId(2)));
  metadata.partition_columns = {"c"};
  EXPECT_EQ(Read(metadata).error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(ClusteringColumns(R"({"clusteringColumns":["col-1",["a","b"]]})"),
              ElementsAre("col-1", "a.b"));
  EXPECT_THAT(ClusteringColumns("{"), ElementsAre());
}

TEST(DeltaTableSchema, BadOnesAreRefused) {
  const auto kind = [](const std::string& columns) { return Read(Table(columns)).error().kind; };
  EXPECT_EQ(kind(Column("v", "\"geometry\"")), ErrorKind::kUnsupported);
  EXPECT_EQ(kind(Column("v", "\"decimal(39,0)\"")), ErrorKind::kUnsupported);
  EXPECT_EQ(kind(Column("v", "\"decimal(3,4)\"")), ErrorKind::kUnsupported);
  EXPECT_EQ(kind(Column("v", R"({"type":"set"})")), ErrorKind::kUnsupported);
  EXPECT_EQ(kind(Column("v", R"({"type":"array"})")), ErrorKind::kCorruption);
  EXPECT_EQ(kind("{}"), ErrorKind::kCorruption);
  EXPECT_EQ(kind("7"), ErrorKind::kCorruption);
  EXPECT_EQ(Read(Metadata()).error().kind, ErrorKind::kCorruption);
  Metadata mapped = Table(Column("a", "\"long\""));
  mapped.configuration["delta.columnMapping.mode"] = "id";
  EXPECT_EQ(ReadTableSchema(Protocol{2, 5, {}, {}}, mapped).error().kind, ErrorKind::kCorruption);
}

}  // namespace
}  // namespace tarn::delta
