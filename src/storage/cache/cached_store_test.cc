#include "storage/cache/cached_store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "base/random.h"
#include "storage/forwarding_store.h"
#include "storage/memory/memory_store.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBlock = 64 << 10;
constexpr char kKey[] = "t/data/0a1b2c3d-0000-4000-8000-00000000ffff.parquet";
constexpr char kOther[] = "t/data/1a1b2c3d-0000-4000-8000-00000000ffff.parquet";

/// Counts what reaches the store behind the cache, and can hold it up.
class Remote final : public ForwardingStore {
 public:
  explicit Remote(std::unique_ptr<ObjectStore> inner) : ForwardingStore(std::move(inner)) {}
  Result<std::string> Get(std::string_view key) override {
    ++requests;
    return inner().Get(key);
  }
  Result<ReadExtent> ReadUpTo(std::string_view key, int64_t offset, std::span<char> out) override {
    ++requests;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !held_; });
    lock.unlock();
    if (out_of_memory) throw std::bad_alloc();
    return inner().ReadUpTo(key, offset, out);
  }
  Status ReadRange(std::string_view key, int64_t offset, std::span<char> out) override {
    ++requests;
    return inner().ReadRange(key, offset, out);
  }
  void Hold(bool held) {
    std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  std::atomic<int> requests{0};
  std::atomic<bool> out_of_memory{false};

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
};

class CachedStoreTest : public testing::Test {
 protected:
  CachedStoreTest()
      : folder_((fs::temp_directory_path() / ("tarn-cache-" + SystemRandom().Uuid())).string()) {
    bytes_.resize(10 * kBlock + 1000);
    for (char& c : bytes_) c = static_cast<char>(random_->Next());
  }
  ~CachedStoreTest() override { fs::remove_all(folder_); }

  /// A process of its own, as it were: same folder, same remote contents.
  std::unique_ptr<ObjectStore> Open(int64_t bytes_max = 1 << 30) {
    auto memory = std::make_unique<MemoryStore>("lake", clock_);
    EXPECT_TRUE(memory->Put(kKey, bytes_).ok());
    EXPECT_TRUE(memory->Put(kOther, bytes_).ok());
    EXPECT_TRUE(memory->Put("version-hint.text", "1").ok());
    auto remote = std::make_unique<Remote>(std::move(memory));
    remote_ = remote.get();
    return OpenCachedStore(std::move(remote), {folder_, bytes_max, kBlock, 4 * kBlock}, clock_);
  }
  std::string Expected(int64_t offset, int64_t length) const {
    return bytes_.substr(static_cast<size_t>(offset), static_cast<size_t>(length));
  }
  std::vector<fs::path> Blocks() const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      if (entry.path().extension() == ".block") paths.push_back(entry.path());
    }
    return paths;
  }
  int64_t BytesOnDisk() const {
    int64_t total = 0;
    for (const fs::path& path : Blocks()) total += static_cast<int64_t>(fs::file_size(path));
    return total;
  }

  const std::unique_ptr<Random> random_ = SeededRandom(7);
  ManualClock clock_{1'800'000'000'000'000};
  const std::string folder_;
  std::string bytes_;
  Remote* remote_ = nullptr;
};

TEST_F(CachedStoreTest, EveryRangeIsRightColdAndWarm) {
  for (int round = 0; round < 2; ++round) {
    auto store = Open();
    for (int i = 0; i < 300; ++i) {
      const auto size = static_cast<int64_t>(bytes_.size());
      const auto offset = static_cast<int64_t>(random_->Below(static_cast<uint64_t>(size)));
      const auto length =
          static_cast<int64_t>(random_->Below(static_cast<uint64_t>(size - offset) + 1));
      const auto range = store->GetRange(kKey, offset, length);
      ASSERT_TRUE(range.ok()) << range.status().ToString();
      ASSERT_TRUE(*range == Expected(offset, length)) << offset << " " << length;
    }
    EXPECT_TRUE(*store->Get(kKey) == bytes_);
    if (round == 1) {
      EXPECT_EQ(remote_->requests, 0);
    }
  }
}

TEST_F(CachedStoreTest, ASmallObjectDoesNotTakeTheRoomOfABlock) {
  bytes_.resize(1000);
  for (int round = 0; round < 2; ++round) {
    auto store = Open();
    const std::string bytes = store->Get(kKey).value();
    EXPECT_EQ(bytes, bytes_);
    EXPECT_LE(bytes.capacity(), 2000U) << round;
    EXPECT_EQ(remote_->requests, round == 0 ? 1 : 0);
  }
}

