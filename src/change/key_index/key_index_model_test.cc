// Seeded: random batches, rebuilds, kills, power cuts, full disks and damage, with a std::map as
// the truth. Whatever happens, the index stands at a state that there was, with exactly its rows,
// or says that it does not.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "change/key_index/key_index.h"
#include "change/key_index/key_index_builder.h"
#include "change/key_index/testing.h"

namespace tarn {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kSeeds = 3;
#else
constexpr uint64_t kSeeds = 16;
#endif
constexpr uint64_t kIds = 3000;
constexpr uint64_t kFiles = 12;

KeyHash Key(uint64_t id) {
  return {(id + 1) * 0x9e3779b97f4a7c15ULL, (id + 1) * 0xc2b2ae3d27d4eb4fULL};
}

/// Rows by their keys, as "file:row": numbers of files are the index's own matter.
using Model = std::map<KeyHash, std::string>;

std::string PlaceText(const KeyIndex& index, const RowPlace& place) {
  const std::string* path = index.FilePath(place.file);
  return (path == nullptr ? "?" : *path) + ":" + std::to_string(place.row);
}

Result<std::unique_ptr<KeyIndex>> OpenIndex(FakeDisk& disk, Random& random) {
  KeyIndexOptions options;
  options.memory_bytes = 64 << 10;  // 455 rows
  options.upkeep = KeyIndexOptions::Upkeep::kCaller;
  options.random = &random;
  return KeyIndex::Open(disk.Open(), options);
}

/// All rows, by ForEach() and again by Lookup().
Result<Model> Contents(KeyIndex& index) {
  Model model;
  TARN_RETURN_IF_ERROR(index.ForEach([&](const KeyHash& key, const RowPlace& place) {
    model[key] = PlaceText(index, place);
    return Status::Ok();
  }));
  std::vector<KeyHash> keys;
  for (uint64_t id = 0; id < kIds; ++id) keys.push_back(Key(id));
  std::vector<RowPlace> places(keys.size());
  TARN_RETURN_IF_ERROR(index.Lookup(keys, places));
  Model found;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (places[i].found()) found[keys[i]] = PlaceText(index, places[i]);
  }
  EXPECT_EQ(found, model) << "one by one and all at once";
  return model;
}

class World {
 public:
  explicit World(uint64_t seed) : random_(SeededRandom(seed)), disk_(*random_) {
    history_[""] = {};
    Open();
  }

  FakeDisk& disk() { return disk_; }
  Random& random() { return *random_; }
  KeyIndex& index() { return *index_; }
  const std::map<std::string, Model>& history() const { return history_; }
  const std::string& state() const { return state_; }

  void Open() {
    auto opened = OpenIndex(disk_, *random_);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    index_ = std::move(opened).value();
    EXPECT_EQ(index_->discarded(), "");
  }

  /// The index is at `state`, and so from here on is the truth.
  void CheckIsAt(const std::string& state) {
    ASSERT_EQ(index_->state(), state);
    const auto contents = Contents(*index_);
    ASSERT_TRUE(contents.ok()) << contents.status().ToString();
    ASSERT_EQ(*contents, history_.at(state)) << state;
    state_ = state;
  }

  /// A batch led to `state`.
  void GoOnFrom(const std::string& state) { state_ = state; }

  /// A batch of random changes. `next` becomes the state that it leads to.
  Status Batch(std::string* next) {
    *next = "state " + std::to_string(++states_);
    Model model = history_.at(state_);
    std::vector<KeyHash> removed;
    std::vector<KeyHash> put;
    std::vector<RowPlace> places;
    const uint64_t size = random_->Below(8) == 0 ? random_->Below(900) : random_->Below(60);
    for (uint64_t i = 0; i < size; ++i) {
      if (random_->Below(4) != 0) continue;
      removed.push_back(Key(random_->Below(kIds)));
      model.erase(removed.back());
    }
    for (uint64_t i = 0; i < size; ++i) {
      const std::string path = "file " + std::to_string(random_->Below(kFiles));
      put.push_back(Key(random_->Below(kIds)));
      places.push_back({index_->FileNumber(path).value(), static_cast<uint32_t>(i)});
      model[put.back()] = path + ":" + std::to_string(i);
    }
    std::vector<uint32_t> forgotten;
    if (random_->Below(5) == 0) {
      std::set<std::string> used;
      for (const auto& [key, place] : model) used.insert(place.substr(0, place.find(':')));
      for (uint64_t i = 0; i < kFiles; ++i) {
        const std::string path = "file " + std::to_string(i);
        if (!used.contains(path)) forgotten.push_back(index_->FileNumber(path).value());
      }
    }
    history_[*next] = model;
    return index_->Apply(
        {.removed = removed, .put = put, .places = places, .forgotten = forgotten, .state = *next});
  }

