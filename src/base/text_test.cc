#include "base/text.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(TextTest, StarMatchesAnyRunOfCharacters) {
  EXPECT_TRUE(MatchesPattern("gold.*", "gold.x"));
  EXPECT_TRUE(MatchesPattern("*", ""));
  EXPECT_TRUE(MatchesPattern("*.pay*ment*", "bronze.payment_p2022"));
  EXPECT_TRUE(MatchesPattern("a*a*a", "aXaaYa"));
  EXPECT_FALSE(MatchesPattern("gold.*", "golden.x"));
  EXPECT_FALSE(MatchesPattern("gold.x", "gold.xy"));
  EXPECT_FALSE(MatchesPattern("", "x"));
}

TEST(TextTest, QuotesInNamesAndTextsAreDoubled) {
  EXPECT_EQ(QuoteIdentifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(QuoteLiteral("it's"), "'it''s'");
  EXPECT_EQ(QuoteIdentifier(""), "\"\"");
}

TEST(TextTest, NamesAreSplitAtDotsOutsideQuotes) {
  using Parts = std::vector<std::string>;
  EXPECT_EQ(*SplitName("bronze.customer"), (Parts{"bronze", "customer"}));
  EXPECT_EQ(*SplitName("a.\"B.c \"\"d\""), (Parts{"a", "B.c \"d"}));
  EXPECT_EQ(*SplitName("x"), Parts{"x"});
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "\"a", "\"\"", "\"a\"b"}) {
    EXPECT_FALSE(SplitName(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace tarn
