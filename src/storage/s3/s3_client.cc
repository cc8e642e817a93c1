#include "storage/s3/s3_client.h"

#include <algorithm>
#include <cstdlib>

#include "base/log.h"
#include "base/sha256.h"
#include "storage/crc32c.h"
#include "storage/s3/s3_error.h"
#include "storage/s3/s3_retry.h"

namespace tarn {
namespace {

constexpr int64_t kBackoffBaseMicros = 100'000;
constexpr int64_t kBackoffMaxMicros = 5'000'000;
constexpr int64_t kWaitSliceMicros = 50'000;  // after which a stop is noticed
constexpr int kConnectAttemptsMax = 3;
constexpr int64_t kPartSlotsMax = 1024;

std::string EnvironmentOr(const char* name, std::string fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : std::move(fallback);
}

std::string RegionOf(const S3Options& options) {
  if (!options.region.empty()) return options.region;
  return EnvironmentOr("AWS_REGION", EnvironmentOr("AWS_DEFAULT_REGION", "us-east-1"));
}

/// A bucket whose name can be a label of a host name under the certificate of "*.s3…".
bool FitsHostName(std::string_view bucket) {
  return std::all_of(bucket.begin(), bucket.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

struct Endpoint {
  std::string scheme;
  std::string host;
};

Result<Endpoint> ParseEndpoint(const std::string& text) {
  const auto bad = [&] {
    return InvalidArgument("`endpoint` \"" + text + "\" is not an address",
                           "write it as https://host or http://host:port, without a path");
  };
  Endpoint endpoint{"https", text};
  if (const size_t at = text.find("://"); at != std::string::npos) {
    endpoint.scheme = text.substr(0, at);
    endpoint.host = text.substr(at + 3);
  }
  while (endpoint.host.ends_with('/')) endpoint.host.pop_back();
  if (endpoint.scheme != "http" && endpoint.scheme != "https") return bad();
  if (endpoint.host.empty()) return bad();
  if (endpoint.host.find('@') != std::string::npos) {
    return InvalidArgument("`endpoint` holds a user or password",  // not repeated here
                           "write them as `access_key` and `secret_key` under `storage:`");
  }
  for (const char c : endpoint.host) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && std::string_view(".-_:[]").find(c) == std::string_view::npos) return bad();
  }
  // The port that everybody leaves out is left out of the signature too.
  const std::string default_port = endpoint.scheme == "http" ? ":80" : ":443";
  if (endpoint.host.ends_with(default_port)) {
    endpoint.host.resize(endpoint.host.size() - default_port.size());
  }
  return endpoint;
}

int64_t Clamp(int64_t value, int64_t low, int64_t high) {
  return std::min(std::max(value, low), high);
}

/// A header that carries one line of the user's, and nothing more.
bool IsHeaderText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

Result<NameValues> EncryptionHeaders(const S3Options& options) {
  using Encryption = S3Options::Encryption;
  constexpr const char* kEncryption = "x-amz-server-side-encryption";
  if (!options.kms_key.empty() && options.encryption != Encryption::kKms) {
    return InvalidArgument("`kms_key` is set without `encryption: sse-kms`",
                           "set both under `storage:`, or leave `kms_key` out");
  }
  if (!IsHeaderText(options.kms_key)) {
    return InvalidArgument("`kms_key` is not the name of a key",
                           "write the key's id, ARN or alias, without spaces");
  }
  if (options.encryption == Encryption::kBucketDefault) return NameValues{};
  if (options.encryption == Encryption::kS3) return NameValues{{kEncryption, "AES256"}};
  NameValues headers{{kEncryption, "aws:kms"}};
  if (!options.kms_key.empty()) {
    headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", options.kms_key);
  }
  return headers;
}

}  // namespace

S3Client::S3Client(const S3Options& options, const Limits& limits, Clock& clock, Random& random)
    : limits_(limits),
      clock_(clock),
      random_(random),
      http_(HttpOptions{std::min(limits.storage_connect_timeout_ms, limits.storage_timeout_ms),
                        limits.storage_timeout_ms, limits.storage_connections_idle_max,
                        options.tls_ca_file}),
      stop_(options.stop),
      bucket_(options.bucket),
      prefix_(options.prefix.empty() ? "" : options.prefix + "/"),
      region_(RegionOf(options)),
      root_uri_("s3://" + options.bucket + (options.prefix.empty() ? "" : "/" + options.prefix)),
      part_slots_(Clamp(limits.storage_parts_in_flight_max, 1, kPartSlotsMax)) {}

Result<std::shared_ptr<S3Client>> S3Client::Make(const S3Options& options, const Limits& limits,
                                                 Clock& clock, Random& random) {
  if (options.bucket.empty() || UriEncode(options.bucket) != options.bucket) {
    return InvalidArgument("\"" + options.bucket + "\" is not the name of a bucket",
                           "write `warehouse` as s3://bucket/prefix");
  }
  if (!options.prefix.empty()) {
    TARN_RETURN_IF_ERROR(ValidateKey(options.prefix).Wrap("`warehouse`"));
  }
  if (options.access_key.empty() != options.secret_key.empty()) {
    return InvalidArgument("of `access_key` and `secret_key` only one is set",
                           "set both under `storage:`, or neither");
  }
  if (options.access_key.empty() && !options.session_token.empty()) {
    return InvalidArgument("`session_token` is set without `access_key` and `secret_key`",
                           "set all three under `storage:`, or none");
  }
  TARN_ASSIGN_OR_RETURN(NameValues create_headers, EncryptionHeaders(options));
  std::shared_ptr<S3Client> client(new S3Client(options, limits, clock, random));
  client->create_headers_ = std::move(create_headers);
  const bool on_aws = options.endpoint.empty();
  const std::string domain =
      client->region_.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
  Endpoint endpoint{"https", "s3." + client->region_ + domain};
  if (!on_aws) {
    TARN_ASSIGN_OR_RETURN(endpoint, ParseEndpoint(options.endpoint));
  }
  client->scheme_ = endpoint.scheme;
  client->endpoint_ = endpoint.scheme + "://" + endpoint.host;
  // STS of an endpoint that is not AWS stands at the same address (MinIO, moto).
  client->sts_host_ = on_aws ? "sts." + client->region_ + domain : endpoint.host;
  if (options.path_style.value_or(!on_aws || !FitsHostName(options.bucket))) {
    client->host_ = endpoint.host;
    client->path_prefix_ = "/" + options.bucket;
  } else {
    client->host_ = options.bucket + "." + endpoint.host;
  }
  auto base =
      options.access_key.empty()
          ? DefaultCredentials()
          : FixedCredentials({options.access_key, options.secret_key, options.session_token});
  if (options.role_arn.empty()) {
    client->credentials_ = std::move(base);
  } else {
    S3Client* raw = client.get();  // owns the provider
    client->credentials_ = RoleCredentials(
        [raw, arn = options.role_arn,
         shared = std::shared_ptr<CredentialsProvider>(std::move(base))] {
          return raw->AssumeRole(*shared, arn);
        },
        clock);
  }
  return client;
}

std::string S3Client::FullKey(std::string_view key) const { return prefix_ + std::string(key); }

std::string S3Client::UriOf(std::string_view key) const {
  std::string uri = root_uri_;
  if (!key.empty()) uri.append("/").append(key);
  return uri;
}

std::string S3Client::PayloadHash(const Request& request) const {
  // TLS protects the body already; hashing it once more would cost a second pass over all bytes.
  if (scheme_ == "https" && !request.body.empty()) return std::string(kUnsignedPayload);
  return HexEncode(AsBytes(Sha256(request.body)));
}

HttpRequest S3Client::Sign(const AwsCredentials& credentials, const Request& request,
                           const std::string& payload_hash) const {
  const bool bucket_only = request.key.empty();
  SignedRequest to_sign{
      request.method,
      path_prefix_ + "/" + (bucket_only ? std::string() : UriEncodePath(FullKey(request.key))),
      CanonicalQuery(request.query), request.headers};
  to_sign.headers.emplace_back("host", host_);
  to_sign.headers.emplace_back("x-amz-content-sha256", payload_hash);
  SignV4(credentials, region_, "s3", clock_.NowMicros(), to_sign);
  HttpRequest http;
  http.method = request.method;
  http.url = scheme_ + "://" + host_ + to_sign.path;
  if (!to_sign.canonical_query.empty()) http.url += "?" + to_sign.canonical_query;
  http.headers = std::move(to_sign.headers);
  http.body = request.body;
  http.into = request.into;
  http.stopped = [this, own = request.stop] { return Stopped(own); };
  return http;
}

Result<std::string> S3Client::AssumeRole(CredentialsProvider& base, const std::string& role_arn) {
  TARN_ASSIGN_OR_RETURN(const AwsCredentials credentials, base.Get());
  SignedRequest to_sign{"POST", "/", "", {}};
  const std::string body = CanonicalQuery({{"Action", "AssumeRole"},
                                           {"Version", "2011-06-15"},
                                           {"RoleArn", role_arn},
                                           {"RoleSessionName", "tarn"},
                                           {"DurationSeconds", "3600"}});
  to_sign.headers = {{"host", sts_host_},
                     {"content-type", "application/x-www-form-urlencoded"},
                     {"x-amz-content-sha256", HexEncode(AsBytes(Sha256(body)))}};
  SignV4(credentials, region_, "sts", clock_.NowMicros(), to_sign);
  HttpRequest http;
  http.method = "POST";
  http.url = scheme_ + "://" + sts_host_ + "/";
  http.headers = std::move(to_sign.headers);
  http.body = body;
  http.timeout_ms = limits_.storage_deadline_ms;
  http.stopped = [this] { return Stopped(nullptr); };
  HttpResponse response;
  if (const auto failure = http_.Send(http, response)) {
    return Unavailable("cannot assume role " + role_arn + " at " + sts_host_ + ": " +
                       failure->message);
  }
  if (response.status == 200) return std::move(response.body);
  const std::string code = S3ErrorCode(response);
  const std::string message = "cannot assume role " + role_arn + " at " + sts_host_ + ": " +
                              (code.empty() ? "status " + std::to_string(response.status) : code);
  if (response.status >= 500) return Unavailable(message);
  return PermissionDenied(message,
                          "check `role_arn`, and that its trust policy names the "
                          "credentials in use");
}

int64_t S3Client::Deadline() const { return DeadlineIn(limits_.storage_deadline_ms * 1000); }

int64_t S3Client::DeadlineIn(int64_t micros) const { return clock_.MonotonicMicros() + micros; }

int64_t S3Client::BackoffMicros(int attempt) {
  const int64_t cap = std::min(kBackoffMaxMicros, kBackoffBaseMicros << std::min(attempt, 10));
  return static_cast<int64_t>(random_.Below(static_cast<uint64_t>(cap))) + 1000;
}

bool S3Client::Stopped(const std::atomic<bool>* own) const {
  return (own != nullptr && own->load(std::memory_order_relaxed)) ||
         (stop_ != nullptr && stop_->requested());
}

bool S3Client::Wait(int64_t micros, int64_t deadline, const std::atomic<bool>* stop) {
  if (clock_.MonotonicMicros() + micros >= deadline) return false;
  while (micros > 0 && !Stopped(stop)) {
    const bool stoppable = stop != nullptr || stop_ != nullptr;
    const int64_t slice = stoppable ? std::min(micros, kWaitSliceMicros) : micros;
    clock_.SleepMicros(slice);
    micros -= slice;
  }
  return !Stopped(stop);
}

S3Client::Attempt S3Client::Try(const Request& request, const std::string& payload_hash,
                                int64_t deadline, HttpResponse& response) {
  Attempt attempt;
  const auto credentials = credentials_->Get();
  if (!credentials.ok()) {
    attempt.error = credentials.error();
    attempt.repeat = credentials.error().kind == ErrorKind::kUnavailable;
    return attempt;
  }
  HttpRequest http = Sign(*credentials, request, payload_hash);
  http.timeout_ms = std::max<int64_t>(1, (deadline - clock_.MonotonicMicros()) / 1000);
  const auto failure = http_.Send(http, response);
  if (response.sent_again) attempt.may_have_won = true;
  if (failure) {
    attempt.error = TransportErrorOf(*failure, endpoint_);
    attempt.may_have_won |= failure->kind == TransportError::Kind::kLost;
    attempt.repeat = failure->kind != TransportError::Kind::kMisplaced;
    return attempt;
  }
  if (response.status < 300 && request.check) {
    if (const Status whole = request.check(response); !whole.ok()) {
      attempt.error = whole.error();
      attempt.may_have_won = attempt.repeat = true;
      return attempt;
    }
  }
  attempt.repeat = IsPassing(response);
  attempt.new_credentials = SaysEnded(response) && credentials_->Forget(*credentials);
  if (attempt.repeat) attempt.retry_after_micros = RetryAfterMicros(response, clock_.NowMicros());
  if (IsThrottling(response)) {
    // Whatever an odd server says, the others are not held back beyond what one request may take.
    throttle_.SlowDown(clock_.MonotonicMicros(),
                       std::min(attempt.retry_after_micros, limits_.storage_deadline_ms * 1000));
  }
  return attempt;
}

std::optional<S3Client::Answer> S3Client::Send(const Request& original, NoAnswer* no_answer) {
  Answer answer;
  Request request = original;
  const int64_t deadline = request.deadline_micros != 0 ? request.deadline_micros : Deadline();
  const int64_t attempts_max = std::max<int64_t>(1, limits_.storage_retries_max);
  const std::string payload_hash = PayloadHash(request);
  bool checksum = request.checksum && checksums_.load(std::memory_order_relaxed);
  if (checksum) {
    request.headers.emplace_back(kChecksumHeader, Crc32cBase64(Crc32c(request.body)));
  }
  const auto give_up = [&](Error error) {
    *no_answer = {std::move(error), answer.earlier_may_have_won};
    return std::nullopt;
  };
  const auto stopped = [&] { return Cancelled("the request to " + endpoint_ + " was stopped"); };
  for (int number = 1;; ++number) {
    const int64_t turn = throttle_.Admit(clock_.MonotonicMicros());
    if (!Wait(turn, deadline, request.stop)) {
      if (Stopped(request.stop)) return give_up(stopped());
      return give_up(Unavailable(endpoint_ + " asks for fewer requests, for longer than " +
                                     "`storage_deadline_ms` allows to wait",
                                 "run it again later, or raise `storage_deadline_ms`"));
    }
    Attempt attempt = Try(request, payload_hash, deadline, answer.response);
    if (checksum && !attempt.error && RefusesChecksum(answer.response)) {
      checksum = false;
      request.headers.pop_back();
      attempt = Try(request, payload_hash, deadline, answer.response);
      if (!attempt.error && answer.response.status < 300) {
        checksums_.store(false, std::memory_order_relaxed);
        Log(LogLevel::kInfo, endpoint_ + " takes no checksums: uploads go without");
      }
    }
    if (attempt.new_credentials) {
      answer.earlier_may_have_won |= attempt.may_have_won;
      attempt = Try(request, payload_hash, deadline, answer.response);
    }
    answer.earlier_may_have_won |= attempt.may_have_won;
    const bool unsent = attempt.error && !attempt.may_have_won;
    const bool last =
        !attempt.repeat || number >= attempts_max || (unsent && number >= kConnectAttemptsMax);
    const auto end = [&]() -> std::optional<Answer> {
      if (attempt.error && Stopped(request.stop)) return give_up(stopped());
      if (attempt.error) return give_up(std::move(*attempt.error));
      return std::move(answer);
    };
    if (last) return end();
    if (!Wait(std::max(attempt.retry_after_micros, BackoffMicros(number)), deadline,
              request.stop)) {
      return end();
    }
    answer.earlier_may_have_won |= !attempt.error;
  }
}

Result<HttpResponse> S3Client::Call(const Request& request, std::string_view action) {
  NoAnswer no_answer;
  auto answer = Send(request, &no_answer);
  if (!answer) return std::move(no_answer.error);
  if (answer->response.status >= 200 && answer->response.status < 300) {
    return std::move(answer->response);
  }
  return ErrorOf(answer->response, action, request.key);
}

Error S3Client::ErrorOf(const HttpResponse& response, std::string_view action,
                        std::string_view key) const {
  return S3ErrorOf(response, {action, UriOf(key), bucket_, endpoint_, region_});
}

}  // namespace tarn
