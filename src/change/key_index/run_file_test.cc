#include "change/key_index/run_file.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "change/key_index/entry_merge.h"
#include "change/key_index/testing.h"

namespace tarn {
namespace {

constexpr uint64_t kLife = 17;  // in a fixture Run is gtest's, hence tarn::Run

class RunFileTest : public ::testing::Test {
 protected:
  /// A run of keys step, 2 * step, … (in the upper half), each at row "its ordinal" of file 1.
  std::shared_ptr<const tarn::Run> Write(uint64_t entries, RunWriter::Filter filter,
                                         uint64_t number = 1) {
    const uint64_t step = Step(entries);
    auto writer = RunWriter::Create(*folder_, kLife, number, entries, filter).value();
    for (uint64_t i = 0; i < entries; ++i) {
      EXPECT_TRUE(writer->Add({{(i + 1) * step, i}, {1, static_cast<uint32_t>(i)}}).ok());
    }
    info_ = writer->Finish().value();
    EXPECT_EQ(info_.entries, entries);
    auto run = tarn::Run::Open(*folder_, kLife, info_);
    EXPECT_TRUE(run.ok()) << run.status().ToString();
    return run.value();
  }
  static uint64_t Step(uint64_t entries) { return UINT64_MAX / (entries + 2); }

  std::unique_ptr<Random> random_ = SeededRandom(1);
  FakeDisk disk_{*random_};
  std::unique_ptr<IndexFolder> folder_ = disk_.Open();
  RunInfo info_;
};

TEST_F(RunFileTest, FindsEveryKeyOfRunsOfEverySize) {
  for (const auto filter : {RunWriter::Filter::kNone, RunWriter::Filter::kWanted}) {
    for (const uint64_t entries : {0, 1, 169, 170, 171, 340, 341, 5440, 5441, 20'000}) {
      const auto run = Write(entries, filter);
      std::vector<WantedKey> wanted;
      for (uint64_t i = 0; i < entries + 2; ++i) {
        wanted.push_back({{i * Step(entries), i - 1}, 2 * i});
        wanted.push_back({{i * Step(entries), i}, 2 * i + 1});
      }
      std::vector<RowPlace> places(wanted.size());
      tarn::Run::Buffers buffers;
      ASSERT_TRUE(run->Lookup(wanted, places, buffers).ok());
      for (uint64_t i = 0; i < places.size(); ++i) {
        const bool there = i % 2 == 0 && i >= 2 && i / 2 <= entries;
        ASSERT_EQ(places[i].found(), there) << i << " of " << entries;
        if (there) {
          ASSERT_EQ(places[i].row, i / 2 - 1);
        }
      }
      EXPECT_EQ(wanted.size(), places.size() - entries) << "what is not there is looked for on";
    }
  }
}

TEST_F(RunFileTest, ARemovedKeyIsFoundToBeNowhere) {
  auto writer = RunWriter::Create(*folder_, kLife, 1, 1, RunWriter::Filter::kNone).value();
  ASSERT_TRUE(writer->Add({{5, 5}, RowPlace()}).ok());
  const auto run = tarn::Run::Open(*folder_, kLife, writer->Finish().value()).value();
  std::vector<WantedKey> wanted = {{{5, 5}, 0}};
  std::vector<RowPlace> places(1);
  tarn::Run::Buffers buffers;
  ASSERT_TRUE(run->Lookup(wanted, places, buffers).ok());
  EXPECT_TRUE(wanted.empty()) << "no older run is asked";
  EXPECT_FALSE(places[0].found());
}

TEST_F(RunFileTest, ScansAllEntriesInOrder) {
  const auto run = Write(20'000, RunWriter::Filter::kNone);
  RunScanner scanner(run);
  for (uint32_t i = 0; i < 20'000; ++i) {
    const KeyEntry* entry = scanner.Next().value();
    ASSERT_NE(entry, nullptr);
    ASSERT_EQ(entry->place.row, i);
  }
  EXPECT_EQ(scanner.Next().value(), nullptr);
}

TEST_F(RunFileTest, IsNotTakenForAnotherRunsFile) {
  Write(1000, RunWriter::Filter::kNone, 1);
  const std::string one = disk_.Get(RunFileName(1));
  Write(1000, RunWriter::Filter::kNone, 2);
  disk_.Set(RunFileName(2), one);
  const auto other = tarn::Run::Open(*folder_, kLife, info_);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().message,
            "key index: index/run-000000000002: not the run that the manifest names");
  EXPECT_FALSE(tarn::Run::Open(*folder_, kLife + 1, info_).ok());
}

TEST_F(RunFileTest, ABlockInAnotherBlocksPlaceIsDamage) {
  const auto run = Write(1000, RunWriter::Filter::kNone);
  std::string bytes = disk_.Get(RunFileName(1));
  std::swap_ranges(bytes.begin(), bytes.begin() + 4096, bytes.begin() + 4096);
  disk_.Set(RunFileName(1), bytes);
  const auto again = tarn::Run::Open(*folder_, kLife, info_).value();
  std::vector<RunBlock> blocks(1);
  EXPECT_EQ(again->ReadBlocks(0, blocks).error().kind, ErrorKind::kCorruption);
  EXPECT_TRUE(again->ReadBlocks(2, blocks).ok());
}

TEST(KeyFilterTest, HoldsWhatItWasGivenAndLittleElse) {
  const auto random = SeededRandom(5);
  KeyFilter filter(10'000);
  std::vector<KeyHash> keys;
  for (int i = 0; i < 10'000; ++i) keys.push_back({random->Next(), random->Next()});
  for (const KeyHash& key : keys) filter.Add(key);
  const KeyFilter again(filter.bytes());
  for (const KeyHash& key : keys) ASSERT_TRUE(again.MayHold(key));
  int held = 0;
  for (int i = 0; i < 100'000; ++i) held += again.MayHold({random->Next(), random->Next()});
  EXPECT_LT(held, 2500);
  EXPECT_TRUE(KeyFilter().MayHold({1, 1}));
}

TEST(EntryMergeTest, TheYoungestEntryOfAKeyCounts) {
  std::vector<std::unique_ptr<EntryCursor>> cursors;
  cursors.push_back(CursorOf(std::vector<KeyEntry>{{{1, 0}, {0, 0}}, {{2, 0}, {0, 1}}}));
  cursors.push_back(CursorOf(std::vector<KeyEntry>{}));
  cursors.push_back(CursorOf(std::vector<KeyEntry>{{{2, 0}, {2, 0}}, {{3, 0}, {2, 1}}}));
  cursors.push_back(CursorOf(std::vector<KeyEntry>{{{0, 7}, {3, 0}}, {{2, 0}, RowPlace()}}));
  EntryMerge merge(std::move(cursors));
  std::string seen;
  for (auto entry = merge.Next().value(); entry; entry = merge.Next().value()) {
    seen += std::to_string(entry->key.high) + (entry->place.found() ? "+" : "-") + " ";
  }
  EXPECT_EQ(seen, "0+ 1+ 2- 3+ ");
  ASSERT_TRUE(merge.twice().has_value());
  EXPECT_EQ(merge.twice()->first.key.high, 2U);
}

void CheckMerge(std::vector<uint64_t> sizes, size_t first) {
  EXPECT_EQ(FirstToMerge(sizes), first) << ::testing::PrintToString(sizes);
}

TEST(FirstToMergeTest, TakesFourOfLikeSizeAndTheOldestWhenTheOthersAreHalfOfIt) {
  CheckMerge({}, 0);
  CheckMerge({100}, 1);
  CheckMerge({1, 1, 1}, 3);
  CheckMerge({1, 1, 1, 1}, 0);
  CheckMerge({100, 1, 1, 1, 1}, 1);
  CheckMerge({100, 8, 8, 8, 1, 1, 1}, 7);
  CheckMerge({100, 8, 8, 8, 1, 1, 1, 1}, 1);
  CheckMerge({100, 30, 10, 5, 5}, 0);
  CheckMerge({100, 30, 9, 5, 5}, 1);
}

/// What a merge costs over the life of an index, and what it leaves.
TEST(FirstToMergeTest, WritesEachEntryFewTimesAndLeavesFewRuns) {
  std::vector<uint64_t> sizes = {1000};
  uint64_t written = 0;
  size_t runs_max = 0;
  uint64_t added = 0;
  for (; added < 100'000; ++added) {
    sizes.push_back(1);
    for (size_t first = FirstToMerge(sizes); first < sizes.size(); first = FirstToMerge(sizes)) {
      uint64_t sum = 0;
      for (size_t i = first; i < sizes.size(); ++i) sum += sizes[i];
      written += sum;
      sizes.resize(first);
      sizes.push_back(sum);
    }
    runs_max = std::max(runs_max, sizes.size());
    uint64_t younger = 0;
    for (size_t i = 1; i < sizes.size(); ++i) younger += sizes[i];
    ASSERT_LE(younger, sizes[0] * 3 / 4 + 4);
  }
  EXPECT_LT(written, added * 16);
  EXPECT_LT(runs_max, 30U);
}

}  // namespace
}  // namespace tarn
