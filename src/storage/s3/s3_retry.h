#pragma once

#include <cstdint>

#include "storage/s3/http.h"

namespace tarn {

/// \name What an answer says about another attempt.
/// @{
/// It may be better next time: the server was busy, failed, or did not receive what was sent.
bool IsPassing(const HttpResponse& response);
/// The credentials were valid once and are no more. Never told of the answer to a HEAD, which has
/// no body to say so.
bool SaysEnded(const HttpResponse& response);
/// The server asks for fewer requests.
bool IsThrottling(const HttpResponse& response);
/// The Retry-After of an answer, as seconds or as a time (RFC 9110 §10.2.3); 0 without one.
int64_t RetryAfterMicros(const HttpResponse& response, int64_t now_micros);
/// The server may be one that knows no checksum headers: it is worth an attempt without.
bool RefusesChecksum(const HttpResponse& response);
/// @}

}  // namespace tarn
