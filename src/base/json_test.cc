#include "base/json.h"

#include <gtest/gtest.h>

#include <string>

namespace tarn {
namespace {

TEST(JsonTest, KeysKeepTheirOrder) {
  auto json = ParseJson(R"({"b":1,"a":{"z":null,"y":[1.5,"x"]}})", "test");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(DumpJson(*json), R"({"b":1,"a":{"z":null,"y":[1.5,"x"]}})");
}

TEST(JsonTest, TheLastOfTwoEqualKeysCounts) {
  auto json = ParseJson(R"({"a":1,"b":0,"a":2})", "test");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(DumpJson(*json), R"({"a":2,"b":0})");
}

TEST(JsonTest, BrokenTextIsCorruptionThatNamesTheDocument) {
  for (const char* text : {"", "{", "{\"a\":}", "[1,]", "nul", "\"\xff\"", "1 2", "1e999"}) {
    const auto json = ParseJson(text, "metadata/v1.json");
    ASSERT_FALSE(json.ok()) << text;
    EXPECT_EQ(json.error().kind, ErrorKind::kCorruption) << text;
    EXPECT_EQ(json.error().message.find("metadata/v1.json is not valid JSON"), 0u) << text;
  }
}

TEST(JsonTest, NestingIsBounded) {
  EXPECT_TRUE(ParseJson(std::string(500, '[') + std::string(500, ']'), "x").ok());
  EXPECT_FALSE(ParseJson(std::string(501, '[') + std::string(501, ']'), "x").ok());
  EXPECT_FALSE(ParseJson(std::string(5'000'000, '['), "x").ok());
  EXPECT_TRUE(ParseJson("[\"" + std::string(1000, '[') + "\\\"[\"]", "x").ok());
}

TEST(JsonTest, InvalidUtf8IsReplacedWhenDumped) {
  EXPECT_EQ(DumpJson(Json("a\xff"
                          "b")),
            "\"a\xef\xbf\xbd"
            "b\"");
}

TEST(JsonTest, IntegersMustFitSixtyFourBitsWithASign) {
  const auto json = ParseJson(R"({"max":9223372036854775807,"min":-9223372036854775808,
                                  "over":9223372036854775808,"real":1.0,"text":"1"})",
                              "m");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(*JsonInt(*json, "max", "m"), INT64_MAX);
  EXPECT_EQ(*JsonInt(*json, "min", "m"), INT64_MIN);
  for (const char* key : {"over", "real", "text", "missing"}) {
    const auto value = JsonInt(*json, key, "m");
    ASSERT_FALSE(value.ok()) << key;
    EXPECT_EQ(value.error().kind, ErrorKind::kCorruption);
    EXPECT_NE(value.error().message.find(key), std::string::npos);
  }
}

TEST(JsonTest, NullAndAbsentMembersAreTheSame) {
  const Json object = {{"a", nullptr}, {"b", 0}};
  EXPECT_EQ(FindMember(object, "a"), nullptr);
  EXPECT_EQ(FindMember(object, "c"), nullptr);
  EXPECT_NE(FindMember(object, "b"), nullptr);
  EXPECT_EQ(FindMember(Json::array(), "a"), nullptr);
  EXPECT_FALSE(JsonString(object, "b", "m").ok());
}

}  // namespace
}  // namespace tarn
