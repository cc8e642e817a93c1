#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
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
#include "storage/s3/throttle.h"

namespace tarn {

/// What S3 keeps with an object to tell whose attempt wrote it: see S3Client::Answer.
inline constexpr std::string_view kAttemptHeader = "x-amz-meta-tarn-attempt";
/// The CRC-32C of a body, or of an object that was not put together from parts.
inline constexpr std::string_view kChecksumHeader = "x-amz-checksum-crc32c";

/// Signed requests to one bucket, repeated where that is safe.
/// Every S3 request that Tarn makes may be repeated: reads and deletions, whole objects and parts;
/// conditional writes too, because the caller is told when an attempt without an answer may have
/// won (Answer::earlier_may_have_won). Repeated are lost connections, answers that are not whole,
/// 5xx, 429 and S3's own "try again", with exponential backoff and full jitter and no earlier than
/// Retry-After says, up to `storage_retries_max` attempts; an endpoint that cannot be reached is
/// given up after three. Where a role's credentials have ended, others are tried once. 429 and 503
/// slow the whole store down (Throttle). No request, with all of this, takes longer than
/// `storage_deadline_ms`, or much longer than S3Options::stop allows. Threads: every method may be
/// called concurrently.
class S3Client {
 public:
  struct Request {
    std::string method = {};
    std::string key = {};  ///< below the store's prefix; empty for the bucket itself
    NameValues query = {};
    NameValues headers = {};  ///< lower-case names
    std::string_view body = {};
    std::optional<std::span<char>> into = {};  ///< see HttpRequest
    /// Sends the body's CRC-32C along, so that the server refuses what it did not receive as it
    /// was sent.
    bool checksum = false;
    /// Asked about every answer with a status below 300: an error means that the answer is not what
    /// the server meant to say. The request is repeated, and the error is the last attempt's.
    std::function<Status(const HttpResponse&)> check = {};
    int64_t deadline_micros = 0;  ///< of Deadline(); 0: one of its own
    /// Once set the request ends soon, and is not repeated. May be null.
    const std::atomic<bool>* stop = nullptr;
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

  /// When a request that begins now ends at the latest. What takes several requests shares one.
  int64_t Deadline() const;
  int64_t DeadlineIn(int64_t micros) const;

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
  /// The headers of requests that create an object: how it is to be encrypted.
  const NameValues& create_headers() const { return create_headers_; }
  /// Whether the endpoint is thought to know checksums.
  bool takes_checksums() const { return checksums_.load(std::memory_order_relaxed); }
  Random& random() { return random_; }
  /// Slots for parts on their way, shared by all writers of the store.
  std::counting_semaphore<1024>& part_slots() { return part_slots_; }

 private:
  S3Client(const S3Options& options, const Limits& limits, Clock& clock, Random& random);

  /// The outcome of one attempt.
  struct Attempt {
    std::optional<Error> error;  // none: there is an answer
    bool may_have_won = false;   // whatever comes now, the server may have done it
    bool repeat = false;
    bool new_credentials = false;  // those in use have ended, and there may be others
    int64_t retry_after_micros = 0;
  };

  HttpRequest Sign(const AwsCredentials& credentials, const Request& request,
                   const std::string& payload_hash) const;
  std::string PayloadHash(const Request& request) const;
  Attempt Try(const Request& request, const std::string& payload_hash, int64_t deadline,
              HttpResponse& response);
  Result<std::string> AssumeRole(CredentialsProvider& base, const std::string& role_arn);
  int64_t BackoffMicros(int attempt);
  /// By the request's own flag, or by the store's.
  bool Stopped(const std::atomic<bool>* own) const;
  /// False when it was stopped, or would have to wait beyond the deadline, and then does not.
  bool Wait(int64_t micros, int64_t deadline, const std::atomic<bool>* stop);

  const Limits limits_;
  Clock& clock_;
  Random& random_;
  HttpClient http_;
  const CancelFlag* const stop_;
  Throttle throttle_;
  /// Cleared when the endpoint refuses requests with a checksum.
  std::atomic<bool> checksums_{true};
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
  NameValues create_headers_;
  std::counting_semaphore<1024> part_slots_;
};

}  // namespace tarn
