#include "columnar/conform.h"

#include <arrow/api.h>
#include <arrow/compute/cast.h>
#include <arrow/extension/uuid.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include "columnar/temporal_text.h"

namespace tarn {
namespace {

using arrow::field;
using TypePtr = std::shared_ptr<arrow::DataType>;

std::shared_ptr<arrow::Array> Json(const TypePtr& type, const std::string& text) {
  return arrow::json::ArrayFromJSONString(type, text).ValueOrDie();
}

std::shared_ptr<arrow::RecordBatch> One(const std::shared_ptr<arrow::Array>& array) {
  return arrow::RecordBatch::Make(arrow::schema({field("c", array->type())}), array->length(),
                                  {array});
}

Result<std::shared_ptr<arrow::Array>> ConformOne(const std::shared_ptr<arrow::Array>& array,
                                                 const TypePtr& to) {
  TARN_ASSIGN_OR_RETURN(auto batch, Conform(One(array), arrow::schema({field("c", to)})));
  const auto valid = batch->ValidateFull();
  EXPECT_TRUE(valid.ok()) << valid.ToString() << array->type()->ToString();
  return batch->column(0);
}

/// The array becomes what tables hold, and that equals `expected`; so do its slices.
void Check(const std::shared_ptr<arrow::Array>& array, const TypePtr& to,
           const std::string& expected) {
  const auto schema = StorableSchema(*One(array)->schema());
  ASSERT_TRUE(schema.ok()) << schema.status().ToString();
  EXPECT_TRUE((*schema)->field(0)->type()->Equals(*to)) << (*schema)->ToString();
  const auto whole = ConformOne(array, to);
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  const auto wanted = Json(to, expected);
  EXPECT_TRUE((*whole)->Equals(*wanted)) << array->type()->ToString() << (*whole)->ToString();
  for (int64_t begin = 0; begin <= array->length(); ++begin) {
    const auto part = ConformOne(array->Slice(begin), to);
    ASSERT_TRUE(part.ok()) << part.status().ToString();
    EXPECT_TRUE((*part)->Equals(*wanted->Slice(begin)))
        << array->type()->ToString() << " from " << begin << (*part)->ToString();
  }
}

TEST(ConformTest, NumbersWiden) {
  Check(Json(arrow::int8(), "[1, null, -128]"), arrow::int32(), "[1, null, -128]");
  Check(Json(arrow::int16(), "[1, null, -32768]"), arrow::int32(), "[1, null, -32768]");
  Check(Json(arrow::uint8(), "[255]"), arrow::int32(), "[255]");
  Check(Json(arrow::uint16(), "[65535]"), arrow::int32(), "[65535]");
  Check(Json(arrow::uint32(), "[4294967295, null]"), arrow::int64(), "[4294967295, null]");
  Check(Json(arrow::uint64(), "[18446744073709551615, null]"), arrow::decimal128(20, 0),
        R"(["18446744073709551615", null])");
  Check(Json(arrow::float16(), "[1.5, null]"), arrow::float32(), "[1.5, null]");
}

TEST(ConformTest, TextAndBytesOfEveryForm) {
  for (const auto& type : {arrow::large_utf8(), arrow::utf8_view()}) {
    Check(Json(type, R"(["a", null, "a text longer than twelve bytes"])"), arrow::utf8(),
          R"(["a", null, "a text longer than twelve bytes"])");
  }
  for (const auto& type : {arrow::large_binary(), arrow::binary_view()}) {
    Check(Json(type, R"(["a", null, "bytes longer than twelve"])"), arrow::binary(),
          R"(["a", null, "bytes longer than twelve"])");
  }
  Check(Json(arrow::dictionary(arrow::int8(), arrow::utf8()), R"(["a", null, "b", "a"])"),
        arrow::utf8(), R"(["a", null, "b", "a"])");
  Check(Json(arrow::dictionary(arrow::uint32(), arrow::large_utf8()), R"(["a", null])"),
        arrow::utf8(), R"(["a", null])");
}

TEST(ConformTest, DatesAndTimes) {
  Check(Json(arrow::date64(), "[0, null, -86400000]"), arrow::date32(), "[0, null, -1]");
  const auto micros = arrow::timestamp(arrow::TimeUnit::MICRO);
  Check(Json(arrow::timestamp(arrow::TimeUnit::SECOND), "[1, null, -1]"), micros,
        "[1000000, null, -1000000]");
  Check(Json(arrow::timestamp(arrow::TimeUnit::MILLI), "[1, null]"), micros, "[1000, null]");
  Check(Json(arrow::timestamp(arrow::TimeUnit::NANO), "[-1000, null]"), micros, "[-1, null]");
  Check(Json(arrow::timestamp(arrow::TimeUnit::MICRO, "Europe/Berlin"), "[5, null]"),
        arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), "[5, null]");
  Check(Json(arrow::timestamp(arrow::TimeUnit::NANO, "+02:00"), "[5000]"),
        arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), "[5]");
  Check(Json(arrow::time32(arrow::TimeUnit::SECOND), "[0, null, 86399]"), arrow::utf8(),
        R"(["00:00:00", null, "23:59:59"])");
  Check(Json(arrow::time64(arrow::TimeUnit::MICRO), "[1, 86400000000, 3600500000]"), arrow::utf8(),
        R"(["00:00:00.000001", "24:00:00", "01:00:00.5"])");
  Check(Json(arrow::duration(arrow::TimeUnit::MILLI), "[90061500, null, -1500]"), arrow::utf8(),
        R"(["PT25H1M1.5S", null, "PT-1.5S"])");
  Check(Json(arrow::month_interval(), "[14, null, 0]"), arrow::utf8(),
        R"(["P1Y2M", null, "PT0S"])");
  Check(Json(arrow::day_time_interval(), "[[1, 1500], null]"), arrow::utf8(),
        R"(["P1DT1.5S", null])");
  Check(Json(arrow::month_day_nano_interval(), "[[-13, 2, 3600000000000], null]"), arrow::utf8(),
        R"(["P-1Y-1M2DT1H", null])");
}

