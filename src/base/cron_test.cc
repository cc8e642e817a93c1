#include "base/cron.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace tarn {
namespace {

CronSchedule Cron(const std::string& text) {
  auto schedule = CronSchedule::Parse(text);
  EXPECT_TRUE(schedule.ok()) << schedule.error().ToString();
  return schedule.ok() ? *schedule : CronSchedule();
}

/// 2026-01-01T00:00:00Z, a Thursday.
constexpr int64_t kNewYear = 1'767'225'600;

std::string At(int64_t seconds) { return FormatUtc(seconds * 1'000'000).substr(0, 16); }

/// The next `count` instants after `from`, in UTC, to the minute.
std::vector<std::string> Next(const std::string& text, int count, int64_t from = kNewYear,
                              const std::string& zone_name = "") {
  const TimeZone zone = zone_name.empty() ? TimeZone() : TimeZone::Load(zone_name).value();
  const CronSchedule schedule = Cron(text);
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) {
    const auto next = schedule.NextAfter(from, zone);
    if (!next.has_value()) {
      out.push_back("never");
      break;
    }
    from = *next;
    out.push_back(At(from));
  }
  return out;
}
using Times = std::vector<std::string>;

TEST(CronTest, FieldsListsRangesStepsAndNames) {
  EXPECT_EQ(Next("0 2 * * *", 2), (Times{"2026-01-01T02:00", "2026-01-02T02:00"}));
  EXPECT_EQ(Next("*/20 5 * * *", 4), (Times{"2026-01-01T05:00", "2026-01-01T05:20",
                                            "2026-01-01T05:40", "2026-01-02T05:00"}));
  EXPECT_EQ(Next("5/25 0 * * *", 3),
            (Times{"2026-01-01T00:05", "2026-01-01T00:30", "2026-01-01T00:55"}));
  EXPECT_EQ(Next("30 8,18 * * MON-fri", 3),
            (Times{"2026-01-01T08:30", "2026-01-01T18:30", "2026-01-02T08:30"}));
  EXPECT_EQ(Next("0 0 * feb 7", 2), (Times{"2026-02-01T00:00", "2026-02-08T00:00"}));
  EXPECT_EQ(Next("0-2 0 1-7/3 * *", 4), (Times{"2026-01-01T00:01", "2026-01-01T00:02",
                                               "2026-01-04T00:00", "2026-01-04T00:01"}));
  EXPECT_EQ(Next("@monthly", 2), (Times{"2026-02-01T00:00", "2026-03-01T00:00"}));
  EXPECT_EQ(Next("@Weekly", 1), (Times{"2026-01-04T00:00"}));
}

TEST(CronTest, TheInstantItselfIsPast) {
  EXPECT_EQ(Next("0 0 1 1 *", 1), (Times{"2027-01-01T00:00"}));
  EXPECT_EQ(Next("* * * * *", 1, kNewYear + 59), (Times{"2026-01-01T00:01"}));
  EXPECT_EQ(Next("* * * * *", 1, -61), (Times{"1969-12-31T23:59"}));
}

TEST(CronTest, EitherDayWhereBothAreRestricted) {
  // The 13th, and every Friday.
  EXPECT_EQ(Next("0 0 13 * 5", 4), (Times{"2026-01-02T00:00", "2026-01-09T00:00",
                                          "2026-01-13T00:00", "2026-01-16T00:00"}));
  EXPECT_EQ(Next("0 0 */2 * 5", 2), (Times{"2026-01-09T00:00", "2026-01-23T00:00"}))
      << "a field that begins with * restricts beside the other";
}

TEST(CronTest, ALeapDayIsWaitedFor) {
  EXPECT_EQ(Next("0 12 29 2 *", 2), (Times{"2028-02-29T12:00", "2032-02-29T12:00"}));
}