  /// The truth, built anew.
  Status Rebuild(std::string* next) {
    *next = "state " + std::to_string(++states_);
    history_[*next] = history_.at(state_);
    std::vector<std::pair<KeyHash, std::string>> rows(history_[*next].begin(),
                                                      history_[*next].end());
    for (size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[random_->Below(i)]);
    auto builder = index_->Rebuild();
    for (const auto& [key, text] : rows) {
      const size_t colon = text.find(':');
      const RowPlace place = {index_->FileNumber(text.substr(0, colon)).value(),
                              static_cast<uint32_t>(std::stoul(text.substr(colon + 1)))};
      TARN_RETURN_IF_ERROR(builder->Add({&key, 1}, {&place, 1}));
    }
    return builder->Finish(*next);
  }

  void Step() {
    const uint64_t dice = random_->Below(100);
    std::string next;
    if (dice < 78) {
      const Status status = Batch(&next);
      ASSERT_TRUE(status.ok()) << status.ToString();
      state_ = next;
    } else if (dice < 82) {
      const Status status = Rebuild(&next);
      ASSERT_TRUE(status.ok()) << status.ToString();
      CheckIsAt(next);
    } else if (dice < 87) {
      CheckIsAt(state_);
    } else if (dice < 90) {
      index_.reset();
      Open();
      CheckIsAt(state_);
    } else if (dice < 94) {
      BreakOnce();
    } else {
      Die(static_cast<int64_t>(random_->Below(60)), dice < 97);
    }
  }

  /// The process is killed at a call to come, and perhaps the power is cut.
  void Die(int64_t calls, bool power) {
    disk_.Break(FakeDisk::Fault::kForEver, calls);
    std::string next;
    while (Something(&next).ok()) state_ = next;
    index_.reset();
    disk_.Heal();
    if (power) disk_.CutPower();
    Open();
    const std::string state = index_->state();
    if (power) {
      ASSERT_TRUE(history_.contains(state)) << state;
    } else {
      ASSERT_TRUE(state == state_ || state == next) << state << " after " << state_;
    }
    CheckIsAt(state);
  }

 private:
  Status Something(std::string* next) {
    return random_->Below(12) == 0 ? Rebuild(next) : Batch(next);
  }

  /// One call on the disk fails; whose work it is may fail, and the next time works.
  void BreakOnce() {
    disk_.Break(FakeDisk::Fault::kOnce, static_cast<int64_t>(random_->Below(30)));
    for (int i = 0; i < 30; ++i) {
      std::string next;
      if (Something(&next).ok()) state_ = next;
      ASSERT_EQ(index_->state(), state_);
    }
    disk_.Heal();
    CheckIsAt(state_);
  }

  std::unique_ptr<Random> random_;
  FakeDisk disk_;
  std::unique_ptr<KeyIndex> index_;
  std::map<std::string, Model> history_;
  std::string state_;
  uint64_t states_ = 0;
};

class KeyIndexModel : public ::testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, KeyIndexModel, ::testing::Range<uint64_t>(1, kSeeds + 1));

TEST_P(KeyIndexModel, StandsAtAStateThatThereWasWithExactlyItsRows) {
  World world(GetParam());
  for (int i = 0; i < 200 && !HasFatalFailure(); ++i) world.Step();
  // A bound of the disk: entries of all keys thrice, a log, and what a file holds beside them.
  EXPECT_LT(world.disk().bytes(), 3 * kIds * 24 + (700U << 10));
}

