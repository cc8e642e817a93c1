#include "columnar/shredded_value.h"

#include <optional>

#include <arrow/api.h>
#include <arrow/extension/uuid.h>
#include <gtest/gtest.h>

#include "columnar/variant_column.h"
#include "columnar/variant_json.h"

namespace tarn {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

/// A part of a group: its name and one value for each row.
using Parts = std::vector<std::pair<std::string, ArrayPtr>>;

constexpr int64_t kBit = 1;

/// A group of these; rows whose bit is set in `nulls` are null.
ArrayPtr Group(const Parts& parts, int64_t nulls = 0) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const auto& [name, array] : parts) {
    fields.push_back(arrow::field(name, array->type()));
    arrays.push_back(array);
  }
  const int64_t rows = arrays[0]->length();
  arrow::TypedBufferBuilder<bool> valid;
  for (int64_t row = 0; row < rows; ++row)
    EXPECT_TRUE(valid.Append((nulls >> row & kBit) == 0).ok());
  return std::make_shared<arrow::StructArray>(arrow::struct_(fields), rows, arrays,
                                              *valid.Finish());
}

std::string Encoded(const std::string& json, const VariantKeys& keys) {
  VariantBuilder builder;
  builder.Begin(keys);
  EXPECT_TRUE(BuildVariantOfJson(json, builder).ok()) << json;
  return std::string(builder.Finish()->value);
}

std::string Dictionary(const std::vector<std::string>& keys) {
  std::string bytes = {1, static_cast<char>(keys.size())};
  char end = 0;
  bytes.push_back(end);
  for (const std::string& key : keys) {
    end = static_cast<char>(end + static_cast<char>(key.size()));
    bytes.push_back(end);
  }
  for (const std::string& key : keys) bytes += key;
  return bytes;
}

const std::vector<std::string> kKeys = {"a", "b", "c", "rest"};

ArrayPtr Bytes(const std::vector<std::string>& values) {
  arrow::BinaryBuilder builder;
  for (const auto& value : values) EXPECT_TRUE(builder.Append(value).ok());
  return *builder.Finish();
}

/// JSON → encoded; "" is null.
ArrayPtr Values(const std::vector<std::string>& json) {
  const std::string dictionary = Dictionary(kKeys);
  const VariantKeys keys = *VariantKeys::Read(dictionary);
  arrow::BinaryBuilder builder;
  for (const std::string& one : json) {
    EXPECT_TRUE((one.empty() ? builder.AppendNull() : builder.Append(Encoded(one, keys))).ok());
  }
  return *builder.Finish();
}

ArrayPtr Metadata(int64_t rows) {
  return Bytes(std::vector<std::string>(static_cast<size_t>(rows), Dictionary(kKeys)));
}

template <typename Builder, typename T>
ArrayPtr Typed(const std::vector<std::optional<T>>& values,
               const std::shared_ptr<arrow::DataType>& type) {
  Builder builder(type, arrow::default_memory_pool());
  for (const auto& value : values) {
    EXPECT_TRUE((value ? builder.Append(*value) : builder.AppendNull()).ok());
  }
  return *builder.Finish();
}

ArrayPtr Ints(const std::vector<std::optional<int32_t>>& values) {
  return Typed<arrow::Int32Builder, int32_t>(values, arrow::int32());
}

ArrayPtr Texts(const std::vector<std::optional<std::string>>& values) {
  return Typed<arrow::StringBuilder, std::string>(values, arrow::utf8());
}

/// What a column is put together to, a row a line, or the error.
std::string Read(const ArrayPtr& column) {
  const auto read = ReadVariants(column);
  if (!read.ok()) {
    EXPECT_EQ(read.error().kind, read.error().message.starts_with("corrupt")
                                     ? ErrorKind::kCorruption
                                     : ErrorKind::kUnsupported);
    return read.error().message;
  }
  const auto& group = static_cast<const arrow::StructArray&>(**read);
  std::string text;
  for (int64_t row = 0; row < group.length(); ++row) {
    const auto part = [&](int i) {
      return static_cast<const arrow::BinaryArray&>(*group.field(i)).GetView(row);
    };
    std::string json = "NULL";
    if (group.IsValid(row)) {
      json.clear();
      const Status told = AppendVariantJson(part(0), part(1), &json);
      if (!told.ok()) json = told.error().message;
    }
    text += (row == 0 ? "" : " ") + json;
  }
  return text;
}

