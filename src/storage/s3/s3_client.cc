#include "storage/s3/s3_client.h"

#include <algorithm>
#include <cstdlib>

#include "base/sha256.h"
#include "storage/s3/s3_error.h"

namespace tarn {
namespace {

constexpr int64_t kBackoffBaseMicros = 100'000;
constexpr int64_t kBackoffMaxMicros = 5'000'000;
constexpr int64_t kConnectTimeoutMs = 3000;
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

/// Answers that may be better next time.
bool IsPassing(const HttpResponse& response) {
  switch (response.status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    case 400:
      return S3ErrorCode(response) == "RequestTimeout";
    case 409: {
      const std::string code = S3ErrorCode(response);
      // The last one is versitygw's while another client deletes the folder's last object.
      return code == "ConditionalRequestConflict" || code == "OperationAborted" ||
             code == "ExistingObjectIsDirectory";
    }
    default:
      return false;
  }
}

}  // namespace

S3Client::S3Client(const S3Options& options, const Limits& limits, Clock& clock, Random& random)
    : limits_(limits),
      clock_(clock),
      random_(random),
      http_(HttpOptions{std::min(kConnectTimeoutMs, limits.storage_timeout_ms),
                        limits.storage_timeout_ms, limits.storage_connections_idle_max,
                        options.tls_ca_file}),
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
  std::shared_ptr<S3Client> client(new S3Client(options, limits, clock, random));
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

HttpRequest S3Client::Sign(const AwsCredentials& credentials, const Request& request) const {
  const bool bucket_only = request.key.empty();
  SignedRequest to_sign{
      request.method,
      path_prefix_ + "/" + (bucket_only ? std::string() : UriEncodePath(FullKey(request.key))),
      CanonicalQuery(request.query), request.headers};
  to_sign.headers.emplace_back("host", host_);
  // TLS protects the body already; hashing it once more would cost a second pass over all bytes.
  to_sign.headers.emplace_back("x-amz-content-sha256",
                               scheme_ == "https" && !request.body.empty()
                                   ? std::string(kUnsignedPayload)
                                   : HexEncode(AsBytes(Sha256(request.body))));
  SignV4(credentials, region_, "s3", clock_.NowMicros(), to_sign);
  HttpRequest http;
  http.method = request.method;
  http.url = scheme_ + "://" + host_ + to_sign.path;
  if (!to_sign.canonical_query.empty()) http.url += "?" + to_sign.canonical_query;
  http.headers = std::move(to_sign.headers);
  http.body = request.body;
  http.into = request.into;
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

int64_t S3Client::BackoffMicros(int attempt) {
  const int64_t cap = std::min(kBackoffMaxMicros, kBackoffBaseMicros << std::min(attempt, 10));
  return static_cast<int64_t>(random_.Below(static_cast<uint64_t>(cap))) + 1000;
}

std::optional<S3Client::Answer> S3Client::Send(const Request& request, NoAnswer* no_answer) {
  Answer answer;
  const int64_t give_up_at = clock_.MonotonicMicros() + limits_.storage_timeout_ms * 1000;
  const int64_t attempts_max = std::max<int64_t>(1, limits_.storage_retries_max);
  for (int attempt = 1;; ++attempt) {
    auto credentials = credentials_->Get();
    const bool last = attempt >= attempts_max || clock_.MonotonicMicros() >= give_up_at;
    if (!credentials.ok()) {
      if (credentials.error().kind != ErrorKind::kUnavailable || last) {
        *no_answer = {credentials.error(), answer.earlier_may_have_won};
        return std::nullopt;
      }
    } else {
      const auto failure = http_.Send(Sign(*credentials, request), answer.response);
      if (answer.response.sent_again) answer.earlier_may_have_won = true;
      if (!failure && (last || !IsPassing(answer.response))) return answer;
      if (!failure) {
        answer.earlier_may_have_won = true;
      } else {
        using Kind = TransportError::Kind;
        if (failure->kind == Kind::kLost) answer.earlier_may_have_won = true;
        const bool unreachable = failure->kind == Kind::kNotSent && attempt >= kConnectAttemptsMax;
        if (last || unreachable || failure->kind == Kind::kMisplaced) {
          *no_answer = {TransportErrorOf(*failure, endpoint_), answer.earlier_may_have_won};
          return std::nullopt;
        }
      }
    }
    clock_.SleepMicros(BackoffMicros(attempt));
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
