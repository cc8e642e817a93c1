#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace tarn {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) return InvalidArgument("odd", "give an even number");
  return value / 2;
}

Result<std::string> Quarter(int value) {
  TARN_ASSIGN_OR_RETURN(const int half, Half(value));
  TARN_ASSIGN_OR_RETURN(const int quarter, Half(half).Wrap("second half"));
  return std::to_string(quarter);
}

Status Both(int a, int b) {
  TARN_RETURN_IF_ERROR(Half(a));
  TARN_RETURN_IF_ERROR(Quarter(b));
  return {};
}

TEST(ResultTest, MacrosCarryTheFirstErrorOutUnchanged) {
  EXPECT_EQ(*Quarter(8), "2");
  const auto odd = Quarter(7);
  ASSERT_FALSE(odd.ok());
  EXPECT_EQ(odd.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(odd.error().message, "odd");
  EXPECT_EQ(odd.error().hint, "give an even number");
  EXPECT_EQ(Quarter(6).error().message, "second half: odd");

  EXPECT_TRUE(Both(2, 4).ok());
  EXPECT_EQ(Both(1, 4).error().message, "odd");
  EXPECT_EQ(Both(2, 6).error().message, "second half: odd");
}

TEST(ResultTest, MoveOnlyValuesPassThrough) {
  auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  auto use = [&]() -> Result<int> {
    TARN_ASSIGN_OR_RETURN(auto pointer, make());
    return *pointer;
  };
  EXPECT_EQ(*use(), 7);
}

TEST(ResultTest, AnOkStatusStaysOkThroughWrapAndHint) {
  EXPECT_TRUE(Status().Wrap("context").ok());
  EXPECT_TRUE(Status().Hint("hint").ok());
  EXPECT_EQ(Status().ToString(), "ok");
  EXPECT_EQ(*Half(4).Wrap("context").Hint("hint"), 2);
  EXPECT_TRUE(Half(4).status().ok());
}

TEST(ResultTest, WrapKeepsKindHintAndDetail) {
  Status status = MakeError(ErrorKind::kConflict, "moved", "reload", "version 3");
  status = std::move(status).Wrap("table x").Hint("or wait");
  EXPECT_EQ(status.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(status.ToString(), "table x: moved\nDETAIL:  version 3\nHINT:  reload; or wait");
}

TEST(ResultTest, CopiesOfAStatusAreIndependent) {
  const Status first = NotFound("x");
  Status second = first;
  second = std::move(second).Wrap("y");
  EXPECT_EQ(first.error().message, "x");
  EXPECT_EQ(second.error().message, "y: x");
}

TEST(ResultTest, EveryKindHasAName) {
  for (int i = 0; i <= static_cast<int>(ErrorKind::kInternal); ++i) {
    EXPECT_NE(ErrorKindName(static_cast<ErrorKind>(i)), "unknown") << i;
  }
}

TEST(ResultDeathTest, ReadingTheValueOfAnErrorStopsTheProgramWithItsMessage) {
  const Result<int> result = Half(1);
  EXPECT_DEATH((void)result.value(), "internal error at .*odd");
  EXPECT_DEATH((void)Status().error(), "internal error");
}

}  // namespace
}  // namespace tarn