std::string ReadParts(const Parts& parts, int64_t nulls = 0) {
  Parts all = {{"metadata", Metadata(parts[0].second->length())}};
  all.insert(all.end(), parts.begin(), parts.end());
  return Read(Group(all, nulls));
}

// The tables of VariantShredding.md.
TEST(ShreddedValue, AValueStandsInOneOfItsParts) {
  EXPECT_EQ(ReadParts({{"value", Values({"", "null", "\"n/a\"", "", ""})},
                       {"typed_value", Ints({34, {}, {}, 100, {}})}},
                      1 << 3),
            "34 null \"n/a\" NULL null");  // the last is missing where a value is required
  EXPECT_EQ(ReadParts({{"value", Values({"1"})}, {"typed_value", Ints({1})}}),
            "corrupt variant: a shredded value is there twice");
  EXPECT_EQ(ReadParts({{"typed_value", Ints({1, {}})}}), "1 null");
  EXPECT_EQ(ReadParts({{"value", Values({"{\"a\":1}", ""})}}), "{\"a\":1} null");
}

TEST(ShreddedValue, PartsAreFoundByTheirNames) {
  EXPECT_EQ(Read(Group({{"typed_value", Ints({7, {}})},
                        {"value", Values({"", "true"})},
                        {"metadata", Metadata(2)}})),
            "7 true");
}

ArrayPtr Event(const std::vector<std::optional<std::string>>& a,
               const std::vector<std::string>& a_values,
               const std::vector<std::optional<int32_t>>& b, int64_t nulls) {
  return Group({{"a", Group({{"value", Values(a_values)}, {"typed_value", Texts(a)}})},
                {"b", Group({{"typed_value", Ints(b)}})}},
               nulls);
}

TEST(ShreddedValue, ObjectsArePutTogetherAgain) {
  const auto none = std::nullopt;
  EXPECT_EQ(
      ReadParts({{"value", Values({"", "{\"rest\":[1,{\"c\":2}]}", "{\"c\":0}", "\"text\"", "", "",
                                   "", "null", ""})},
                 {"typed_value",
                  Event({"noop", "login", none, none, none, none, none, none, none},
                        {"", "", "", "", "null", "[1]", "", "", ""},
                        {1, 2, none, none, 3, 4, none, none, none}, 1 << 3 | 1 << 7 | 1 << 8)}}),
      "{\"a\":\"noop\",\"b\":1} {\"a\":\"login\",\"b\":2,\"rest\":[1,{\"c\":2}]} {\"c\":0} "
      "\"text\" {\"a\":null,\"b\":3} {\"a\":[1],\"b\":4} {} null null");
}

TEST(ShreddedValue, ObjectsThatContradictThemselvesAreRefused) {
  const auto read = [](const std::string& value, const std::string& a_value) {
    return ReadParts(
        {{"value", Values({value})}, {"typed_value", Event({"x"}, {a_value}, {std::nullopt}, 0)}});
  };
  EXPECT_EQ(read("{\"c\":1}", ""), "{\"a\":\"x\",\"c\":1}");
  EXPECT_EQ(read("{\"a\":1}", ""),
            "corrupt variant: the key a is shredded and in the rest of its object as well");
  // Shredded, though missing there.
  EXPECT_EQ(read("{\"b\":1}", ""),
            "corrupt variant: the key b is shredded and in the rest of its object as well");
  EXPECT_EQ(read("\"a\"", ""), "corrupt variant: the rest of a shredded object is none");
  EXPECT_EQ(read("", "1"), "corrupt variant: a shredded value is there twice");
  EXPECT_EQ(ReadParts({{"typed_value", Group({{"zz", Group({{"typed_value", Ints({1})}})}})}}),
            "corrupt variant: the metadata lack the key zz");
  EXPECT_EQ(ReadParts({{"typed_value", Group({{"zz", Group({{"typed_value", Ints({{}})}})}})}}),
            "{}");
}

