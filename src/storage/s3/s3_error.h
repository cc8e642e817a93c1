#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/s3/http.h"

namespace tarn {

/// What an error message can name. None of it is secret.
struct S3Place {
  std::string_view action;  ///< "read", "write", "list", "delete"
  std::string uri;          ///< of the object, or of the root
  std::string_view bucket;
  std::string_view endpoint;
  std::string_view region;
};

/// S3's own word for what is wrong (<Code>), empty where the answer has none.
std::string S3ErrorCode(const HttpResponse& response);

/// The Error that an answer without success stands for, with the repair: 404 → NotFound, 401 and
/// 403 → PermissionDenied, 412 → AlreadyExists, 409 → Conflict, 416 → Corruption, 429 and 5xx →
/// Unavailable, 501 → Unsupported, 507 → ResourceExhausted.
Error S3ErrorOf(const HttpResponse& response, const S3Place& place);

/// No answer from `endpoint`.
Error TransportErrorOf(const TransportError& failure, std::string_view endpoint);

}  // namespace tarn
