#include "sql/secrets.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

void Check(const std::string& text, const std::string& expected) {
  EXPECT_EQ(WithoutSecrets(text), expected);
}

TEST(SecretsTest, OrdinaryStatementsStayAsTheyWereTyped) {
  for (const char* text :
       {"SELECT 1", "SELECT 'it''s' AS \"a b\" -- password\nFROM t",
        "INSERT INTO t VALUES ('x@y:z')", "SELECT * FROM iceberg_table('s3://bucket/a@b/table')",
        "SELECT a::INTEGER, tokens FROM t", "SELECT token FROM t WHERE id = 7",
        "SELECT password, name FROM users", ""}) {
    Check(text, text);
  }
}

TEST(SecretsTest, PasswordsOfAddressesAreHidden) {
  Check("CALL f('postgres://me:s3cret@host:5432/db')", "CALL f('postgres://me:***@host:5432/db')");
  Check("CALL f('postgres://me:a/b@c@host/db')", "CALL f('postgres://me:***@host/db')");
  Check("SELECT * FROM iceberg_table('s3://key:word@bucket/t', version => '1')",
        "SELECT * FROM iceberg_table('s3://key:***@bucket/t', version => '1')");
  Check("a \"mysql://u:p@h\" b", "a \"mysql://u:***@h\" b");
}

TEST(SecretsTest, LiteralsAfterWordsThatNameSecretsAreHidden) {
  Check("CREATE SECRET s (TYPE s3, KEY_ID 'AKIA', SECRET 'abc''d')",
        "CREATE SECRET s (TYPE s3, KEY_ID '***', SECRET '***')");
  Check("ATTACH 'host=h user=u password=abc dbname=d' AS x",
        "ATTACH 'host=h user=u password=*** dbname=d' AS x");
  Check("SET s3_secret_access_key = 'abc'", "SET s3_secret_access_key = '***'");
  Check("CALL f(password => E'a\\'b', x => 1)", "CALL f(password => E'***', x => 1)");
  Check("CALL f(\"password\" := $$a'b$$)", "CALL f(\"password\" := $$***$$)");
  Check("ALTER TABLE t SET ('auth.token' = 'abc')", "ALTER TABLE t SET ('auth.token' = '***')");
  Check("-- don't\nSET \"it's\" = 1, password = 'abc'",
        "-- don't\nSET \"it's\" = 1, password = '***'");
  Check("SELECT $1 WHERE password = $1", "SELECT $1 WHERE password = $1");
  Check("CREATE USER u WITH PASSWORD 'abc'", "CREATE USER u WITH PASSWORD '***'");
}

TEST(SecretsTest, SignedAddressesAreHidden) {
  Check("read('https://h/x?X-Amz-Credential=AK%2F1&X-Amz-Signature=00ff&a=1')",
        "read('https://h/x?X-Amz-Credential=***&X-Amz-Signature=***&a=1')");
  Check("read('https://h/x?sv=1&sig=abc%3D')", "read('https://h/x?sv=1&sig=***')");
}

TEST(SecretsTest, TextsThatEndInTheMiddleAreHiddenToTheirEnd) {
  Check("CREATE SECRET s (SECRET 'abc", "CREATE SECRET s (SECRET '***");
  Check("password=", "password=");
  Check("x://u:p@", "x://u:***@");
}

}  // namespace
}  // namespace tarn
