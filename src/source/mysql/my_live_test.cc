#include <algorithm>
#include <limits>

#include "source/mysql/my_test_support.h"

namespace tarn::mysql {
namespace {

using Op = Predicate::Op;
using Texts = std::vector<std::string>;

class MysqlLive : public OnBothServers {
 protected:
  // The ids of the rows that the pushed part of a predicate lets through; the statement is kept.
  Texts Ids(Source& source, const SourceTableName& name, const Predicate& predicate) {
    const SourceTable table = Must(source.Describe(name));
    LiveScan scan;
    scan.table = table;
    scan.columns = {"id"};
    scan.predicate = source.Pushable(table, predicate);
    statement_ = Must(source.ExplainScan(scan));
    pushed_ = !scan.predicate.always_true();
    Texts ids = Drain(*Must(source.Scan(scan)));
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  std::string statement_;
  bool pushed_ = false;
};

Predicate Is(Op op, const std::string& column, Scalar value) {
  return Predicate::Compare(op, column, std::move(value));
}

TEST_P(MysqlLive, TextIsComparedByItsBytesWhateverTheCollation) {
  TestDatabase db(
      GetParam(),
      "CREATE TABLE t (id int PRIMARY KEY, c varchar(20) COLLATE utf8mb4_general_ci, l "
      "varchar(20) CHARACTER SET latin1, KEY (c)); INSERT INTO t VALUES (1, 'abc', 'ä'), "
      "(2, 'ABC', 'a'), (3, 'abc ', 'Ä'), (4, 'äbc', 'z'), (5, NULL, NULL), (6, 'ab%c', "
      "'|')");
  auto source = db.Open();
  const SourceTableName t = db.Name("t");
  EXPECT_EQ(Ids(*source, t, Is(Op::kEq, "c", std::string("abc"))), Texts{"1"});
  EXPECT_TRUE(pushed_);
  EXPECT_EQ(Ids(*source, t, Is(Op::kNotEq, "c", std::string("abc"))), (Texts{"2", "3", "4", "6"}));
  EXPECT_EQ(Ids(*source, t, Is(Op::kEq, "l", std::string("ä"))), Texts{"1"});
  EXPECT_EQ(Ids(*source, t, Is(Op::kEq, "l", std::string("表"))), Texts{});
  EXPECT_EQ(Ids(*source, t, Is(Op::kGtEq, "l", std::string("ä"))), Texts{"1"});
  EXPECT_EQ(Ids(*source, t, Is(Op::kLt, "c", std::string("abc"))), (Texts{"2", "6"}));
  EXPECT_EQ(Ids(*source, t, Is(Op::kStartsWith, "c", std::string("ab%"))), Texts{"6"});
  Predicate in{Op::kIn, "c", {std::string("abc"), std::string("äbc")}, {}};
  EXPECT_EQ(Ids(*source, t, in), (Texts{"1", "4"}));
  Predicate negated{Op::kNot, {}, {}, {in}};
  EXPECT_EQ(Ids(*source, t, negated), (Texts{"2", "3", "6"}));
  EXPECT_EQ(Ids(*source, t, {Op::kIsNull, "c", {}, {}}), Texts{"5"});
}

TEST_P(MysqlLive, AnEqualityOfTextUsesTheIndex) {
  TestDatabase db(
      GetParam(),
      "CREATE TABLE t (id int PRIMARY KEY, c varchar(20), KEY k (c)); INSERT INTO t VALUES "
      "(1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e'); ANALYZE TABLE t");
  auto source = db.Open();
  EXPECT_EQ(Ids(*source, db.Name("t"), Is(Op::kEq, "c", std::string("b"))), Texts{"2"});
  const std::string plan = db.Run("EXPLAIN " + statement_);
  EXPECT_NE(plan.find("\tk\t"), std::string::npos) << plan;
}

TEST_P(MysqlLive, NumbersDatesAndBytesAreComparedExactly) {
  TestDatabase db(
      GetParam(),
      "CREATE TABLE t (id int PRIMARY KEY, u bigint unsigned, f float, d decimal(20,4), "
      "at datetime(6), ts timestamp(6) NULL, day date, b varbinary(10), bit1 bit(1), bit9 "
      "bit(9)); INSERT INTO t VALUES (1, 18446744073709551615, 1.1, 1.1000, '2024-01-01 "
      "00:00:00.000001', FROM_UNIXTIME(1.5), '2024-02-29', x'00ff', b'1', 300), (2, 0, "
      "2.5, -1, '1000-01-01', NULL, '9999-12-31', '', b'0', 1)");
  auto source = db.Open();
  const SourceTableName t = db.Name("t");
  const auto first = [&](const Predicate& predicate) {
    EXPECT_EQ(Ids(*source, t, predicate), Texts{"1"}) << statement_;
    EXPECT_TRUE(pushed_) << statement_;
  };
  first(Is(Op::kEq, "u", Int128{0, 18446744073709551615U}));
  first(Is(Op::kEq, "f", static_cast<double>(1.1F)));
  first(Is(Op::kGt, "d", Int128{0, 10999}));
  first(Is(Op::kEq, "at", int64_t{1704067200000001}));
  first(Is(Op::kLtEq, "ts", int64_t{1500000}));
  first(Is(Op::kEq, "day", int64_t{19782}));
  first(Is(Op::kEq, "b", std::string("\0\xff", 2)));
  first(Is(Op::kEq, "bit1", true));
  first(Is(Op::kGt, "bit9", int64_t{299}));
  first(Is(Op::kNotEq, "id", int64_t{2}));
  EXPECT_EQ(Ids(*source, t, Is(Op::kLt, "f", std::numeric_limits<double>::quiet_NaN())).size(), 2U);
  EXPECT_FALSE(pushed_) << "the server has no NaN to compare with";
}

TEST_P(MysqlLive, AYearIsComparedAsANumber) {
  const std::vector<int64_t> years = {0, 1901, 1970, 2005, 2069, 2155};
  std::string sql = "CREATE TABLE t (id int PRIMARY KEY, y year, KEY (y)); INSERT INTO t VALUES ";
  for (size_t i = 0; i < years.size(); ++i) {
    sql += (i > 0 ? ", (" : "(") + std::to_string(i) + ", " + std::to_string(years[i]) + ")";
  }
  TestDatabase db(GetParam(), sql);
  const SourceTableName t = db.Name("t");
  const auto holds = [](Op op, int64_t a, int64_t b) {
    return op == Op::kEq      ? a == b
           : op == Op::kNotEq ? a != b
           : op == Op::kLt    ? a < b
           : op == Op::kLtEq  ? a <= b
           : op == Op::kGt    ? a > b
                              : a >= b;
  };
  for (const std::string type : {"", "long", "decimal(6,1)"}) {
    auto source = type.empty() ? db.Open() : db.Open({{"t.y", type}});
    const bool decimal = type.starts_with("decimal");
    int pushed = 0;
    for (const int64_t value : {-1, 0, 1, 5, 69, 70, 99, 100, 1900, 1901, 1969, 1970, 2005, 2006,
                                2069, 2155, 2156, 20000}) {
      for (Op op : {Op::kEq, Op::kNotEq, Op::kLt, Op::kLtEq, Op::kGt, Op::kGtEq}) {
        const Scalar literal =
            decimal ? Scalar(Int128FromInt64(value * 10)) : Scalar(int64_t{value});
        const Texts ids = Ids(*source, t, Is(op, "y", literal));
        if (!pushed_) continue;
        ++pushed;
        Texts expected;
        for (size_t i = 0; i < years.size(); ++i) {
          if (holds(op, years[i], value)) expected.push_back(std::to_string(i));
        }
        EXPECT_EQ(ids, expected) << type << " " << statement_;
      }
    }
    EXPECT_GE(pushed, decimal ? 0 : 40);
    const Predicate late =
        Is(Op::kGt, "y", decimal ? Scalar(Int128{0, 20050}) : Scalar(int64_t{2005}));
    const Predicate early =
        Is(Op::kLt, "y", decimal ? Scalar(Int128{0, 99999}) : Scalar(int64_t{2147483647}));
    const Texts both = Ids(*source, t, Predicate::And({late, early}));
    for (const char* id : {"4", "5"}) {
      EXPECT_NE(std::find(both.begin(), both.end(), id), both.end()) << statement_;
    }
  }
}

TEST_P(MysqlLive, AFloatIsComparedWithANumberBeyondItsRange) {
  TestDatabase db(GetParam(),
                  "CREATE TABLE t (id int PRIMARY KEY, f float, KEY (f)); INSERT INTO t VALUES "
                  "(1, 1.5), (2, -3.4e38), (3, 3.4e38)");
  for (const std::string type : {"", "double"}) {
    auto source = type.empty() ? db.Open() : db.Open({{"t.f", type}});
    const SourceTableName t = db.Name("t");
    for (const double far : {1e39, 1.7976931348623157e308}) {
      EXPECT_EQ(Ids(*source, t, Is(Op::kLt, "f", far)), (Texts{"1", "2", "3"})) << statement_;
      EXPECT_EQ(Ids(*source, t, Is(Op::kGt, "f", -far)), (Texts{"1", "2", "3"})) << statement_;
      EXPECT_EQ(Ids(*source, t, Is(Op::kNotEq, "f", far)), (Texts{"1", "2", "3"})) << statement_;
    }
    EXPECT_EQ(Ids(*source, t, Is(Op::kLtEq, "f", 1.5)), (Texts{"1", "2"}));
    EXPECT_TRUE(pushed_);
  }
}

TEST_P(MysqlLive, ANullOfAViewIsFoundWhateverItsDescriptionSays) {
  TestDatabase db(
      GetParam(),
      "CREATE TABLE a (id int PRIMARY KEY, c int NOT NULL, d date NOT NULL, at datetime "
      "NOT NULL); CREATE TABLE b (id int PRIMARY KEY, c int, d date, at datetime); "
      "CREATE VIEW v AS SELECT * FROM a UNION ALL SELECT * FROM b; "
      "INSERT INTO a VALUES (1, 1, '2024-01-01', '2024-01-01'); "
      "INSERT INTO b VALUES (2, NULL, NULL, NULL)");
  auto source = db.Open({{"v.at", "string"}});
  EXPECT_EQ(Ids(*source, db.Name("v"), {Op::kIsNull, "c", {}, {}}), Texts{"2"}) << statement_;
  EXPECT_TRUE(pushed_);
  EXPECT_EQ(Ids(*source, db.Name("v"), {Op::kIsNotNull, "c", {}, {}}), Texts{"1"}) << statement_;
  // Of a DATE and a DATETIME that is NOT NULL below, IS NULL would ask for the zero date.
  for (const char* column : {"d", "at"}) {
    for (const Op op : {Op::kIsNull, Op::kIsNotNull}) {
      EXPECT_EQ(Ids(*source, db.Name("v"), {op, column, {}, {}}), (Texts{"1", "2"})) << statement_;
      EXPECT_FALSE(pushed_) << statement_;
    }
  }
}

TEST_P(MysqlLive, AZeroDateIsNotNull) {
  TestDatabase db(GetParam(),
                  "SET sql_mode = ''; CREATE TABLE t (id int PRIMARY KEY, d date NOT NULL); INSERT "
                  "INTO t VALUES (1, '0000-00-00'), (2, '2024-01-01')");
  auto source = db.Open({{"t.d", "string"}});
  EXPECT_EQ(Ids(*source, db.Name("t"), {Op::kIsNull, "d", {}, {}}), Texts{});
  EXPECT_EQ(Ids(*source, db.Name("t"), {Op::kIsNotNull, "d", {}, {}}), (Texts{"1", "2"}));
}

TEST_P(MysqlLive, OnlyTheWantedColumnsAndRowsAreAskedFor) {
  TestDatabase db(
      GetParam(),
      "CREATE TABLE t (id int PRIMARY KEY, a int, b int); INSERT INTO t VALUES (1, 2, 3), "
      "(2, 3, 4)");
  auto source = db.Open();
  LiveScan scan;
  scan.table = Must(source->Describe(db.Name("t")));
  scan.columns = {"b", "id"};
  scan.predicate = Is(Op::kGt, "id", int64_t{1});
  scan.limit = 5;
  EXPECT_EQ(Must(source->ExplainScan(scan)),
            "SELECT `b`, `id` FROM `" + db.database + "`.`t` WHERE (`id` > 1) LIMIT 5");
  EXPECT_EQ(Drain(*Must(source->Scan(scan))), Texts{"4|2"});
  scan.columns = {};
  auto counted = Must(source->Scan(scan));
  EXPECT_EQ(Must(counted->Next())->num_rows(), 1);
  scan.columns = {"id"};
  db.Run("ALTER TABLE t DROP b");
  EXPECT_EQ(source->Scan(scan).status().error().kind, ErrorKind::kConflict);
}

TEST_P(MysqlLive, AReaderThatIsGivenUpLeavesNothingBehind) {
  TestDatabase db(
      GetParam(),
      "CREATE TABLE t (id int PRIMARY KEY, pad varchar(1000)); SET @n = 0; INSERT INTO t "
      "SELECT @n := @n + 1, REPEAT('x', 1000) FROM information_schema.collations a, (SELECT "
      "1 FROM information_schema.collations LIMIT 50) b");
  MysqlOptions options;
  options.name = "test";
  options.url = db.server.Url(db.database);
  options.live_connections_max = 1;
  Limits limits;
  limits.batch_rows = 10;
  auto source = Must(OpenMysqlSource(std::move(options), limits));
  LiveScan scan;
  scan.table = Must(source->Describe(db.Name("t")));
  scan.columns = {"id", "pad"};
  for (int i = 0; i < 3; ++i) {
    auto reader = Must(source->Scan(scan));
    EXPECT_EQ(Must(reader->Next())->num_rows(), 10);
  }
}

TEST_P(MysqlLive, ACancelledWaitEndsAtOnce) {
  TestDatabase db(GetParam(), "CREATE VIEW slow AS SELECT SLEEP(100) AS id");
  CancelFlag cancel;
  MysqlOptions options;
  options.name = "test";
  options.url = db.server.Url(db.database);
  options.cancel = &cancel;
  auto source = Must(OpenMysqlSource(std::move(options), Limits{}));
  LiveScan scan;
  scan.table = Must(source->Describe(db.Name("slow")));
  scan.columns = {"id"};
  cancel.Request();
  const auto reader = source->Scan(scan);
  ASSERT_FALSE(reader.ok());
  EXPECT_EQ(reader.status().error().kind, ErrorKind::kCancelled) << reader.status().ToString();
}

TEST_P(MysqlLive, ListsWhatTheUserMaySee) {
  TestDatabase db(GetParam(), "CREATE TABLE t (id int); CREATE VIEW v AS SELECT 1 AS one");
  auto source = db.Open();
  const Texts schemas = Must(source->ListSchemas());
  EXPECT_NE(std::find(schemas.begin(), schemas.end(), db.database), schemas.end());
  EXPECT_EQ(std::find(schemas.begin(), schemas.end(), "mysql"), schemas.end());
  EXPECT_EQ(Must(source->ListTables(db.database)),
            (std::vector<SourceTableName>{db.Name("t"), db.Name("v")}));
  EXPECT_EQ(source->Describe(db.Name("x")).status().error().kind, ErrorKind::kNotFound);
}

TARN_ON_BOTH_SERVERS(MysqlLive);

}  // namespace
}  // namespace tarn::mysql
