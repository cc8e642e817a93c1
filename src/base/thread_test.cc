#include "base/thread.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <new>
#include <set>
#include <stdexcept>

#include <gmock/gmock.h>

namespace tarn {
namespace {

using ::testing::HasSubstr;

// In a child that may start no thread.
bool HoldsWithoutThreads(const std::function<bool()>& body) {
  const pid_t pid = fork();
  if (pid == 0) {
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_NPROC, &none) != 0) _exit(2);
    // The limit does not bind root.
    if (geteuid() == 0 && setuid(65534) != 0) _exit(3);
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return status == 0;
}

TEST(RunInThreads, DoesEveryPieceOnce) {
  for (const size_t threads : {0, 1, 3, 100}) {
    std::vector<std::atomic<int>> done(20);
    EXPECT_TRUE(RunInThreads(done.size(), threads, [&](size_t i) {
                  ++done[i];
                  return Status::Ok();
                }).ok());
    for (const auto& one : done) EXPECT_EQ(one, 1);
  }
  EXPECT_TRUE(RunInThreads(0, 4, [](size_t) { return Status(Internal("never")); }).ok());
}

TEST(RunInThreads, AScopeKeepsTheWorkOnOneThreadInOrder) {
  std::vector<size_t> order;
  {
    const WorkOnThisThread scope;
    EXPECT_TRUE(RunInThreads(5, 4, [&, here = std::this_thread::get_id()](size_t i) {
                  EXPECT_EQ(std::this_thread::get_id(), here);
                  order.push_back(i);
                  return Status::Ok();
                }).ok());
  }
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 2, 3, 4}));
}

TEST(RunInThreads, PiecesRunBesideEachOther) {
  std::mutex mutex;
  std::condition_variable all;
  size_t here = 0;
  EXPECT_TRUE(RunInThreads(3, 3, [&](size_t) {
                std::unique_lock lock(mutex);
                ++here;
                all.notify_all();
                all.wait(lock, [&] { return here == 3; });
                return Status::Ok();
              }).ok());
}

TEST(RunInThreads, TheFirstErrorIsTheAnswerAndNothingFurtherBegins) {
  int begun = 0;
  const Status status = RunInThreads(10, 1, [&](size_t i) {
    ++begun;
    return i == 2 ? Status(NotFound("piece 2")) : Status::Ok();
  });
  EXPECT_EQ(status.error().message, "piece 2");
  EXPECT_EQ(begun, 3);
}

TEST(RunInThreads, WhatAThreadThrowsIsAnError) {
  const auto thrown = [](size_t threads, const std::function<void()>& raise) {
    return RunInThreads(threads, threads,
                        [&](size_t) -> Status {
                          raise();
                          return {};
                        })
        .error();
  };
  for (const size_t threads : {1, 4}) {
    EXPECT_EQ(thrown(threads, [] { throw std::bad_alloc(); }).kind, ErrorKind::kResourceExhausted);
    EXPECT_THAT(thrown(threads, [] { throw std::runtime_error("broken"); }).message,
                HasSubstr("broken"));
    EXPECT_EQ(thrown(threads, [] { throw 1; }).kind, ErrorKind::kInternal);
  }
}

TEST(RunInThreads, WhereNoThreadCanBeStartedTheCallersDoesItAll) {
  EXPECT_TRUE(HoldsWithoutThreads([] {
    int done = 0;
    const Status status = RunInThreads(5, 5, [&](size_t) {
      ++done;
      return Status::Ok();
    });
    return status.ok() && done == 5;
  }));
}

TEST(StartThread, AThreadThatCannotBeStartedIsAnError) {
  EXPECT_TRUE(HoldsWithoutThreads([] {
    const auto thread = StartThread([] { return Status::Ok(); }, [](const Status&) {});
    return !thread.ok() && thread.error().kind == ErrorKind::kResourceExhausted;
  }));
}

TEST(StartThread, WhatEndsItIsTold) {
  Status told;
  auto thread = StartThread([]() -> Status { throw std::bad_alloc(); },
                            [&](const Status& status) { told = status; });
  ASSERT_TRUE(thread.ok());
  thread->join();
  ASSERT_FALSE(told.ok());
  EXPECT_EQ(told.error().kind, ErrorKind::kResourceExhausted);
}

}  // namespace
}  // namespace tarn
