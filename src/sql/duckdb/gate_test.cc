#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

class GateTest : public LakeTest {};

TEST_F(GateTest, UsersReachNoFileAndNoOtherDatabase) {
  Sql("CREATE TABLE t AS SELECT 1 AS i");
  for (const char* sql : {
           "SELECT * FROM read_csv('/etc/passwd')",
           "SELECT * FROM read_text('/etc/passwd')",
           "SELECT * FROM '/etc/passwd'",
           "SELECT * FROM read_parquet('/tmp/x.parquet')",
           "SELECT * FROM read_parquet('tarn://main/t/data/x.parquet')",
           "SELECT * FROM read_blob('tarn://main/t/data/x.parquet')",
           "SELECT * FROM parquet_metadata('tarn://main/t/data/x.parquet')",
           "SELECT * FROM glob('/etc/*')",
           "SELECT * FROM glob('tarn://**')",
           "SELECT * FROM sniff_csv('/etc/passwd')",
           "COPY t TO '/tmp/tarn_gate.csv'",
           "COPY t FROM '/etc/passwd'",
           "COPY t TO 'tarn://x.parquet'",
           "EXPLAIN COPY t TO '/tmp/tarn_gate.csv'",
           "PREPARE p AS COPY t TO '/tmp/tarn_gate.csv'",
           "ATTACH '/tmp/a.db' AS a",
           "ATTACH ':memory:' AS a",
           "ATTACH 'x' AS l2 (TYPE tarn_lake)",
           "DETACH lake",
           "INSTALL httpfs",
           "LOAD httpfs",
           "EXPORT DATABASE '/tmp/e'",
           "IMPORT DATABASE '/tmp/e'",
           "SET threads = 1",
           "SET memory_limit = '10GB'",
           "SET enable_external_access = true",
           "SET allowed_directories = ['/']",
           "RESET lock_configuration",
           "SET temp_directory = '/tmp/x'",
           "CREATE TABLE memory.main.x (i INTEGER)",
           "CREATE SECRET (TYPE s3)",
           "PRAGMA enable_profiling",
           "PRAGMA database_size",
           "CALL enable_logging()",
           "SELECT * FROM duckdb_secrets()",
           "SELECT * FROM duckdb_logs()",
           "SELECT getenv('HOME')",
       }) {
    const std::string answer = Sql(sql);
    EXPECT_TRUE(answer.rfind("permission denied:", 0) == 0 ||
                answer.rfind("invalid argument:", 0) == 0 || answer.rfind("unsupported:", 0) == 0 ||
                answer.rfind("not found:", 0) == 0)
        << sql << " → " << answer;
  }
  EXPECT_EQ(Sql("SELECT * FROM t"), "1\n");
}

TEST_F(GateTest, HarmlessStatementsPass) {
  EXPECT_EQ(Sql("SET TimeZone = 'Europe/Berlin'"), "SET");
  EXPECT_EQ(Sql("SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00'::VARCHAR"),
            "2026-01-01 01:00:00+01\n");
  EXPECT_EQ(Sql("CREATE TEMP TABLE x AS SELECT 1 AS i"), "SELECT 1");
  EXPECT_EQ(Sql("CREATE TEMP MACRO twice(a) AS a * 2"), "CREATE FUNCTION");
  EXPECT_EQ(Sql("SELECT twice(i) FROM x"), "2\n");
  EXPECT_EQ(Sql("PREPARE p AS SELECT $1::INTEGER + 1"), "PREPARE");
  EXPECT_EQ(Sql("EXECUTE p(41)"), "42\n");
  EXPECT_EQ(Sql("SELECT sum(i) FROM range(4) r(i)"), "6\n");
  EXPECT_EQ(Sql("SELECT unnest([1, 2])"), "1\n2\n");
  EXPECT_EQ(Sql("SELECT count(*) > 0 FROM information_schema.tables"), "true\n");
  EXPECT_EQ(Sql("SET VARIABLE v = 7"), "SET");
  EXPECT_EQ(Sql("SELECT getvariable('v')"), "7\n");
}

}  // namespace
}  // namespace tarn
