#include "pipeline/ingest/capture_record.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/process_identity.h"
#include "base/random.h"

namespace tarn {
namespace {

class CaptureRecordTest : public ::testing::Test {
 protected:
  CaptureRecordTest() : state_(::testing::TempDir() + "record-" + SystemRandom().Uuid()) {}
  ~CaptureRecordTest() override { std::filesystem::remove_all(state_); }

  CaptureRecord Read() {
    const auto record = ReadCaptureRecord(state_, "crm");
    EXPECT_TRUE(record.ok() && record->has_value()) << record.status().ToString();
    return record.ok() && record->has_value() ? **record : CaptureRecord{};
  }
  CaptureCommit Commit(int64_t rows) {
    CaptureCommit commit;
    commit.rows = rows;
    commit.transactions = 1;
    commit.committed_micros = clock_.NowMicros();
    return commit;
  }

  const std::string state_;
  ManualClock clock_{1'000'000'000};
};

TEST_F(CaptureRecordTest, NobodyFollowedYet) {
  const auto record = ReadCaptureRecord(state_, "crm");
  ASSERT_TRUE(record.ok()) << record.status().ToString();
  EXPECT_FALSE(record->has_value());
}

TEST_F(CaptureRecordTest, CommitsAreCountedAndTheRateIsOfTheLastMinute) {
  CaptureRecorder recorder(state_, "crm", clock_);
  CaptureOptions options;
  int heard = 0;
  options.committed = [&](const CaptureCommit&) { ++heard; };
  recorder.Watch(&options);
  EXPECT_EQ(Read().process, ProcessIdentity());
  EXPECT_EQ(Read().committed_micros, 0);
  clock_.Advance(10'000'000);
  options.committed(Commit(500));
  EXPECT_EQ(Read().rows, 500);
  EXPECT_DOUBLE_EQ(Read().rows_per_second, 50);
  EXPECT_EQ(Read().committed_micros, clock_.NowMicros());
  clock_.Advance(50'000'000);
  options.committed(Commit(100));
  EXPECT_DOUBLE_EQ(Read().rows_per_second, 10);
  clock_.Advance(59'000'000);
  options.caught_up();
  EXPECT_DOUBLE_EQ(Read().rows_per_second, 100.0 / 60);
  EXPECT_EQ(Read().rows, 600);
  EXPECT_EQ(Read().transactions, 2);
  EXPECT_EQ(heard, 2);
}

TEST_F(CaptureRecordTest, TroubleIsToldUntilItGoesOn) {
  CaptureRecorder recorder(state_, "crm", clock_);
  CaptureOptions options;
  recorder.Watch(&options);
  options.retrying(Unavailable("the server restarts"));
  EXPECT_NE(Read().trouble.find("the server restarts"), std::string::npos);
  clock_.Advance(1'000'000);
  options.caught_up();
  EXPECT_EQ(Read().trouble, "");
  EXPECT_EQ(Read().caught_up_micros, clock_.NowMicros());
}

TEST_F(CaptureRecordTest, TheEndIsTold) {
  { CaptureRecorder recorder(state_, "crm", clock_); }
  EXPECT_EQ(Read().process, "");
}

TEST_F(CaptureRecordTest, ADamagedRecordIsAnErrorThatSaysSo) {
  CaptureRecorder recorder(state_, "crm", clock_);
  for (const char* text : {"", "{", "[]", "{\"process\": 1}", "{\"process\": \"x\"}"}) {
    std::ofstream(state_ + "/capture/crm.json") << text;
    EXPECT_FALSE(ReadCaptureRecord(state_, "crm").ok()) << text;
  }
}

}  // namespace
}  // namespace tarn
