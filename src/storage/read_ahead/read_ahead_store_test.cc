#include "storage/read_ahead/read_ahead_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/random.h"
#include "storage/forwarding_store.h"
#include "storage/memory/memory_store.h"

namespace tarn {
namespace {

constexpr int64_t kPart = 10'000;
constexpr char kKey[] = "t/data/0a1b2c3d-0000-4000-8000-00000000ffff.parquet";

/// Notes what reaches the inner store, and can hold it up.
class Far final : public ForwardingStore {
 public:
  explicit Far(std::unique_ptr<ObjectStore> inner) : ForwardingStore(std::move(inner)) {}
  Status ReadRange(std::string_view key, int64_t offset, std::span<char> out) override {
    const Visit visit(*this, static_cast<int64_t>(out.size()));
    return inner().ReadRange(key, offset, out);
  }
  Result<ReadExtent> ReadUpTo(std::string_view key, int64_t offset, std::span<char> out) override {
    ++ahead;
    const Visit visit(*this, static_cast<int64_t>(out.size()));
    if (const ErrorKind kind = fails_ahead; kind != kNone) return MakeError(kind, "as told");
    return inner().ReadUpTo(key, offset, out);
  }
  void Hold(bool held) {
    std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void WaitUntilInside(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ >= count; });
  }
  void WaitUntilQuiet() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ == 0; });
  }

  std::atomic<int> requests{0};
  std::atomic<int> ahead{0};
  std::atomic<int64_t> bytes{0};
  static constexpr ErrorKind kNone = ErrorKind::kInternal;
  std::atomic<ErrorKind> fails_ahead{kNone};

 private:
  class Visit {
   public:
    Visit(Far& far, int64_t size) : far_(far) {
      std::unique_lock lock(far_.mutex_);
      ++far_.requests;
      far_.bytes += size;
      ++far_.inside_;
      far_.changed_.notify_all();
      far_.changed_.wait(lock, [&] { return !far_.held_; });
    }
    ~Visit() {
      std::lock_guard lock(far_.mutex_);
      --far_.inside_;
      far_.changed_.notify_all();
    }

   private:
    Far& far_;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;
  bool held_ = false;
};

class ReadAheadStoreTest : public testing::Test {
 protected:
  ReadAheadStoreTest() {
    bytes_.resize(100 * kPart + 77);
    for (char& c : bytes_) c = static_cast<char>(random_->Next());
    options_.part_bytes = kPart;
    options_.ahead_bytes_max = 8 * kPart;
    options_.gap_bytes_max = kPart / 2;
    Open();
  }
  void Open() {
    auto memory = std::make_unique<MemoryStore>();
    EXPECT_TRUE(memory->Put(kKey, bytes_).ok());
    EXPECT_TRUE(memory->Put("log/1.json", bytes_).ok());
    auto far = std::make_unique<Far>(std::move(memory));
    far_ = far.get();
    store_ = OpenReadAheadStore(std::move(far), options_);
  }
  void ExpectRange(int64_t offset, int64_t length) {
    const auto range = store_->GetRange(kKey, offset, length);
    ASSERT_TRUE(range.ok()) << range.status().ToString();
    ASSERT_TRUE(*range == bytes_.substr(static_cast<size_t>(offset), static_cast<size_t>(length)))
        << offset << " " << length;
  }

  const std::unique_ptr<Random> random_ = SeededRandom(11);
  std::string bytes_;
  ReadAheadOptions options_;
  Far* far_ = nullptr;
  std::unique_ptr<ObjectStore> store_;
};

TEST_F(ReadAheadStoreTest, ALargeRangeIsReadInPartsAtOnce) {
  far_->Hold(true);
  std::thread reader([&] { ExpectRange(3, 6 * kPart); });
  far_->WaitUntilInside(6);
  far_->Hold(false);
  reader.join();
  EXPECT_EQ(far_->requests, 6);
  EXPECT_EQ(far_->bytes, 6 * kPart);
}

TEST_F(ReadAheadStoreTest, ASequentialReaderOfSmallRangesMakesLargeRequests) {
  constexpr int64_t kStep = 500;
  for (int64_t at = 0; at < 100 * kPart; at += kStep) ExpectRange(at, kStep);
  // 2000 ranges: the first ones as they were asked for, the others in parts.
  EXPECT_LT(far_->requests, 125);
  EXPECT_LT(far_->bytes, static_cast<int64_t>(bytes_.size()) + 10 * kPart);
}

TEST_F(ReadAheadStoreTest, ShortGapsDoNotStopAReader) {
  for (int64_t at = 0; at < 90 * kPart; at += 1500) ExpectRange(at, 1000);
  EXPECT_LT(far_->requests, 125);
}

