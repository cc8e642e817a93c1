#include <string>

#include <gtest/gtest.h>

#include "base/json.h"
#include "table/iceberg/metadata_json.h"
#include "table/iceberg/testing.h"
#include "table/model/partition.h"

namespace tarn {
namespace {

using Kind = Type::Kind;
using testing::ReadTestData;

TableMetadata Version3() {
  auto table = ParseTableMetadata(ReadTestData("spec/v3.metadata.json"), "v3");
  EXPECT_TRUE(table.ok()) << table.status().ToString();
  return std::move(table).value();
}

TEST(MetadataV3, ReadsEveryDefaultOfTheSpecification) {
  const TableMetadata table = Version3();
  const auto check = [&](const char* column, const Type& type, const Scalar& initial) {
    const Field* field = table.schema().Find(column);
    ASSERT_NE(field, nullptr) << column;
    EXPECT_EQ(field->type, type) << column;
    EXPECT_EQ(field->initial_default, initial) << column;
  };
  const std::string uuid("\x0d\xb3\xe2\xa8\x9d\x1d\x42\xb9\xaa\x7b\x74\xeb\xe5\x58\xdc\xeb", 16);
  const std::string bytes("\0\1\2\xff", 4);
  const int64_t micros = 1'510'871'468'123'456;
  check("id", Type(Kind::kUuid), uuid);
  check("b", Type(Kind::kBoolean), true);
  check("i", Type(Kind::kInt), int64_t{34});
  check("f", Type(Kind::kFloat), 1.0);
  check("d", Type(Kind::kDouble), 1.0);
  check("n", Type::Decimal(9, 2), Int128{0, 1420});
  check("day", Type(Kind::kDate), int64_t{17486});
  check("t", Type(Kind::kTime), int64_t{81'068'123'456});
  check("ts", Type(Kind::kTimestamp), micros);
  check("tz", Type(Kind::kTimestampTz), micros);
  check("ns", Type(Kind::kTimestampNs), micros * 1000 + 789);
  check("nstz", Type(Kind::kTimestampTzNs), micros * 1000 + 789);
  check("s", Type(Kind::kString), std::string("iceberg"));
  check("x", Type::Fixed(4), bytes);
  check("raw", Type(Kind::kBinary), bytes);
  const Schema& schema = table.schema();
  EXPECT_EQ(schema.Find("i")->write_default, Scalar(int64_t{35}));
  EXPECT_EQ(schema.Find("l")->write_default, Scalar(std::numeric_limits<int64_t>::max()));
  EXPECT_EQ(schema.Find("l")->initial_default, std::nullopt);
  EXPECT_EQ(schema.Find("s")->write_default, Scalar(std::string()));
  EXPECT_EQ(schema.Find("u")->type, Type(Kind::kUnknown));
  EXPECT_EQ(schema.Find("u")->initial_default, std::nullopt);
  EXPECT_EQ(schema.Find("v")->type, Type(Kind::kVariant));
  EXPECT_EQ(schema.Find("tags")->type.ToString(), "list<variant>");
  EXPECT_EQ(schema.Find(FieldId(22))->initial_default, Scalar(int64_t{0}));
  EXPECT_TRUE(CheckTypeForVersion(schema, 3).ok());
}

TEST(MetadataV3, ReadsRowIdsOrdersStatisticsAndRefs) {
  const TableMetadata table = Version3();
  EXPECT_EQ(table.format_version, 3);
  EXPECT_EQ(table.next_row_id, 1375);
  EXPECT_EQ(table.snapshots[0].first_row_id, std::nullopt) << "older than the table's upgrade";
  EXPECT_EQ(table.current()->first_row_id, 1000);
  EXPECT_EQ(table.current()->added_rows, 375);
  EXPECT_EQ(table.default_sort_order, 1);
  const std::vector<SortField>& order = table.sort_orders[1].fields;
  EXPECT_EQ(order[0].direction, SortField::Direction::kAscending);
  EXPECT_EQ(order[1].nulls, SortField::Nulls::kLast);
  EXPECT_EQ(order[1].transform, ParseTransform("bucket[4]"));
  EXPECT_EQ(order[2].source_ids, (std::vector<FieldId>{FieldId(3), FieldId(4)}));
  ASSERT_EQ(table.statistics.size(), 1U);
  EXPECT_EQ(table.statistics[0].blobs[0].properties.at("ndv"), "7");
  EXPECT_EQ(table.refs.size(), 3U);
  EXPECT_EQ(table.refs.at("test").type, "tag");
  EXPECT_EQ(table.refs.at("main").min_snapshots_to_keep, 5);
}

TEST(MetadataV3, TransformsOfSeveralColumnsAreUnknownWhateverTheyAreCalled) {
  const TableMetadata table = Version3();
  const PartitionField& both = table.FindSpec(SpecId(1))->fields[0];
  EXPECT_EQ(both.transform.kind, Transform::Kind::kUnknown);
  EXPECT_EQ(both.transform.ToString(), "bucket[4]");
  EXPECT_EQ(both.source_ids, (std::vector<FieldId>{FieldId(3), FieldId(4)}));
  const auto predicate = Predicate::Compare(Predicate::Op::kEq, "i", Scalar(int64_t{1}));
  EXPECT_TRUE(
      ProjectPredicate(predicate, table.schema(), *table.FindSpec(SpecId(1))).always_true());
}

TEST(MetadataV3, IsWrittenAsItWasRead) {
  const Json first = ParseJson(ReadTestData("spec/v3.metadata.json"), "v3").value();
  const Json second = ParseJson(WriteTableMetadata(Version3()), "v3").value();
  for (const auto& [key, value] : first.items()) {
    if (key == "schemas" || key == "location") continue;  // compared by meaning below
    EXPECT_EQ(nlohmann::json(second[key]), nlohmann::json(value)) << key;
  }
  EXPECT_TRUE(ParseTableMetadata(DumpJson(second), "v3").value() == Version3());
  EXPECT_EQ(second["schemas"][1]["fields"][11]["initial-default"], "2017-11-16T22:31:08.123456789");
  EXPECT_FALSE(second["partition-specs"][1]["fields"][0].contains("source-id"));
}

/// The reference implementation reads this document; see docs/formats/iceberg.md.
TEST(MetadataV3, WritesTheGoldenDocument) {
  const std::string name = "spec/v3.written.metadata.json";
  const std::string text =
      DumpJson(ParseJson(WriteTableMetadata(Version3()), "v3").value(), 1) + "\n";
  testing::UpdateTestData(name, text);
  EXPECT_EQ(ReadTestData(name), text);
}

TEST(MetadataV3, RowIdsAreNeverGivenTwiceWhateverTheDocumentSays) {
  Json json = ParseJson(ReadTestData("spec/v3.metadata.json"), "v3").value();
  json["next-row-id"] = 7;
  EXPECT_EQ(ParseTableMetadata(DumpJson(json), "v3").value().next_row_id, 1375);
}

TEST(MetadataV3, RefusesByNameWhatItDoesNotKnow) {
  const auto check = [](const std::string& pointer, const Json& value, ErrorKind kind,
                        const std::string& part) {
    Json json = ParseJson(ReadTestData("spec/v3.metadata.json"), "v3").value();
    json[Json::json_pointer(pointer)] = value;
    auto result = ParseTableMetadata(DumpJson(json), "the file");
    ASSERT_FALSE(result.ok()) << pointer;
    EXPECT_EQ(result.error().kind, kind) << result.error().message;
    EXPECT_NE(result.error().message.find("the file"), std::string::npos) << result.error().message;
    EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
  };
  const std::string fields = "/schemas/1/fields/";
  check("/format-version", 4, ErrorKind::kUnsupported, "version 4");
  check(fields + "17/type", "geometry(srid:4326)", ErrorKind::kUnsupported, "\"v\"");
  check(fields + "17/type", "geography", ErrorKind::kUnsupported, "geography");
  check(fields + "18/type/element", "geography(srid:4326, spherical)", ErrorKind::kUnsupported,
        "tags.element");
  check(fields + "19/initial-default", Json::object(), ErrorKind::kUnsupported, "\"point\"");
  check(fields + "16/initial-default", 1, ErrorKind::kCorruption, "\"u\"");
  check(fields + "17/write-default", "x", ErrorKind::kCorruption, "\"v\"");
  check(fields + "2/initial-default", 3000000000, ErrorKind::kCorruption, "\"i\"");
  check(fields + "2/initial-default", 1.5, ErrorKind::kCorruption, "\"i\"");
  check(fields + "2/initial-default", "34", ErrorKind::kCorruption, "\"i\"");
  check(fields + "6/initial-default", "12345678.90", ErrorKind::kCorruption, "\"n\"");
  check(fields + "7/initial-default", "2017-02-30", ErrorKind::kCorruption, "\"day\"");
  check(fields + "9/initial-default", "2017-11-16T22:31:08+00:00", ErrorKind::kCorruption,
        "\"ts\"");
  check("/next-row-id", nullptr, ErrorKind::kCorruption, "next-row-id");
  check("/next-row-id", -1, ErrorKind::kCorruption, "next-row-id");
  check("/snapshots/1/added-rows", nullptr, ErrorKind::kCorruption, "added-rows");
  check("/partition-specs/1/fields/0/source-ids", Json::array(), ErrorKind::kCorruption, "source");
}

TEST(MetadataV1, ReadsWhatHadNoListsYet) {
  const TableMetadata table =
      ParseTableMetadata(ReadTestData("spec/v1.metadata.json"), "v1").value();
  EXPECT_EQ(table.spec().fields[0].field_id, 1000);
  EXPECT_EQ(table.current()->manifests.size(), 2U);
  EXPECT_TRUE(table.current()->manifest_list.empty());
  EXPECT_EQ(table.refs.at("main").snapshot, *table.current_snapshot);
  EXPECT_EQ(table.last_sequence_number, 0);
  EXPECT_TRUE(table.sort_orders.empty());
  TableMetadata again = ParseTableMetadata(WriteTableMetadata(table), "v2").value();
  EXPECT_EQ(again.format_version, 2);
  EXPECT_EQ(again.current()->manifests, table.current()->manifests);
}

}  // namespace
}  // namespace tarn
