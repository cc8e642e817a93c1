#include <algorithm>

#include "source/mysql/my_test_support.h"
#include "source/mysql/my_value.h"

namespace tarn::mysql {
namespace {

class MysqlTypes : public OnBothServers {
 protected:
  // What a column of `type` with these values becomes: the values as text, in the order given.
  std::vector<std::string> Values(const std::string& type, const std::vector<std::string>& values,
                                  const std::string& choice = "") {
    const std::string name = NextTable();
    std::string sql = "SET sql_mode = ''; CREATE TABLE " + name + " (id int PRIMARY KEY, c " +
                      type + "); INSERT INTO " + name + " VALUES ";
    for (size_t i = 0; i < values.size(); ++i) {
      sql += (i > 0 ? ", (" : "(") + std::to_string(i) + ", " + values[i] + ")";
    }
    const TestDatabase& db = Database();
    db.Run(sql);
    std::map<std::string, std::string> types;
    if (!choice.empty()) types[name + ".c"] = choice;
    auto source = db.Open(types);
    const SourceTable table = Must(source->Describe(db.Name(name)));
    arrow_type_ = table.columns[1].field->type()->ToString();
    auto snapshot = Must(source->BeginSnapshot());
    auto reader = Must(snapshot->Open(table, {}, std::nullopt));
    std::vector<std::pair<int, std::string>> rows;
    while (auto batch = Must(reader->Next())) {
      for (const std::string& row : RowTexts(*batch)) {
        const size_t bar = row.find('|');
        rows.emplace_back(std::stoi(row.substr(0, bar)), row.substr(bar + 1));
      }
    }
    std::sort(rows.begin(), rows.end());
    std::vector<std::string> texts;
    for (auto& [id, text] : rows) texts.push_back(text);
    return texts;
  }

  Error Refused(const std::string& type, const std::string& value, const std::string& choice = "") {
    TestDatabase db(GetParam(),
                    "SET sql_mode = 'ALLOW_INVALID_DATES'; CREATE TABLE t (id int "
                    "PRIMARY KEY, c " +
                        type + "); INSERT INTO t VALUES (7, " + value + ")");
    std::map<std::string, std::string> types;
    if (!choice.empty()) types["t.c"] = choice;
    auto source = db.Open(types);
    auto table = source->Describe(db.Name("t"));
    if (!table.ok()) return table.error();
    auto snapshot = Must(source->BeginSnapshot());
    auto reader = Must(snapshot->Open(*table, {}, std::nullopt));
    return DrainToError(*reader);
  }

  // One for all tests: making and dropping it takes longer than they do.
  static const TestDatabase& Database(Flavour flavour) {
    if (flavour == Flavour::kMySql) {
      static const TestDatabase mysql(Flavour::kMySql);
      return mysql;
    }
    static const TestDatabase maria(Flavour::kMariaDb);
    return maria;
  }
  const TestDatabase& Database() const { return Database(GetParam()); }
  static std::string NextTable() {
    static int number = 0;
    return "t" + std::to_string(++number);
  }