TEST_F(ReadAheadStoreTest, TheNextRangesAreOnTheirWayBeforeTheyAreAskedFor) {
  ExpectRange(0, kPart);
  EXPECT_EQ(far_->ahead, 0);
  far_->Hold(true);
  std::thread reader([&] { ExpectRange(kPart, kPart); });
  far_->WaitUntilInside(2);  // the range itself, and the one after it
  far_->Hold(false);
  reader.join();
  EXPECT_GE(far_->ahead, 1);
}

TEST_F(ReadAheadStoreTest, WhatIsAheadStaysWithinItsBytes) {
  options_.ahead_bytes_max = 3 * kPart;
  Open();
  ExpectRange(0, kPart);
  for (int64_t at = 1; at < 20; ++at) {
    const int64_t before = at * kPart;
    ExpectRange(before, kPart);
    EXPECT_LE(far_->bytes, before + kPart + 3 * kPart);
  }
}

TEST_F(ReadAheadStoreTest, ReadersThatJumpAreNotReadAheadOf) {
  for (int i = 0; i < 200; ++i) {
    ExpectRange(static_cast<int64_t>((static_cast<unsigned>(i) * 37) % 100) * kPart, 100);
  }
  EXPECT_EQ(far_->ahead, 0);
}

TEST_F(ReadAheadStoreTest, TheRoomOfReadersThatLeftIsTakenByOthers) {
  for (int64_t at = 0; at < 5; ++at) ExpectRange(at * kPart, kPart);
  far_->WaitUntilQuiet();
  const int ahead = far_->ahead;
  // Jumps, until the first reader counts as gone; then another one begins.
  for (int i = 0; i < 100; ++i) ExpectRange((80 - i % 9 * 2) * kPart, 10);
  for (int64_t at = 30; at < 60; ++at) ExpectRange(at * kPart, kPart);
  EXPECT_GE(far_->ahead, ahead + 20);
}

TEST_F(ReadAheadStoreTest, NothingIsReadBeyondTheEnd) {
  const auto size = static_cast<int64_t>(bytes_.size());
  for (int64_t at = size - 20 * kPart; at < size; at += 1000) {
    ExpectRange(at, std::min<int64_t>(1000, size - at));
  }
  EXPECT_EQ(store_->GetRange(kKey, size - 5, 6).status().error().kind, ErrorKind::kCorruption);
  EXPECT_EQ(store_->GetRange(kKey, size - 3 * kPart, 3 * kPart + 1).status().error().kind,
            ErrorKind::kCorruption);
}

TEST_F(ReadAheadStoreTest, WhatFailedAheadIsReadWhenItIsAskedFor) {
  far_->fails_ahead = ErrorKind::kResourceExhausted;
  for (int64_t at = 0; at < 40; ++at) ExpectRange(at * kPart / 2, kPart / 2);
  EXPECT_GT(far_->ahead, 0);
}

TEST_F(ReadAheadStoreTest, WhatMayChangeIsReadAsItIs) {
  for (int64_t at = 0; at < 20; ++at) {
    EXPECT_TRUE(store_->GetRange("log/1.json", at * kPart, kPart).ok());
  }
  EXPECT_TRUE(store_->GetRange("log/1.json", 0, 20 * kPart).ok());
  EXPECT_EQ(far_->requests, 21);
}

TEST_F(ReadAheadStoreTest, ADeletedObjectIsGone) {
  for (int64_t at = 0; at < 5; ++at) ExpectRange(at * kPart, kPart);
  far_->WaitUntilQuiet();
  ASSERT_TRUE(store_->Delete(kKey).ok());
  EXPECT_EQ(store_->GetRange(kKey, 5 * kPart, kPart).status().error().kind, ErrorKind::kNotFound);
}

TEST_F(ReadAheadStoreTest, AStoreEndsWhileItReadsAhead) {
  for (int round = 0; round < 50; ++round) {
    Open();
    for (int64_t at = 0; at < 4; ++at) ExpectRange(at * kPart, kPart);
    store_.reset();
  }
}

TEST_F(ReadAheadStoreTest, ManyReadersOfOneObjectAllGetTheirBytes) {
  options_.ahead_bytes_max = 5 * kPart;
  Open();
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      const auto random = SeededRandom(static_cast<uint64_t>(i));
      const auto size = static_cast<int64_t>(bytes_.size());
      int64_t at = 0;
      for (int round = 0; round < 1000; ++round) {
        if (random->Below(20) == 0) at = static_cast<int64_t>(random->Below(bytes_.size()));
        const auto length =
            std::min<int64_t>(size - at, static_cast<int64_t>(random->Below(3 * kPart)));
        ExpectRange(at, length);
        at += length;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ReadAheadStoreTest, WithoutThreadsEverythingPassesThrough) {
  options_.reads_in_flight_max = 0;
  Open();
  for (int64_t at = 0; at < 10; ++at) ExpectRange(at * kPart, kPart);
  ExpectRange(0, 20 * kPart);
  EXPECT_EQ(far_->requests, 11);
}

}  // namespace
}  // namespace tarn
