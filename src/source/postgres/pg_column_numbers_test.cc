#include "source/postgres/pg_column_numbers.h"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace tarn::postgres {
namespace {

/// "5" a column that stands, "5=" with a value in rows of before, "-5" dropped, "5?" in no message.
std::vector<LaterColumn> Later(const std::vector<std::string>& columns) {
  std::vector<LaterColumn> later;
  for (const std::string& text : columns) {
    LaterColumn column;
    column.id = std::abs(std::stoi(text));
    column.dropped = text.starts_with("-");
    column.untold = text.ends_with("?");
    column.may_fill = text.ends_with("=");
    later.push_back(column);
  }
  return later;
}

ToldColumn Known(int32_t number, int32_t today = 0) { return {true, number, today}; }
ToldColumn Added(int32_t today) { return {false, 0, today}; }

/// The columns' numbers, "?" where one is doubtful; and behind a bar the last one. Of a table that
/// had four columns.
std::string Numbers(const std::vector<ToldColumn>& told, const std::vector<std::string>& later,
                    int64_t left = 0, int32_t last = 4) {
  const ColumnNumbers numbers = NumberColumns(told, left, last, Later(later));
  std::string text;
  for (const auto& one : numbers.columns) {
    text += (one.doubt.empty() ? std::to_string(one.number) : "?") + " ";
  }
  return text + "| " + std::to_string(numbers.last);
}

TEST(PostgresColumnNumbers, TodaysColumnOfTheNameIsMeantWhereNoneBelowItIsGone) {
  EXPECT_EQ(Numbers({Known(4, 4), Added(5)}, {"5"}), "4 5 | 5");
  EXPECT_EQ(Numbers({Added(5)}, {"5=", "6="}), "5 | 5");
  EXPECT_EQ(Numbers({Added(5), Added(6)}, {"5", "6"}), "5 6 | 6");
  EXPECT_EQ(Numbers({Added(6)}, {"5?", "6"}), "6 | 6");
  // What is gone behind them came later.
  EXPECT_EQ(Numbers({Added(5)}, {"5", "-6"}), "5 | 5");
}

TEST(PostgresColumnNumbers, AnotherOneMayHaveHadItsName) {
  EXPECT_EQ(Numbers({Added(6)}, {"-5", "6"}), "? | 4");
  EXPECT_EQ(Numbers({Added(6)}, {"5", "6"}), "? | 4");
  EXPECT_EQ(Numbers({Added(6), Added(5)}, {"5", "6"}), "? 5 | 5");
  EXPECT_EQ(Numbers({Added(3)}, {}), "? | 4");      // it was there, and is told for the first time
  EXPECT_EQ(Numbers({Added(5)}, {"-5"}), "? | 4");  // dropped between two questions
  EXPECT_EQ(Numbers({Added(5)}, {"5?"}), "? | 4");  // which is in no message
  EXPECT_EQ(Numbers({Known(0, 6)}, {"-5", "6"}), "? | 4");
}

TEST(PostgresColumnNumbers, OneThatWasRenamedOrDroppedSinceHasNone) {
  EXPECT_EQ(Numbers({Added(0)}, {"5"}), "0 | 4");
  EXPECT_EQ(Numbers({Added(0)}, {"-5"}), "0 | 4");
  // It may be one in which rows of before have a value.
  EXPECT_EQ(Numbers({Added(0)}, {"5="}), "? | 4");
  EXPECT_EQ(Numbers({Added(0)}, {"5", "6="}), "0 | 4");
  EXPECT_EQ(Numbers({Added(0), Added(0)}, {"5", "6="}), "0 ? | 4");
}

TEST(PostgresColumnNumbers, ThoseThatAreGoneAreTheOnesThatWereTold) {
  // Still in the message,
  EXPECT_EQ(Numbers({Known(0), Added(6)}, {"-5", "6"}), "5 6 | 6");
  EXPECT_EQ(Numbers({Added(0), Added(0), Added(7)}, {"-5", "-6", "7"}), "5 6 7 | 7");
  EXPECT_EQ(Numbers({Known(0), Added(7)}, {"-5", "-6", "7"}), "0 ? | 4");
  // or in it no more.
  EXPECT_EQ(Numbers({}, {"-5", "6"}, 1), "| 5");
  EXPECT_EQ(Numbers({Added(6)}, {"-5", "6"}, 1), "6 | 6");
  EXPECT_EQ(Numbers({Known(0), Added(7)}, {"-5", "-6", "7"}, 1), "6 7 | 7");
  EXPECT_EQ(Numbers({}, {"5", "-6"}, 1), "| 4");
}

}  // namespace
}  // namespace tarn::postgres