TEST(ConformTest, SqlIntervalTextIsWhatSqlReads) {
  EXPECT_EQ(SqlIntervalText(0, 0, 0), "00:00:00");
  EXPECT_EQ(SqlIntervalText(14, 1, 7'200'500'000'000), "1 year 2 months 1 day 02:00:00.5");
  EXPECT_EQ(SqlIntervalText(-14, -3, -1'000), "-1 year -2 months -3 days -00:00:00.000001");
  EXPECT_EQ(SqlIntervalText(0, 0, 360'000'000'000'000), "100:00:00");
}

TEST(ConformTest, IntervalTextHasOneSignForSeconds) {
  EXPECT_EQ(IntervalText(0, 0, 1, -500'000'000), "PT0.5S");
  EXPECT_EQ(IntervalText(0, 0, -1, 500'000'000), "PT-0.5S");
  EXPECT_EQ(IntervalText(0, 0, 0, -1), "PT-0.000000001S");
  EXPECT_EQ(IntervalText(0, 0, 59, 1'000'000'000), "PT1M");
  EXPECT_EQ(TimeText(86'399'999'999'999), "23:59:59.999999999");
}

TEST(ConformTest, DecimalsOfEveryWidth) {
  Check(Json(arrow::decimal32(9, 2), R"(["1.25", null])"), arrow::decimal128(9, 2),
        R"(["1.25", null])");
  Check(Json(arrow::decimal64(18, 2), R"(["-1.25", null])"), arrow::decimal128(18, 2),
        R"(["-1.25", null])");
  Check(Json(arrow::decimal256(38, 2), R"(["-1.25", null])"), arrow::decimal128(38, 2),
        R"(["-1.25", null])");
}

TEST(ConformTest, NumbersOf39DigitsAreRefused) {
  const auto greatest = arrow::Decimal128::FromString("170141183460469231731687303715884105727");
  const TypePtr type = arrow::decimal128(38, 0);
  arrow::Decimal128Builder builder(type);
  ASSERT_TRUE(builder.Append(arrow::Decimal128(1)).ok());
  ASSERT_TRUE(builder.Append(*greatest).ok());
  const std::shared_ptr<arrow::Array> array = *builder.Finish();
  const auto one = ConformOne(array, type);
  ASSERT_FALSE(one.ok());
  EXPECT_EQ(one.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(one.error().message.find("column c, row 1 of the batch"), std::string::npos)
      << one.error().message;
  const auto nested = *arrow::StructArray::Make(
      {array}, std::vector<std::shared_ptr<arrow::Field>>{field("x", type)});
  EXPECT_FALSE(ConformOne(nested, nested->type()).ok());
  EXPECT_TRUE(ConformOne(array->Slice(0, 1), type).ok());
}

TEST(ConformTest, NestedTypesGoByTheirParts) {
  const auto to = arrow::list(field("element", arrow::int32()));
  Check(Json(arrow::list(arrow::int16()), "[[1, 2], null, [], [3, null]]"), to,
        "[[1, 2], null, [], [3, null]]");
  Check(Json(arrow::large_list(arrow::int16()), "[[1, 2], null, [], [3, null]]"), to,
        "[[1, 2], null, [], [3, null]]");
  Check(Json(arrow::list_view(arrow::int16()), "[[1, 2], null, [], [3, null]]"), to,
        "[[1, 2], null, [], [3, null]]");
  Check(Json(arrow::large_list_view(arrow::int16()), "[[1, 2], null, []]"), to,
        "[[1, 2], null, []]");
  Check(Json(arrow::fixed_size_list(arrow::int16(), 2), "[[1, 2], null, [3, null]]"), to,
        "[[1, 2], null, [3, null]]");
  Check(Json(arrow::struct_({field("a", arrow::uint8()), field("b", arrow::large_utf8())}),
             R"([{"a": 1, "b": "x"}, null, {"a": null, "b": "y"}])"),
        arrow::struct_({field("a", arrow::int32()), field("b", arrow::utf8())}),
        R"([{"a": 1, "b": "x"}, null, {"a": null, "b": "y"}])");
  Check(Json(arrow::map(arrow::large_utf8(), arrow::list(arrow::uint32())),
             R"([[["a", [1]], ["b", null]], null, [], [["c", [2, 3]]]])"),
        arrow::map(arrow::utf8(), arrow::list(field("element", arrow::int64()))),
        R"([[["a", [1]], ["b", null]], null, [], [["c", [2, 3]]]])");
  Check(Json(arrow::list(arrow::struct_({field("t", arrow::time32(arrow::TimeUnit::SECOND))})),
             R"([[{"t": 1}, null], [], [{"t": null}]])"),
        arrow::list(field("element", arrow::struct_({field("t", arrow::utf8())}))),
        R"([[{"t": "00:00:01"}, null], [], [{"t": null}]])");
}

TEST(ConformTest, AColumnThatIsNullEverywhereIsInt) {
  Check(Json(arrow::null(), "[null, null]"), arrow::int32(), "[null, null]");
  EXPECT_TRUE(ConformOne(Json(arrow::null(), "[null]"), arrow::utf8()).ok());
}

TEST(ConformTest, UuidBecomesItsBytes) {
  const auto bytes = Json(arrow::fixed_size_binary(16), R"(["0123456789abcdef", null])");
  const auto array = arrow::ExtensionType::WrapArray(arrow::extension::uuid(), bytes);
  Check(array, bytes->type(), R"(["0123456789abcdef", null])");
}

TEST(ConformTest, ColumnsThatAgreeAreNotCopied) {
  const auto text = Json(arrow::utf8(), R"(["a", "b"])");
  EXPECT_EQ(ConformOne(text, arrow::utf8())->get(), text.get());
  const auto list = Json(arrow::list(field("item", arrow::int32())), "[[1, 2]]");
  const auto renamed = ConformOne(list, arrow::list(field("element", arrow::int32())));
  ASSERT_TRUE(renamed.ok());
  EXPECT_EQ((*renamed)->type()->field(0)->name(), "element");
  EXPECT_EQ((*renamed)->data()->child_data[0]->buffers[1], list->data()->child_data[0]->buffers[1]);
}

TEST(ConformTest, ValuesThatDoNotFitNameColumnAndRow) {
  auto message = [](const std::shared_ptr<arrow::Array>& array, const TypePtr& to) {
    const auto result = ConformOne(array, to);
    EXPECT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::kInvalidArgument);
    return result.error().message;
  };
  EXPECT_TRUE(message(Json(arrow::int64(), "[1, 2, 3, 4294967296, 5]"), arrow::int32())
                  .starts_with("column c, row 3 of the batch: "));
  EXPECT_TRUE(message(Json(arrow::timestamp(arrow::TimeUnit::NANO), "[1000, null, 1001]"),
                      arrow::timestamp(arrow::TimeUnit::MICRO))
                  .starts_with("column c, row 2 of the batch: "));
  EXPECT_TRUE(message(Json(arrow::timestamp(arrow::TimeUnit::SECOND), "[9223372036854775807]"),
                      arrow::timestamp(arrow::TimeUnit::MICRO))
                  .starts_with("column c, row 0 of the batch: "));
  EXPECT_TRUE(
      message(Json(arrow::decimal128(10, 2), R"(["1.00", "1.25"])"), arrow::decimal128(10, 1))
          .starts_with("column c, row 1 of the batch: "));
  EXPECT_TRUE(message(Json(arrow::list(arrow::int64()), "[[1], [], [2, 4294967296]]"),
                      arrow::list(arrow::int32()))
                  .starts_with("column c, row 2 of the batch: "));
  EXPECT_TRUE(message(Json(arrow::int64(), "[9007199254740993]"), arrow::float64())
                  .starts_with("column c, row 0 of the batch: "));
  const auto binary = Json(arrow::utf8(), R"(["ok"])");
  EXPECT_TRUE(ConformOne(binary, arrow::binary()).ok());
}

TEST(ConformTest, NullsInARequiredColumnNameTheRow) {
  const auto array = Json(arrow::int32(), "[1, 2, null]");
  const auto result =
      Conform(One(array), arrow::schema({field("c", arrow::int32(), /*nullable=*/false)}));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message, "column c, row 2 of the batch: null in a required column");
}

TEST(ConformTest, TypesThatDoNotGoTogetherAreUnsupported) {
  for (const auto& [from, to] : std::vector<std::pair<TypePtr, TypePtr>>{
           {arrow::utf8(), arrow::int32()},
           {arrow::float64(), arrow::int32()},
           {arrow::float64(), arrow::float32()},
           {arrow::timestamp(arrow::TimeUnit::MICRO),
            arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")},
           {arrow::struct_({}), arrow::struct_({field("a", arrow::int32())})},
           {arrow::boolean(), arrow::int32()}}) {
    const auto result = ConformOne(Json(from, "[]"), to);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::kUnsupported);
  }
  const auto columns = Conform(One(Json(arrow::int32(), "[]")), arrow::schema({}));
  EXPECT_EQ(columns.status().error().kind, ErrorKind::kInvalidArgument);
}

TEST(ConformTest, TypesThatTablesCannotHoldNameTheColumn) {
  const auto schema = StorableSchema(
      *arrow::schema({field("s", arrow::struct_({field("wide", arrow::decimal256(50, 2))}))}));
  ASSERT_FALSE(schema.ok());
  EXPECT_EQ(schema.error().kind, ErrorKind::kUnsupported);
  EXPECT_TRUE(schema.error().message.starts_with("column s.wide has type decimal256(50, 2)"));
  EXPECT_FALSE(
      StorableSchema(*arrow::schema({field("u", arrow::dense_union({field("a", arrow::int8())}))}))
          .ok());
}

}  // namespace
}  // namespace tarn
