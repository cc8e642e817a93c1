#include "change/key_index/key_index.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "change/key_index/key_index_builder.h"
#include "change/key_index/testing.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

KeyHash Key(uint64_t id) { return {id * 0x9e3779b97f4a7c15ULL, (id + 1) * 0xc2b2ae3d27d4eb4fULL}; }

using Model = std::map<KeyHash, RowPlace>;

Model Contents(KeyIndex& index) {
  Model model;
  const Status status = index.ForEach([&](const KeyHash& key, const RowPlace& place) {
    EXPECT_TRUE(model.empty() || model.rbegin()->first < key) << "keys ascend";
    model.emplace(key, place);
    return Status::Ok();
  });
  EXPECT_TRUE(status.ok()) << status.ToString();
  return model;
}

class KeyIndexTest : public ::testing::Test {
 protected:
  KeyIndexTest() { Reopen(); }

  void Reopen() {
    index_.reset();
    KeyIndexOptions options;
    options.memory_bytes = 64 << 10;  // 455 rows
    options.upkeep = KeyIndexOptions::Upkeep::kCaller;
    options.random = random_.get();
    auto opened = KeyIndex::Open(disk_.Open(), options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    index_ = std::move(opened).value();
  }

  /// Ids [begin, end) stand in `file`, row by row.
  Status Put(uint64_t begin, uint64_t end, const std::string& file, std::string_view state) {
    const uint32_t number = index_->FileNumber(file).value();
    std::vector<KeyHash> keys;
    std::vector<RowPlace> places;
    for (uint64_t id = begin; id < end; ++id) {
      keys.push_back(Key(id));
      places.push_back({number, static_cast<uint32_t>(id - begin)});
    }
    return index_->Apply({.put = keys, .places = places, .state = state});
  }

  /// "file:row", or "" for a key that is not there.
  std::string Find(uint64_t id) {
    const KeyHash key = Key(id);
    RowPlace place;
    const Status status = index_->Lookup({&key, 1}, {&place, 1});
    if (!status.ok()) return status.ToString();
    if (!place.found()) return "";
    const std::string* path = index_->FilePath(place.file);
    return (path == nullptr ? "?" : *path) + ":" + std::to_string(place.row);
  }

  std::unique_ptr<Random> random_ = SeededRandom(7);
  FakeDisk disk_{*random_};
  std::unique_ptr<KeyIndex> index_;
};

TEST_F(KeyIndexTest, AnEmptyOneStandsForNothing) {
  EXPECT_EQ(index_->state(), "");
  EXPECT_EQ(index_->discarded(), "");
  EXPECT_EQ(Find(1), "");
}

TEST_F(KeyIndexTest, FindsWhatWasPutAndNotWhatWasRemoved) {
  ASSERT_TRUE(Put(0, 10, "a", "one").ok());
  EXPECT_EQ(Find(3), "a:3");
  const std::vector<KeyHash> removed = {Key(3), Key(99)};
  ASSERT_TRUE(index_->Apply({.removed = removed, .state = "two"}).ok());
  EXPECT_EQ(Find(3), "");
  EXPECT_EQ(Find(4), "a:4");
  EXPECT_EQ(index_->state(), "two");
}

TEST_F(KeyIndexTest, AKeyThatIsRemovedAndPutInOneBatchIsThere) {
  ASSERT_TRUE(Put(0, 1, "a", "one").ok());
  const KeyHash key = Key(0);
  const RowPlace place = {index_->FileNumber("b").value(), 5};
  ASSERT_TRUE(
      index_->Apply({.removed = {&key, 1}, .put = {&key, 1}, .places = {&place, 1}, .state = "two"})
          .ok());
  EXPECT_EQ(Find(0), "b:5");
}

TEST_F(KeyIndexTest, StandsAgainWhenItIsOpenedAgain) {
  ASSERT_TRUE(Put(0, 100, "a", "one").ok());
  ASSERT_TRUE(Put(50, 60, "b", "two").ok());
  const Model before = Contents(*index_);
  Reopen();
  EXPECT_EQ(index_->state(), "two");
  EXPECT_EQ(Contents(*index_), before);
  EXPECT_EQ(Find(49), "a:49");
  EXPECT_EQ(Find(51), "b:1");
}

TEST_F(KeyIndexTest, FindsInMemoryAndInRunsOfEveryAge) {
  for (uint64_t i = 0; i < 40; ++i) {
    ASSERT_TRUE(Put(i * 300, i * 300 + 600, "file" + std::to_string(i), std::to_string(i)).ok());
  }
  EXPECT_GE(index_->stats().runs, 1U);
  for (const bool again : {false, true}) {
    if (again) Reopen();
    EXPECT_EQ(index_->state(), "39");
    for (uint64_t id = 0; id < 40 * 300; ++id) {
      ASSERT_EQ(Find(id), "file" + std::to_string(id / 300) + ":" + std::to_string(id % 300));
    }
    EXPECT_EQ(Find(40 * 300 + 300), "");
    EXPECT_EQ(Contents(*index_).size(), 40U * 300 + 300);
  }
}

TEST_F(KeyIndexTest, LooksUpUnsortedAndRepeatedKeysAtOnce) {
  for (uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(Put(i * 500, i * 500 + 500, "a", "s").ok());
  std::vector<KeyHash> keys;
  for (uint64_t id = 6000; id-- > 0;) keys.insert(keys.end(), 2, Key(id));
  std::vector<RowPlace> places(keys.size());
  ASSERT_TRUE(index_->Lookup(keys, places).ok());
  for (size_t i = 0; i < keys.size(); ++i) {
    const uint64_t id = 5999 - i / 2;
    ASSERT_EQ(places[i].found(), id < 5000) << id;
    if (id < 5000) {
      ASSERT_EQ(places[i].row, id % 500);
    }
  }
}

TEST_F(KeyIndexTest, ForgottenFilesLoseTheirNumberForGood) {
  ASSERT_TRUE(Put(0, 10, "a", "one").ok());
  const uint32_t number = index_->FileNumber("a").value();
  ASSERT_TRUE(Put(0, 10, "b", "moving").ok());
  ASSERT_TRUE(index_->Apply({.forgotten = {&number, 1}, .state = "two"}).ok());
  EXPECT_EQ(index_->FilePath(number), nullptr);
  EXPECT_GT(index_->FileNumber("a").value(), number);
  Reopen();
  EXPECT_EQ(index_->FilePath(number), nullptr);
  EXPECT_EQ(Find(3), "b:3");
}

TEST_F(KeyIndexTest, ANumberThatNoBatchKeptIsGivenAgain) {
  ASSERT_TRUE(Put(0, 1, "a", "one").ok());
  const uint32_t number = index_->FileNumber("b").value();
  Reopen();
  EXPECT_EQ(index_->FilePath(number), nullptr);
  EXPECT_EQ(index_->FileNumber("c").value(), number);
}

TEST_F(KeyIndexTest, TheSameKeysAgainAndAgainTakeNoMoreDisk) {
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(Put(0, 50, "a", "s" + std::to_string(i)).ok());
  EXPECT_LT(disk_.bytes(), 300U << 10);
  EXPECT_EQ(Find(7), "a:7");
}

TEST_F(KeyIndexTest, EntriesOfRemovedKeysDoNotStayForEver) {
  for (int round = 0; round < 20; ++round) {
    for (uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(Put(i * 500, i * 500 + 500, "a", "s").ok());
    std::vector<KeyHash> keys;
    for (uint64_t id = 0; id < 5000; ++id) keys.push_back(Key(id));
    ASSERT_TRUE(index_->Apply({.removed = keys, .state = "s"}).ok());
  }
  EXPECT_TRUE(Contents(*index_).empty());
  EXPECT_LT(index_->stats().run_entries, 25'000U);
}

TEST_F(KeyIndexTest, ABuilderReplacesEverything) {
  ASSERT_TRUE(Put(0, 5000, "old", "one").ok());
  auto builder = index_->Rebuild();
  const uint32_t file = index_->FileNumber("new").value();
  for (uint64_t id = 20'000; id-- > 0;) {
    const KeyHash key = Key(id);
    const RowPlace place = {file, static_cast<uint32_t>(id)};
    ASSERT_TRUE(builder->Add({&key, 1}, {&place, 1}).ok());
  }
  EXPECT_EQ(Find(3), "old:3") << "until it is finished";
  ASSERT_TRUE(builder->Finish("two").ok());
  builder.reset();
  for (const bool again : {false, true}) {
    if (again) Reopen();
    EXPECT_EQ(index_->state(), "two");
    EXPECT_EQ(Find(3), "new:3");
    EXPECT_EQ(Find(19'999), "new:19999");
    EXPECT_EQ(Contents(*index_).size(), 20'000U);
    EXPECT_EQ(index_->FilePath(0), nullptr) << "a file without a row";
  }
  ASSERT_TRUE(Put(0, 10, "next", "three").ok());
  Reopen();
  EXPECT_EQ(index_->state(), "three");
  EXPECT_EQ(Find(9), "next:9");
}

TEST_F(KeyIndexTest, ABuilderOfNothingLeavesAnEmptyTablesIndex) {
  ASSERT_TRUE(Put(0, 5000, "old", "one").ok());
  ASSERT_TRUE(index_->Rebuild()->Finish("empty").ok());
  EXPECT_TRUE(Contents(*index_).empty());
  Reopen();
  EXPECT_EQ(index_->state(), "empty");
  EXPECT_EQ(Find(1), "");
}

TEST_F(KeyIndexTest, ABuilderThatIsGivenUpLeavesNothingBehind) {
  ASSERT_TRUE(Put(0, 10, "a", "one").ok());
  const auto before = disk_.names();
  {
    auto builder = index_->Rebuild();
    const RowPlace place = {0, 0};
    for (uint64_t id = 0; id < 10'000; ++id) {
      const KeyHash key = Key(id);
      ASSERT_TRUE(builder->Add({&key, 1}, {&place, 1}).ok());
    }
    EXPECT_GT(disk_.names().size(), before.size());
  }
  EXPECT_EQ(disk_.names(), before);
  EXPECT_EQ(Find(3), "a:3");
}

TEST_F(KeyIndexTest, ABuilderRefusesAKeyTwiceAndNamesBothRows) {
  for (const uint64_t between : {0, 5000}) {
    auto builder = index_->Rebuild();
    const uint32_t file = index_->FileNumber("data.parquet").value();
    for (uint64_t id = 0; id <= between + 1; ++id) {
      const KeyHash key = Key(id == between + 1 ? 0 : id);
      const RowPlace place = {file, static_cast<uint32_t>(id)};
      ASSERT_TRUE(builder->Add({&key, 1}, {&place, 1}).ok());
    }
    const Status status = builder->Finish("s");
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(status.error().message,
              "two rows have the same key: data.parquet row 0 and "
              "data.parquet row " +
                  std::to_string(between + 1));
  }
}

TEST_F(KeyIndexTest, AFullDiskLosesNothingAndTheBatchMayBeRepeated) {
  ASSERT_TRUE(Put(0, 400, "a", "one").ok());
  for (int64_t calls = 0; calls < 30; ++calls) {
    disk_.Break(FakeDisk::Fault::kOnce, calls);
    const Model before = Contents(*index_);
    const Status status = Put(0, 400 + static_cast<uint64_t>(calls) * 10, "b", "two");
    disk_.Heal();
    if (!status.ok()) {
      EXPECT_EQ(status.error().kind, ErrorKind::kResourceExhausted);
      EXPECT_EQ(Contents(*index_), before);
      ASSERT_TRUE(Put(0, 400 + static_cast<uint64_t>(calls) * 10, "b", "two").ok());
    }
    EXPECT_EQ(Find(399), "b:399");
    Reopen();
    EXPECT_EQ(index_->state(), "two");
    EXPECT_EQ(Find(399), "b:399");
  }
}

TEST_F(KeyIndexTest, ADamagedManifestMakesItEmptyAndSaysSo) {
  ASSERT_TRUE(Put(0, 2000, "a", "one").ok());
  index_.reset();
  disk_.Set("manifest", "something else");
  disk_.Set("not ours.txt", "stays");
  Reopen();
  EXPECT_EQ(index_->state(), "");
  EXPECT_EQ(index_->discarded(), "key index: index/manifest: not a manifest of this version");
  EXPECT_EQ(Find(1), "");
  EXPECT_EQ(disk_.Get("not ours.txt"), "stays");
  ASSERT_TRUE(Put(0, 10, "b", "two").ok());
  Reopen();
  EXPECT_EQ(index_->discarded(), "");
  EXPECT_EQ(Find(1), "b:1");
}

TEST_F(KeyIndexTest, AMissingRunMakesItEmpty) {
  ASSERT_TRUE(Put(0, 2000, "a", "one").ok());
  ASSERT_TRUE(Put(0, 10, "a", "two").ok());
  index_.reset();
  for (const std::string& name : disk_.names()) {
    if (name.starts_with("run-")) disk_.Remove(name);
  }
  Reopen();
  EXPECT_EQ(index_->state(), "");
  EXPECT_NE(index_->discarded().find("index/run-"), std::string::npos) << index_->discarded();
}

TEST_F(KeyIndexTest, ARunThatIsDamagedInPlaceGivesNoAnswersUntilItIsBuiltAgain) {
  ASSERT_TRUE(Put(0, 2000, "a", "one").ok());
  ASSERT_TRUE(Put(0, 10, "a", "two").ok());
  index_.reset();
  std::string run;
  for (const std::string& name : disk_.names()) {
    if (name.starts_with("run-")) run = name;
  }
  std::string bytes = disk_.Get(run);
  bytes[5000] = static_cast<char>(bytes[5000] ^ 1);
  disk_.Set(run, bytes);
  Reopen();
  EXPECT_EQ(index_->state(), "two") << "not every block is read when it is opened";
  std::vector<KeyHash> keys;
  for (uint64_t id = 0; id < 2000; ++id) keys.push_back(Key(id));
  std::vector<RowPlace> places(keys.size());
  const Status status = index_->Lookup(keys, places);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kCorruption);
  EXPECT_EQ(status.error().message, "key index: index/" + run + ": block 1 has a wrong checksum");
  EXPECT_EQ(index_->state(), "");
  EXPECT_FALSE(Put(0, 1, "a", "three").ok());

  const uint32_t file = index_->FileNumber("b").value();
  auto builder = index_->Rebuild();
  for (RowPlace& place : places) place = {file, 1};
  ASSERT_TRUE(builder->Add(keys, places).ok());
  ASSERT_TRUE(builder->Finish("built").ok());
  EXPECT_EQ(index_->state(), "built");
  EXPECT_EQ(Find(1999), "b:1");
  Reopen();
  EXPECT_EQ(index_->state(), "built");
}

TEST(KeyIndexOnDisk, ASecondOneIsRefusedAndToldWhoHasTheFolder) {
  const fs::path folder = fs::path(::testing::TempDir()) / "key_index_lock_test";
  fs::remove_all(folder);
  auto first = KeyIndex::Open(folder.string());
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  const auto second = KeyIndex::Open(folder.string());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(second.error().message, "key index: " + folder.string() + "/lock is held by process " +
                                        std::to_string(::getpid()));
  first->reset();
  EXPECT_TRUE(KeyIndex::Open(folder.string()).ok());
  fs::remove_all(folder);
}

TEST(KeyIndexOnDisk, AThreadWritesAndMergesBesideTheCaller) {
  const fs::path folder = fs::path(::testing::TempDir()) / "key_index_thread_test";
  fs::remove_all(folder);
  KeyIndexOptions options;
  options.memory_bytes = 64 << 10;
  Model model;
  {
    auto index = KeyIndex::Open(folder.string(), options).value();
    const auto random = SeededRandom(3);
    const uint32_t file = index->FileNumber("a").value();
    for (uint32_t batch = 0; batch < 300; ++batch) {
      std::vector<KeyHash> keys;
      std::vector<RowPlace> places;
      for (uint32_t row = 0; row < 200; ++row) {
        keys.push_back(Key(random->Below(20'000)));
        places.push_back({file, batch * 200 + row});
      }
      ASSERT_TRUE(
          index->Apply({.put = keys, .places = places, .state = std::to_string(batch)}).ok());
      for (size_t i = 0; i < keys.size(); ++i) model[keys[i]] = places[i];
      std::vector<RowPlace> found(keys.size());
      ASSERT_TRUE(index->Lookup(keys, found).ok());
      for (size_t i = 0; i < keys.size(); ++i) ASSERT_EQ(found[i], model[keys[i]]);
    }
    ASSERT_TRUE(index->Settle().ok());
    EXPECT_EQ(Contents(*index), model);
  }
  auto index = KeyIndex::Open(folder.string(), options).value();
  EXPECT_EQ(index->state(), "299");
  EXPECT_EQ(Contents(*index), model);
  index.reset();
  fs::remove_all(folder);
}

}  // namespace
}  // namespace tarn
