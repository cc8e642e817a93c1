#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <semaphore>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/result.h"
#include "storage/s3/credentials.h"
#include "storage/s3/http.h"
#include "storage/s3/s3_store.h"

namespace tarn {

/// What S3 keeps with an object to tell whose attempt wrote it: see S3Client::Answer.
inline constexpr std::string_view kAttemptHeader = "x-amz-meta-tarn-attempt";

/// Signed requests to one bucket, repeated where that is safe.
/// Every S3 request that Tarn makes may be repeated: reads and deletions, whole objects and parts;
/// conditional writes too, because the caller is told when an attempt without an answer may have
/// won (Answer::earlier_may_have_won). Repeated are lost connections, 5xx, 429 and S3's own "try
/// again", with exponential backoff and full jitter, up to `storage_retries_max` attempts and no
/// longer than `storage_timeout_ms`; an endpoint that cannot be reached is given up after three.
/// Threads: every method may be called concurrently.
class S3Client {
 public:
  struct Request {
    std::string method;
    std::string key;  ///< below the store's prefix; empty for the bucket itself
    NameValues query;
    NameValues headers;  ///< lower-case names
    std::string_view body;
    std::optional<std::span<char>> into;  ///< see HttpRequest
  };
  struct Answer {
    HttpResponse response;
    /// An attempt before this answer may have been carried out without our knowing.
    bool earlier_may_have_won = false;
  };
  /// No answer at all.
  struct NoAnswer {
    Error error;
    bool may_have_won = false;
  };

  static Result<std::shared_ptr<S3Client>> Make(const S3Options& options, const Limits& limits,
                                                Clock& clock, Random& random);

  /// The last answer, of any status; nullopt and `no_answer` where none came.
  std::optional<Answer> Send(const Request& request, NoAnswer* no_answer);
  /// The same where only success will do: Errors as ErrorOf().
  Result<HttpResponse> Call(const Request& request, std::string_view action);

  /// The Error that an answer without success stands for, with the repair; `action` as in "read".
  Error ErrorOf(const HttpResponse& response, std::string_view action, std::string_view key) const;

  /// "s3://bucket/prefix/key".
  std::string UriOf(std::string_view key) const;
  const std::string& root_uri() const { return root_uri_; }
  /// The bucket's key of a key of the store.
  std::string FullKey(std::string_view key) const;
  /// The store's prefix with '/' at its end, or empty.
  const std::string& prefix() const { return prefix_; }
  const Limits& limits() const { return limits_; }
  Random& random() { return random_; }
  /// Slots for parts on their way, shared by all writers of the store.
  std::counting_semaphore<1024>& part_slots() { return part_slots_; }

 private:
  S3Client(const S3Options& options, const Limits& limits, Clock& clock, Random& random);

  HttpRequest Sign(const AwsCredentials& credentials, const Request& request) const;
  Result<std::string> AssumeRole(CredentialsProvider& base, const std::string& role_arn);
  int64_t BackoffMicros(int attempt);

  const Limits limits_;
  Clock& clock_;
  Random& random_;
  HttpClient http_;
  std::unique_ptr<CredentialsProvider> credentials_;
  std::string bucket_;
  std::string prefix_;
  std::string region_;
  std::string scheme_;
  std::string host_;         // with the port; of the bucket where it is addressed by host name
  std::string path_prefix_;  // "/bucket" where it is addressed by path
  std::string endpoint_;     // for messages
  std::string sts_host_;
  std::string root_uri_;
  std::counting_semaphore<1024> part_slots_;
};

}  // namespace tarn
