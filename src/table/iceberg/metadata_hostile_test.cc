#include <string>

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/random.h"
#include "table/iceberg/metadata_json.h"
#include "table/iceberg/testing.h"

namespace tarn {
namespace {

using testing::ReadTestData;

const Json& Good() {
  static const Json* const good =
      new Json(ParseJson(ReadTestData("spec/v3.metadata.json"), "v3").value());
  return *good;
}

void CheckCorrupt(const std::string& document, const std::string& why) {
  auto result = ParseTableMetadata(document, "the file");
  ASSERT_FALSE(result.ok()) << why;
  EXPECT_EQ(result.error().kind, ErrorKind::kCorruption) << why << ": " << result.error().message;
  EXPECT_NE(result.error().message.find("the file"), std::string::npos) << result.error().message;
}

void CheckMember(const std::string& pointer, const Json& value) {
  Json json = Good();
  json[Json::json_pointer(pointer)] = value;
  CheckCorrupt(DumpJson(json), pointer + " = " + DumpJson(value));
}

TEST(HostileMetadata, NestedTooDeeply) {
  CheckCorrupt(std::string(100'000, '['), "brackets");
  std::string type = "\"int\"";
  for (int i = 0; i < 200; ++i) {
    const std::string id = std::to_string(1000 + i);
    type = R"({"type": "list", "element-required": true, "element-id": )" + id +
           R"(, "element": )" + type + "}";
  }
  Json json = Good();
  json["schemas"][0]["fields"][0]["type"] = ParseJson(type, "type").value();
  CheckCorrupt(DumpJson(json), "a list of lists");
}

TEST(HostileMetadata, NumbersThatNobodyCanCountOnFrom) {
  for (const char* member :
       {"/last-sequence-number", "/last-updated-ms", "/next-row-id", "/snapshots/0/timestamp-ms",
        "/snapshots/1/added-rows", "/snapshots/1/first-row-id", "/snapshots/1/sequence-number"}) {
    CheckMember(member, std::numeric_limits<int64_t>::max());
    CheckMember(member, -1);
    CheckMember(member, 1.5);
  }
  for (const char* member :
       {"/last-column-id", "/last-partition-id", "/schemas/1/schema-id",
        "/partition-specs/1/spec-id", "/sort-orders/1/order-id", "/schemas/1/fields/5/id",
        "/partition-specs/0/fields/0/field-id", "/partition-specs/0/fields/0/source-id",
        "/schemas/1/identifier-field-ids/0"}) {
    CheckMember(member, std::numeric_limits<int32_t>::max());
    CheckMember(member, -5);
  }
  Json json = Good();
  json["next-row-id"] = "HERE";
  std::string text = DumpJson(json);
  text.replace(text.find("\"HERE\""), 6, "1e999999");
  CheckCorrupt(text, "an exponent");
}

TEST(HostileMetadata, IdsThatOccurTwice) {
  for (const char* list : {"schemas", "partition-specs", "sort-orders", "snapshots"}) {
    Json json = Good();
    const Json copy = json[list][1];
    json[list].push_back(copy);
    CheckCorrupt(DumpJson(json), list);
  }
  CheckMember("/schemas/1/fields/1/id", 1);
  CheckMember("/partition-specs/0/fields/1/field-id", 1000);
  CheckMember("/partition-specs/0/fields/1/name", "ns_day");
}

TEST(HostileMetadata, AncestorsInACircle) {
  CheckMember("/snapshots/1/parent-snapshot-id", 3055729675574597004);
  CheckMember("/snapshots/0/parent-snapshot-id", 3055729675574597004);
  Json json = Good();
  json["snapshots"][0]["parent-snapshot-id"] = 99;
  EXPECT_TRUE(ParseTableMetadata(DumpJson(json), "v3").ok()) << "an expired parent is none";
}

TEST(HostileMetadata, NamesOfWhatDoesNotExist) {
  CheckMember("/default-sort-order-id", 9);
  CheckMember("/current-snapshot-id", 9);
  CheckMember("/current-snapshot-id", 3051729675574597004);  // not where "main" is
  CheckMember("/current-snapshot-id", nullptr);
  CheckMember("/refs/test/snapshot-id", 9);
  CheckMember("/refs/test/type", "twig");
  CheckMember("/refs/main/type", "tag");
  CheckMember("/schemas/1/identifier-field-ids", Json::array({99}));
  CheckMember("/sort-orders/0/fields", Good()["sort-orders"][1]["fields"]);
  CheckMember("/sort-orders/1/fields/0/direction", "up");
  CheckMember("/statistics/0/file-size-in-bytes", -1);
  CheckMember("/statistics/0/blob-metadata/0/fields", Json::array({"x"}));
}

TEST(HostileMetadata, ManySnapshotsInOneLineOfAncestryTakeNoTime) {
  TableMetadata table = ParseTableMetadata(ReadTestData("spec/v1.metadata.json"), "t").value();
  const Snapshot one = table.snapshots[0];
  for (int64_t i = 1; i <= 100'000; ++i) {
    Snapshot next = one;
    next.id = SnapshotId(i);
    next.parent = SnapshotId(i - 1);
    table.snapshots.push_back(next);
  }
  EXPECT_EQ(ParseTableMetadata(WriteTableMetadata(table), "t")->snapshots.size(), 100'001U);
}

TEST(HostileMetadata, AnyMemberMayBeAnything) {
  const Json values =
      Json::array({nullptr, true, -1, 0, 4294967296, 1e300, "", "x", Json::array(), Json::object(),
                   Json::array({nullptr}), Json::array({Json::object()})});
  const Json flat = Good().flatten();
  int refused = 0;
  for (const auto& [pointer, old] : flat.items()) {
    // Every member on the way to a leaf as well.
    for (std::string at = pointer; !at.empty(); at = at.substr(0, at.rfind('/'))) {
      for (const Json& value : values) {
        Json json = Good();
        json[Json::json_pointer(at)] = value;
        auto result = ParseTableMetadata(DumpJson(json), "the file");
        if (result.ok()) {
          const std::string text = WriteTableMetadata(*result);
          auto again = ParseTableMetadata(text, "again");
          ASSERT_TRUE(again.ok()) << at << " = " << DumpJson(value) << ": "
                                  << again.status().ToString();
          EXPECT_TRUE(*again == *result) << at << " = " << DumpJson(value);
          continue;
        }
        ++refused;
        EXPECT_TRUE(result.error().kind == ErrorKind::kCorruption ||
                    result.error().kind == ErrorKind::kUnsupported);
        EXPECT_NE(result.error().message.find("the file"), std::string::npos)
            << result.error().message;
      }
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace tarn
