#include "storage/s3/timestamp.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(TimestampTest, BothFormsAreRead) {
  EXPECT_EQ(ParseIsoTime("2026-11-21T04:05:06Z"), 1795233906000000);
  EXPECT_EQ(ParseIsoTime("2026-11-21T04:05:06.12Z"), 1795233906120000);
  EXPECT_EQ(ParseIsoTime("2026-11-21T04:05:06.123456789Z"), 1795233906123456);
  EXPECT_EQ(ParseIsoTime("2026-11-21T05:05:06+01:00"), 1795233906000000);
  EXPECT_EQ(ParseIsoTime("2026-11-20T22:35:06.12-05:30"), 1795233906120000);
  EXPECT_EQ(ParseIsoTime("2026-11-21T05:05:06+0100"), 1795233906000000);
  EXPECT_EQ(ParseHttpTime("Sat, 21 Nov 2026 04:05:06 GMT"), 1795233906000000);
}

TEST(TimestampTest, AnythingElseIsNoTime) {
  for (const char* text :
       {"", "2026", "2026-11-21", "2026-13-21T04:05:06Z", "2026-11-21T04:05:06",
        "2026-11-21T04:05:06+1", "2026-11-21T04:05:06 01:00", "2026-11-21T04:05:06+01:00Z",
        "2026-11-21T04:05:06+24:00", "x026-11-21T04:05:06Z"}) {
    EXPECT_EQ(ParseIsoTime(text), 0) << text;
  }
  for (const char* text : {"", "Sat, 21 Nov 2026", "Sat, 21 Xxx 2026 04:05:06 GMT",
                           "Sat, 21 anF 2026 04:05:06 GMT", "Sat, 21 Nov 2026 04:05:06 CET"}) {
    EXPECT_EQ(ParseHttpTime(text), 0) << text;
  }
}

}  // namespace
}  // namespace tarn