TEST(CronTest, TheHourThatIsLeftOutIsMadeUpForAtOnce) {
  // 29 March 2026: 02:00 becomes 03:00 in Berlin, which is 01:00 UTC.
  const int64_t before = kNewYear + (31 + 28 + 27) * 86400;
  EXPECT_EQ(Next("30 2 * * *", 3, before, "Europe/Berlin"),
            (Times{"2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"}));
  EXPECT_EQ(
      Next("0,30 2 * * *", 4, before + 7200, "Europe/Berlin"),
      (Times{"2026-03-29T01:00", "2026-03-30T00:00", "2026-03-30T00:30", "2026-03-31T00:00"}));
  // What is due all the time is not made up for.
  EXPECT_EQ(Next("30 * * * *", 3, before + 86400, "Europe/Berlin"),
            (Times{"2026-03-29T00:30", "2026-03-29T01:30", "2026-03-29T02:30"}));
}

TEST(CronTest, TheHourThatComesTwiceCountsOnce) {
  // 25 October 2026: 03:00 becomes 02:00 in Berlin, which is 01:00 UTC.
  const int64_t before = kNewYear + 296 * 86400;
  EXPECT_EQ(Next("30 2 * * *", 3, before, "Europe/Berlin"),
            (Times{"2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"}));
  EXPECT_EQ(
      Next("30 * * * *", 4, before + 86400 + 1800 - 7200, "Europe/Berlin"),
      (Times{"2026-10-24T23:30", "2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"}));
}

TEST(CronTest, HalfAnHourAndZonesFarFromGreenwich) {
  EXPECT_EQ(Next("0 0 * * *", 1, kNewYear, "Asia/Kathmandu"), (Times{"2026-01-01T18:15"}));
  // Lord Howe puts its clocks forward by half an hour at 02:00, 4 October 2026.
  EXPECT_EQ(Next("15 2 * * *", 2, kNewYear + 274 * 86400, "Australia/Lord_Howe"),
            (Times{"2026-10-02T15:45", "2026-10-03T15:30"}));
}

/// Every minute of ten years, one by one, finds the same as the search that takes larger steps.
TEST(CronTest, TheSearchMissesNothing) {
  for (const char* zone_name : {"Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"}) {
    const TimeZone zone = TimeZone::Load(zone_name).value();
    const CronSchedule all = Cron("* * * * *");
    const CronSchedule some = Cron("*/7 3 1,15 * *");
    int64_t expected = *some.NextAfter(kNewYear, zone);
    int found = 0;
    for (int64_t at = kNewYear; at < kNewYear + 400 * 86400; at = *all.NextAfter(at, zone)) {
      if (at < expected) continue;
      ASSERT_EQ(at, expected) << zone_name;
      ++found;
      expected = *some.NextAfter(at, zone);
    }
    EXPECT_GE(found, 26 * 9) << zone_name;
  }
}

TEST(CronTest, WhatIsNoScheduleIsRefused) {
  for (const char* text : {"",
                           "0 2 * *",
                           "0 2 * * * *",
                           "60 * * * *",
                           "* 24 * * *",
                           "* * 0 * *",
                           "* * 32 * *",
                           "* * * 13 *",
                           "* * * * 8",
                           "*/0 * * * *",
                           "1- * * * *",
                           "-1 * * * *",
                           "5-3 * * * *",
                           "1,,2 * * * *",
                           "a * * * *",
                           "* * * january *",
                           "@often",
                           "@reboot",
                           "1.5 * * * *",
                           "99999999999 * * * *",
                           "0 0 31 2 *",
                           "0 0 30,31 2 *",
                           "0 0 31 2,4,6 *"}) {
    EXPECT_FALSE(CronSchedule::Parse(text).ok()) << text;
  }
  EXPECT_EQ(CronSchedule::Parse("0 25 * * *").error().message,
            "\"0 25 * * *\" is no schedule: \"25\" is no hour");
}

}  // namespace
}  // namespace tarn
