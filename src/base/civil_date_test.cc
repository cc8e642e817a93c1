#include "base/civil_date.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(CivilDate, DaysHaveTheirDatesAndBack) {
  struct Case {
    int64_t days;
    CivilDate date;
  };
  const Case cases[] = {
      {0, {1970, 1, 1}},       {-1, {1969, 12, 31}},        {11016, {2000, 2, 29}},
      {11017, {2000, 3, 1}},   {-25509, {1900, 2, 28}},     {-25508, {1900, 3, 1}},
      {-719468, {0, 3, 1}},    {-719469, {0, 2, 29}},       {-719529, {-1, 12, 31}},
      {-719528, {0, 1, 1}},    {2'932'896, {9999, 12, 31}}, {-2'440'588, {-4713, 11, 24}},
      {146'097, {2370, 1, 1}}, {-146'097, {1570, 1, 1}},
  };
  for (const auto& [days, date] : cases) {
    EXPECT_TRUE(CivilFromDays(days) == date) << days;
    EXPECT_EQ(DaysFromCivil(date.year, date.month, date.day), days);
  }
}

TEST(CivilDate, EveryDayFollowsTheOneBefore) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  // 800 years around the beginning of our era, in which signs change.
  CivilDate date = CivilFromDays(-719468 - 146'097);
  for (int64_t day = -719468 - 146'097 + 1; day < -719468 + 146'097; ++day) {
    const bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
    const int last = kDays[date.month - 1] + (leap && date.month == 2 ? 1 : 0);
    if (++date.day > last) {
      date.day = 1;
      if (++date.month > 12) {
        date.month = 1;
        ++date.year;
      }
    }
    ASSERT_TRUE(CivilFromDays(day) == date) << day;
    ASSERT_EQ(DaysFromCivil(date.year, date.month, date.day), day);
  }
}

TEST(CivilDate, YearsBeyondThoseOfPeople) {
  for (const int64_t days : {int64_t{1} << 40, -(int64_t{1} << 40), int64_t{1} << 60}) {
    const CivilDate date = CivilFromDays(days);
    EXPECT_EQ(DaysFromCivil(date.year, date.month, date.day), days);
  }
}

}  // namespace
}  // namespace tarn