  std::string arrow_type_;
};

using Texts = std::vector<std::string>;

TEST_P(MysqlTypes, IntegersKeepTheirWidthAndSign) {
  EXPECT_EQ(Values("tinyint", {"-128", "127", "NULL"}), (Texts{"-128", "127", "NULL"}));
  EXPECT_EQ(Values("tinyint unsigned", {"0", "255"}), (Texts{"0", "255"}));
  EXPECT_EQ(Values("smallint", {"-32768", "32767"}), (Texts{"-32768", "32767"}));
  EXPECT_EQ(Values("smallint unsigned", {"65535"}), (Texts{"65535"}));
  EXPECT_EQ(Values("mediumint", {"-8388608", "8388607"}), (Texts{"-8388608", "8388607"}));
  EXPECT_EQ(Values("mediumint unsigned zerofill", {"16777215", "1"}), (Texts{"16777215", "1"}));
  EXPECT_EQ(Values("int", {"-2147483648", "2147483647"}), (Texts{"-2147483648", "2147483647"}));
  EXPECT_EQ(arrow_type_, "int32");
  EXPECT_EQ(Values("int unsigned", {"0", "4294967295"}), (Texts{"0", "4294967295"}));
  EXPECT_EQ(arrow_type_, "int64");
  EXPECT_EQ(Values("bigint", {"-9223372036854775808", "9223372036854775807"}),
            (Texts{"-9223372036854775808", "9223372036854775807"}));
  EXPECT_EQ(arrow_type_, "int64");
  EXPECT_EQ(Values("bigint unsigned", {"0", "18446744073709551615"}),
            (Texts{"0", "18446744073709551615"}));
  EXPECT_EQ(arrow_type_, "decimal128(20, 0)");
  EXPECT_EQ(Values("year", {"1901", "2155", "0"}), (Texts{"1901", "2155", "0"}));
  EXPECT_EQ(Values("boolean", {"TRUE", "FALSE", "5"}), (Texts{"1", "0", "5"}));
}

TEST_P(MysqlTypes, BitsAreABooleanANumberOrADecimal) {
  EXPECT_EQ(Values("bit(1)", {"b'1'", "b'0'", "NULL"}), (Texts{"true", "false", "NULL"}));
  EXPECT_EQ(Values("bit(10)", {"b'1111111111'", "1"}), (Texts{"1023", "1"}));
  EXPECT_EQ(arrow_type_, "int64");
  EXPECT_EQ(Values("bit(64)", {"18446744073709551615"}), (Texts{"18446744073709551615"}));
}

TEST_P(MysqlTypes, FloatsAreExactUnlikeInTheServersText) {
  EXPECT_EQ(Values("float", {"1.1", "3.40282347e38", "-1e-45", "16777217"}),
            (Texts{"1.1", "3.4028235e+38", "-1e-45", "16777216"}));
  EXPECT_EQ(Values("double", {"0.1", "1.7976931348623157e308", "5e-324"}),
            (Texts{"0.1", "1.7976931348623157e+308", "5e-324"}));
}

TEST_P(MysqlTypes, DecimalsUpTo38Digits) {
  EXPECT_EQ(Values("decimal(10,2)", {"-12345678.90", "0.01", "0"}),
            (Texts{"-12345678.90", "0.01", "0.00"}));
  const std::string digits(38, '9');
  EXPECT_EQ(Values("decimal(38,0)", {digits, "-" + digits}), (Texts{digits, "-" + digits}));
  EXPECT_EQ(Values("decimal(30,29)", {"0.12345678901234567890123456789"}),
            (Texts{"0.12345678901234567890123456789"}));
  const Error wide = Refused("decimal(39,0)", "1");
  EXPECT_EQ(wide.kind, ErrorKind::kUnsupported);
  EXPECT_NE(wide.hint.find(".c: string}"), std::string::npos) << wide.ToString();
  EXPECT_EQ(Values("decimal(65,30)", {"-1.5"}, "string"),
            (Texts{"-1.500000000000000000000000000000"}));
  EXPECT_EQ(Values("decimal(65,30)", {"-1.5"}, "decimal(38,2)"), Texts{"-1.50"});
  EXPECT_EQ(Refused("decimal(65,30)", "1.234", "decimal(38,2)").kind, ErrorKind::kInvalidArgument);
  // Zeros at the end are no digits that have to fit.
  EXPECT_EQ(Values("decimal(40,30)", {"-123456789.5", "1000000000"}, "decimal(38,18)"),
            (Texts{"-123456789.500000000000000000", "1000000000.000000000000000000"}));
  const std::string whole(35, '9');
  EXPECT_EQ(Values("decimal(65,30)", {whole + ".25", whole}, "decimal(38,2)"),
            (Texts{whole + ".25", whole + ".00"}));
}

TEST_P(MysqlTypes, DatesAndTimes) {
  EXPECT_EQ(Values("date", {"'1970-01-02'", "'9999-12-31'", "'1000-01-01'", "'2000-02-29'"}),
            (Texts{"1", "2932896", "-354285", "11016"}));
  EXPECT_EQ(Values("datetime(6)", {"'1970-01-01 00:00:00.000001'", "'9999-12-31 23:59:59.999999'",
                                   "'1969-12-31 23:59:59.5'"}),
            (Texts{"1", "253402300799999999", "-500000"}));
  EXPECT_EQ(arrow_type_, "timestamp[us]");
  EXPECT_EQ(Values("datetime", {"'2024-03-31 02:30:00'"}), Texts{"1711852200000000"});
  EXPECT_EQ(Values("timestamp(3) NULL", {"FROM_UNIXTIME(1.123)", "FROM_UNIXTIME(2147483647)"}),
            (Texts{"1123000", "2147483647000000"}));
  EXPECT_EQ(arrow_type_, "timestamp[us, tz=UTC]");
  EXPECT_EQ(Values("time", {"'-838:59:59'", "'838:59:59'", "'00:00:00'", "'1:02:03'"}),
            (Texts{"-838:59:59", "838:59:59", "00:00:00", "01:02:03"}));
  EXPECT_EQ(Values("time(6)", {"'-00:00:00.000001'", "'100:00:00.5'"}),
            (Texts{"-00:00:00.000001", "100:00:00.500000"}));
}

TEST_P(MysqlTypes, AZeroDateIsRefusedWithItsRowAndCanBeReadAsText) {
  const Error zero = Refused("date", "'0000-00-00'");
  EXPECT_EQ(zero.kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(zero.message.find(", row 1 (id 7), column c: '0000-00-00' of date is no date"),
            std::string::npos)
      << zero.message;
  EXPECT_NE(zero.hint.find(".c: string}"), std::string::npos) << zero.hint;
  EXPECT_EQ(Refused("datetime", "'2010-00-01 00:00:00'").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(Refused("date", "'2023-02-31'").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(Values("date", {"'0000-00-00'", "'2010-00-00'", "'2024-02-03'"}, "string"),
            (Texts{"0000-00-00", "2010-00-00", "2024-02-03"}));
  EXPECT_EQ(Values("datetime(2)", {"'0000-00-00'", "'2024-02-03 01:02:03.45'"}, "string"),
            (Texts{"0000-00-00 00:00:00.00", "2024-02-03 01:02:03.45"}));
}

TEST_P(MysqlTypes, TextComesAsUtf8FromEveryCharacterSet) {
  EXPECT_EQ(Values("varchar(20)", {"''", "'grüße 表 🦀'", "'pad  '"}),
            (Texts{"", "grüße 表 🦀", "pad  "}));
  EXPECT_EQ(Values("char(5)", {"'ab'", "'  x'", "''"}), (Texts{"ab", "  x", ""}));
  EXPECT_EQ(Values("varchar(20) CHARACTER SET latin1", {"'äöü€'"}), Texts{"äöü€"});
  EXPECT_EQ(Values("varchar(20) CHARACTER SET utf16", {"'a🦀'"}), Texts{"a🦀"});
  EXPECT_EQ(Values("text CHARACTER SET cp1251", {"'Привет'"}), Texts{"Привет"});
  EXPECT_EQ(
      Values("longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", {"REPEAT('表', 100000)"})[0]
          .size(),
      300000U);
  EXPECT_EQ(Values("enum('a','it''s','ü')", {"'a'", "'it''s'", "3", "NULL"}),
            (Texts{"a", "it's", "ü", "NULL"}));
  EXPECT_EQ(Values("set('x','y','z')", {"'x,z'", "''"}), (Texts{"x,z", ""}));
}

TEST_P(MysqlTypes, BytesStayBytes) {
  EXPECT_EQ(Values("binary(4)", {"'ab'", "x'00ff'"}), (Texts{"\\x61620000", "\\x00ff0000"}));
  EXPECT_EQ(Values("varbinary(10)", {"x'00ff5c27'", "''"}), (Texts{"\\x00ff5c27", "\\x"}));
  EXPECT_EQ(Values("blob", {"x'80'"}), Texts{"\\x80"});
  EXPECT_EQ(Values("blob", {"'text'"}, "string"), Texts{"text"});
  EXPECT_EQ(Refused("blob", "x'80'", "string").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(Values("point", {"ST_GeomFromText('POINT(1 2)')"}),
            Texts{"\\x000000000101000000000000000000f03f0000000000000040"});
}

TEST_P(MysqlTypes, JsonIsTheServersText) {
  const Texts rows = Values("json", {"'{\"b\": 1, \"a\":[1.5, null]}'", "'\"ü\"'"});
  if (is_mariadb()) {
    EXPECT_EQ(rows, (Texts{"{\"b\": 1, \"a\":[1.5, null]}", "\"ü\""}));
  } else {
    EXPECT_EQ(rows, (Texts{"{\"a\": [1.5, null], \"b\": 1}", "\"ü\""}));
  }
}

TEST_P(MysqlTypes, OverridesAreExact) {
  EXPECT_EQ(Values("int", {"-5"}, "string"), Texts{"-5"});
  EXPECT_EQ(Values("bigint unsigned", {"18446744073709551615"}, "string"),
            Texts{"18446744073709551615"});
  EXPECT_EQ(Values("bigint unsigned", {"5"}, "long"), Texts{"5"});
  EXPECT_EQ(Refused("bigint unsigned", "18446744073709551615", "long").kind,
            ErrorKind::kInvalidArgument);
  EXPECT_EQ(Values("int", {"5"}, "decimal(10,2)"), Texts{"5.00"});
  EXPECT_EQ(Values("decimal(10,2)", {"1.25"}, "double"), Texts{"1.25"});
  EXPECT_EQ(Refused("varchar(3)", "'x'", "long").kind, ErrorKind::kInvalidArgument);
}

TEST_P(MysqlTypes, GeneratedAndInvisibleColumnsAreColumns) {
  TestDatabase db(
      GetParam(),
      "CREATE TABLE t (id int PRIMARY KEY, v int AS (id * 2) VIRTUAL, s int AS (id * 3) "
      "STORED" +
          std::string(is_mariadb() ? ", i int INVISIBLE DEFAULT 9" : "") +
          "); INSERT INTO t (id) VALUES (1)");
  EXPECT_EQ(ReadTable(*db.Open(), db.Name("t")), Texts{is_mariadb() ? "1|2|3|9" : "1|2|3"});
}

TEST(MysqlMariaDbTypes, UuidAndAddressesAreText) {
  TestDatabase db(
      Flavour::kMariaDb,
      "CREATE TABLE t (id int PRIMARY KEY, u uuid, a inet4, b inet6); INSERT INTO t "
      "VALUES (1, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '192.168.1.1', '2001:db8::1')");
  EXPECT_EQ(ReadTable(*db.Open(), db.Name("t")),
            Texts{"1|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|192.168.1.1|2001:db8::1"});
}

TEST(MysqlLabels, AreReadWithTheirQuotes) {
  EXPECT_EQ(Must(ParseLabels("enum('a','it''s','x,y')")), (Texts{"a", "it's", "x,y"}));
  EXPECT_EQ(Must(ParseLabels("set('')")), Texts{""});
  EXPECT_FALSE(ParseLabels("int").ok());
}

TEST(MysqlDates, DaysAndDatesAgree) {
  for (int64_t day = -719528; day <= 2932896; day += 97) {
    int64_t back = 0;
    EXPECT_TRUE(DaysOf(DateOf(day), &back));
    EXPECT_EQ(back, day);
  }
}

TARN_ON_BOTH_SERVERS(MysqlTypes);

}  // namespace
}  // namespace tarn::mysql
