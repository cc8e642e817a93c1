// Text in the character sets of Chinese, Japanese and Korean, on real servers: every character that
// a server takes is the same in load and stream.
#include <algorithm>
#include <cstdio>

#include <gtest/gtest.h>

#include "source/mysql/my_capture_test_support.h"

namespace tarn::mysql {
namespace {

using Strings = std::vector<std::string>;

struct Case {
  Flavour flavour;
  std::string charset;
};
class MysqlCaptureCharset : public ::testing::TestWithParam<Case> {};

std::string Hex(uint32_t code, int bytes) {
  char text[16];
  std::snprintf(text, sizeof(text), "%0*x", bytes * 2, code);
  return text;
}

/// Every sequence of bytes that may be a character of some set; servers take what is one of theirs.
Strings Sequences(const std::string& charset) {
  Strings all;
  for (uint32_t code = 0x20; code < 0x100; ++code) all.push_back(Hex(code, 1));
  for (uint32_t code = 0x8000; code < 0x10000; ++code) all.push_back(Hex(code, 2));
  if (charset == "ujis" || charset == "eucjpms") {
    for (uint32_t code = 0x8fa1a1; code <= 0x8ffefe; ++code) {
      if ((code & 0xff) >= 0xa1) all.push_back(Hex(code, 3));
    }
  }
  if (charset == "gb18030") {
    for (uint32_t first = 0x81; first <= 0xfe; ++first) {
      // All of the first plane; of what is behind it the first and last of each block.
      const bool whole = first <= 0x84;
      for (uint32_t second = 0x30; second <= 0x39; second += whole ? 1 : 9) {
        for (uint32_t third = 0x81; third <= 0xfe; third += whole ? 1 : 25) {
          for (uint32_t fourth = 0x30; fourth <= 0x39; fourth += whole ? 1 : 3) {
            all.push_back(Hex(first << 24 | second << 16 | third << 8 | fourth, 4));
          }
        }
      }
    }
    all.push_back("e3329a35");
    all.push_back("e3329a36");
  }
  return all;
}

TEST_P(MysqlCaptureCharset, EveryCharacterIsTheSameInLoadAndStream) {
  const auto& [flavour, charset] = GetParam();
  const TestDatabase db(flavour, "CREATE TABLE t (id int PRIMARY KEY, v varchar(4) CHARACTER SET " +
                                     charset + ", w text CHARACTER SET " + charset + ")");
  Mirror mirror(db, {"t"});
  const Strings all = Sequences(charset);
  constexpr size_t kRows = 8000;
  for (size_t begin = 0; begin < all.size(); begin += kRows) {
    std::string sql = "INSERT IGNORE INTO t (id, v) VALUES ";
    for (size_t i = begin; i < std::min(begin + kRows, all.size()); ++i) {
      sql += (i > begin ? ",(" : "(") + std::to_string(i) + ",x'" + all[i] + "')";
    }
    db.Run(sql);
  }
  // What is none of the set is cut off.
  db.Run("DELETE FROM t WHERE v = '' OR v IS NULL; UPDATE t SET w = CONCAT('x', v, 'y', v)");
  const int rows = std::stoi(db.Run("SELECT COUNT(*) FROM t"));
  EXPECT_GT(rows, charset == "gb2312" ? 6000 : 8000);
  mirror.CatchUp();
  mirror.ExpectSame();
}

TEST_P(MysqlCaptureCharset, KeysAreReadInIt) {
  const auto& [flavour, charset] = GetParam();
  const TestDatabase db(flavour,
                        "CREATE TABLE t (k varchar(9) CHARACTER SET " + charset +
                            " PRIMARY KEY, n int); SET NAMES utf8mb4; INSERT INTO t VALUES "
                            "('一', 1), ('二', 2)");
  Mirror mirror(db, {"t"});
  db.Run(
      "SET NAMES utf8mb4; UPDATE t SET n = 3 WHERE k = '一'; UPDATE t SET k = '三' WHERE k = '二'; "
      "DELETE FROM t WHERE n = 3");
  EXPECT_EQ(mirror.CatchUp(),
            (Strings{"t: update 一|3", "t: update 三|2 was 二", "t: delete 一|3"}));
  mirror.ExpectSame();
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const char* charset :
       {"big5", "cp932", "eucjpms", "euckr", "gb2312", "gbk", "sjis", "ujis"}) {
    cases.push_back({Flavour::kMySql, charset});
    cases.push_back({Flavour::kMariaDb, charset});
  }
  cases.push_back({Flavour::kMySql, "gb18030"});
  return cases;
}

std::string NameOf(const ::testing::TestParamInfo<Case>& info) {
  return (info.param.flavour == Flavour::kMySql ? "MySql_" : "MariaDb_") + info.param.charset;
}

INSTANTIATE_TEST_SUITE_P(Sets, MysqlCaptureCharset, ::testing::ValuesIn(Cases()), NameOf);

}  // namespace
}  // namespace tarn::mysql
