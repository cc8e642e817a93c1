#include <atomic>
#include <thread>

#include "base/random.h"
#include "fault_proxy.h"
#include "hasty_clock.h"
#include "s3_server.h"
#include "store_suite.h"

namespace tarn {
namespace {

using Fate = FaultProxy::Fate;

/// A real server behind a line that loses things.
class S3FaultsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(TestS3Server());
    options_ = *TestS3Server();
    options_.prefix = "faults-" + SystemRandom().Uuid();
    direct_ = std::move(*OpenS3Store(options_, limits_));
    const std::string& endpoint = options_.endpoint;
    ASSERT_TRUE(endpoint.starts_with("http://127.0.0.1:"))
        << "this test needs a server on loopback";
    proxy_ =
        std::make_unique<FaultProxy>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)),
                                     [this](const std::string& method, const std::string& target) {
                                       ++requests_;
                                       return decide_ ? decide_(method, target) : Fate::kPass;
                                     });
    options_.endpoint = "http://127.0.0.1:" + std::to_string(proxy_->port());
    store_ = Open();
  }
  std::unique_ptr<ObjectStore> Open() { return std::move(*OpenS3Store(options_, limits_, clock_)); }
  /// The first `count` requests of `method` meet `fate`.
  void Lose(Fate fate, const std::string& method, int count) {
    decide_ = [=, left = count](const std::string& seen, const std::string&) mutable {
      return seen == method && left-- > 0 ? fate : Fate::kPass;
    };
  }

  HastyClock clock_;
  Limits limits_;
  S3Options options_;
  std::unique_ptr<ObjectStore> direct_;
  FaultProxy::Decide decide_;
  std::atomic<int> requests_{0};
  std::unique_ptr<FaultProxy> proxy_;
  std::unique_ptr<ObjectStore> store_;
};

TEST_F(S3FaultsTest, PassingFaultsAreRepeated) {
  for (const Fate fate : {Fate::kLoseRequest, Fate::kLoseAnswer, Fate::kRefuse}) {
    Lose(fate, "PUT", 2);
    EXPECT_OK(store_->Put("k", "x"));
    Lose(fate, "GET", 2);
    EXPECT_EQ(*store_->Get("k"), "x");
    Lose(fate, "GET", 2);
    EXPECT_EQ(*store_->GetRange("k", 0, 1), "x");
    Lose(fate, "HEAD", 2);
    EXPECT_OK(store_->Head("k"));
    Lose(fate, "DELETE", 2);
    EXPECT_OK(store_->Delete("k"));
  }
  EXPECT_GT(clock_.slept_micros, 0);
}

TEST_F(S3FaultsTest, RepetitionEnds) {
  limits_.storage_retries_max = 3;
  auto store = Open();
  Lose(Fate::kRefuse, "GET", 1000);
  requests_ = 0;
  EXPECT_ERROR(ErrorKind::kUnavailable, store->Get("k"));
  EXPECT_EQ(requests_, 3);
  Lose(Fate::kLoseAnswer, "GET", 1000);
  EXPECT_ERROR(ErrorKind::kUnavailable, store->Get("k"));
}

TEST_F(S3FaultsTest, AWinnerWhoseAnswerWasLostKnowsThatItWon) {
  Lose(Fate::kLoseAnswer, "PUT", 1);
  EXPECT_OK(store_->PutIfAbsent("log/1", "mine"));
  EXPECT_EQ(*direct_->Get("log/1"), "mine");
  EXPECT_ERROR(ErrorKind::kAlreadyExists, store_->PutIfAbsent("log/1", "mine"));
}

TEST_F(S3FaultsTest, AWinnerWhoseAnswerWasLostOnAUsedConnectionKnowsThatItWon) {
  // The HTTP library itself repeats a request on a connection that was used before.
  ASSERT_OK(store_->Put("other", "x"));
  Lose(Fate::kLoseAnswer, "PUT", 1);
  EXPECT_OK(store_->PutIfAbsent("log/1", "mine"));
}

TEST_F(S3FaultsTest, AWinnerWhoseAnswersWereAllLostKnowsThatItWon) {
  Lose(Fate::kLoseAnswer, "PUT", 1000);
  EXPECT_OK(store_->PutIfAbsent("log/1", "mine"));
}

TEST_F(S3FaultsTest, ALoserWhoseAnswerWasLostKnowsThatItLost) {
  ASSERT_OK(direct_->PutIfAbsent("log/1", "theirs"));
  Lose(Fate::kLoseAnswer, "PUT", 1);
  EXPECT_ERROR(ErrorKind::kAlreadyExists, store_->PutIfAbsent("log/1", "mine"));
  EXPECT_EQ(*direct_->Get("log/1"), "theirs");
}

