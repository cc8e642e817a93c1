#include "source/mysql/my_added_default.h"

#include <gtest/gtest.h>

#include "source/mysql/my_resolver.h"
#include "source/mysql/my_statement.h"
#include "source/source_test_support.h"

namespace tarn::mysql {
namespace {

using testing::Must;
using testing::TextOf;

/// What rows of before have in a column added by `definition`, whose server describes it as
/// `type`; "?" where it is not told.
std::string Value(const std::string& definition, const std::string& type,
                  const StatementSettings& settings = {}, const std::string& charset = "utf8mb4") {
  const LogStatement statement = ReadStatement("ALTER TABLE t ADD c " + definition, settings);
  EXPECT_EQ(statement.columns.size(), 1u) << definition;
  MyAttribute attribute = AttributeOf("c", type);
  const std::string& kind = attribute.data_type;
  if (kind.ends_with("char") || kind.ends_with("text")) attribute.charset = charset;
  const MyColumn column = Must(MapColumn({"d", "t"}, attribute, {}));
  if (statement.columns[0].added.kind == AddedDefault::Kind::kNull) return "NULL";
  const TableAltered::Filled filled = FillOf(statement.columns[0].added, column, 1 << 20);
  EXPECT_EQ(filled.column, "c");
  EXPECT_EQ(filled.value == nullptr, !filled.unknown.empty());
  if (filled.value == nullptr) return "?";
  EXPECT_EQ(filled.value->length(), 1);
  return TextOf(*filled.value, 0);
}

TEST(MysqlAddedDefault, Numbers) {
  EXPECT_EQ(Value("int DEFAULT 7", "int(11)"), "7");
  EXPECT_EQ(Value("INTEGER(5) NOT NULL DEFAULT '-7' COMMENT 'x'", "int"), "-7");
  EXPECT_EQ(Value("int DEFAULT 7.0", "int"), "7");
  EXPECT_EQ(Value("int DEFAULT 7.5", "int"), "?");
  EXPECT_EQ(Value("int DEFAULT 1e2", "int"), "?");
  EXPECT_EQ(Value("int DEFAULT (7)", "int"), "7");
  EXPECT_EQ(Value("int DEFAULT (7 + 1)", "int"), "?");
  EXPECT_EQ(Value("int DEFAULT 7 + 1", "int"), "?");
  EXPECT_EQ(Value("int DEFAULT 7 DIV 2", "int"), "?");
  EXPECT_EQ(Value("int DEFAULT - 7", "int"), "-7");
  EXPECT_EQ(Value("int DEFAULT NULL", "int"), "NULL");
  EXPECT_EQ(Value("int", "int"), "NULL");
  EXPECT_EQ(Value("int NOT NULL", "int"), "0");
  EXPECT_EQ(Value("int NOT NULL AFTER a", "int"), "0");
  EXPECT_EQ(Value("bool DEFAULT TRUE", "tinyint(1)"), "1");
  EXPECT_EQ(Value("tinyint DEFAULT 128", "tinyint"), "?");
  EXPECT_EQ(Value("tinyint DEFAULT -128", "tinyint"), "-128");
  EXPECT_EQ(Value("tinyint unsigned DEFAULT 255", "tinyint unsigned"), "255");
  EXPECT_EQ(Value("tinyint unsigned DEFAULT -1", "tinyint unsigned"), "?");
  EXPECT_EQ(Value("bigint DEFAULT -9223372036854775808", "bigint"), "-9223372036854775808");
  EXPECT_EQ(Value("bigint unsigned DEFAULT 18446744073709551615", "bigint unsigned"),
            "18446744073709551615");
  EXPECT_EQ(Value("bigint unsigned DEFAULT 18446744073709551616", "bigint unsigned"), "?");
  EXPECT_EQ(Value("int AUTO_INCREMENT", "int"), "?");
  EXPECT_EQ(Value("int AS (a + 1) STORED", "int"), "?");
  EXPECT_EQ(Value("decimal(10,2) DEFAULT 1.5", "decimal(10,2)"), "1.50");
  EXPECT_EQ(Value("numeric(10,2) DEFAULT '-01.50'", "decimal(10,2)"), "-1.50");
  EXPECT_EQ(Value("decimal(10,2) DEFAULT 1.555", "decimal(10,2)"), "?");
  EXPECT_EQ(Value("decimal(3,2) DEFAULT 10", "decimal(3,2)"), "?");
  EXPECT_EQ(Value("dec NOT NULL", "decimal(10,0)"), "0");
  EXPECT_EQ(Value("decimal(5,2) DEFAULT .5", "decimal(5,2)"), "0.50");
  EXPECT_EQ(Value("float DEFAULT 1.1", "float"), "1.1");
  EXPECT_EQ(Value("double DEFAULT -1.5e-3", "double"), "-0.0015");
  EXPECT_EQ(Value("double precision NOT NULL", "double"), "0");
  EXPECT_EQ(Value("float(7,2) DEFAULT 1.111", "float(7,2)"), "?");
  EXPECT_EQ(Value("float DEFAULT 1.1", "double"), "?");
  EXPECT_EQ(Value("year DEFAULT 1999", "year(4)"), "1999");
  EXPECT_EQ(Value("year DEFAULT '70'", "year"), "?");
  EXPECT_EQ(Value("bit(9) DEFAULT b'101'", "bit(9)"), "5");
  EXPECT_EQ(Value("bit DEFAULT 1", "bit(1)"), "true");
  EXPECT_EQ(Value("bit(2) DEFAULT 0b111", "bit(2)"), "?");
}

TEST(MysqlAddedDefault, Text) {
  EXPECT_EQ(Value("varchar(20) DEFAULT 'it''s \\\\ \\n'", "varchar(20)"), "it's \\ \n");
  EXPECT_EQ(Value("varchar(20) DEFAULT \"x\"", "varchar(20)"), "x");
  EXPECT_EQ(Value("varchar(20) DEFAULT 'a\\b'", "varchar(20)",
                  {.backslash = StatementSettings::Backslash::kItself}),
            "a\\b");
  EXPECT_EQ(Value("varchar(20) DEFAULT 'x  '", "varchar(20)"), "x  ");
  EXPECT_EQ(Value("char(20) DEFAULT 'x  '", "char(20)"), "x");
  EXPECT_EQ(Value("char(20) DEFAULT 'x  '", "varchar(20)"), "?");
  EXPECT_EQ(Value("varchar(20) DEFAULT 5", "varchar(20)"), "5");
  EXPECT_EQ(Value("varchar(20) DEFAULT 05", "varchar(20)"), "?");
  EXPECT_EQ(Value("varchar(20) DEFAULT 'é'", "varchar(20)"), "é");
  EXPECT_EQ(Value("varchar(20) DEFAULT 'é'", "varchar(20)",
                  {.encoding = StatementSettings::Encoding::kOther}),
            "?");
  EXPECT_EQ(Value("varchar(20) DEFAULT 'é'", "varchar(20)", {}, "latin1"), "?");
  EXPECT_EQ(Value("varchar(20) DEFAULT '€'", "varchar(20)", {}, "utf8mb3"), "€");
  EXPECT_EQ(Value("varchar(20) DEFAULT '😀'", "varchar(20)", {}, "utf8mb3"), "?");
  EXPECT_EQ(Value("varchar(20) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'x'",
                  "varchar(20)", {}, "latin1"),
            "x");
  EXPECT_EQ(Value("varchar(20) DEFAULT 'a' 'b'", "varchar(20)"), "?");
  EXPECT_EQ(Value("varchar(20) DEFAULT _latin1'a'", "varchar(20)"), "?");
  EXPECT_EQ(Value("varchar(20) DEFAULT uuid()", "varchar(20)"), "?");
  EXPECT_EQ(Value("varchar(20) DEFAULT ('a')", "varchar(20)"), "a");
  EXPECT_EQ(Value("varchar(20) NOT NULL", "varchar(20)"), "");
  EXPECT_EQ(Value("varchar(20) NOT NULL COMMENT 'DEFAULT 5'", "varchar(20)"), "");
  EXPECT_EQ(Value("varchar(20) COLUMN_FORMAT DEFAULT", "varchar(20)"), "NULL");
  EXPECT_EQ(Value("text DEFAULT 'x'", "text"), "x");
  EXPECT_EQ(Value("json DEFAULT '{}'", "longtext"), "{}");  // MariaDB
  EXPECT_EQ(Value("json DEFAULT ('{}')", "json"), "?");
  EXPECT_EQ(Value("varbinary(4) DEFAULT x'00ff'", "varbinary(4)"), "\\x00ff");
  EXPECT_EQ(Value("binary(4) DEFAULT 'a'", "binary(4)"), "\\x61000000");
  EXPECT_EQ(Value("binary(4) NOT NULL", "binary(4)"), "\\x00000000");
  EXPECT_EQ(Value("varbinary(4) DEFAULT 0x414", "varbinary(4)"), "?");
  EXPECT_EQ(Value("enum('a','b') DEFAULT 'b'", "enum('a','b')"), "b");
  EXPECT_EQ(Value("enum('a','b') DEFAULT 'B'", "enum('a','b')"), "?");
  EXPECT_EQ(Value("enum('a','b') NOT NULL", "enum('a','b')"), "a");
  EXPECT_EQ(Value("set('a','b','c') DEFAULT 'c,a'", "set('a','b','c')"), "a,c");
  EXPECT_EQ(Value("set('a','b') NOT NULL", "set('a','b')"), "");
}

TEST(MysqlAddedDefault, Times) {
  EXPECT_EQ(Value("date DEFAULT '1970-01-11'", "date"), "10");
  EXPECT_EQ(Value("date DEFAULT '70-1-11'", "date"), "?");
  EXPECT_EQ(Value("date DEFAULT '2021-02-30'", "date"), "?");
  EXPECT_EQ(Value("date NOT NULL", "date"), "?");  // 0000-00-00
  EXPECT_EQ(Value("datetime(3) DEFAULT '1970-01-01 00:00:01.5'", "datetime(3)"), "1500000");
  EXPECT_EQ(Value("datetime DEFAULT '1970-01-02'", "datetime"), "86400000000");
  EXPECT_EQ(Value("datetime DEFAULT '1970-01-01 00:00:01.5'", "datetime"), "?");
  EXPECT_EQ(Value("datetime DEFAULT '1970-01-01 00:00:01.5'", "datetime(1)"), "?");
  EXPECT_EQ(Value("datetime DEFAULT CURRENT_TIMESTAMP", "datetime"), "?");
  EXPECT_EQ(Value("datetime(6) DEFAULT now(6) ON UPDATE now(6)", "datetime(6)"), "?");
  EXPECT_EQ(Value("timestamp DEFAULT '2020-01-01 00:00:00'", "timestamp"), "?");
  EXPECT_EQ(Value("time DEFAULT '-100:00:01'", "time"), "-100:00:01");
  EXPECT_EQ(Value("time(2) NOT NULL", "time(2)"), "00:00:00.00");
  EXPECT_EQ(Value("time DEFAULT '10'", "time"), "?");
}

TEST(MysqlAddedDefault, ADefaultThatIsSetOnceMoreIsNotTold) {
  const LogStatement statement = ReadStatement(
      "ALTER TABLE t ADD c int DEFAULT 5, ALTER COLUMN `C` SET DEFAULT 6", StatementSettings());
  ASSERT_EQ(statement.columns.size(), 1u);
  EXPECT_EQ(statement.columns[0].added.kind, AddedDefault::Kind::kUnknown);
}

}  // namespace
}  // namespace tarn::mysql
