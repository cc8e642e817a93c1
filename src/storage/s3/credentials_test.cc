#include "storage/s3/credentials.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

namespace tarn {
namespace {

std::string StsAnswer(const std::string& key, const std::string& expiration) {
  return "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>" + key +
         "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
         "<Expiration>" +
         expiration + "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
}

constexpr int64_t kNoon = 1795262400000000;  // 2026-11-21T12:00:00Z
constexpr int64_t kMinute = 60'000'000;

TEST(CredentialsTest, ARoleIsAssumedAgainBeforeItsCredentialsEnd) {
  ManualClock clock(kNoon);
  int calls = 0;
  auto provider = RoleCredentials(
      [&]() -> Result<std::string> {
        ++calls;
        return calls == 1 ? StsAnswer("first", "2026-11-21T13:00:00Z")
                          : StsAnswer("second", "2026-11-21T14:00:00Z");
      },
      clock);
  EXPECT_EQ(provider->Get()->access_key, "first");
  clock.Advance(54 * kMinute);
  EXPECT_EQ(provider->Get()->access_key, "first");
  EXPECT_EQ(calls, 1);
  clock.Advance(2 * kMinute);
  EXPECT_EQ(*provider->Get(), (AwsCredentials{"second", "s", "t"}));
  EXPECT_EQ(calls, 2);
}

TEST(CredentialsTest, OldCredentialsServeWhileTheyHold) {
  ManualClock clock(kNoon);
  bool answers = true;
  auto provider = RoleCredentials(
      [&]() -> Result<std::string> {
        if (!answers) return Unavailable("no answer");
        return StsAnswer("old", "2026-11-21T13:00:00Z");
      },
      clock);
  ASSERT_TRUE(provider->Get().ok());
  answers = false;
  clock.Advance(57 * kMinute);
  EXPECT_EQ(provider->Get()->access_key, "old");
  clock.Advance(4 * kMinute);
  EXPECT_EQ(provider->Get().error().kind, ErrorKind::kUnavailable);
}

TEST(CredentialsTest, AServiceThatFailsIsNotAskedByEveryRequest) {
  ManualClock clock(kNoon);
  int calls = 0;
  auto provider = RoleCredentials(
      [&]() -> Result<std::string> {
        if (++calls > 1) return Unavailable("no answer");
        return StsAnswer("old", "2026-11-21T13:00:00Z");
      },
      clock);
  ASSERT_TRUE(provider->Get().ok());
  clock.Advance(57 * kMinute);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(provider->Get()->access_key, "old");
  EXPECT_EQ(calls, 2);
  clock.Advance(kMinute / 2);
  EXPECT_EQ(provider->Get()->access_key, "old");
  EXPECT_EQ(calls, 3);
}

TEST(CredentialsTest, WhileCredentialsHoldNobodyWaitsForNewOnes) {
  ManualClock clock(kNoon);
  std::unique_ptr<CredentialsProvider> provider;
  int calls = 0;
  std::string meanwhile;
  provider = RoleCredentials(
      [&]() -> Result<std::string> {
        if (++calls == 1) return StsAnswer("old", "2026-11-21T13:00:00Z");
        std::thread([&] { meanwhile = provider->Get()->access_key; }).join();
        return StsAnswer("new", "2026-11-21T14:00:00Z");
      },
      clock);
  ASSERT_TRUE(provider->Get().ok());
  clock.Advance(56 * kMinute);
  EXPECT_EQ(provider->Get()->access_key, "new");
  EXPECT_EQ(meanwhile, "old");
}

TEST(CredentialsTest, CredentialsThatTheServerTookBackAreReplaced) {
  ManualClock clock(kNoon);
  int calls = 0;
  auto provider = RoleCredentials(
      [&]() -> Result<std::string> {
        return StsAnswer(++calls == 1 ? "first" : "second", "2026-11-21T13:00:00Z");
      },
      clock);
  const AwsCredentials first = *provider->Get();
  EXPECT_TRUE(provider->Forget(first));
  EXPECT_EQ(provider->Get()->access_key, "second");
  EXPECT_TRUE(provider->Forget(first)) << "another request had them too";
  EXPECT_EQ(provider->Get()->access_key, "second");
  EXPECT_EQ(calls, 2);
  EXPECT_FALSE(FixedCredentials(first)->Forget(first));
}

TEST(CredentialsTest, AnAnswerWithoutCredentialsIsCorruption) {
  ManualClock clock(kNoon);
  for (const std::string& answer :
       {std::string("<html/>"), StsAnswer("", "2026-11-21T13:00:00Z"), StsAnswer("a", "soon")}) {
    auto provider = RoleCredentials([&]() -> Result<std::string> { return answer; }, clock);
    EXPECT_EQ(provider->Get().error().kind, ErrorKind::kCorruption);
  }
}

}  // namespace
}  // namespace tarn