ArrayPtr List(const std::vector<int32_t>& ends, const ArrayPtr& elements) {
  std::vector<int32_t> offsets = {0};
  offsets.insert(offsets.end(), ends.begin(), ends.end());
  arrow::Int32Builder builder;
  EXPECT_TRUE(builder.AppendValues(offsets).ok());
  return *arrow::ListArray::FromArrays(**builder.Finish(), *elements);
}

TEST(ShreddedValue, ArraysArePutTogetherAgain) {
  const auto none = std::nullopt;
  const ArrayPtr tags =
      Group({{"value", Values({"", "", "", "null", "", "{\"c\":1}"})},
             {"typed_value", Texts({"comedy", "drama", "horror", none, none, none})}});
  EXPECT_EQ(ReadParts({{"value", Values({"", "", ""})}, {"typed_value", List({2, 4, 6}, tags)}}),
            "[\"comedy\",\"drama\"] [\"horror\",null] [null,{\"c\":1}]");
  // In another offset size, and of elements that have one part alone.
  const ArrayPtr plain = List({0, 2}, Group({{"typed_value", Ints({1, 2})}}));
  EXPECT_EQ(ReadParts({{"typed_value", plain}}), "[] [1,2]");
  EXPECT_EQ(ReadParts({{"value", Values({"1"})}, {"typed_value", plain->Slice(1)}}),
            "corrupt variant: a shredded value is there twice");
  // Objects in arrays in objects.
  const ArrayPtr deep = Group(
      {{"a",
        Group({{"typed_value",
                List({2}, Group({{"typed_value",
                                  Group({{"b", Group({{"typed_value", Ints({1, {}})}})}})}}))}})}});
  EXPECT_EQ(ReadParts({{"typed_value", deep}}), "{\"a\":[{\"b\":1},{}]}");
}

TEST(ShreddedValue, EveryTypeOfTheSpecificationIsRead) {
  const auto one = [](const ArrayPtr& typed) { return ReadParts({{"typed_value", typed}}); };
  EXPECT_EQ(one(Typed<arrow::BooleanBuilder, bool>({true, false}, arrow::boolean())), "true false");
  EXPECT_EQ(one(Typed<arrow::Int8Builder, int8_t>({-128}, arrow::int8())), "-128");
  EXPECT_EQ(one(Typed<arrow::Int16Builder, int16_t>({300}, arrow::int16())), "300");
  EXPECT_EQ(one(Typed<arrow::Int64Builder, int64_t>({INT64_MIN}, arrow::int64())),
            "-9223372036854775808");
  EXPECT_EQ(one(Typed<arrow::FloatBuilder, float>({0.5F}, arrow::float32())), "0.5");
  EXPECT_EQ(one(Typed<arrow::DoubleBuilder, double>({0.1}, arrow::float64())), "0.1");
  EXPECT_EQ(one(Typed<arrow::Decimal128Builder, arrow::Decimal128>({arrow::Decimal128(-1050)},
                                                                   arrow::decimal128(9, 3))),
            "-1.050");
  EXPECT_EQ(one(Typed<arrow::Date32Builder, int32_t>({18321}, arrow::date32())), "\"2020-02-29\"");
  EXPECT_EQ(one(Typed<arrow::Time64Builder, int64_t>({1}, arrow::time64(arrow::TimeUnit::MICRO))),
            "\"00:00:00.000001\"");
  const auto time = [&](arrow::TimeUnit::type unit, const std::string& zone) {
    return one(Typed<arrow::TimestampBuilder, int64_t>({-1}, arrow::timestamp(unit, zone)));
  };
  EXPECT_EQ(time(arrow::TimeUnit::MICRO, "UTC"), "\"1969-12-31 23:59:59.999999+00\"");
  EXPECT_EQ(time(arrow::TimeUnit::MICRO, ""), "\"1969-12-31 23:59:59.999999\"");
  EXPECT_EQ(time(arrow::TimeUnit::NANO, "UTC"), "\"1969-12-31 23:59:59.999999999+00\"");
  EXPECT_EQ(time(arrow::TimeUnit::NANO, ""), "\"1969-12-31 23:59:59.999999999\"");
  EXPECT_EQ(one(Texts({"", std::string(100, 'x')})), "\"\" \"" + std::string(100, 'x') + "\"");
  EXPECT_EQ(one(Bytes({"ab"})), "\"YWI=\"");
  const ArrayPtr sixteen = Typed<arrow::FixedSizeBinaryBuilder, std::string>(
      {"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"},
      arrow::fixed_size_binary(16));
  EXPECT_EQ(one(arrow::ExtensionType::WrapArray(arrow::extension::uuid(), sixteen)),
            "\"01234567-89ab-cdef-0123-456789abcdef\"");
  EXPECT_EQ(one(sixteen), "a variant is shredded as fixed_size_binary[16], which is not known");
  // As writers in Arrow hold them.
  EXPECT_EQ(one(Typed<arrow::StringViewBuilder, std::string>({"view"}, arrow::utf8_view())),
            "\"view\"");
  EXPECT_EQ(one(Typed<arrow::LargeStringBuilder, std::string>({"large"}, arrow::large_utf8())),
            "\"large\"");
}

