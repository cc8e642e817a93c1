#include "storage/s3/s3_store.h"

#include <gtest/gtest.h>

#include <string>

#include "storage/s3/s3_error.h"

namespace tarn {
namespace {

S3Options Options() {
  S3Options options;
  options.bucket = "lake";
  options.endpoint = "http://127.0.0.1:9000";
  options.access_key = "key";
  options.secret_key = "very-secret";
  return options;
}

std::string Refusal(const S3Options& options) {
  const auto store = OpenS3Store(options, Limits{});
  if (store.ok()) return "(fine)";
  EXPECT_EQ(store.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(store.status().ToString().find("very-secret"), std::string::npos);
  return store.error().message;
}

TEST(S3StoreTest, AUriNamesBucketAndPrefix) {
  for (const char* uri : {"s3://b/p/q", "s3a://b/p/q/", "s3n://b/p/q"}) {
    const auto options = ParseS3Uri(uri);
    ASSERT_TRUE(options.ok()) << uri;
    EXPECT_EQ(options->bucket, "b");
    EXPECT_EQ(options->prefix, "p/q");
  }
  EXPECT_EQ(ParseS3Uri("s3://b")->prefix, "");
  EXPECT_EQ(ParseS3Uri("s3://b/")->prefix, "");
  for (const char* uri :
       {"", "b/p", "s3:/b/p", "s3://", "s3:///p", "gs://b/p", "s3://b/p//q", "s3://b/../q"}) {
    EXPECT_FALSE(ParseS3Uri(uri).ok()) << uri;
  }
}

TEST(S3StoreTest, SettingsThatCannotWorkAreRefusedBeforeAnyRequest) {
  EXPECT_EQ(Refusal(Options()), "(fine)");
  S3Options options = Options();
  options.secret_key.clear();
  EXPECT_EQ(Refusal(options), "of `access_key` and `secret_key` only one is set");
  options = Options();
  options.bucket = "a b";
  EXPECT_EQ(Refusal(options), "\"a b\" is not the name of a bucket");
  for (const char* endpoint : {"ftp://x", "http://", "http://h/path", "h:9000?x", "http://a b"}) {
    options = Options();
    options.endpoint = endpoint;
    EXPECT_NE(Refusal(options).find("is not an address"), std::string::npos) << endpoint;
  }
  options = Options();
  options.endpoint = "http://user:very-secret@h";
  EXPECT_EQ(Refusal(options), "`endpoint` holds a user or password");
  options = Options();
  options.access_key.clear();
  options.secret_key.clear();
  options.session_token = "t";
  EXPECT_NE(Refusal(options).find("`session_token`"), std::string::npos);
}

TEST(S3StoreTest, TheRootIsTheBucketAndItsPrefix) {
  S3Options options = Options();
  EXPECT_EQ((*OpenS3Store(options, Limits{}))->root_uri(), "s3://lake");
  options.prefix = "a/b";
  EXPECT_EQ((*OpenS3Store(options, Limits{}))->UriOf("k"), "s3://lake/a/b/k");
}

Error ErrorOf(int status, const std::string& code, NameValues headers = {}) {
  HttpResponse response;
  response.status = status;
  response.headers = std::move(headers);
  if (!code.empty()) response.body = "<Error><Code>" + code + "</Code></Error>";
  return S3ErrorOf(response, {"read", "s3://b/k", "b", "https://h", "us-east-1"});
}

TEST(S3StoreTest, AnswersBecomeTheErrorsThatCallersTellApart) {
  EXPECT_EQ(ErrorOf(404, "NoSuchKey").kind, ErrorKind::kNotFound);
  EXPECT_EQ(ErrorOf(404, "NoSuchKey").message, "s3://b/k does not exist");
  EXPECT_EQ(ErrorOf(404, "NoSuchBucket").message, "bucket b does not exist at https://h");
  EXPECT_EQ(ErrorOf(403, "AccessDenied").kind, ErrorKind::kPermissionDenied);
  EXPECT_NE(ErrorOf(403, "AccessDenied").message.find("bucket b refuses"), std::string::npos);
  EXPECT_EQ(ErrorOf(403, "").kind, ErrorKind::kPermissionDenied);
  EXPECT_EQ(ErrorOf(400, "ExpiredToken").kind, ErrorKind::kPermissionDenied);
  EXPECT_EQ(ErrorOf(403, "RequestTimeTooSkewed").hint, "set this machine's clock");
  EXPECT_EQ(ErrorOf(412, "PreconditionFailed").kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(ErrorOf(409, "OperationAborted").kind, ErrorKind::kConflict);
  EXPECT_EQ(ErrorOf(416, "InvalidRange").kind, ErrorKind::kCorruption);
  EXPECT_EQ(ErrorOf(501, "NotImplemented").kind, ErrorKind::kUnsupported);
  EXPECT_EQ(ErrorOf(507, "").kind, ErrorKind::kResourceExhausted);
  for (const int status : {429, 500, 502, 503, 504, 599}) {
    EXPECT_EQ(ErrorOf(status, "").kind, ErrorKind::kUnavailable) << status;
  }
  EXPECT_EQ(ErrorOf(301, "PermanentRedirect", {{"x-amz-bucket-region", "eu-west-1"}}).hint,
            "set `region: eu-west-1` under `storage:`");
}

}  // namespace
}  // namespace tarn
