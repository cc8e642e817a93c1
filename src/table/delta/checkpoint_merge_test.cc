#include "table/delta/checkpoint_merge.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "base/random.h"
#include "table/delta/text.h"

namespace tarn::delta {
namespace {

TEST(CheckpointMerge, TombstonesAreKeptForFilesThatNothingElseNames) {
  const auto vector = [](const char* file, int64_t offset) {
    return VectorInFile(UuidOfName(file), offset, 10, 1);
  };
  State state;
  const auto remove = [&](const std::string& path, int64_t ms, const char* file, int64_t offset) {
    RemoveFile removed{path, ms, DataChange::kYes, {}, {}};
    if (file != nullptr) removed.deletion_vector = vector(file, offset);
    state.Apply(state.version + 1, {removed});
  };
  // Two files that are alive got one vector after the other, which stood together in one file.
  remove("a", 1, nullptr, 0);
  remove("b", 1, nullptr, 0);
  for (const char* path : {"a", "b"}) {
    for (int64_t ms = 2; ms < 6; ++ms) {
      remove(path, ms, std::to_string(ms).c_str(), *path);
    }
  }
  AddFile alive{"a", {}, 1, 1, DataChange::kYes, ""};
  alive.deletion_vector = vector("6", 1);
  AddFile other = alive;
  other.path = "b";
  other.deletion_vector = vector("5", 99);
  // One file went with its second vector, and one with its first.
  remove("gone", 3, nullptr, 0);
  remove("gone", 7, "7", 1);
  remove("plain", 4, nullptr, 0);
  state.Apply(state.version + 1, {alive, other});

  const auto kept = [&](int64_t expired_ms) {
    std::vector<std::string> found;
    for (const RemoveFile* one : CheckpointMerge(state, expired_ms).Tombstones()) {
      found.push_back(one->path + "@" + std::to_string(*one->deleted_ms));
    }
    return found;
  };
  // The file of the fifth vectors is named by what is alive.
  EXPECT_THAT(kept(0), testing::ElementsAre("gone@7", "a@4", "plain@4", "a@3", "a@2"));
  EXPECT_THAT(kept(3), testing::ElementsAre("gone@7", "a@4", "plain@4"));
  EXPECT_THAT(kept(7), testing::IsEmpty());
}

// A log of a few files that come, get vectors, which stand together in the file of their commit,
// and go; states may come back.
class RandomLog {
 public:
  RandomLog(uint64_t seed, bool comes_back)
      : random_(SeededRandom(seed)), comes_back_(comes_back) {}

  std::vector<Action> NextEntry() {
    ++version_;
    if (comes_back_ && random_->Below(20) == 0 && !earlier_.empty()) {
      const Vectors before = earlier_[random_->Below(earlier_.size())];
      return GoTo(before);
    }
    Vectors wanted = alive_;
    for (uint64_t i = random_->Below(4); i > 0; --i) {
      wanted.emplace("data/" + std::to_string(version_) + "-" + std::to_string(i), 0);
    }
    const bool drops = random_->Below(3) == 0;
    for (auto file = wanted.begin(); file != wanted.end();) {
      if (random_->Below(3) != 0) {
        ++file;
      } else if (drops) {
        file = wanted.erase(file);
      } else {
        (file++)->second = version_;
      }
    }
    if (random_->Below(5) == 0) earlier_.push_back(alive_);
    return GoTo(wanted);
  }
  int64_t version() const { return version_; }

 private:
  /// By path; the commit in whose file the vector stands, 0 for none.
  using Vectors = std::map<std::string, int64_t>;

  static std::optional<DeletionVectorDescriptor> Vector(const std::string& path, int64_t commit) {
    if (commit == 0) return std::nullopt;
    const auto offset = static_cast<int64_t>(std::hash<std::string>()(path) % 1000);
    return VectorInFile(UuidOfName(std::to_string(commit)), offset, 10, 1);
  }

  std::vector<Action> GoTo(const Vectors& wanted) {
    std::vector<Action> actions;
    for (const auto& [path, commit] : alive_) {
      const auto stays = wanted.find(path);
      if (stays != wanted.end() && stays->second == commit) continue;
      RemoveFile remove{path, version_, DataChange::kYes, {}, {}};
      remove.deletion_vector = Vector(path, commit);
      actions.emplace_back(remove);
    }
    for (const auto& [path, commit] : wanted) {
      const auto was = alive_.find(path);
      if (was != alive_.end() && was->second == commit) continue;
      AddFile add{path, {}, 1, version_, DataChange::kYes, ""};
      add.deletion_vector = Vector(path, commit);
      actions.emplace_back(add);
    }
    alive_ = wanted;
    return actions;
  }

