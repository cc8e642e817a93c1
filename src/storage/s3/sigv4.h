#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarn {

/// What a request is signed with; the token only for temporary ones.
struct AwsCredentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;

  bool operator==(const AwsCredentials&) const = default;
};

using NameValues = std::vector<std::pair<std::string, std::string>>;

/// Percent-encodes all but A-Z a-z 0-9 - . _ ~ (RFC 3986's unreserved characters).
std::string UriEncode(std::string_view text);
/// The same, and '/' stays.
std::string UriEncodePath(std::string_view path);
/// "a=1&b=%20": encoded and sorted as the signature wants it; sent in this form too.
std::string CanonicalQuery(NameValues parameters);

/// The payload hash of a body that TLS alone protects.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

/// A request as AWS Signature Version 4 sees it.
struct SignedRequest {
  std::string method;
  std::string path;             ///< encoded, with the leading '/'
  std::string canonical_query;  ///< of CanonicalQuery()
  NameValues headers;           ///< lower-case names, with host and x-amz-content-sha256
};

/// Appends x-amz-date, x-amz-security-token (if there is one) and authorization to the headers. All
/// headers present are signed. Pure: the time comes in.
void SignV4(const AwsCredentials& credentials, std::string_view region, std::string_view service,
            int64_t now_micros, SignedRequest& request);

}  // namespace tarn
