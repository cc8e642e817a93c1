#include "base/log.h"

#include <gtest/gtest.h>

#include <regex>
#include <string>

namespace tarn {
namespace {

std::string Logged(LogLevel threshold, LogLevel level, std::string_view message) {
  SetLogLevel(threshold);
  testing::internal::CaptureStderr();
  Log(level, message);
  std::string text = testing::internal::GetCapturedStderr();
  SetLogLevel(LogLevel::kWarning);
  return text;
}

TEST(LogTest, ALineHasTimeLevelAndMessage) {
  const std::regex form(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z warning disk is slow\n)");
  const std::string line = Logged(LogLevel::kWarning, LogLevel::kWarning, "disk is slow");
  EXPECT_TRUE(std::regex_match(line, form)) << line;
}

TEST(LogTest, LinesBelowTheLevelAreDropped) {
  EXPECT_EQ(Logged(LogLevel::kWarning, LogLevel::kInfo, "x"), "");
  EXPECT_NE(Logged(LogLevel::kDebug, LogLevel::kDebug, "x"), "");
  EXPECT_EQ(Logged(LogLevel::kError, LogLevel::kWarning, "x"), "");
}

TEST(LogTest, AMessageWithLineBreaksStaysOneLine) {
  const std::string line = Logged(LogLevel::kInfo, LogLevel::kError, "a\nb\r\nc");
  EXPECT_NE(line.find(" error a b  c\n"), std::string::npos) << line;
}

}  // namespace
}  // namespace tarn
