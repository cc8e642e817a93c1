#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "store_suite.h"

namespace tarn {
namespace {

constexpr int kThreads = 8;

class ObjectStoreRaces : public StoreSuite {};

/// Runs `work` on every thread at once.
void Race(const std::function<void(int)>& work) {
  std::atomic<int> waiting{kThreads};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      --waiting;
      while (waiting.load() > 0) std::this_thread::yield();
      work(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_P(ObjectStoreRaces, OfManyPutIfAbsentExactlyOneWins) {
  std::vector<ObjectStore*> stores;
  for (int i = 0; i < kThreads; ++i) stores.push_back(&other());
  for (int round = 0; round < 25; ++round) {
    const std::string key = "log/" + std::to_string(round);
    std::atomic<int> winners{0};
    std::atomic<int> winner{-1};
    Race([&](int i) {
      const Status status = stores[static_cast<size_t>(i)]->PutIfAbsent(key, std::to_string(i));
      if (status.ok()) {
        ++winners;
        winner = i;
      } else {
        EXPECT_EQ(status.error().kind, ErrorKind::kAlreadyExists) << status.ToString();
      }
    });
    EXPECT_EQ(winners, 1) << key;
    EXPECT_EQ(*store().Get(key), std::to_string(winner));
  }
}

TEST_P(ObjectStoreRaces, EqualBytesDoNotMakeTwoWinners) {
  for (int round = 0; round < 10; ++round) {
    std::atomic<int> winners{0};
    Race([&](int) {
      if (store().PutIfAbsent("same/" + std::to_string(round), "same").ok()) ++winners;
    });
    EXPECT_EQ(winners, 1);
  }
}

TEST_P(ObjectStoreRaces, AReaderNeverSeesHalfOfAnOverwrite) {
  constexpr size_t kSize = 300'000;
  ASSERT_OK(store().Put("k", std::string(kSize, 'a')));
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 1; i <= 40; ++i) {
      const std::string bytes(kSize, static_cast<char>('a' + i % 26));
      EXPECT_OK(i % 2 == 0 ? store().Put("k", bytes) : Write("k", bytes));
    }
    done = true;
  });
  int reads = 0;
  while (!done || reads < 10) {
    const auto bytes = store().Get("k");
    ASSERT_OK(bytes);
    ASSERT_EQ(bytes->size(), kSize);
    ASSERT_EQ(bytes->find_first_not_of(bytes->front()), std::string::npos);
    const auto range = store().GetRange("k", 1000, 200'000);
    ASSERT_OK(range);
    ASSERT_EQ(range->find_first_not_of(range->front()), std::string::npos);
    ++reads;
  }
  writer.join();
}

TEST_P(ObjectStoreRaces, ManyWritersAndReadersShareOneStore) {
  Race([&](int i) {
    for (int round = 0; round < 10; ++round) {
      const std::string key = "t" + std::to_string(i) + "/f" + std::to_string(round);
      const std::string bytes = Noise(10'000, static_cast<uint64_t>(i * 100 + round));
      EXPECT_OK(Write(key, bytes));
      EXPECT_TRUE(*store().GetRange(key, 5'000, 5'000) == bytes.substr(5'000));
    }
  });
  EXPECT_EQ(Keys("").size(), static_cast<size_t>(kThreads * 10));
}

TEST_P(ObjectStoreRaces, FoldersVanishUnderWritersWithoutHarm) {
  Race([&](int i) {
    for (int round = 0; round < 20; ++round) {
      const std::string key = "shared/" + std::to_string(round % 3) + "/" + std::to_string(i);
      EXPECT_OK(store().Put(key, "x"));
      EXPECT_OK(store().Delete(key));
      EXPECT_OK(store().RemoveEmptyFolders(i % 2 == 0 ? "shared" : ""));
    }
    EXPECT_OK(store().Put("shared/kept/" + std::to_string(i), "x"));
  });
  EXPECT_EQ(Keys("").size(), static_cast<size_t>(kThreads));
}

INSTANTIATE_TEST_SUITE_P(Stores, ObjectStoreRaces, testing::ValuesIn(AllBackends()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace tarn
