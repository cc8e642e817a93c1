// Columns that are added with a default, on real servers: what rows of before have in them.
#include <algorithm>

#include <gtest/gtest.h>

#include "source/mysql/my_capture_test_support.h"

namespace tarn::mysql {
namespace {

using Strings = std::vector<std::string>;

class MysqlCaptureDefault : public OnBothServers {};

Strings FilledIn(const Strings& log) {
  Strings filled;
  for (const std::string& line : log) {
    if (line.starts_with("t: filled ")) filled.push_back(line.substr(10));
  }
  return filled;
}

TEST_P(MysqlCaptureDefault, RowsOfBeforeHaveTheValueInEveryType) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
  Mirror mirror(db, {"t"});
  // One statement a column, so that the server of today is that of each.
  Strings definitions = {
      "tinyint DEFAULT -7",
      "smallint unsigned DEFAULT '65535'",
      "mediumint NOT NULL DEFAULT 8388607",
      "int NOT NULL",
      "bigint unsigned DEFAULT 18446744073709551615",
      "boolean DEFAULT TRUE",
      "bit DEFAULT 1",
      "bit(20) DEFAULT b'10101'",
      "bit(3) NOT NULL",
      "float DEFAULT 1.1",
      "float NOT NULL",
      "double DEFAULT -1.5e-300",
      "decimal(12,3) DEFAULT -12.5",
      "decimal(12,3) unsigned NOT NULL",
      "numeric DEFAULT 7",
      "year DEFAULT 1999",
      "year NOT NULL",
      "date DEFAULT '2020-02-29'",
      "datetime DEFAULT '2020-02-29 12:34:56'",
      "datetime(6) DEFAULT '1000-01-01 00:00:00.000001'",
      "time DEFAULT '-838:59:59'",
      "time(3) NOT NULL DEFAULT '00:00:00.5'",
      "time NOT NULL",
      "char(7) DEFAULT 'a  '",
      "char(7) NOT NULL",
      "varchar(30) DEFAULT 'it''s \\\\ \\t \"x\", (y)'",
      "varchar(30) CHARACTER SET utf8mb4 DEFAULT 'é😀'",
      "varchar(30) CHARACTER SET latin1 DEFAULT 'x  ' COMMENT 'DEFAULT 5'",
      "varchar(30) NOT NULL",
      "varchar(30) DEFAULT 12",
      "text NOT NULL",
      "blob NOT NULL",
      "binary(5) DEFAULT 'ab'",
      "binary(5) NOT NULL",
      "varbinary(5) DEFAULT x'00ff'",
      "varbinary(5) NOT NULL",
      "enum('a','it''s') DEFAULT 'it''s'",
      "enum('a','b') NOT NULL",
      "set('a','b','c') DEFAULT 'c,a'",
      "set('a','b') NOT NULL",
      "int NOT NULL DEFAULT 5 COMMENT 'x' FIRST",
  };
  if (is_mariadb()) {
    definitions.push_back("text DEFAULT 'x'");
    definitions.push_back("json DEFAULT '{}'");
    definitions.push_back("int DEFAULT (7)");
    definitions.push_back("varchar(5) DEFAULT ('x')");
  }
  Strings log;
  for (size_t i = 0; i < definitions.size(); ++i) {
    const std::string id = std::to_string(10 + i);
    const std::string column = "c" + id;
    db.Run("SET NAMES utf8mb4; ALTER TABLE t ADD COLUMN " + column + " " + definitions[i] +
           "; UPDATE t SET " + column + " = " + column + ", id = " + id + " WHERE id <> 1");
    const Strings filled = FilledIn(mirror.CatchUp());
    ASSERT_EQ(filled.size(), 1u) << definitions[i];
    EXPECT_NE(filled[0], column) << definitions[i] << ": no value";
  }
  mirror.ExpectSame();
}

TEST_P(MysqlCaptureDefault, WhatTheStatementDoesNotTellIsNotKnown) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"t"});
  Strings definitions = {"datetime DEFAULT CURRENT_TIMESTAMP",
                         "timestamp NULL DEFAULT '2020-01-01 00:00:00'",
                         "int AS (id + 1) STORED",
                         "int NOT NULL UNIQUE AUTO_INCREMENT",
                         "decimal(5,1) DEFAULT '1.25'",
                         "enum('a','b') DEFAULT 'B'"};
  if (is_mariadb()) definitions.push_back("varchar(40) DEFAULT uuid()");
  if (is_mariadb()) definitions.push_back("int DEFAULT (1 + 1)");
  for (size_t i = 0; i < definitions.size(); ++i) {
    const std::string column = "c" + std::to_string(10 + i);
    db.Run("ALTER TABLE t ADD COLUMN " + column + " " + definitions[i] +
           "; UPDATE t SET id = " + std::to_string(2 + i));
    EXPECT_EQ(FilledIn(mirror.CatchUp()), Strings{column}) << definitions[i];
  }
}

