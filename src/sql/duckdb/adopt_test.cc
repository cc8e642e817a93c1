#include "sql/duckdb/adopt_table.h"

#include "base/json.h"
#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

std::string Rewritten(const std::string& sql) {
  const auto result = duck::RewriteAdopt(sql);
  if (!result.ok()) return "error: " + result.error().message;
  return result->value_or("-");
}

TEST(RewriteAdoptTest, BecomesACall) {
  EXPECT_EQ(Rewritten("CREATE TABLE s.t FROM iceberg_table('x')"),
            "CALL tarn_adopt_iceberg('s.t', 'fail', 'x')");
  EXPECT_EQ(
      Rewritten("create table if not exists lake . s.\"a \"\"b\"\" 'c'\" from\n delta_table "
                "( 'it''s (x', version => 3 ) ;"),
      "CALL tarn_adopt_delta('lake.s.\"a \"\"b\"\" ''c''\"', 'keep', 'it''s (x', version => 3 )");
  EXPECT_EQ(Rewritten("/* c */ CREATE /* d */ TABLE t -- e\n FROM delta_table('x', timestamp => "
                      "now()::timestamptz)"),
            "CALL tarn_adopt_delta('t', 'fail', 'x', timestamp => now()::timestamptz)");
}

TEST(RewriteAdoptTest, LeavesOtherStatementsAlone) {
  for (const char* sql :
       {"", "CREATE", "CREATE TABLE", "CREATE TABLE t", "CREATE TABLE t (a INT)", "SELECT 1",
        "CREATE TABLE t AS FROM iceberg_table('x')", "CREATE TABLE t FROM other('x')",
        "CREATE TABLE t FROM iceberg_table", "CREATE TABLE t FROM iceberg_table('x'",
        "CREATE TABLE t FROM iceberg_tables('x')", "CREATE VIEW t FROM iceberg_table('x')"}) {
    EXPECT_EQ(Rewritten(sql), "-") << sql;
  }
}

TEST(RewriteAdoptTest, SaysWhatItDoesNotDo) {
  EXPECT_EQ(Rewritten("CREATE OR REPLACE TABLE t FROM delta_table('x')"),
            "error: CREATE OR REPLACE TABLE … FROM delta_table(…) is not supported");
  EXPECT_EQ(Rewritten("CREATE TABLE t FROM delta_table('x') WHERE a"),
            "error: CREATE TABLE … FROM delta_table(…) takes nothing behind it");
}

/// A Delta table in the lake's own store, made of the data files of a table of the lake.
class AdoptTest : public LakeTest {
 protected:
  static constexpr char kFile[] = "landing/d/part-0.parquet";

  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
    Sql("CREATE TABLE s.source AS SELECT i::BIGINT AS i, 'n' || i AS name FROM range(10) r(i)");
    std::string bytes;
    ASSERT_TRUE(store_
                    .List("s/source/data/",
                          [&](const ObjectInfo& object) -> Status {
                            bytes = store_.Get(object.key).value();
                            return {};
                          })
                    .ok());
    ASSERT_TRUE(store_.Put(kFile, bytes).ok());
    size_ = static_cast<int64_t>(bytes.size());
    WriteLog({});
  }

  /// `column_metadata` is that of column i.
  void WriteLog(const std::map<std::string, std::string>& configuration,
                const std::map<std::string, std::string>& column_metadata = {}) {
    Json of_column = Json::object();
    for (const auto& [key, value] : column_metadata) of_column[key] = value;
    const Json schema = {
        {"type", "struct"},
        {"fields",
         {{{"name", "i"}, {"type", "long"}, {"nullable", true}, {"metadata", of_column}},
          {{"name", "name"},
           {"type", "string"},
           {"nullable", true},
           {"metadata", Json::object()}}}}};
    Json properties = Json::object();
    for (const auto& [key, value] : configuration) properties[key] = value;
    const Json protocol = {{"protocol", {{"minReaderVersion", 1}, {"minWriterVersion", 4}}}};
    const Json metadata = {{"metaData",
                            {{"id", "0"},
                             {"format", {{"provider", "parquet"}, {"options", Json::object()}}},
                             {"schemaString", DumpJson(schema)},
                             {"partitionColumns", Json::array()},
                             {"configuration", properties}}}};
    const Json add = {{"add",
                       {{"path", "part-0.parquet"},
                        {"partitionValues", Json::object()},
                        {"size", size_},
                        {"modificationTime", 0},
                        {"dataChange", true}}}};
    ASSERT_TRUE(
        store_
            .Put("landing/d/_delta_log/00000000000000000000.json",
                 DumpJson(protocol) + "\n" + DumpJson(metadata) + "\n" + DumpJson(add) + "\n")
            .ok());
  }

  std::string Adopt(const std::string& name = "s.t") {
    return Sql("CREATE TABLE " + name + " FROM delta_table('" + store_.UriOf("landing/d") + "')");
  }

  int64_t size_ = 0;
};