TEST_F(CachedStoreTest, TheEndIsWhereTheObjectEnds) {
  auto store = Open();
  const auto size = static_cast<int64_t>(bytes_.size());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(store->GetRange(kKey, size - 5, 6).status().error().kind, ErrorKind::kCorruption);
    EXPECT_EQ(store->GetRange(kKey, size + 1, 0).status().error().kind, ErrorKind::kCorruption);
    EXPECT_EQ(store->GetRange(kKey, 5 * size, 6).status().error().kind, ErrorKind::kCorruption);
    EXPECT_EQ(*store->GetRange(kKey, size, 0), "");
    std::string out(100, '\0');
    const auto extent = store->ReadUpTo(kKey, size - 10, out);
    ASSERT_TRUE(extent.ok());
    EXPECT_EQ(extent->bytes_read, 10);
    EXPECT_EQ(extent->size_bytes, size);
  }
  const std::string missing = std::string("x/") + SystemRandom().Uuid();
  EXPECT_EQ(store->GetRange(missing, 0, 1).status().error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store->Get(missing).status().error().kind, ErrorKind::kNotFound);
}

TEST_F(CachedStoreTest, NeighbouringBlocksComeInOneRequest) {
  auto store = Open();
  ASSERT_TRUE(store->GetRange(kKey, 10, 4 * kBlock - 10).ok());
  EXPECT_EQ(remote_->requests, 1);
  ASSERT_TRUE(store->GetRange(kKey, 0, 10 * kBlock).ok());
  EXPECT_EQ(remote_->requests, 3);
}

TEST_F(CachedStoreTest, WhatMayChangeIsNeverCached) {
  auto store = Open();
  EXPECT_EQ(*store->Get("version-hint.text"), "1");
  EXPECT_EQ(*store->GetRange("version-hint.text", 0, 1), "1");
  ASSERT_TRUE(store->Put("version-hint.text", "2").ok());
  EXPECT_EQ(*store->Get("version-hint.text"), "2");
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(CachedStoreTest, ADeletedObjectIsForgotten) {
  auto store = Open();
  ASSERT_TRUE(store->Get(kKey).ok());
  ASSERT_TRUE(store->Get(kOther).ok());
  ASSERT_TRUE(store->Delete(kKey).ok());
  EXPECT_EQ(store->Get(kKey).status().error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store->GetRange(kKey, 0, 1).status().error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(*store->Get(kOther) == bytes_);
}

TEST_F(CachedStoreTest, ABlockDamagedAnywhereIsAMiss) {
  auto store = Open();
  ASSERT_TRUE(store->Get(kKey).ok());
  for (int round = 0; round < 200; ++round) {
    const auto blocks = Blocks();
    ASSERT_FALSE(blocks.empty());
    const fs::path path = blocks[random_->Below(blocks.size())];
    const auto size = static_cast<int64_t>(fs::file_size(path));
    const auto at = static_cast<int64_t>(random_->Below(round % 2 == 0 ? 120 : size));
    if (round % 5 == 4) {
      fs::resize_file(path, static_cast<uintmax_t>(at));
    } else {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(at);
      const char was = static_cast<char>(file.get());
      file.seekp(at);
      file.put(static_cast<char>(was ^ 0x10));
    }
    EXPECT_TRUE(*store->Get(kKey) == bytes_);
    EXPECT_TRUE(*store->GetRange(kKey, 5, 3 * kBlock) == Expected(5, 3 * kBlock));
  }
}

TEST_F(CachedStoreTest, ABlockUnderTheNameOfAnotherIsAMiss) {
  auto store = Open();
  ASSERT_TRUE(store->Get(kKey).ok());
  const auto blocks = Blocks();
  const fs::path one = blocks[0];
  for (size_t i = 1; i < blocks.size(); ++i) {
    fs::copy_file(one, blocks[i], fs::copy_options::overwrite_existing);
  }
  EXPECT_TRUE(*store->Get(kKey) == bytes_);
  EXPECT_TRUE(*store->GetRange(kKey, 0, 9 * kBlock) == Expected(0, 9 * kBlock));
}

TEST_F(CachedStoreTest, TheFolderStaysWithinItsBytesAndTheLeastUsedGoFirst) {
  const int64_t bytes_max = 40 * kBlock;
  auto store = Open(bytes_max);
  ASSERT_TRUE(store->Get(kKey).ok());
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(120'000'000);
    const std::string key = "t/" + random_->Uuid();
    ASSERT_TRUE(store->Put(key, bytes_.substr(0, 5 * kBlock)).ok());
    ASSERT_TRUE(store->Get(key).ok());
    ASSERT_TRUE(store->GetRange(kKey, 0, 3 * kBlock).ok());  // in use all the time
    EXPECT_LE(BytesOnDisk(), bytes_max + bytes_max / 16 + kBlock);
  }
  const int before = remote_->requests;
  ASSERT_TRUE(store->GetRange(kKey, 0, 3 * kBlock).ok());
  EXPECT_EQ(remote_->requests, before);
  ASSERT_TRUE(store->GetRange(kKey, 5 * kBlock, kBlock).ok());
  EXPECT_GT(remote_->requests, before);
}

TEST_F(CachedStoreTest, EqualMissesAreOneRequest) {
  auto store = Open();
  remote_->Hold(true);
  std::vector<std::thread> threads;
  std::atomic<int> started{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      ++started;
      EXPECT_TRUE(*store->GetRange(kKey, 100, kBlock) == Expected(100, kBlock));
    });
  }
  while (started < 8 || remote_->requests == 0) std::this_thread::yield();
  remote_->Hold(false);
  for (std::thread& thread : threads) thread.join();
  // Whoever came after the answer finds the block on disk.
  EXPECT_EQ(remote_->requests, 1);
}

