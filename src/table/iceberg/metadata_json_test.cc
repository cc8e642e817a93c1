#include "table/iceberg/metadata_json.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/json.h"
#include "table/model/partition.h"

namespace tarn {
namespace {

std::string ReadFile(const std::string& name) {
  std::ifstream in("src/table/iceberg/testdata/" + name, std::ios::binary);
  EXPECT_TRUE(in.good()) << name;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

constexpr char kVersion1[] = R"({
  "format-version": 1, "location": "s3://bucket/t/", "last-updated-ms": 5, "last-column-id": 2,
  "schema": {"type": "struct", "fields": [
    {"id": 1, "name": "x", "required": true, "type": "long"},
    {"id": 2, "name": "y", "required": false, "type": "timestamp", "doc": "when"}]},
  "partition-spec": [{"name": "x", "transform": "identity", "source-id": 1},
                     {"name": "y_day", "transform": "day", "source-id": 2}],
  "properties": {"a": "b"}, "current-snapshot-id": -1, "snapshots": []})";

TEST(MetadataJson, FillsWhatVersion1LeavesOut) {
  const TableMetadata table = ParseTableMetadata(kVersion1, "t").value();
  EXPECT_EQ(table.format_version, 1);
  EXPECT_EQ(table.location, "s3://bucket/t");
  EXPECT_EQ(table.schema().fields[1].doc, "when");
  ASSERT_EQ(table.spec().fields.size(), 2U);
  EXPECT_EQ(table.spec().fields[0].field_id, 1000);
  EXPECT_EQ(table.spec().fields[1].field_id, 1001);
  EXPECT_EQ(table.last_partition_id, 1001);
  EXPECT_EQ(table.last_sequence_number, 0);
  EXPECT_EQ(table.current(), nullptr);
  EXPECT_TRUE(table.refs.empty());
}

TEST(MetadataJson, IsWrittenInVersion2AndReadBack) {
  const TableMetadata first = ParseTableMetadata(kVersion1, "t").value();
  const std::string text = WriteTableMetadata(first);
  const Json json = ParseJson(text, "t").value();
  EXPECT_EQ(json["format-version"], 2);
  EXPECT_EQ(json["sort-orders"].size(), 1U);
  EXPECT_FALSE(json.contains("current-snapshot-id"));
  EXPECT_FALSE(json.contains("schema"));
  EXPECT_EQ(WriteTableMetadata(ParseTableMetadata(text, "t").value()), text);
}

TEST(MetadataJson, KeepsWhatItDoesNotInterpret) {
  Json json =
      ParseJson(WriteTableMetadata(ParseTableMetadata(kVersion1, "t").value()), "t").value();
  json["next-thing"] = Json{{"deep", Json::array({1, 2.5, nullptr, "ü"})}};
  json["partition-statistics"] = Json::array({Json{{"snapshot-id", 7}, {"statistics-path", "x"}}});
  json["encryption-keys"] = Json::array({Json{{"key-id", "k1"}, {"key-metadata", "aWNlYmVyZwo="}}});
  json["sort-orders"].push_back(Json{{"order-id", 1}, {"fields", Json::array()}});
  json["default-sort-order-id"] = 1;
  json["last-sequence-number"] = 1;
  json["snapshots"] = Json::array({Json{{"snapshot-id", 7},
                                        {"sequence-number", 1},
                                        {"timestamp-ms", 9},
                                        {"manifest-list", "s3://bucket/t/metadata/snap-7.avro"},
                                        {"summary", Json{{"operation", "append"}}},
                                        {"key-id", "k1"}}});
  json["current-snapshot-id"] = 7;
  json["refs"]["main"] = Json{{"snapshot-id", 7}, {"type", "branch"}};
  json["refs"]["v1"] = Json{{"snapshot-id", 7}, {"type", "tag"}, {"max-ref-age-ms", 100}};
  json["snapshot-log"] = Json::array({Json{{"timestamp-ms", 9}, {"snapshot-id", 7}}});
  json["metadata-log"] = Json::array({Json{{"timestamp-ms", 8}, {"metadata-file", "s3://m"}}});
  const TableMetadata table = ParseTableMetadata(DumpJson(json), "t").value();
  EXPECT_EQ(table.current()->summary.at("operation"), "append");
  EXPECT_EQ(table.refs.at("v1").max_ref_age_ms, 100);
  const Json back = ParseJson(WriteTableMetadata(table), "t").value();
  for (const auto& [key, value] : json.items()) {
    EXPECT_EQ(nlohmann::json(back[key]), nlohmann::json(value)) << key;
  }
}

TEST(MetadataJson, ReadsWhatPyicebergWrote) {
  for (const std::string version : {"pyiceberg_v1", "pyiceberg_v2"}) {
    auto result = ParseTableMetadata(ReadFile(version + "/metadata.json"), version);
    ASSERT_TRUE(result.ok()) << result.error().message;
    const TableMetadata& table = *result;
    EXPECT_EQ(table.schemas.size(), 2U);
    EXPECT_EQ(table.schema().Find("ratio")->id.value(), 8);
    EXPECT_EQ(table.schema().Find("extra")->doc, "note");
    EXPECT_EQ(table.schema().Find("addr")->type.ToString(), "struct<zip: int, city: string>");
    EXPECT_EQ(table.schema().identifier_fields, std::vector<FieldId>{FieldId(1)});
    EXPECT_EQ(table.spec().fields.size(), 3U);
    EXPECT_EQ(table.spec().fields[2].transform.ToString(), "bucket[8]");
    EXPECT_EQ(table.snapshots.size(), 3U);
    EXPECT_EQ(table.properties.at("owner"), "growth");
    EXPECT_EQ(table.refs.at("main").snapshot, *table.current_snapshot);
    const std::string text = WriteTableMetadata(table);
    EXPECT_EQ(WriteTableMetadata(ParseTableMetadata(text, version).value()), text);
  }
}

TEST(MetadataJson, RefusesBrokenDocumentsByName) {
  const auto check = [](const std::string& pointer, const Json& value, ErrorKind kind) {
    Json json =
        ParseJson(WriteTableMetadata(ParseTableMetadata(kVersion1, "t").value()), "t").value();
    json[Json::json_pointer(pointer)] = value;
    auto result = ParseTableMetadata(DumpJson(json), "the file");
    ASSERT_FALSE(result.ok()) << pointer;
    EXPECT_EQ(result.error().kind, kind) << pointer << ": " << result.error().message;
    EXPECT_NE(result.error().message.find("the file"), std::string::npos);
  };
  check("/format-version", 4, ErrorKind::kUnsupported);
  check("/format-version", "2", ErrorKind::kCorruption);
  check("/current-schema-id", 9, ErrorKind::kCorruption);
  check("/default-spec-id", 9, ErrorKind::kCorruption);
  check("/current-snapshot-id", 9, ErrorKind::kCorruption);
  check("/schemas", 1, ErrorKind::kCorruption);
  check("/schemas/0/fields/0/type", "geometry", ErrorKind::kUnsupported);
  check("/schemas/0/fields/0/type", "decimal(39, 2)", ErrorKind::kUnsupported);
  check("/schemas/0/fields/0/type", Json{{"type", "list"}}, ErrorKind::kCorruption);
  check("/schemas/0/fields/1/id", 1, ErrorKind::kCorruption);
  check("/schemas/0/fields/1/name", "x", ErrorKind::kCorruption);
  check("/schemas/0/fields/0/id", 4294967296, ErrorKind::kCorruption);
  check("/table-uuid", nullptr, ErrorKind::kCorruption);
  check("/refs", 1, ErrorKind::kCorruption);
  check("/snapshots", Json::array({1}), ErrorKind::kCorruption);
  EXPECT_EQ(ParseTableMetadata("[]", "x").error().kind, ErrorKind::kCorruption);
  EXPECT_EQ(ParseTableMetadata("{", "x").error().kind, ErrorKind::kCorruption);
}

}  // namespace
}  // namespace tarn