TEST(ShreddedValue, OtherTypesAndValuesBeyondThemAreRefused) {
  const auto one = [](const ArrayPtr& typed) { return ReadParts({{"typed_value", typed}}); };
  EXPECT_EQ(one(Typed<arrow::UInt32Builder, uint32_t>({1}, arrow::uint32())),
            "a variant is shredded as uint32, which is not known");
  EXPECT_EQ(one(Typed<arrow::Time32Builder, int32_t>({1}, arrow::time32(arrow::TimeUnit::MILLI))),
            "a variant is shredded as time32[ms], which is not known");
  EXPECT_EQ(
      one(Typed<arrow::TimestampBuilder, int64_t>({1}, arrow::timestamp(arrow::TimeUnit::MILLI))),
      "a variant is shredded as timestamp[ms], which is not known");
  EXPECT_EQ(one(Typed<arrow::Time64Builder, int64_t>({-1}, arrow::time64(arrow::TimeUnit::MICRO))),
            "corrupt variant: a time beyond its day");
  EXPECT_EQ(one(Texts({"\xff"})), "corrupt variant: a text that is not UTF-8");
  EXPECT_EQ(one(Typed<arrow::Decimal128Builder, arrow::Decimal128>(
                {arrow::Decimal128::GetMaxValue(38) + 1}, arrow::decimal128(38, 0))),
            "corrupt variant: a decimal of more than 38 digits");
}

TEST(ShreddedValue, GroupsThatAreNoneAreRefused) {
  for (const Parts& parts :
       {Parts{{"other", Ints({1})}}, Parts{{"value", Ints({1})}},
        Parts{{"value", Values({"1"})}, {"more", Ints({1})}},
        Parts{{"value", Values({"1"})}, {"value", Values({"1"})}},
        Parts{{"typed_value", Group({{"a", Ints({1})}})}},
        Parts{{"typed_value", Group({{"a", Group({{"metadata", Metadata(1)}})}})}},
        Parts{{"typed_value", List({1}, Ints({1}))}}}) {
    EXPECT_EQ(ReadParts(parts).substr(0, 32), "corrupt variant: it is stored as") << parts[0].first;
  }
  EXPECT_EQ(Read(Group({{"value", Values({"1"})}})).substr(0, 32),
            "corrupt variant: it is stored as");
  EXPECT_EQ(Read(Ints({1})), "corrupt variant: it is stored as int32");
}

TEST(ShreddedValue, LevelsCountThroughShreddedOnes) {
  const auto nested = [](int levels) {
    return std::string(static_cast<size_t>(levels), '[') +
           std::string(static_cast<size_t>(levels), ']');
  };
  const auto within = [&](int levels) {
    return ReadParts({{"typed_value", List({1}, Group({{"value", Values({nested(levels)})}}))}});
  };
  EXPECT_EQ(within(kVariantDepthMax - 1), nested(kVariantDepthMax));
  EXPECT_EQ(within(kVariantDepthMax), "corrupt variant: more than 500 levels");
}

}  // namespace
}  // namespace tarn
