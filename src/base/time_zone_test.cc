#include "base/time_zone.h"

#include <gtest/gtest.h>

#include <ctime>

namespace tarn {
namespace {

TimeZone Zone(const std::string& name) {
  auto zone = TimeZone::Load(name);
  EXPECT_TRUE(zone.ok()) << zone.error().ToString();
  return zone.ok() ? *zone : TimeZone();
}

TEST(TimeZoneTest, OffsetsAreThoseOfTheCLibraryFromTheFirstTransitionToFarBehindTheLast) {
  for (const char* name : {"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu",
                           "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca",
                           "Europe/Dublin", "America/Nuuk", "Pacific/Apia", "UTC", "Etc/GMT+5"}) {
    const TimeZone zone = Zone(name);
    setenv("TZ", name, 1);
    tzset();
    // About every 23 days from 1880 to 2200.
    for (int64_t seconds = -2'840'000'000; seconds < 7'260'000'000; seconds += 1'999'991) {
      const time_t instant = seconds;
      std::tm local{};
      localtime_r(&instant, &local);
      ASSERT_EQ(zone.OffsetAt(seconds), local.tm_gmtoff) << name << " at " << seconds;
    }
  }
  unsetenv("TZ");
  tzset();
}

TEST(TimeZoneTest, TheHourBeginsAndEndsToTheSecond) {
  const TimeZone berlin = Zone("Europe/Berlin");
  EXPECT_EQ(berlin.OffsetAt(1711846799), 3600);  // 2024-03-31 00:59:59 UTC
  EXPECT_EQ(berlin.OffsetAt(1711846800), 7200);
  EXPECT_EQ(berlin.OffsetAt(2531955599), 3600);  // 2050-03-27: by the rule, the last Sunday
  EXPECT_EQ(berlin.OffsetAt(2531955600), 7200);
}

TEST(TimeZoneTest, WhatIsNoZoneIsAnError) {
  EXPECT_EQ(TimeZone::Load("Nowhere/At_All").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(TimeZone::Load("../../etc/passwd").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(TimeZone::Load("tzdata.zi").error().kind, ErrorKind::kCorruption);
  for (size_t size : {0, 4, 44, 100}) {
    EXPECT_FALSE(TimeZone::Parse(std::string("TZif2") + std::string(size, '\0'), "x").ok());
  }
}

}  // namespace
}  // namespace tarn
