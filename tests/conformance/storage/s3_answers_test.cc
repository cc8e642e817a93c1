#include <atomic>
#include <deque>

#include "hasty_clock.h"
#include "scripted_server.h"
#include "storage/crc32c.h"
#include "storage/s3/s3_store.h"
#include "store_suite.h"

namespace tarn {
namespace {

using Reply = ScriptedServer::Reply;
using Request = ScriptedServer::Request;
using Then = ScriptedServer::Reply::Then;

/// A server that answers wrongly, in ways that a real one does only under load or when it breaks.
class S3AnswersTest : public testing::Test {
 protected:
  void SetUp() override {
    server_ = std::make_unique<ScriptedServer>([this](const Request& request) {
      seen_.push_back(request);
      return answer_(request);
    });
    options_.bucket = "lake";
    options_.endpoint = server_->url();
    options_.access_key = "key";
    options_.secret_key = "secret";
    limits_.storage_part_bytes = 5 << 20;
    store_ = Open();
  }
  std::unique_ptr<ObjectStore> Open() { return std::move(*OpenS3Store(options_, limits_, clock_)); }
  /// The replies in their order, the last one again and again.
  void Script(std::deque<Reply> replies) {
    answer_ = [replies = std::move(replies)](const Request&) mutable {
      Reply reply = replies.front();
      if (replies.size() > 1) replies.pop_front();
      return reply;
    };
  }
  /// An upload of two parts, whose completion is answered by `completion`.
  Status Upload(ScriptedServer::Answer completion) {
    answer_ = [completion = std::move(completion), this](const Request& request) -> Reply {
      if (request.method == "HEAD") return head_;
      if (request.method == "DELETE") return ScriptedServer::Status("204 No Content");
      if (request.asks("?uploads")) {
        attempt_ = request.header("x-amz-meta-tarn-attempt");
        return ScriptedServer::Ok("<R><UploadId>u</UploadId></R>");
      }
      if (request.method == "PUT") return ScriptedServer::Ok("", "ETag: \"e\"\r\n");
      return completion(request);
    };
    TARN_ASSIGN_OR_RETURN(auto writer, store_->OpenWriter("k"));
    TARN_RETURN_IF_ERROR(writer->Append(Noise(6 << 20, 1)));
    return writer->Close();
  }
  int Count(const std::string& method) const {
    return static_cast<int>(std::count_if(seen_.begin(), seen_.end(), [&](const Request& request) {
      return request.method == method;
    }));
  }

