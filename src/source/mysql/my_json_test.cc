#include "source/mysql/my_json.h"

#include <limits>

#include <gtest/gtest.h>

namespace tarn::mysql {
namespace {

std::string Double(double value) {
  std::string text;
  AppendJsonDouble(value, &text);
  return text;
}

std::string Text(const std::string& bytes) {
  std::string text;
  const uint8_t* p = reinterpret_cast<const uint8_t*>(bytes.data());
  return JsonToText(p, p + bytes.size(), &text) ? text : "malformed";
}

TEST(MysqlJson, DoublesAreWrittenAsTheServerDoes) {
  EXPECT_EQ(Double(1), "1.0");
  EXPECT_EQ(Double(0), "0.0");
  EXPECT_EQ(Double(-2.5), "-2.5");
  EXPECT_EQ(Double(1e-7), "0.0000001");
  EXPECT_EQ(Double(1e14), "100000000000000.0");
  EXPECT_EQ(Double(1e15), "1e15");
  EXPECT_EQ(Double(1.2345678901234567e20), "1.2345678901234567e20");
  EXPECT_EQ(Double(1e-16), "1e-16");
  EXPECT_EQ(Double(std::numeric_limits<double>::max()), "1.7976931348623157e308");
  EXPECT_EQ(Double(5e-324), "5e-324");
}

TEST(MysqlJson, AnObjectAsTheServerStoresIt) {
  // {"a": 1, "bc": [null, "x"]}
  const std::string bytes(
      "\x00\x02\x00\x25\x00\x12\x00\x01\x00\x13\x00\x02\x00\x05\x01\x00\x02\x15\x00"
      "abc\x02\x00\x0c\x00\x04\x00\x00\x0c\x0a\x00\x01x",
      34);
  EXPECT_EQ(Text(bytes), R"({"a": 1, "bc": [null, "x"]})");
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    EXPECT_EQ(Text(bytes.substr(0, cut)), "malformed") << cut;
  }
  EXPECT_EQ(Text(""), "null");
}

TEST(MysqlJson, DamagedContainersThatOverlapDoNotGrowWithoutEnd) {
  // An array of arrays whose elements are all the array itself.
  std::string bytes("\x02\x08\x00\x1c\x00", 5);
  for (int i = 0; i < 8; ++i) bytes += std::string("\x02\x00\x00", 3);
  EXPECT_EQ(Text(bytes), "malformed");
}

}  // namespace
}  // namespace tarn::mysql
