#include "columnar/variant.h"

#include <cmath>

#include <gtest/gtest.h>

#include "columnar/variant_builder.h"
#include "columnar/variant_json.h"

namespace tarn {
namespace {

std::string Bytes(std::initializer_list<int> bytes) {
  std::string result;
  for (const int byte : bytes) result.push_back(static_cast<char>(byte));
  return result;
}

const std::string& NoKeys() {
  static const std::string metadata = Bytes({1, 0, 0});
  return metadata;
}

/// What a value is as JSON, or "kind: message".
std::string Json(const std::string& metadata, const std::string& value) {
  std::string text;
  const Status status = AppendVariantJson(metadata, value, &text);
  return status.ok() ? text : status.ToString();
}

/// A JSON text as a Variant and back.
std::string RoundTrip(const std::string& json) {
  VariantBuilder builder;
  builder.Begin();
  if (Status built = BuildVariantOfJson(json, builder); !built.ok()) return built.ToString();
  const auto bytes = builder.Finish();
  if (!bytes.ok()) return bytes.status().ToString();
  return Json(std::string(bytes->metadata), std::string(bytes->value));
}

template <typename Build>
std::string Built(Build build) {
  VariantBuilder builder;
  builder.Begin();
  build(builder);
  const auto bytes = builder.Finish();
  return Json(std::string(bytes->metadata), std::string(bytes->value));
}

TEST(Variant, JsonComesBack) {
  for (const char* json :
       {"null", "true", "false", "0", "-128", "128", "-32769", "2147483648", "-9223372036854775808",
        "18446744073709551615", "1.5", "-1e+300", "\"\"", "\"text\"", "\"ä\\u0001\\\"\\\\\"", "[]",
        "{}", "[1,[2,[3]]]", "{\"a\":{\"b\":[null,true,\"x\"]},\"c\":1}"}) {
    EXPECT_EQ(RoundTrip(json), json);
  }
  const std::string text(100, 'x');
  EXPECT_EQ(RoundTrip("\"" + text + "\""), "\"" + text + "\"");
}

TEST(Variant, KeysAreSortedByTheirBytes) {
  EXPECT_EQ(RoundTrip(R"({"b":1,"a":2,"B":3,"ä":4})"), R"({"B":3,"a":2,"b":1,"ä":4})");
}

TEST(Variant, OfAKeyThatComesTwiceTheLastValueCounts) {
  EXPECT_EQ(RoundTrip(R"({"a":1,"a":2})"), R"({"a":2})");
  EXPECT_EQ(
      RoundTrip(R"({"b":"long enough","a":{"x":1,"x":[1,2]},"b":2,"c":3,"b":{"a":[]},"a":7})"),
      R"({"a":7,"b":{"a":[]},"c":3})");
  VariantBuilder builder;
  builder.Begin();
  auto object = builder.Open();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(builder.AddKey(object, "a").ok());
    builder.Integer(i);
  }
  EXPECT_EQ(builder.CloseObject(object).error().kind, ErrorKind::kInvalidArgument);
}

/// The kind of the value that a JSON text becomes.
VariantKind KindOf(const std::string& json) {
  VariantBuilder builder;
  builder.Begin();
  EXPECT_TRUE(BuildVariantOfJson(json, builder).ok()) << json;
  const auto bytes = builder.Finish();
  return VariantNode::Read(bytes->value)->kind;
}

TEST(Variant, NoNumberOfJsonIsRounded) {
  const std::string digits(38, '9');
  for (const std::string& number :
       {std::string("0.1"), std::string("1.10"), std::string("-0.00"), digits, "-" + digits,
        "0." + digits, "-1." + std::string(37, '3'), std::string("18446744073709551616"),
        std::string("-9223372036854775809"), std::string("1e+300"), std::string("5e-324"),
        std::string("1.7976931348623157e+308")}) {
    EXPECT_EQ(RoundTrip(number), number == "-0.00" ? "-0.0" : number);
  }
  EXPECT_EQ(KindOf("1.10"), VariantKind::kDecimal4);
  EXPECT_EQ(KindOf("12345678901.5"), VariantKind::kDecimal8);
  EXPECT_EQ(KindOf(digits), VariantKind::kDecimal16);
  EXPECT_EQ(KindOf("9223372036854775807"), VariantKind::kInt64);
  EXPECT_EQ(KindOf("1.5e2"), VariantKind::kDouble);
  EXPECT_EQ(KindOf("1" + std::string(100, '0')), VariantKind::kDouble);  // that of 1e100
  EXPECT_EQ(KindOf("1.2345678901234567891e5"), VariantKind::kDecimal16);
  EXPECT_EQ(KindOf("-0.0"), VariantKind::kDouble);
  EXPECT_EQ(KindOf("-0"), VariantKind::kInt8);
  for (const std::string& number :
       {std::string(39, '9'), "0." + std::string(38, '1') + "1", std::string("1e400"),
        std::string("1e-400"), std::string("1.23456789012345678e300"), "1" + std::string(400, '0'),
        std::string("1e99999999999")}) {
    EXPECT_EQ(RoundTrip(number).substr(0, 45),
              "a variant has no number that is exactly " + number.substr(0, 5));
  }
}

TEST(Variant, JsonIsReadToTheSameDepth) {
  const auto nested = [](int levels) {
    return std::string(static_cast<size_t>(levels), '[') +
           std::string(static_cast<size_t>(levels), ']');
  };
  EXPECT_EQ(RoundTrip(nested(kVariantDepthMax)), nested(kVariantDepthMax));
  EXPECT_EQ(RoundTrip(nested(kVariantDepthMax + 1)), "the text is nested deeper than 500 levels");
}

TEST(Variant, ManyPartsTakeWiderHeaders) {
  std::string array = "[";
  std::string object = "{";
  for (int i = 1000; i < 2000; ++i) {
    const std::string comma = i == 1000 ? "" : ",";
    array += comma + std::to_string(i);
    object += comma + "\"k" + std::to_string(i) + "\":\"" + std::string(100, 'v') + "\"";
  }
  EXPECT_EQ(RoundTrip(array + "]"), array + "]");
  EXPECT_EQ(RoundTrip(object + "}"), object + "}");
}

TEST(Variant, EveryPrimitiveHasItsText) {
  const auto time = [](VariantKind kind, int64_t value) {
    return Built([&](VariantBuilder& builder) { builder.Time(kind, value); });
  };
  EXPECT_EQ(time(VariantKind::kTime, 86399'000'001), "\"23:59:59.000001\"");
  EXPECT_EQ(time(VariantKind::kTimestamp, -1), "\"1969-12-31 23:59:59.999999\"");
  EXPECT_EQ(time(VariantKind::kTimestampTz, 0), "\"1970-01-01 00:00:00+00\"");
  EXPECT_EQ(time(VariantKind::kTimestampNs, 1), "\"1970-01-01 00:00:00.000000001\"");
  EXPECT_EQ(time(VariantKind::kTimestampTzNs, -1), "\"1969-12-31 23:59:59.999999999+00\"");
  EXPECT_EQ(Built([](VariantBuilder& b) { b.Date(-719529); }), "\"-0001-12-31\"");
  EXPECT_EQ(Built([](VariantBuilder& b) { b.Date(18321); }), "\"2020-02-29\"");
  EXPECT_EQ(Built([](VariantBuilder& b) { b.Float(0.1F); }), "0.1");
  EXPECT_EQ(Built([](VariantBuilder& b) { b.Double(2); }), "2.0");
  EXPECT_EQ(Built([](VariantBuilder& b) { b.Double(NAN); }), "\"NaN\"");
  EXPECT_EQ(Built([](VariantBuilder& b) { b.Double(-INFINITY); }), "\"-Infinity\"");
  EXPECT_EQ(Built([](VariantBuilder& b) { b.Binary("variant\n"); }), "\"dmFyaWFudAo=\"");
  EXPECT_EQ(Built([](VariantBuilder& b) {
              b.Uuid(
                  "\x01\x23\x45\x67\x89\xab\xcd\xef"
                  "\x01\x23\x45\x67\x89\xab\xcd\xef");
            }),
            "\"01234567-89ab-cdef-0123-456789abcdef\"");
  const auto decimal = [](const Int128& unscaled, int scale) {
    return Built([&](VariantBuilder& b) { EXPECT_TRUE(b.Decimal(unscaled, scale).ok()); });
  };
  EXPECT_EQ(decimal(Int128FromInt64(-5), 3), "-0.005");
  EXPECT_EQ(decimal(Int128FromInt64(123456789012), 2), "1234567890.12");
  EXPECT_EQ(decimal({0x4b3b4ca85a86c47a, 0x098a223fffffffff}, 38),
            "0.99999999999999999999999999999999999999");
  VariantBuilder builder;
  builder.Begin();
  EXPECT_EQ(builder.Decimal(Int128FromInt64(1), 39).error().kind, ErrorKind::kInvalidArgument);
}

TEST(Variant, TheBytesAreThoseOfTheSpecification) {
  VariantBuilder builder;
  builder.Begin();
  ASSERT_TRUE(BuildVariantOfJson(R"({"c":3,"b":true,"a":null})", builder).ok());
  const auto bytes = *builder.Finish();
  // Version 1, not sorted; three keys, in the order in which they came.
  EXPECT_EQ(bytes.metadata, Bytes({1, 3, 0, 1, 2, 3}) + "cba");
  // An object of three: ids by their keys, offsets of the same, then the values as they came.
  EXPECT_EQ(bytes.value, Bytes({2, 3, 2, 1, 0, 3, 2, 0, 4, 0x0c, 3, 0x04, 0x00}));
  builder.Begin();
  ASSERT_TRUE(BuildVariantOfJson(R"({"a":null,"b":1})", builder).ok());
  EXPECT_EQ(static_cast<int>(builder.Finish()->metadata[0]), 0x11);  // sorted
}

TEST(Variant, CorruptOnesAreRefused) {
  const auto refused = [](const std::string& metadata, const std::string& value) {
    const Status status = CheckVariant(metadata, value);
    return !status.ok() && status.error().kind == ErrorKind::kCorruption;
  };
  EXPECT_TRUE(refused("", Bytes({0})));
  EXPECT_TRUE(refused(Bytes({1}), Bytes({0})));
  EXPECT_TRUE(refused(Bytes({1, 2, 0, 1}), Bytes({0})));                // offsets are missing
  EXPECT_TRUE(refused(Bytes({1, 1, 0, 9}) + "a", Bytes({0})));          // a key beyond the end
  EXPECT_TRUE(refused(Bytes({1, 1, 0, 1, 0xff}), Bytes({0})));          // a key that is no UTF-8
  EXPECT_TRUE(refused(Bytes({0xc1, 255, 255, 255, 255}), Bytes({0})));  // a count beyond the end
  EXPECT_TRUE(refused(NoKeys(), ""));
  EXPECT_TRUE(refused(NoKeys(), Bytes({0x14, 1, 2})));  // half an int
  EXPECT_TRUE(refused(NoKeys(), Bytes({0x09, 'a'})));   // half a short string
  EXPECT_TRUE(refused(NoKeys(), Bytes({0x05, 0xff})));  // no UTF-8
  EXPECT_TRUE(refused(NoKeys(), Bytes({0x40, 255, 255, 255, 255, 'a'})));
  EXPECT_TRUE(refused(NoKeys(), Bytes({0x20, 39, 1, 0, 0, 0})));  // a scale of 39
  EXPECT_TRUE(refused(NoKeys(), Bytes({0x44, 255, 255, 255, 255, 255, 255, 255, 255})));
  EXPECT_TRUE(refused(NoKeys(), Bytes({2, 1, 0, 0, 1, 0})));  // a key that is not there
  EXPECT_TRUE(refused(NoKeys(), Bytes({3, 1, 5, 1, 0})));     // a part beyond the end
  EXPECT_TRUE(refused(NoKeys(), Bytes({3, 200})));
  const std::string twice = Bytes({1, 2, 0, 1, 2}) + "aa";
  EXPECT_TRUE(refused(twice, Bytes({2, 2, 0, 1, 0, 1, 2, 0, 0})));  // one key twice
  EXPECT_TRUE(CheckVariant(Bytes({1, 2, 0, 1, 2}) + "ba",           // not sorted, but read
                           Bytes({2, 2, 0, 1, 0, 1, 2, 0, 0}))
                  .ok());
  EXPECT_EQ(CheckVariant(NoKeys(), Bytes({21 << 2})).error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(CheckVariant(Bytes({2, 0, 0}), Bytes({0})).error().kind, ErrorKind::kUnsupported);
}

/// An array of one, around a value.
std::string Wrapped(const std::string& value) {
  std::string result = Bytes({0x0f, 1, 0, 0, 0, 0});
  for (int i = 0; i < 4; ++i) result.push_back(static_cast<char>(value.size() >> (8 * i) & 0xff));
  return result + value;
}

TEST(Variant, DepthIsBounded) {
  std::string value = Bytes({0});
  for (int i = 0; i < kVariantDepthMax; ++i) value = Wrapped(value);
  EXPECT_TRUE(CheckVariant(NoKeys(), value).ok());
  EXPECT_EQ(CheckVariant(NoKeys(), Wrapped(value)).error().kind, ErrorKind::kCorruption);
}

TEST(Variant, AFewBytesThatStandForManyAreRefused) {
  // Every array has sixteen times the same part: 16 to the tenth values.
  std::string value = Bytes({0});
  for (int i = 0; i < 10; ++i) {
    std::string array = Bytes({0x07, 16});  // offsets of two bytes
    for (int k = 0; k < 16; ++k) array += Bytes({0, 0});
    array.push_back(static_cast<char>(value.size() & 0xff));
    array.push_back(static_cast<char>(value.size() >> 8));
    value = array + value;
  }
  EXPECT_EQ(CheckVariant(NoKeys(), value).error().message,
            "corrupt variant: parts that lie over each other");
}

TEST(Variant, JsonThatIsNoneIsRefused) {
  VariantBuilder builder;
  for (const char* json : {"", " ", "{bad", "{\"a\":1,}", "[1 2]", "nul", "\"\xff\"", "\"\\ud800\"",
                           "1 2", "[1", "\"a\nb\""}) {
    builder.Begin();
    const Status built = BuildVariantOfJson(json, builder);
    ASSERT_FALSE(built.ok()) << json;
    EXPECT_EQ(built.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(built.error().message.substr(0, 34), "the text is not valid JSON at byte") << json;
  }
}

}  // namespace
}  // namespace tarn