// The statement's own literal counts, whatever the server says of the column today.
TEST_P(MysqlCaptureDefault, TheDefaultMayBeAnotherOneSince) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"t"});
  db.Run(
      "ALTER TABLE t ADD COLUMN a int DEFAULT 7; ALTER TABLE t ALTER COLUMN a SET DEFAULT 8; "
      "INSERT INTO t (id) VALUES (2)");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: altered id int32 key, a int32", "t: filled a 7", "t: insert 2|8"}));
  mirror.ExpectSame();
  // Dropped and added again: another column, whose values are those of its own default.
  db.Run(
      "ALTER TABLE t ADD COLUMN b int DEFAULT 1; INSERT INTO t (id) VALUES (3); "
      "ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b int DEFAULT 2; "
      "INSERT INTO t (id) VALUES (4)");
  EXPECT_EQ(FilledIn(mirror.CatchUp()), (Strings{"b 1", "b 2"}));
  mirror.ExpectSame();
  // Another type since: what the server made of the value is not known.
  db.Run("ALTER TABLE t ADD COLUMN c double DEFAULT 1.1; ALTER TABLE t MODIFY c float");
  db.Run("INSERT INTO t (id) VALUES (5)");
  EXPECT_EQ(FilledIn(mirror.CatchUp()), Strings{"c"});
}

TEST_P(MysqlCaptureDefault, SeveralAltersThatLieBehindAreFollowed) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (id int PRIMARY KEY, z int); INSERT INTO t VALUES (1, 1)");
  Mirror mirror(db, {"t"});
  db.Run(
      "ALTER TABLE t ADD COLUMN a int DEFAULT 7; INSERT INTO t VALUES (2, 2, 2); "
      "ALTER TABLE t ADD COLUMN b decimal(5,2) DEFAULT 1.5 AFTER id, ADD COLUMN (c datetime "
      "DEFAULT '2020-01-01', d enum('x') NOT NULL); INSERT INTO t (id) VALUES (3); "
      "ALTER TABLE t DROP COLUMN z; INSERT INTO t (id) VALUES (4)");
  Strings filled = FilledIn(mirror.CatchUp());
  EXPECT_EQ(filled, (Strings{"a 7", "b 1.50", "c 1577836800000000", "d x"}));
  mirror.ExpectSame();
}

TEST_P(MysqlCaptureDefault, SessionsOfOtherSettingsAreReadAsTheyWrite) {
  const TestDatabase db(GetParam(),
                        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  Mirror mirror(db, {"t"});
  db.Run(
      "SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'; "
      "ALTER TABLE t ADD COLUMN \"a\" varchar(9) DEFAULT 'x\\y'; INSERT INTO t (id) VALUES (2)");
  EXPECT_EQ(FilledIn(mirror.CatchUp()), Strings{"a x\\y"});
  mirror.ExpectSame();
  db.Run(
      "SET NAMES latin1; ALTER TABLE t ADD COLUMN b varchar(9) DEFAULT '\xe9'; INSERT INTO t (id) "
      "VALUES (3)");
  EXPECT_EQ(FilledIn(mirror.CatchUp()), Strings{"b"});
}

TARN_ON_BOTH_SERVERS(MysqlCaptureDefault);

}  // namespace
}  // namespace tarn::mysql