/// Each call on the disk between a batch and the fourth full table, with a merge among them.
TEST_P(KeyIndexModel, AKillOrAPowerCutAtAnyCallIsAStateThatThereWas) {
  constexpr int64_t kCalls = 80;
  constexpr int64_t kStride = 8;  // the seeds share them
  for (const bool power : {false, true}) {
    for (auto calls = static_cast<int64_t>(GetParam() % kStride);
         calls < kCalls && !HasFatalFailure(); calls += kStride) {
      World world(GetParam());
      for (int i = 0; i < 25 && !HasFatalFailure(); ++i) {
        std::string next;
        ASSERT_TRUE(world.Batch(&next).ok());
        world.GoOnFrom(next);
      }
      SCOPED_TRACE("call " + std::to_string(calls) + (power ? " and power" : ""));
      world.Die(calls, power);
    }
  }
}

/// What opens on a disk is at a state of the history with its rows, or gives none.
void CheckIsTruthOrNothing(FakeDisk& disk, Random& random,
                           const std::map<std::string, Model>& history, const std::string& what) {
  const auto opened = OpenIndex(disk, random);
  ASSERT_TRUE(opened.ok()) << what << ": " << opened.status().ToString();
  KeyIndex& index = **opened;
  const std::string state = index.state();
  ASSERT_TRUE(history.contains(state)) << what << ": " << state;
  const auto contents = Contents(index);
  if (contents.ok()) {
    ASSERT_EQ(*contents, history.at(state)) << what;
  } else {
    ASSERT_EQ(contents.error().kind, ErrorKind::kCorruption) << what;
    ASSERT_EQ(index.state(), "") << what;
  }
}

void Copy(const std::map<std::string, std::string>& files, FakeDisk& disk) {
  for (const auto& [name, bytes] : files) disk.Set(name, bytes);
}

std::map<std::string, std::string> FilesOf(const FakeDisk& disk) {
  std::map<std::string, std::string> files;
  for (const std::string& name : disk.names()) files[name] = disk.Get(name);
  return files;
}

TEST_P(KeyIndexModel, DamageOfAnyFileIsAnEarlierStateOrNone) {
  World world(GetParam());
  std::string next;
  for (int i = 0; i < 60 && !HasFatalFailure(); ++i) world.Step();
  const auto files = FilesOf(world.disk());
  Random& random = world.random();
  for (const auto& [name, bytes] : files) {
    for (int variant = 0; variant < 20 && !HasFatalFailure(); ++variant) {
      FakeDisk disk(random);
      Copy(files, disk);
      std::string damaged = bytes;
      const size_t at = random.Below(bytes.size() + 1);
      std::string what = name + " at " + std::to_string(at) + " of " + std::to_string(bytes.size());
      if (variant == 0) {
        disk.Remove(name);
      } else if (variant < 7) {
        damaged.resize(at);
        disk.Set(name, damaged);
      } else if (at < bytes.size()) {
        if (variant < 16) {
          damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.Below(8)));
        } else {
          const size_t size = std::min<size_t>(4096, bytes.size() - at);
          damaged.replace(at, size, size, '\0');
        }
        disk.Set(name, damaged);
      }
      CheckIsTruthOrNothing(disk, random, world.history(), what);
    }
  }
}

TEST_P(KeyIndexModel, FilesOfDifferentTimesAreAStateThatThereWasOrNone) {
  World world(GetParam());
  std::vector<std::map<std::string, std::string>> copies;
  for (int i = 0; i < 150 && !HasFatalFailure(); ++i) {
    world.Step();
    if (i % 10 == 0) copies.push_back(FilesOf(world.disk()));
  }
  Random& random = world.random();
  for (int variant = 0; variant < 150 && !HasFatalFailure(); ++variant) {
    FakeDisk disk(random);
    Copy(copies[random.Below(copies.size())], disk);
    for (const auto& [name, bytes] : copies[random.Below(copies.size())]) {
      if (random.Below(2) == 0) disk.Set(name, bytes);
    }
    CheckIsTruthOrNothing(disk, random, world.history(), "variant " + std::to_string(variant));
  }
}

}  // namespace
}  // namespace tarn