  HastyClock clock_;
  Limits limits_;
  S3Options options_;
  std::vector<Request> seen_;  // written by the server's threads, read when they are quiet
  ScriptedServer::Answer answer_;
  Reply head_ = ScriptedServer::Status("404 Not Found");
  std::string attempt_;
  std::unique_ptr<ScriptedServer> server_;
  std::unique_ptr<ObjectStore> store_;
};

Reply Range(const std::string& bytes, int64_t first, int64_t total) {
  const auto last = first + static_cast<int64_t>(bytes.size()) - 1;
  return ScriptedServer::Status("206 Partial Content", bytes,
                                "Content-Range: bytes " + std::to_string(first) + "-" +
                                    std::to_string(last) + "/" + std::to_string(total) + "\r\n");
}

const Reply kCompleted = ScriptedServer::Ok(
    "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>");

TEST_F(S3AnswersTest, TornConnectionsAndFailuresAreRepeated) {
  Script({Reply{"", Then::kReset}, ScriptedServer::S3Error("500 Oops", "InternalError"),
          Reply{"HTTP/1.1 200 OK\r\nContent-", Then::kReset}, Reply{"garbage", Then::kClose},
          ScriptedServer::Ok("whole")});
  EXPECT_EQ(*store_->Get("k"), "whole");
}

TEST_F(S3AnswersTest, FailuresOfGatewaysAreRepeatedWhateverTheirNumber) {
  for (const char* status : {"509 Bandwidth", "520 Unknown", "524 Timeout", "529 Busy", "530 x"}) {
    Script({ScriptedServer::Status(status), ScriptedServer::Ok("whole")});
    EXPECT_EQ(*store_->Get("k"), "whole") << status;
  }
  for (const char* status : {"501 Not Implemented", "505 Version", "507 Insufficient Storage"}) {
    Script({ScriptedServer::Status(status), ScriptedServer::Ok("whole")});
    EXPECT_FALSE(store_->Get("k").ok()) << status;
  }
}

TEST_F(S3AnswersTest, ARolesCredentialsThatEndedBeforeTheirTimeAreReplacedOnce) {
  options_.role_arn = "arn:aws:iam::1:role/r";
  store_ = Open();
  int assumed = 0;
  bool second_holds = true;
  answer_ = [&](const Request& request) -> Reply {
    if (request.method == "POST") {
      const std::string key = "key" + std::to_string(++assumed);
      return ScriptedServer::Ok("<R><AccessKeyId>" + key +
                                "</AccessKeyId><SecretAccessKey>s"
                                "</SecretAccessKey><SessionToken>t</SessionToken>"
                                "<Expiration>2099-01-01T00:00:00Z</Expiration></R>");
    }
    const bool first = request.header("authorization").find("key1/") != std::string::npos;
    if (!first && second_holds) return ScriptedServer::Ok("whole", "Last-Modified: x\r\n");
    if (request.method == "HEAD") return ScriptedServer::Status("400 Bad Request");
    return ScriptedServer::S3Error("400 Bad Request", "ExpiredToken");
  };
  EXPECT_EQ(*store_->Get("k"), "whole");
  EXPECT_EQ(assumed, 2);
  second_holds = false;
  EXPECT_ERROR(ErrorKind::kPermissionDenied, store_->Get("k"));
  EXPECT_EQ(assumed, 3);
}

TEST_F(S3AnswersTest, ABodyThatIsCutIsReadAgain) {
  Script({Reply{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nwho", Then::kClose},
          ScriptedServer::Ok("whole")});
  EXPECT_EQ(*store_->Get("k"), "whole");
}

TEST_F(S3AnswersTest, ALengthThatIsTooSmallIsFoundOutByTheChecksum) {
  const std::string sum = "x-amz-checksum-crc32c: " + Crc32cBase64(Crc32c("whole")) + "\r\n";
  Script({Reply{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n" + sum + "\r\nwhole", Then::kClose},
          ScriptedServer::Ok("whole", sum)});
  EXPECT_EQ(*store_->Get("k"), "whole");
  EXPECT_EQ(seen_.front().header("x-amz-checksum-mode"), "ENABLED");
}

TEST_F(S3AnswersTest, BytesThatKeepTheWrongChecksumAreCorruption) {
  Script({ScriptedServer::Ok("damaged", "x-amz-checksum-crc32c: AAAAAA==\r\n")});
  const auto bytes = store_->Get("k");
  EXPECT_ERROR(ErrorKind::kCorruption, bytes);
  EXPECT_NE(bytes.status().ToString().find("s3://lake/k"), std::string::npos);
}

TEST_F(S3AnswersTest, AChecksumOfPartsIsNotTakenForOneOfTheBytes) {
  Script({ScriptedServer::Ok("whole", "x-amz-checksum-crc32c: AAAAAA==-2\r\n")});
  EXPECT_EQ(*store_->Get("k"), "whole");
}

TEST_F(S3AnswersTest, AnotherRangeOrHalfOfItIsAskedForAgain) {
  Script({Range("01234", 0, 100), Range("56", 5, 100), Range("56789", 5, 100)});
  EXPECT_EQ(*store_->GetRange("k", 5, 5), "56789");
  Script({Range("01234", 0, 100)});
  EXPECT_ERROR(ErrorKind::kUnavailable, store_->GetRange("k", 5, 5));
  Script({Range("56", 5, 7)});
  EXPECT_ERROR(ErrorKind::kCorruption, store_->GetRange("k", 5, 5));
}

TEST_F(S3AnswersTest, AnAnswerThatComesTwiceIsNotTakenForTheNextOne) {
  answer_ = [](const Request& request) -> Reply {
    const Reply right = ScriptedServer::Ok(request.target);
    return {right.bytes + right.bytes};
  };
  for (const char* key : {"a", "b", "c"}) EXPECT_EQ(*store_->Get(key), "/lake/" + std::string(key));
}

TEST_F(S3AnswersTest, RetryAfterIsWaitedForByTheWholeStore) {
  Script({ScriptedServer::S3Error("503 Slow Down", "SlowDown", "Retry-After: 7\r\n"),
          ScriptedServer::Ok("x")});
  EXPECT_EQ(*store_->Get("k"), "x");
  EXPECT_GE(clock_.slept_micros, 7'000'000);
  // On a clock whose waits take no time the pause still lasts: another request sees it too.
  clock_.slept_micros = 0;
  EXPECT_EQ(*store_->Get("other"), "x");
  EXPECT_GE(clock_.slept_micros, 5'000'000);
}

TEST_F(S3AnswersTest, ARetryAfterBeyondTheDeadlineIsNotWaitedFor) {
  Script({ScriptedServer::Status("429 Too Many Requests", "", "Retry-After: 86400\r\n")});
  EXPECT_ERROR(ErrorKind::kUnavailable, store_->Get("k"));
  EXPECT_EQ(clock_.slept_micros, 0);
  EXPECT_EQ(seen_.size(), 1u);
}

TEST_F(S3AnswersTest, AListingThatIsCutIsAskedForAgain) {
  Script({ScriptedServer::Ok("<ListBucketResult><Contents><Key>a</Key>"),
          ScriptedServer::Ok("<ListBucketResult><Contents><Key>a</Key><Size>1</Size>"
                             "<LastModified>2026-11-21T04:05:06Z</LastModified></Contents>"
                             "</ListBucketResult>")});
  int count = 0;
  EXPECT_OK(store_->List("", [&](const ObjectInfo&) {
    ++count;
    return Status();
  }));
  EXPECT_EQ(count, 1);
}

TEST_F(S3AnswersTest, AStoreWhoseListingTellsNoTimesIsNoWarehouse) {
  answer_ = [](const Request& request) -> Reply {
    if (request.method == "DELETE") return ScriptedServer::Status("204 No Content");
    if (request.method != "PUT") {
      return ScriptedServer::Ok(
          "<ListBucketResult><Contents><Key>a</Key><Size>1</Size></Contents>"
          "</ListBucketResult>");
    }
    return request.body == "probe" ? ScriptedServer::Ok()
                                   : ScriptedServer::S3Error("412 No", "PreconditionFailed");
  };
  EXPECT_ERROR(ErrorKind::kCorruption, store_->CheckAccess());
  EXPECT_EQ(Count("DELETE"), 1);
}

TEST_F(S3AnswersTest, AnErrorUnderStatus200OfTheCompletionIsRepeated) {
  EXPECT_OK(Upload([n = 0](const Request&) mutable -> Reply {
    if (n++ == 0) return ScriptedServer::S3Error("200 OK", "InternalError");
    if (n == 2) return ScriptedServer::Ok("  \n");  // S3 keeps the line alive with white space
    return kCompleted;
  }));
  EXPECT_EQ(Count("DELETE"), 0);
}

TEST_F(S3AnswersTest, ACompletionThatNeverSucceedsIsAnErrorAndTakenBack) {
  EXPECT_ERROR(ErrorKind::kUnavailable, Upload([](const Request&) {
                 return ScriptedServer::S3Error("200 OK", "InternalError");
               }));
  EXPECT_EQ(Count("DELETE"), 1);
}

TEST_F(S3AnswersTest, ACompletionThatHappenedUnderAnErrorIsFoundByItsName) {
  EXPECT_OK(Upload([this, n = 0](const Request&) mutable -> Reply {
    head_ = ScriptedServer::Ok("", "x-amz-meta-tarn-attempt: " + attempt_ + "\r\n");
    if (n++ == 0) return ScriptedServer::S3Error("200 OK", "InternalError");
    return ScriptedServer::S3Error("404 Not Found", "NoSuchUpload");
  }));
}

TEST_F(S3AnswersTest, ANoSuchUploadWithoutOurObjectIsAnError) {
  head_ = ScriptedServer::Ok("", "x-amz-meta-tarn-attempt: somebody-elses\r\n");
  EXPECT_ERROR(ErrorKind::kUnavailable, Upload([n = 0](const Request&) mutable -> Reply {
                 if (n++ == 0) return {"", Then::kReset};
                 return ScriptedServer::S3Error("404 Not Found", "NoSuchUpload");
               }));
}

TEST_F(S3AnswersTest, UploadsCarryTheirChecksum) {
  ASSERT_OK(Upload([](const Request&) { return kCompleted; }));
  EXPECT_EQ(seen_.front().header("x-amz-checksum-algorithm"), "CRC32C");
  for (const Request& request : seen_) {
    if (request.method != "PUT") continue;
    EXPECT_EQ(request.header("x-amz-checksum-crc32c"), Crc32cBase64(Crc32c(request.body)));
    EXPECT_NE(seen_.back().body.find("<ChecksumCRC32C>" + request.header("x-amz-checksum-crc32c")),
              std::string::npos);
  }
  Script({ScriptedServer::Ok()});
  ASSERT_OK(store_->PutIfAbsent("k", "bytes"));
  EXPECT_EQ(seen_.back().header("x-amz-checksum-crc32c"), Crc32cBase64(Crc32c("bytes")));
}

TEST_F(S3AnswersTest, WhatArrivedDamagedIsSentAgain) {
  Script({ScriptedServer::S3Error("400 Bad Request", "BadDigest"), ScriptedServer::Ok()});
  EXPECT_OK(store_->Put("k", "bytes"));
  EXPECT_EQ(seen_.size(), 2u);
}

TEST_F(S3AnswersTest, AServerWithoutChecksumsGetsNone) {
  answer_ = [](const Request& request) -> Reply {
    if (!request.header("x-amz-checksum-crc32c").empty()) {
      return ScriptedServer::S3Error("501 Not Implemented", "NotImplemented");
    }
    return ScriptedServer::Ok();
  };
  EXPECT_OK(store_->Put("k", "bytes"));
  EXPECT_EQ(seen_.size(), 2u);
  EXPECT_OK(store_->Put("k", "bytes"));
  EXPECT_EQ(seen_.size(), 3u);
}

TEST_F(S3AnswersTest, ARefusalForAnotherReasonKeepsTheChecksums) {
  Script({ScriptedServer::S3Error("501 Not Implemented", "NotImplemented")});
  EXPECT_ERROR(ErrorKind::kUnsupported, store_->Put("k", "bytes"));
  Script({ScriptedServer::Ok()});
  EXPECT_OK(store_->Put("k", "bytes"));
  EXPECT_NE(seen_.back().header("x-amz-checksum-crc32c"), "");
}

TEST_F(S3AnswersTest, EncryptionIsAskedForWhereAnObjectBegins) {
  options_.encryption = S3Options::Encryption::kKms;
  options_.kms_key = "arn:aws:kms:eu-west-1:1:key/k";
  store_ = Open();
  ASSERT_OK(Upload([](const Request&) { return kCompleted; }));
  for (const Request& request : seen_) {
    const bool begins = request.asks("?uploads");
    EXPECT_EQ(request.header("x-amz-server-side-encryption"), begins ? "aws:kms" : "");
    EXPECT_EQ(request.header("x-amz-server-side-encryption-aws-kms-key-id"),
              begins ? options_.kms_key : "");
  }
  options_.encryption = S3Options::Encryption::kS3;
  options_.kms_key.clear();
  store_ = Open();
  Script({ScriptedServer::Ok()});
  ASSERT_OK(store_->Put("k", "x"));
  EXPECT_EQ(seen_.back().header("x-amz-server-side-encryption"), "AES256");
  ASSERT_OK(store_->PutIfAbsent("k", "x"));
  EXPECT_EQ(seen_.back().header("x-amz-server-side-encryption"), "AES256");
  ASSERT_OK(store_->Get("k"));
  EXPECT_EQ(seen_.back().header("x-amz-server-side-encryption"), "");
}

}  // namespace
}  // namespace tarn