TEST_F(AdoptTest, ReadsTheFilesWhereTheyStand) {
  EXPECT_EQ(Adopt(), "s|t|1|10\n");
  EXPECT_EQ(Sql("SELECT count(*), sum(i), max(name) FROM s.t"), "10|45|n9\n");
  EXPECT_EQ(CountObjects("s/t/data/"), 0);
  EXPECT_EQ(Sql("SELECT count(*) FROM delta_table('" + store_.UriOf("s/t") + "')"), "10\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM iceberg_table('" + store_.UriOf("s/t") + "')"), "10\n");
}

TEST_F(AdoptTest, ChangesStandInFilesOfItsOwn) {
  Adopt();
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (100, 'new')"), "INSERT 0 1");
  EXPECT_EQ(Sql("DELETE FROM s.t WHERE i < 5"), "DELETE 5");
  EXPECT_EQ(Sql("UPDATE s.t SET name = 'x' WHERE i = 9"), "UPDATE 1");
  EXPECT_EQ(Sql("SELECT * FROM s.t WHERE i > 7 ORDER BY i"), "8|n8\n9|x\n100|new\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM delta_table('" + store_.UriOf("landing/d") + "')"), "10\n");
}

TEST_F(AdoptTest, AnAbandonedAdoptionRemovesNothing) {
  EXPECT_EQ(Sql("BEGIN"), "BEGIN");
  EXPECT_EQ(Adopt(), "s|t|1|10\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t"), "10\n");
  EXPECT_EQ(Sql("ROLLBACK"), "ROLLBACK");
  EXPECT_TRUE(store_.Head(kFile).ok());
  EXPECT_EQ(Sql("BEGIN"), "BEGIN");
  Adopt();
  EXPECT_EQ(Sql("DROP TABLE s.t"), "DROP TABLE");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_TRUE(store_.Head(kFile).ok());
}

TEST_F(AdoptTest, FilesOfATableOfTheLakeAreRefused) {
  const std::string error =
      Sql("CREATE TABLE s.t FROM iceberg_table('" + store_.UriOf("s/source") + "')");
  EXPECT_NE(error.find("belongs to a table of the lake"), std::string::npos) << error;
}

TEST_F(AdoptTest, ANameThatIsTakenIsSaidBeforeAnythingIsRead) {
  EXPECT_EQ(Sql("CREATE TABLE s.source FROM delta_table('nowhere')"),
            "already exists: table s.source already exists");
  EXPECT_EQ(Sql("CREATE TABLE IF NOT EXISTS s.source FROM delta_table('nowhere')"), "");
  EXPECT_EQ(Sql("CREATE TABLE nothing.t FROM delta_table('nowhere')"),
            "not found: schema nothing does not exist in lake");
}

TEST_F(AdoptTest, RulesThatWouldNotBeKeptAreRefused) {
  WriteLog({}, {{"delta.generationExpression", "1 + 1"}});
  EXPECT_NE(Adopt().find("column \"i\" of the Delta table is generated"), std::string::npos);
  WriteLog({}, {{"delta.identity.start", "1"}, {"delta.identity.step", "1"}});
  EXPECT_NE(Adopt().find("column \"i\" of the Delta table is counted up"), std::string::npos);
}

TEST_F(AdoptTest, InvariantsAndConstraintsAreKept) {
  WriteLog({{"delta.constraints.Named", "name <> \"bad\" OR `i` = 0"}},
           {{"delta.invariants", R"({"expression":{"expression":"i < 100"}})"}});
  EXPECT_EQ(Adopt(), "s|t|1|10\n");
  EXPECT_NE(Sql("INSERT INTO s.t VALUES (100, 'x')").find("breaks constraint \"invariant_i\""),
            std::string::npos);
  EXPECT_NE(Sql("INSERT INTO s.t VALUES (50, 'bad')").find("breaks constraint \"Named\""),
            std::string::npos);
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (0, 'bad'), (99, 'x')"), "INSERT 0 2");
}

TEST_F(AdoptTest, RowsOfATableThatIsOnlyAppendedToStay) {
  WriteLog({{"delta.appendOnly", "true"}});
  EXPECT_EQ(Adopt(), "s|t|1|10\n");
  EXPECT_NE(Sql("DELETE FROM s.t WHERE i = 1").find("delta.appendOnly"), std::string::npos);
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t"), "10\n");
}

}  // namespace
}  // namespace tarn
