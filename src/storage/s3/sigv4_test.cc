#include "storage/s3/sigv4.h"

#include <gtest/gtest.h>

#include <string>

namespace tarn {
namespace {

constexpr int64_t kTime = 1369353600000000;  // 2013-05-24T00:00:00Z
constexpr char kEmptyHash[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string SignatureOf(SignedRequest request, const std::string& token = {}) {
  // The published example credentials of the Amazon S3 API reference.
  const AwsCredentials credentials{"AKIAIOSFODNN7EXAMPLE",
                                   "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token};
  request.headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
  SignV4(credentials, "us-east-1", "s3", kTime, request);
  const std::string& authorization = request.headers.back().second;
  return authorization.substr(authorization.find("Signature=") + 10);
}

// "Authenticating Requests: Using the Authorization Header", Amazon S3 API reference.
TEST(SigV4Test, SignsTheReferencesGetOfARange) {
  EXPECT_EQ(
      SignatureOf(
          {"GET", "/test.txt", "", {{"range", "bytes=0-9"}, {"x-amz-content-sha256", kEmptyHash}}}),
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4Test, SignsTheReferencesPut) {
  EXPECT_EQ(SignatureOf({"PUT",
                         UriEncodePath("/test$file.text"),
                         "",
                         {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                          {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                          {"x-amz-content-sha256",
                           "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e4"
                           "2034a8b803f8b072"}}}),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4Test, SignsTheReferencesQueries) {
  EXPECT_EQ(SignatureOf({"GET",
                         "/",
                         CanonicalQuery({{"lifecycle", ""}}),
                         {{"x-amz-content-sha256", kEmptyHash}}}),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  EXPECT_EQ(SignatureOf({"GET",
                         "/",
                         CanonicalQuery({{"prefix", "J"}, {"max-keys", "2"}}),
                         {{"x-amz-content-sha256", kEmptyHash}}}),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SigV4Test, ASessionTokenIsSentAndSigned) {
  SignedRequest request{
      "GET", "/", "", {{"host", "h"}, {"x-amz-content-sha256", std::string(kUnsignedPayload)}}};
  SignV4({"AK", "SK", "TOKEN"}, "r", "s3", kTime, request);
  EXPECT_NE(std::find(request.headers.begin(), request.headers.end(),
                      std::make_pair(std::string("x-amz-security-token"), std::string("TOKEN"))),
            request.headers.end());
  EXPECT_NE(request.headers.back().second.find(
                "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"),
            std::string::npos);
  EXPECT_EQ(request.headers.back().second.find("SK"), std::string::npos);
}

TEST(SigV4Test, EncodesWhatIsNotUnreserved) {
  EXPECT_EQ(UriEncode("a b/ü+%=~._-"), "a%20b%2F%C3%BC%2B%25%3D~._-");
  EXPECT_EQ(UriEncodePath("a b/c=1"), "a%20b/c%3D1");
  EXPECT_EQ(CanonicalQuery({{"b", "2 "}, {"a-", "1"}, {"a", "/"}}), "a=%2F&a-=1&b=2%20");
}

}  // namespace
}  // namespace tarn