  std::unique_ptr<Random> random_;
  const bool comes_back_;
  int64_t version_ = 0;
  Vectors alive_;
  std::vector<Vectors> earlier_;
};

struct Rows {
  std::vector<AddFile> files;
  std::vector<RemoveFile> tombstones;
};

Rows Merge(const Rows& base, const State& tail, int64_t expired_ms) {
  Rows merged;
  CheckpointMerge merge(tail, expired_ms);
  for (const AddFile& add : base.files) {
    if (merge.Keeps(add)) merged.files.push_back(add);
  }
  for (const RemoveFile& remove : base.tombstones) {
    if (merge.Keeps(remove)) merged.tombstones.push_back(remove);
  }
  for (const auto& [path, add] : tail.files) merged.files.push_back(add);
  for (const RemoveFile* remove : merge.Tombstones()) merged.tombstones.push_back(*remove);
  return merged;
}

// The files that tombstones protect, and until when.
std::map<std::string, int64_t> Protected(const Rows& rows) {
  std::map<std::string, int64_t> until;
  const auto take = [&](const std::string& file, int64_t ms) {
    until[file] = std::max(until[file], ms);
  };
  for (const RemoveFile& remove : rows.tombstones) {
    take(remove.path, *remove.deleted_ms);
    if (remove.deletion_vector) take(remove.deletion_vector->path_or_inline, *remove.deleted_ms);
  }
  // Files that are alive protect themselves.
  for (const AddFile& add : rows.files) {
    until.erase(add.path);
    if (add.deletion_vector) until.erase(add.deletion_vector->path_or_inline);
  }
  return until;
}

TEST(CheckpointMerge, ACheckpointOfACheckpointSaysWhatOneOfAllEntriesDoes) {
  constexpr int64_t kRetention = 40;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const bool comes_back = seed % 2 == 1;
    RandomLog log(seed, comes_back);
    State all;
    Rows rows;
    for (int checkpoint = 0; checkpoint < 12; ++checkpoint) {
      State tail;
      for (uint64_t i = 1 + seed % 9; i > 0; --i) {
        const std::vector<Action> entry = log.NextEntry();
        tail.Apply(log.version(), entry);
        all.Apply(log.version(), entry);
      }
      const int64_t expired_ms = log.version() - kRetention;
      rows = Merge(rows, tail, expired_ms);
      const Rows wanted = Merge({}, all, expired_ms);
      std::map<std::string, AddFile> files;
      std::set<std::pair<std::string, std::string>> tombstones;
      for (const AddFile& add : rows.files) {
        ASSERT_TRUE(files.emplace(FileKey(add.path), add).second) << seed;
      }
      for (const RemoveFile& remove : rows.tombstones) {
        ASSERT_GT(*remove.deleted_ms, expired_ms);
        ASSERT_TRUE(tombstones.emplace(remove.path, remove.VectorId()).second) << seed;
        const auto alive = files.find(FileKey(remove.path));
        ASSERT_TRUE(alive == files.end() || alive->second.VectorId() != remove.VectorId()) << seed;
      }
      ASSERT_EQ(files, all.files) << seed;
      ASSERT_EQ(Protected(rows), Protected(wanted)) << seed << " at " << log.version();
      // Where a state comes back, tombstones may stay that protect nothing more.
      const size_t least = wanted.tombstones.size();
      const size_t most = comes_back ? least + least / 2 + 8 : least;
      ASSERT_GE(rows.tombstones.size(), comes_back ? 0 : least) << seed;
      ASSERT_LE(rows.tombstones.size(), most) << seed;
    }
  }
}

TEST(CheckpointMerge, ATombstoneOfBeforeGoesOnceLaterOnesNameItsFiles) {
  const auto remove = [](const std::string& path, int64_t ms, const char* file) {
    RemoveFile removed{path, ms, DataChange::kYes, {}, {}};
    if (file != nullptr) removed.deletion_vector = VectorInFile(UuidOfName(file), 1, 10, 1);
    return removed;
  };
  State tail;
  tail.Apply(1, {remove("a", 20, "2"), remove("b", 20, nullptr)});
  const CheckpointMerge merge(tail, 5);
  EXPECT_FALSE(merge.Keeps(remove("a", 10, nullptr)));
  EXPECT_FALSE(merge.Keeps(remove("b", 10, "2")));
  EXPECT_TRUE(merge.Keeps(remove("a", 10, "1")));
  EXPECT_TRUE(merge.Keeps(remove("c", 10, "2")));
  EXPECT_FALSE(merge.Keeps(remove("c", 5, "1")));
  // A clock that went back: the earlier one protects for longer, unless it is told once more.
  EXPECT_TRUE(merge.Keeps(remove("b", 21, "2")));
  EXPECT_FALSE(merge.Keeps(remove("b", 21, nullptr)));
}

}  // namespace
}  // namespace tarn::delta
