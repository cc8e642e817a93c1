#include "storage/s3/s3_retry.h"

#include <algorithm>
#include <charconv>

#include "storage/s3/s3_error.h"
#include "storage/s3/timestamp.h"

namespace tarn {
namespace {

constexpr int64_t kRetryAfterMaxSeconds = 7 * 24 * 3600;

}  // namespace

bool IsPassing(const HttpResponse& response) {
  switch (response.status) {
    case 408:
    case 429:
      return true;
    case 501:  // not implemented
    case 505:  // of HTTP a version that the server does not speak
    case 507:  // no room
      return false;
    case 400: {
      const std::string code = S3ErrorCode(response);
      return code == "RequestTimeout" || code == "BadDigest" || code == "IncompleteBody" ||
             code == "XAmzContentSHA256Mismatch" || code == "XAmzContentChecksumMismatch";
    }
    case 409: {
      const std::string code = S3ErrorCode(response);
      // The last one is versitygw's while another client deletes the folder's last object.
      return code == "ConditionalRequestConflict" || code == "OperationAborted" ||
             code == "ExistingObjectIsDirectory";
    }
    default:
      // Those of gateways too that have no name in HTTP: 520 to 530 of Cloudflare, 529
      // "overloaded".
      return response.status >= 500;
  }
}

bool SaysEnded(const HttpResponse& response) {
  if (response.status != 400 && response.status != 401 && response.status != 403) return false;
  const std::string code = S3ErrorCode(response);
  return code == "ExpiredToken" || code == "InvalidToken" || code == "TokenRefreshRequired";
}

bool IsThrottling(const HttpResponse& response) {
  return response.status == 429 || response.status == 503;
}

int64_t RetryAfterMicros(const HttpResponse& response, int64_t now_micros) {
  const std::string_view text = response.header("retry-after");
  if (text.empty()) return 0;
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size()) {
    return std::clamp<int64_t>(seconds, 0, kRetryAfterMaxSeconds) * 1'000'000;
  }
  const int64_t at = ParseHttpTime(text);
  return at <= 0 ? 0 : std::clamp<int64_t>(at - now_micros, 0, kRetryAfterMaxSeconds * 1'000'000);
}

bool RefusesChecksum(const HttpResponse& response) {
  if (response.status == 501) return true;
  if (response.status != 400) return false;
  const std::string code = S3ErrorCode(response);
  return code == "InvalidArgument" || code == "InvalidRequest" || code == "NotImplemented";
}

}  // namespace tarn