TEST_F(S3FaultsTest, EqualBytesOfAnotherAreNotTakenForOurs) {
  ASSERT_OK(direct_->PutIfAbsent("log/1", "the same"));
  Lose(Fate::kLoseAnswer, "PUT", 1);
  EXPECT_ERROR(ErrorKind::kAlreadyExists, store_->PutIfAbsent("log/1", "the same"));
}

TEST_F(S3FaultsTest, WithoutTheNameOfAnAttemptTheBytesDecide) {
  ASSERT_OK(direct_->Put("log/1", "plain"));  // a Put leaves no name
  Lose(Fate::kLoseAnswer, "PUT", 1);
  EXPECT_OK(store_->PutIfAbsent("log/1", "plain"));
  Lose(Fate::kLoseAnswer, "PUT", 1);
  EXPECT_ERROR(ErrorKind::kAlreadyExists, store_->PutIfAbsent("log/1", "other"));
}

TEST_F(S3FaultsTest, WhatNeverArrivedIsNotClaimed) {
  Lose(Fate::kLoseRequest, "PUT", 1000);
  EXPECT_ERROR(ErrorKind::kUnavailable, store_->PutIfAbsent("log/1", "mine"));
  EXPECT_ERROR(ErrorKind::kNotFound, direct_->Get("log/1"));
}

TEST_F(S3FaultsTest, RacersOverALossyLineHaveOneWinner) {
  std::atomic<uint64_t> turn{0};
  decide_ = [&](const std::string& method, const std::string&) {
    constexpr Fate kFates[] = {Fate::kPass, Fate::kLoseAnswer, Fate::kPass, Fate::kRefuse};
    return method == "PUT" ? kFates[turn++ % 4] : Fate::kPass;
  };
  for (int round = 0; round < 10; ++round) {
    const std::string key = "race/" + std::to_string(round);
    std::atomic<int> winners{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        const Status status = store_->PutIfAbsent(key, "equal bytes");
        if (status.ok()) ++winners;
        EXPECT_TRUE(status.ok() || status.error().kind == ErrorKind::kAlreadyExists)
            << status.ToString();
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(winners, 1) << key;
  }
}

TEST_F(S3FaultsTest, AMultipartUploadSurvivesALossyLine) {
  limits_.storage_part_bytes = 5 << 20;
  auto store = Open();
  const std::string bytes = Noise(17 << 20, 9);
  for (const Fate fate : {Fate::kLoseAnswer, Fate::kRefuse}) {
    for (const char* method : {"PUT", "POST"}) {
      // Of POST every second one: the start of the upload, and its end.
      decide_ = [&, n = 0](const std::string& seen, const std::string&) mutable {
        return seen == method && n++ % 2 == 0 ? fate : Fate::kPass;
      };
      const std::string key = "large/" + std::string(method) + std::to_string(int(fate));
      auto writer = store->OpenWriter(key);
      ASSERT_OK(writer);
      ASSERT_OK((*writer)->Append(bytes));
      ASSERT_OK((*writer)->Close());
      EXPECT_TRUE(*direct_->Get(key) == bytes);
    }
  }
}

TEST_F(S3FaultsTest, ACompletionWhoseAnswersWereAllLostIsFoundOut) {
  limits_.storage_part_bytes = 5 << 20;
  auto store = Open();
  decide_ = [](const std::string& method, const std::string& target) {
    const bool completion = method == "POST" && target.find("uploadId=") != std::string::npos;
    return completion ? Fate::kLoseAnswer : Fate::kPass;
  };
  auto writer = store->OpenWriter("large");
  ASSERT_OK((*writer)->Append(Noise(6 << 20, 1)));
  ASSERT_OK((*writer)->Close());
  EXPECT_EQ(direct_->Head("large")->size_bytes, 6 << 20);
}

TEST_F(S3FaultsTest, AWriterWhosePartsFailFailsAndTakesThemBack) {
  limits_.storage_part_bytes = 5 << 20;
  auto store = Open();
  std::atomic<int> taken_back{0};
  decide_ = [&](const std::string& method, const std::string& target) {
    if (method == "DELETE" && target.find("uploadId=") != std::string::npos) ++taken_back;
    return method == "PUT" ? Fate::kLoseRequest : Fate::kPass;
  };
  {
    auto writer = store->OpenWriter("large");
    Status status = (*writer)->Append(Noise(6 << 20, 1));
    for (int i = 0; i < 10 && status.ok(); ++i) status = (*writer)->Append(Noise(6 << 20, 1));
    EXPECT_ERROR(ErrorKind::kUnavailable, status);
    EXPECT_ERROR(ErrorKind::kUnavailable, (*writer)->Append("more"));
    EXPECT_ERROR(ErrorKind::kUnavailable, (*writer)->Close());
  }
  EXPECT_EQ(taken_back, 1);
  EXPECT_ERROR(ErrorKind::kNotFound, direct_->Head("large"));
}

}  // namespace
}  // namespace tarn
