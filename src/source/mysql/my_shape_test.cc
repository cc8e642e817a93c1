#include "source/mysql/my_shape.h"

#include <gtest/gtest.h>

#include "source/mysql/my_resolver.h"
#include "source/source_test_support.h"

namespace tarn::mysql {
namespace {

using testing::Must;

MyColumn Column(const std::string& type, const std::string& charset = "", bool nullable = true) {
  MyAttribute attribute = AttributeOf("c", type);
  attribute.charset = charset;
  attribute.nullable = nullable;
  return Must(MapColumn({"s", "t"}, attribute, {}));
}

bool Changes(const std::string& before, const std::string& after, bool strict = true) {
  return !WhyValuesChanged(Column(before), Column(after), strict).empty();
}

TEST(MysqlShape, AWiderTypeLeavesValuesAsTheyAre) {
  for (const auto& [before, after] :
       std::vector<std::pair<std::string, std::string>>{{"int(11)", "int"},
                                                        {"int", "bigint"},
                                                        {"tinyint unsigned", "int"},
                                                        {"float", "double"},
                                                        {"decimal(5,2)", "decimal(10,2)"},
                                                        {"datetime", "datetime(6)"},
                                                        {"enum('a','b')", "enum('a','b','c')"},
                                                        {"bit(3)", "bit(9)"},
                                                        {"varbinary(5)", "varbinary(50)"}}) {
    EXPECT_FALSE(Changes(before, after, false)) << before << " → " << after;
  }
}

TEST(MysqlShape, AChangeOfValuesIsNoticed) {
  for (const auto& [before, after] :
       std::vector<std::pair<std::string, std::string>>{{"datetime(6)", "datetime"},
                                                        {"time(3)", "time(2)"},
                                                        {"decimal(5,2)", "decimal(5,1)"},
                                                        {"enum('a','b')", "enum('b','a')"},
                                                        {"set('a','b')", "set('b')"},
                                                        {"varchar(5)", "int"},
                                                        {"timestamp", "datetime"},
                                                        {"float", "float(7,2)"},
                                                        {"varbinary(5)", "binary(5)"}}) {
    EXPECT_TRUE(Changes(before, after)) << before << " → " << after;
  }
  EXPECT_TRUE(Changes("bigint", "int", false));
  EXPECT_FALSE(Changes("bigint", "int", true)) << "it fails where a value does not fit";
}

TEST(MysqlShape, TextGoesToUnicodeUnchangedAndNowhereElse) {
  const MyColumn latin = Column("varchar(9)", "latin1");
  const MyColumn wide = Column("varchar(9)", "utf8mb4");
  EXPECT_EQ(WhyValuesChanged(latin, wide, true), "");
  EXPECT_NE(WhyValuesChanged(wide, latin, true), "");
  EXPECT_NE(WhyValuesChanged(wide, Column("char(9)", "utf8mb4"), true), "");
  EXPECT_EQ(WhyValuesChanged(wide, Column("longtext", "utf8mb4"), true), "");
}

TEST(MysqlShape, NullsBecomeValuesWhereTheServerIsNotStrict) {
  const MyColumn before = Column("int");
  const MyColumn after = Column("int", "", false);
  EXPECT_NE(WhyValuesChanged(before, after, false), "");
  EXPECT_EQ(WhyValuesChanged(before, after, true), "");
}

TEST(MysqlShape, ColumnTypesAreReadAsTheServerWritesThem) {
  const MyAttribute decimal = AttributeOf("c", "decimal(10,2) unsigned");
  EXPECT_EQ(decimal.data_type, "decimal");
  EXPECT_EQ(decimal.precision, 10);
  EXPECT_EQ(decimal.scale, 2);
  EXPECT_EQ(AttributeOf("c", "decimal").precision, 10);
  EXPECT_EQ(AttributeOf("c", "bit").precision, 1);
  EXPECT_EQ(AttributeOf("c", "datetime(3)").fraction_digits, 3);
  EXPECT_EQ(AttributeOf("c", "int unsigned").data_type, "int");
  EXPECT_EQ(AttributeOf("c", "binary(8)").octet_length, 8);
}

}  // namespace
}  // namespace tarn::mysql
