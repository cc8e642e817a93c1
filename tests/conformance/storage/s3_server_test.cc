#include "s3_server.h"

#include "base/clock.h"
#include "store_suite.h"

namespace tarn {
namespace {

/// What only a real S3 server can show: its refusals, in the words that users see.
class S3ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(TestS3Server());
    options_ = *TestS3Server();
    options_.prefix = "server-test";
  }
  std::unique_ptr<ObjectStore> Open() { return std::move(*OpenS3Store(options_, limits_)); }

  S3Options options_;
  Limits limits_;
};

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(S3ServerTest, AMissingBucketIsNamedWithItsRepair) {
  options_.bucket = "no-such-bucket";
  auto store = Open();
  for (const Status& status :
       {store->CheckAccess(), store->Put("k", "x"), store->PutIfAbsent("k", "x"),
        store->List("", [](const ObjectInfo&) { return Status(); }), store->Get("k").status(),
        store->Delete("k")}) {
    EXPECT_ERROR(ErrorKind::kNotFound, status);
    EXPECT_TRUE(Contains(status.ToString(), "bucket no-such-bucket does not exist at http://"))
        << status.ToString();
    EXPECT_TRUE(Contains(status.ToString(), "create it, or correct `warehouse`"));
  }
}

TEST_F(S3ServerTest, AWrongKeyNamesTheSettingsAndNoSecret) {
  options_.secret_key = "wrong-secret-0123456789";
  auto store = Open();
  for (const Status& status : {store->CheckAccess(), store->Put("k", "x"), store->Get("k").status(),
                               store->Head("k").status()}) {
    EXPECT_ERROR(ErrorKind::kPermissionDenied, status);
    EXPECT_TRUE(Contains(status.ToString(), "`storage:`")) << status.ToString();
    EXPECT_FALSE(Contains(status.ToString(), options_.secret_key));
  }
  options_.access_key = "nobody";
  EXPECT_ERROR(ErrorKind::kPermissionDenied, Open()->CheckAccess());
}

TEST_F(S3ServerTest, AnUnreachableEndpointIsUnavailableWithinSeconds) {
  options_.endpoint = "http://127.0.0.1:1";
  const int64_t start = SystemClock().MonotonicMicros();
  const Status status = Open()->CheckAccess();
  EXPECT_ERROR(ErrorKind::kUnavailable, status);
  EXPECT_TRUE(Contains(status.ToString(), "cannot reach http://127.0.0.1:1")) << status.ToString();
  EXPECT_LT(SystemClock().MonotonicMicros() - start, 10'000'000);
}

TEST_F(S3ServerTest, AnUnknownHostIsUnavailable) {
  options_.endpoint = "http://no-such-host.invalid";
  EXPECT_ERROR(ErrorKind::kUnavailable, Open()->CheckAccess());
}

TEST_F(S3ServerTest, TlsToAPlainServerFailsInsteadOfFallingBack) {
  options_.endpoint.replace(0, 4, "https");
  limits_.storage_retries_max = 2;
  const Status status = Open()->CheckAccess();
  EXPECT_FALSE(status.ok());
}

TEST_F(S3ServerTest, CredentialsAreFoundInTheEnvironment) {
  ASSERT_EQ(::setenv("AWS_ACCESS_KEY_ID", options_.access_key.c_str(), 1), 0);
  ASSERT_EQ(::setenv("AWS_SECRET_ACCESS_KEY", options_.secret_key.c_str(), 1), 0);
  options_.access_key.clear();
  options_.secret_key.clear();
  auto store = Open();
  EXPECT_OK(store->CheckAccess());
  EXPECT_OK(store->Put("from-environment", "x"));
  EXPECT_OK(store->Delete("from-environment"));
}

TEST_F(S3ServerTest, FolderMarkersOfOtherProgramsAreNotListed) {
  options_.prefix.clear();
  auto root = Open();
  ASSERT_OK(root->Put("marked/a", "x"));
  options_.prefix = "marked";
  auto store = Open();
  std::vector<std::string> keys;
  ASSERT_OK(store->List("", [&](const ObjectInfo& info) {
    keys.push_back(info.key);
    return Status();
  }));
  EXPECT_EQ(keys, std::vector<std::string>{"a"});
  ASSERT_OK(root->Delete("marked/a"));
}

}  // namespace
}  // namespace tarn