TEST_F(CachedStoreTest, ReadersOfOverlappingRangesAllGetTheirBytes) {
  auto store = Open(20 * kBlock);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const auto random = SeededRandom(static_cast<uint64_t>(i));
      for (int round = 0; round < 200; ++round) {
        const auto offset = static_cast<int64_t>(random->Below(9 * kBlock));
        const auto length =
            static_cast<int64_t>(random->Below(static_cast<uint64_t>(10 * kBlock - offset)));
        const char* key = round % 3 == 0 ? kOther : kKey;
        EXPECT_TRUE(*store->GetRange(key, offset, length) == Expected(offset, length));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(CachedStoreTest, AnErrorReachesEveryReaderAndIsNotKept) {
  auto memory = std::make_unique<MemoryStore>("lake", clock_);
  MemoryStore* raw = memory.get();
  ASSERT_TRUE(memory->Put(kKey, bytes_).ok());
  raw->SetFaultInjector([](const StorageCall& call) -> std::optional<Error> {
    if (call.operation == StorageOperation::kGetRange) return Unavailable("down");
    return std::nullopt;
  });
  auto store = OpenCachedStore(std::move(memory), {folder_, 1 << 30, kBlock, 4 * kBlock}, clock_);
  EXPECT_EQ(store->GetRange(kKey, 0, 10).status().error().kind, ErrorKind::kUnavailable);
  raw->SetFaultInjector(nullptr);
  EXPECT_TRUE(*store->GetRange(kKey, 0, 10) == Expected(0, 10));
}

TEST_F(CachedStoreTest, AReadThatIsThrownOutOfLeavesItsBlocksToTheNextOne) {
  auto store = Open();
  remote_->out_of_memory = true;
  EXPECT_THROW((void)store->GetRange(kKey, 0, 9 * kBlock), std::bad_alloc);
  remote_->out_of_memory = false;
  EXPECT_TRUE(*store->GetRange(kKey, 0, 9 * kBlock) == Expected(0, 9 * kBlock));
}

TEST_F(CachedStoreTest, ProcessesKilledWhileTheyWriteLeaveOnlyWholeBlocks) {
  // Two processes that fill and trim one folder are killed again and again.
  for (int round = 0; round < 10; ++round) {
    pid_t children[2];
    int pipes[2];
    ASSERT_EQ(::pipe(pipes), 0);
    for (pid_t& child : children) {
      child = ::fork();
      if (child != 0) continue;
      auto store = Open(15 * kBlock);
      for (int i = 0;; ++i) {
        const auto range = store->GetRange(i % 2 == 0 ? kKey : kOther, (i % 10) * kBlock, kBlock);
        if (!range.ok() || *range != Expected((i % 10) * kBlock, kBlock)) ::_exit(1);
        if (::write(pipes[1], "x", 1) != 1) ::_exit(2);
      }
    }
    char read[64];
    for (int seen = 0; seen < 64 * (round + 1);) {
      seen += static_cast<int>(::read(pipes[0], read, sizeof(read)));
    }
    for (const pid_t child : children) {
      ::kill(child, SIGKILL);
      int status = 0;
      ::waitpid(child, &status, 0);
      EXPECT_TRUE(WIFSIGNALED(status)) << "a child read wrong bytes";
    }
    ::close(pipes[0]);
    ::close(pipes[1]);
    auto store = Open(15 * kBlock);
    EXPECT_TRUE(*store->GetRange(kKey, 0, 10 * kBlock) == Expected(0, 10 * kBlock));
    EXPECT_TRUE(*store->Get(kOther) == bytes_);
    EXPECT_LE(BytesOnDisk(), 20 * kBlock);
  }
}

TEST_F(CachedStoreTest, WhatAKilledProcessLeftUnfinishedIsRemovedLater) {
  auto store = Open();
  ASSERT_TRUE(store->GetRange(kKey, 0, 1).ok());
  const fs::path left = Blocks()[0].parent_path() / "x.block.1-1.tmp";
  std::ofstream(left) << "half";
  auto other = Open();
  clock_.Advance(SystemClock().NowMicros());  // far beyond the file's own time
  ASSERT_TRUE(other->GetRange(kOther, 0, 1).ok());
  EXPECT_FALSE(fs::exists(left));
}

TEST_F(CachedStoreTest, ADiskThatTakesNothingIsNoError) {
  std::ofstream(folder_) << "a file where the folder should be";
  auto store = Open();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(*store->GetRange(kKey, 0, 10) == Expected(0, 10));
    EXPECT_TRUE(*store->Get(kKey) == bytes_);
  }
}

}  // namespace
}  // namespace tarn
