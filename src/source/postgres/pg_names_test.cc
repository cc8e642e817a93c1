#include "source/postgres/pg_names.h"

#include <gtest/gtest.h>

#include "source/postgres/pg_ranges.h"

namespace tarn::postgres {
namespace {

bool Matches(const std::string& pattern, const std::string& schema, const std::string& name) {
  Result<TablePattern> parsed = ParsePattern(pattern);
  EXPECT_TRUE(parsed.ok()) << pattern;
  return parsed->Matches({schema, name});
}

TEST(TablePattern, WildcardsMatchOnlyOutsideQuotes) {
  EXPECT_TRUE(Matches("public.payment*", "public", "payment_p2024"));
  EXPECT_TRUE(Matches("*.*", "a", "b"));
  EXPECT_TRUE(Matches("customer", "public", "customer"));
  EXPECT_TRUE(Matches("\"Odd Name\".*", "Odd Name", "x"));
  EXPECT_TRUE(Matches("public.\"we*ird.\"\"x\"", "public", "we*ird.\"x"));
  EXPECT_FALSE(Matches("public.\"a*\"", "public", "ab"));
  EXPECT_FALSE(Matches("public.Customer", "public", "customer"));
  EXPECT_TRUE(ParsePattern("public.Customer")->MatchesFolded({"public", "customer"}));
  EXPECT_FALSE(ParsePattern("public.\"Customer\"")->MatchesFolded({"public", "customer"}));
}

TEST(TablePattern, WhatCannotBeReadIsRefused) {
  for (const char* bad : {"", "a.", ".a", "\"a", "\"a\"b.c", "a.b.c", "a..b"}) {
    EXPECT_FALSE(ParsePattern(bad).ok()) << bad;
  }
}

// Every block of every heap exactly once, the last piece of each heap open.
void CheckSplit(const std::vector<int64_t>& blocks, int ranges_max, size_t ranges) {
  std::vector<Storage> storages;
  for (size_t i = 0; i < blocks.size(); ++i) {
    storages.push_back({static_cast<uint32_t>(i + 1), "t", blocks[i], true});
  }
  const auto split = SplitBlocks(storages, ranges_max);
  EXPECT_EQ(split.size(), ranges);
  std::vector<int64_t> next(blocks.size(), 0);
  std::vector<bool> open(blocks.size(), false);
  for (const auto& range : split) {
    EXPECT_FALSE(range.empty());
    const auto again = ParseRange(FormatRange(range));
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(FormatRange(*again), FormatRange(range));
    for (const BlockRange& piece : range) {
      EXPECT_EQ(piece.first, next[piece.oid - 1]);
      EXPECT_FALSE(open[piece.oid - 1]);
      next[piece.oid - 1] = piece.last;
      open[piece.oid - 1] = piece.last < 0;
    }
  }
  for (size_t i = 0; i < blocks.size(); ++i) EXPECT_TRUE(open[i]) << "heap " << i;
}

TEST(SplitBlocks, CoversEveryBlockOnce) {
  CheckSplit({0}, 4, 1);
  CheckSplit({255}, 4, 1);
  CheckSplit({100000}, 4, 4);
  CheckSplit({1000, 0, 1000, 1}, 2, 2);
  CheckSplit({10, 20, 5000, 1}, 8, 8);
  CheckSplit({1024, 1024}, 2, 2);
  CheckSplit(std::vector<int64_t>(100, 50), 3, 3);
}

TEST(SplitBlocks, RangesOfOthersAreRefused) {
  EXPECT_FALSE(ParseRange("1[0,5").ok());
  EXPECT_FALSE(ParseRange("x").ok());
  EXPECT_TRUE(ParseRange("").ok());
}

}  // namespace
}  // namespace tarn::postgres
