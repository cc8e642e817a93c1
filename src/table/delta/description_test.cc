#include "table/delta/description.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "base/json.h"
#include "table/delta/features.h"
#include "table/delta/properties.h"
#include "table/delta/schema_json.h"
#include "table/model/column_mapping.h"

namespace tarn::delta {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Field Column(int id, const std::string& name, const Type& type) {
  return {FieldId(id), name, type, Nullability::kOptional, ""};
}
Type Kind(Type::Kind kind) { return Type(kind); }

TableMetadata Table(std::vector<Field> fields, std::vector<PartitionField> partition = {}) {
  TableMetadata table;
  table.table_uuid = "u";
  Schema schema;
  schema.fields = std::move(fields);
  table.last_column_id = schema.HighestFieldId();
  table.schemas = {schema};
  table.specs = {{SpecId(0), std::move(partition)}};
  return table;
}

PartitionField Partition(int source, Transform::Kind kind) {
  return {FieldId(source), 1000 + source, "p" + std::to_string(source), {kind, 0, ""}};
}

TEST(DeltaDescription, RequiredColumnsNameTheInvariantThatTheyAreOnceFeaturesAreListed) {
  TableMetadata table = Table(
      {Column(1, "id", Kind(Type::Kind::kInt)), Column(2, "at", Kind(Type::Kind::kTimestamp))});
  EXPECT_THAT(Describe(table, VectorUse::kNo)->protocol.writer_features,
              ElementsAre("timestampNtz"));
  table.schemas[0].fields[0].nullability = Nullability::kRequired;
  EXPECT_THAT(Describe(table, VectorUse::kNo)->protocol.writer_features,
              ElementsAre("invariants", "timestampNtz"));
  EXPECT_THAT(Describe(table, VectorUse::kNo)->protocol.reader_features,
              ElementsAre("timestampNtz"));
}

TEST(DeltaDescription, DefaultsAreTheColumnsMetadataAndAFeatureOfWritersOnly) {
  TableMetadata table = Table({Column(1, "id", Kind(Type::Kind::kInt))});
  table.schemas[0].fields[0].write_default = Scalar(int64_t{5});
  const auto plain = Describe(table, VectorUse::kNo);
  EXPECT_EQ(plain->protocol, (Protocol{1, 7, {}, {"allowColumnDefaults"}}));
  const Json schema = *ParseJson(plain->schema_string, "schema");
  EXPECT_EQ(schema["fields"][0]["metadata"]["CURRENT_DEFAULT"], "5");

  EXPECT_EQ(Describe(table, VectorUse::kYes)->protocol,
            (Protocol{3, 7, {"deletionVectors"}, {"allowColumnDefaults", "deletionVectors"}}));
  table.properties[kColumnMappingModeProperty] = "name";
  EXPECT_EQ(Describe(table, VectorUse::kNo)->protocol,
            (Protocol{2, 7, {}, {"allowColumnDefaults", "columnMapping"}}));
  table.schemas[0].fields[0].nullability = Nullability::kRequired;
  EXPECT_EQ(Describe(table, VectorUse::kNo)->protocol,
            (Protocol{2, 7, {}, {"allowColumnDefaults", "columnMapping", "invariants"}}));
  // A feature once raised stays, also when no column needs it any more.
  table.schemas.push_back(table.schemas[0]);
  table.schemas[1].id = table.current_schema = SchemaId(1);
  table.schemas[1].fields[0].write_default = std::nullopt;
  EXPECT_THAT(Describe(table, VectorUse::kNo)->protocol.writer_features,
              ElementsAre("allowColumnDefaults", "columnMapping", "invariants"));
}

TEST(DeltaDescription, DeletionVectorsRaiseTheirFeatureAndWhatOlderVersionsImplied) {
  TableMetadata table = Table({Column(1, "id", Kind(Type::Kind::kInt))});
  const std::vector<std::string> vectors = {"deletionVectors"};
  EXPECT_EQ(Describe(table, VectorUse::kYes)->protocol, (Protocol{3, 7, vectors, vectors}));
  EXPECT_EQ(Describe(table, VectorUse::kYes)->configuration.at("delta.enableDeletionVectors"),
            "true");
  EXPECT_FALSE(Describe(table, VectorUse::kNo)->configuration.contains(kEnableVectorsProperty));
  table.schemas[0].fields[0].nullability = Nullability::kRequired;
  table.properties[kColumnMappingProperty] = R"({"1":"id"})";
  EXPECT_EQ(Describe(table, VectorUse::kYes)->protocol,
            (Protocol{3,
                      7,
                      {"columnMapping", "deletionVectors"},
                      {"columnMapping", "deletionVectors", "invariants"}}));
}

TEST(DeltaDescription, PropertiesChooseTheColumnMappingAndTheCheckpoints) {
  TableMetadata table = Table({Column(7, "id", Kind(Type::Kind::kInt))});
  table.properties["delta.columnMapping.mode"] = "id";
  table.properties["delta.checkpointPolicy"] = "v2";
  table.properties["delta.logRetentionDuration"] = "interval 3 days";
  table.properties["delta.deletedFileRetentionDuration"] = "long";
  table.properties["delta.enableChangeDataFeed"] = "true";
  const Description description = *Describe(table, VectorUse::kNo);
  const std::vector<std::string> both = {"columnMapping", "v2Checkpoint"};
  EXPECT_EQ(description.protocol, (Protocol{3, 7, both, both}));
  EXPECT_EQ(description.configuration, (std::map<std::string, std::string>{
                                           {"delta.checkpointPolicy", "v2"},
                                           {"delta.columnMapping.maxColumnId", "7"},
                                           {"delta.columnMapping.mode", "id"},
                                           {"delta.logRetentionDuration", "interval 3 days"}}));
  EXPECT_THAT(description.schema_string, ::testing::HasSubstr("\"delta.columnMapping.id\":7"));
  table.properties["delta.columnMapping.mode"] = "name";
  EXPECT_EQ(Describe(table, VectorUse::kNo)->configuration.at("delta.columnMapping.mode"), "name");
}

TEST(DeltaProperties, OnlyThoseThatHaveAnEffectMayBeSet) {
  const auto check = [](const char* key, const char* value) {
    return CheckDeltaProperty(key, value);
  };
  EXPECT_TRUE(check("owner", "x").ok());
  EXPECT_TRUE(check("delta.columnMapping.mode", "id").ok());
  EXPECT_TRUE(check("delta.checkpointPolicy", "classic").ok());
  EXPECT_TRUE(check("delta.deletedFileRetentionDuration", "interval 1 week").ok());
  EXPECT_EQ(check("delta.columnMapping.mode", "none").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(check("delta.logRetentionDuration", "1 month").error().kind,
            ErrorKind::kInvalidArgument);
  EXPECT_TRUE(check("delta.appendOnly", "true").ok());
  EXPECT_EQ(check("delta.appendOnly", "yes").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_TRUE(check("delta.constraints.low", "id < 100").ok());
  EXPECT_EQ(check("delta.autoOptimize.autoCompact", "true").error().kind,
            ErrorKind::kInvalidArgument);
}

TEST(DeltaProperties, AreKnownInEverySpelling) {
  EXPECT_EQ(SpellProperty("DELTA.appendonly"), "delta.appendOnly");
  EXPECT_EQ(SpellProperty("delta.columnmapping.mode"), "delta.columnMapping.mode");
  EXPECT_EQ(SpellProperty("Write.X"), "Write.X");
}

TEST(DeltaProperties, TimeSpans) {
  EXPECT_EQ(ParseIntervalMs("interval 30 days"), int64_t{30} * 86'400'000);
  EXPECT_EQ(ParseIntervalMs("INTERVAL 1 week  2 Days"), int64_t{9} * 86'400'000);
  EXPECT_EQ(ParseIntervalMs("36 hours"), int64_t{36} * 3'600'000);
  for (const char* bad : {"", "interval", "days", "1", "x days", "-1 days", "1 month", "1 day 2",
                          "99999999999999999999 days"}) {
    EXPECT_FALSE(ParseIntervalMs(bad)) << bad;
  }
}

TEST(DeltaDescription, EveryTypeHasItsNameAndTimeIsLeftOut) {
  const Type time = Kind(Type::Kind::kTime);
  TableMetadata table =
      Table({Column(1, "i", Kind(Type::Kind::kInt)), Column(2, "d", Type::Decimal(38, 9)),
             Column(3, "t", time), Column(4, "u", Kind(Type::Kind::kUuid)),
             Column(5, "l", Type::List(Column(6, "element", time))),
             Column(7, "s", Type::Struct({Column(8, "a", time), Column(9, "b", Type::Fixed(3))}))});
  table.schemas[0].fields[0].nullability = Nullability::kRequired;
  table.schemas[0].fields[0].doc = "the key";
  const Description description = *Describe(table, VectorUse::kNo);
  const std::string expected =
      "{'type':'struct','fields':["
      "{'name':'i','type':'integer','nullable':false,'metadata':{'comment':'the key'}},"
      "{'name':'d','type':'decimal(38,9)','nullable':true,'metadata':{}},"
      "{'name':'u','type':'binary','nullable':true,'metadata':{}},"
      "{'name':'s','type':{'type':'struct','fields':["
      "{'name':'b','type':'binary','nullable':true,'metadata':{}}]},"
      "'nullable':true,'metadata':{}}]}";
  std::string shown = description.schema_string;
  std::replace(shown.begin(), shown.end(), '"', '\'');
  EXPECT_EQ(shown, expected);
  EXPECT_EQ(description.configuration.at("tarn.omitted-columns"),
            "t (time), l (list<time>), s.a (time)");
}

TEST(DeltaDescription, FeaturesAreRaisedOnlyWhenNeeded) {
  TableMetadata table = Table({Column(1, "a", Kind(Type::Kind::kTimestampTz))});
  EXPECT_EQ(Describe(table, VectorUse::kNo)->protocol, (Protocol{1, 2, {}, {}}));
  table.properties[kColumnMappingProperty] = WriteColumnMapping({{1, "old"}});
  EXPECT_EQ(Describe(table, VectorUse::kNo)->protocol, (Protocol{2, 5, {}, {}}));
  EXPECT_THAT(Describe(table, VectorUse::kNo)->physical_names, ElementsAre("old"));
  EXPECT_EQ(Describe(table, VectorUse::kNo)->configuration.at("delta.columnMapping.mode"), "name");
  Schema earlier = table.schema();
  earlier.id = SchemaId(9);
  earlier.fields.push_back(
      Column(2, "l", Type::List(Column(3, "element", Kind(Type::Kind::kTimestamp)))));
  table.schemas.push_back(earlier);
  const std::vector<std::string> both = {"columnMapping", "timestampNtz"};
  EXPECT_EQ(Describe(table, VectorUse::kNo)->protocol, (Protocol{3, 7, both, both}));
  table.properties.clear();
  EXPECT_EQ(Describe(table, VectorUse::kNo)->protocol,
            (Protocol{3, 7, {"timestampNtz"}, {"timestampNtz"}}));
}

TEST(DeltaDescription, MappedColumnsCarryIdAndPhysicalName) {
  TableMetadata table =
      Table({Column(1, "new", Kind(Type::Kind::kInt)),
             Column(2, "s", Type::Struct({Column(3, "x", Kind(Type::Kind::kInt))}))});
  table.properties[kColumnMappingProperty] = WriteColumnMapping({{1, "old"}, {2, "s"}});
  const Json schema = *ParseJson(Describe(table, VectorUse::kNo)->schema_string, "schema");
  EXPECT_EQ(schema["fields"][0]["metadata"]["delta.columnMapping.physicalName"], "old");
  EXPECT_EQ(schema["fields"][0]["metadata"]["delta.columnMapping.id"], 1);
  const Json& nested = schema["fields"][1]["type"]["fields"][0]["metadata"];
  EXPECT_EQ(nested["delta.columnMapping.physicalName"], "x");
  EXPECT_EQ(nested["delta.columnMapping.id"], 3);
  EXPECT_EQ(Describe(table, VectorUse::kNo)->configuration.at("delta.columnMapping.maxColumnId"),
            "3");
}

TEST(DeltaDescription, NamesThatDifferInCaseAreNumbered) {
  const std::vector<Field> fields = {
      Column(1, "id", Kind(Type::Kind::kInt)), Column(2, "ID", Kind(Type::Kind::kInt)),
      Column(3, "Id_2", Kind(Type::Kind::kInt)), Column(4, "Id", Kind(Type::Kind::kInt))};
  EXPECT_THAT(DisplayNames(fields), ElementsAre("id", "ID_3", "Id_2", "Id_4"));
  const Description description = *Describe(Table(fields), VectorUse::kNo);
  EXPECT_EQ(description.protocol.min_reader_version, 2);
  EXPECT_THAT(description.physical_names, ElementsAre("id", "ID", "Id_2", "Id"));
}

TEST(DeltaDescription, OnlyIdentityOfTheWholeHistoryPartitions) {
  const std::vector<Field> fields = {
      Column(1, "region", Kind(Type::Kind::kString)), Column(2, "day", Kind(Type::Kind::kDate)),
      Column(3, "at", Kind(Type::Kind::kTimestampTz)), Column(4, "f", Kind(Type::Kind::kDouble))};
  using K = Transform::Kind;
  const auto names = [](const TableMetadata& table) {
    std::vector<std::string> list;
    const Description description = *Describe(table, VectorUse::kNo);
    for (const auto& column : description.partition_candidates) list.push_back(column.name);
    return list;
  };
  EXPECT_THAT(names(Table(fields, {Partition(1, K::kIdentity), Partition(3, K::kDay),
                                   Partition(2, K::kIdentity), Partition(4, K::kIdentity)})),
              ElementsAre("region", "day"));
  TableMetadata evolved = Table(fields, {Partition(1, K::kIdentity), Partition(2, K::kIdentity)});
  evolved.specs.push_back({SpecId(1), {Partition(2, K::kIdentity)}});
  EXPECT_THAT(names(evolved), ElementsAre("day"));
  evolved.specs.push_back({SpecId(2), {}});
  EXPECT_THAT(names(evolved), IsEmpty());
  EXPECT_THAT(names(Table({fields[0]}, {Partition(1, K::kIdentity)})), IsEmpty());
}

TEST(DeltaDescription, PropertiesShowExceptThoseThatSteer) {
  TableMetadata table = Table({Column(1, "a", Kind(Type::Kind::kInt))});
  table.properties = {
      {"owner", "growth"}, {"delta.autoOptimize.autoCompact", "true"}, {"comment", "what"}};
  const Description description = *Describe(table, VectorUse::kNo);
  EXPECT_EQ(description.configuration, (std::map<std::string, std::string>{{"owner", "growth"}}));
  EXPECT_EQ(description.description, "what");
}

TEST(DeltaDescription, RulesAreFeaturesOfWriters) {
  TableMetadata table = Table({Column(1, "a", Kind(Type::Kind::kInt))});
  table.properties = {{"delta.appendOnly", "true"}};
  EXPECT_EQ(Describe(table, VectorUse::kNo)->protocol, (Protocol{1, 2, {}, {}}));
  table.properties["delta.constraints.low"] = "a < 100";
  const Description description = *Describe(table, VectorUse::kNo);
  EXPECT_EQ(description.protocol, (Protocol{1, 3, {}, {}}));
  EXPECT_EQ(description.configuration, table.properties);
  EXPECT_EQ(
      Describe(table, VectorUse::kYes)->protocol,
      (Protocol{3, 7, {"deletionVectors"}, {"appendOnly", "checkConstraints", "deletionVectors"}}));
  table.properties["delta.columnMapping.mode"] = "name";
  EXPECT_EQ(Describe(table, VectorUse::kNo)->protocol, (Protocol{2, 5, {}, {}}));
}

TEST(DeltaDescription, PartitionColumnsThatFilesDoNotHoldStayWithColumnMapping) {
  TableMetadata table =
      Table({Column(1, "a", Kind(Type::Kind::kInt)), Column(2, "b", Kind(Type::Kind::kInt)),
             Column(3, "c", Kind(Type::Kind::kInt))},
            {Partition(1, Transform::Kind::kIdentity), Partition(2, Transform::Kind::kIdentity)});
  table.properties["delta.columnMapping.mode"] = "name";
  EXPECT_THAT(Describe(table, VectorUse::kNo)->partition_candidates, IsEmpty());
  table.properties["tarn.adopted.partition-columns"] = "2";
  const auto candidates = Describe(table, VectorUse::kNo)->partition_candidates;
  ASSERT_EQ(candidates.size(), 1u);
  EXPECT_EQ(candidates[0].name, "b");
}

TEST(DeltaDescription, ShreddedVariantsThatWereAdoptedNeedAFeatureAndStayTheOnlyOnes) {
  TableMetadata table = Table({Column(1, "v", Kind(Type::Kind::kVariant))});
  EXPECT_THAT(Describe(table, VectorUse::kNo)->protocol.reader_features,
              ElementsAre("variantType"));
  table.properties["tarn.adopted.shredded-variants"] = "true";
  const auto description = Describe(table, VectorUse::kNo);
  EXPECT_THAT(description->protocol.reader_features,
              ElementsAre("variantShredding", "variantType"));
  EXPECT_TRUE(CheckWritable(description->protocol).ok());
  EXPECT_FALSE(description->configuration.contains("delta.enableVariantShredding"));
}

TEST(DeltaDescription, ProtocolsAreMergedWithoutLoss) {
  EXPECT_EQ(MergeProtocols({2, 5, {}, {}}, {3, 7, {"timestampNtz"}, {"timestampNtz"}}),
            (Protocol{3, 7, {"columnMapping", "timestampNtz"}, {"columnMapping", "timestampNtz"}}));
  EXPECT_EQ(MergeProtocols({1, 2, {}, {}}, {2, 5, {}, {}}), (Protocol{2, 5, {}, {}}));
}

TEST(DeltaDescription, PartitionValuesAreTextAndSomeCannotBeTold) {
  const Type text = Kind(Type::Kind::kString);
  const Type date = Kind(Type::Kind::kDate);
  EXPECT_EQ(PartitionValueText(text, std::string("a/b=c d")), "a/b=c d");
  EXPECT_EQ(PartitionValueText(text, Scalar()), std::nullopt);
  EXPECT_EQ(PartitionValueText(date, int64_t{1}), "1970-01-02");
  EXPECT_EQ(PartitionValueText(Kind(Type::Kind::kBoolean), true), "true");
  EXPECT_EQ(PartitionValueText(Type::Decimal(5, 2), Int128{0, 150}), "1.50");
  EXPECT_TRUE(CanTellPartitionValue(text, Scalar()));
  EXPECT_FALSE(CanTellPartitionValue(text, std::string()));
  EXPECT_FALSE(CanTellPartitionValue(text, std::string("\xff")));
  EXPECT_FALSE(CanTellPartitionValue(date, int64_t{10'000'000}));
}

}  // namespace
}  // namespace tarn::delta
