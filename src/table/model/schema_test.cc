#include "table/model/schema.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "table/model/column_mapping.h"

namespace tarn {
namespace {

using Kind = Type::Kind;

std::shared_ptr<arrow::Field> UuidField(const std::string& name) {
  return arrow::field(name, arrow::fixed_size_binary(16), true,
                      arrow::key_value_metadata({"ARROW:extension:name"}, {"arrow.uuid"}));
}

TEST(SchemaFromArrow, AssignsIdsALevelAtATime) {
  auto arrow_schema = arrow::schema(
      {arrow::field("a", arrow::struct_({arrow::field("x", arrow::int32()),
                                         arrow::field("y", arrow::list(arrow::utf8()))})),
       arrow::field("b", arrow::map(arrow::utf8(), arrow::int64())),
       arrow::field("c", arrow::int16(), false)});
  Schema schema = SchemaFromArrow(*arrow_schema).value();
  ASSERT_EQ(schema.fields.size(), 3U);
  EXPECT_EQ(schema.fields[0].id.value(), 1);
  EXPECT_EQ(schema.fields[1].id.value(), 2);
  EXPECT_EQ(schema.fields[2].id.value(), 3);
  EXPECT_EQ(schema.fields[0].type.fields()[0].id.value(), 4);
  EXPECT_EQ(schema.fields[0].type.fields()[1].id.value(), 5);
  EXPECT_EQ(schema.fields[0].type.fields()[1].type.fields()[0].id.value(), 6);
  EXPECT_EQ(schema.fields[1].type.fields()[0].id.value(), 7);
  EXPECT_EQ(schema.fields[1].type.fields()[1].id.value(), 8);
  EXPECT_EQ(schema.HighestFieldId(), 8);
  EXPECT_EQ(schema.fields[2].nullability, Nullability::kRequired);
  EXPECT_EQ(schema.Find(FieldId(6))->name, "element");
  EXPECT_EQ(schema.fields[0].type.ToString(), "struct<x: int, y: list<string>>");
}

TEST(SchemaFromArrow, RoundTripsThroughTheParquetSchema) {
  auto arrow_schema = arrow::schema(
      {arrow::field("b", arrow::boolean()), arrow::field("i", arrow::int32()),
       arrow::field("l", arrow::int64()), arrow::field("f", arrow::float32()),
       arrow::field("d", arrow::float64()), arrow::field("n", arrow::decimal128(38, 10)),
       arrow::field("day", arrow::date32()),
       arrow::field("t", arrow::time64(arrow::TimeUnit::MICRO)),
       arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MICRO)),
       arrow::field("tz", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
       arrow::field("s", arrow::utf8(), false), UuidField("u"),
       arrow::field("x", arrow::fixed_size_binary(16)), arrow::field("bin", arrow::binary())});
  Schema schema = SchemaFromArrow(*arrow_schema).value();
  EXPECT_EQ(schema.Find("u")->type.kind(), Kind::kUuid);
  EXPECT_EQ(schema.Find("x")->type, Type::Fixed(16));
  auto back = SchemaToArrow(schema).value();
  EXPECT_TRUE(back->Equals(*arrow_schema, /*check_metadata=*/false)) << back->ToString();
  EXPECT_EQ(*back->field(3)->metadata()->Get("PARQUET:field_id"), "4");
  EXPECT_TRUE(SchemaFromArrow(*back)->SameColumns(schema));
  EXPECT_EQ(SchemaToArrow(schema, {{2, "physical"}}).value()->field(1)->name(), "physical");
}

TEST(SchemaFromArrow, RefusesWhatATableCannotHoldByName) {
  const auto check = [](std::shared_ptr<arrow::DataType> type) {
    auto result = SchemaFromArrow(*arrow::schema({arrow::field("odd one", std::move(type))}));
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::kUnsupported);
    EXPECT_NE(result.error().message.find("odd one"), std::string::npos);
    EXPECT_FALSE(result.error().hint.empty());
  };
  check(arrow::uint64());
  check(arrow::duration(arrow::TimeUnit::MICRO));
  check(arrow::time64(arrow::TimeUnit::NANO));
  check(arrow::decimal256(50, 2));
  check(arrow::null());
  check(arrow::struct_({}));
  check(arrow::list(arrow::month_interval()));
  EXPECT_EQ(SchemaFromArrow(*arrow::schema({arrow::field("a", arrow::int32()),
                                            arrow::field("a", arrow::int32())}))
                .error()
                .kind,
            ErrorKind::kInvalidArgument);
}

TEST(Schema, LooksNamesUpExactlyFirst) {
  Schema schema;
  schema.fields = {{FieldId(1), "Id", Type(Kind::kInt), Nullability::kOptional, ""},
                   {FieldId(2), "id", Type(Kind::kInt), Nullability::kOptional, ""},
                   {FieldId(3), "Name", Type(Kind::kInt), Nullability::kOptional, ""}};
  EXPECT_EQ(schema.Find("Id")->id.value(), 1);
  EXPECT_EQ(schema.Find("id")->id.value(), 2);
  EXPECT_EQ(schema.Find("ID"), nullptr) << "ambiguous";
  EXPECT_EQ(schema.Find("NAME")->id.value(), 3);
}

TEST(Schema, FreshIdsKeepTheKey) {
  Schema schema;
  schema.fields = {{FieldId(10), "a", Type(Kind::kInt), Nullability::kRequired, ""},
                   {FieldId(20), "b", Type(Kind::kInt), Nullability::kRequired, ""}};
  schema.identifier_fields = {FieldId(20)};
  const Schema fresh = AssignFreshIds(schema);
  EXPECT_EQ(fresh.fields[1].id.value(), 2);
  EXPECT_EQ(fresh.identifier_fields, std::vector<FieldId>{FieldId(2)});
}

TEST(CanWiden, AllowsOnlyWhatEveryReaderCanDo) {
  EXPECT_TRUE(CanWiden(Type(Kind::kInt), Type(Kind::kLong)));
  EXPECT_TRUE(CanWiden(Type(Kind::kFloat), Type(Kind::kDouble)));
  EXPECT_TRUE(CanWiden(Type::Decimal(9, 2), Type::Decimal(18, 2)));
  EXPECT_FALSE(CanWiden(Type::Decimal(9, 2), Type::Decimal(18, 3)));
  EXPECT_FALSE(CanWiden(Type(Kind::kLong), Type(Kind::kInt)));
  EXPECT_FALSE(CanWiden(Type(Kind::kInt), Type(Kind::kDouble)));
  EXPECT_FALSE(CanWiden(Type(Kind::kDate), Type(Kind::kTimestamp)));
}

TEST(ColumnMapping, IsReadBack) {
  const std::map<int32_t, std::string> names = {{1, "a \"b\""}, {12, "col-12"}};
  TableMetadata table;
  EXPECT_TRUE(ReadColumnMapping(table)->empty());
  table.properties[kColumnMappingProperty] = WriteColumnMapping(names);
  EXPECT_EQ(*ReadColumnMapping(table), names);
  table.properties[kColumnMappingProperty] = "{\"x\": 1}";
  EXPECT_EQ(ReadColumnMapping(table).error().kind, ErrorKind::kCorruption);
}

}  // namespace
}  // namespace tarn
