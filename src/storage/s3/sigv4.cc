#include "storage/s3/sigv4.h"

#include <algorithm>
#include <ctime>

#include "base/check.h"
#include "base/sha256.h"

namespace tarn {
namespace {

std::string Encode(std::string_view text, std::string_view kept) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + 16);
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kept.find(c) != std::string_view::npos;
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return out;
}

/// "20130524T000000Z".
std::string BasicTime(int64_t micros) {
  const auto seconds = static_cast<std::time_t>(micros / 1000000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &parts);
  return text;
}

}  // namespace

std::string UriEncode(std::string_view text) { return Encode(text, "-._~"); }
std::string UriEncodePath(std::string_view path) { return Encode(path, "-._~/"); }

std::string CanonicalQuery(NameValues parameters) {
  for (auto& [name, value] : parameters) {
    name = UriEncode(name);
    value = UriEncode(value);
  }
  std::sort(parameters.begin(), parameters.end());
  std::string query;
  for (const auto& [name, value] : parameters) {
    if (!query.empty()) query.push_back('&');
    query.append(name).append("=").append(value);
  }
  return query;
}

void SignV4(const AwsCredentials& credentials, std::string_view region, std::string_view service,
            int64_t now_micros, SignedRequest& request) {
  const std::string time = BasicTime(now_micros);
  const std::string date = time.substr(0, 8);
  request.headers.emplace_back("x-amz-date", time);
  if (!credentials.session_token.empty()) {
    request.headers.emplace_back("x-amz-security-token", credentials.session_token);
  }
  std::sort(request.headers.begin(), request.headers.end());

  std::string headers;
  std::string names;
  std::string_view payload_hash;
  for (const auto& [name, value] : request.headers) {
    headers.append(name).append(":").append(value).append("\n");
    if (!names.empty()) names.push_back(';');
    names.append(name);
    if (name == "x-amz-content-sha256") payload_hash = value;
  }
  TARN_CHECK(!payload_hash.empty());
  std::string canonical = request.method + "\n" + request.path + "\n" + request.canonical_query +
                          "\n" + headers + "\n" + names + "\n";
  canonical.append(payload_hash);

  const std::string scope =
      date + "/" + std::string(region) + "/" + std::string(service) + "/aws4_request";
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + HexEncode(AsBytes(Sha256(canonical)));
  Sha256Digest key = HmacSha256("AWS4" + credentials.secret_key, date);
  for (const std::string_view part : {region, service, std::string_view("aws4_request")}) {
    key = HmacSha256(AsBytes(key), part);
  }
  const std::string signature = HexEncode(AsBytes(HmacSha256(AsBytes(key), to_sign)));
  request.headers.emplace_back(
      "authorization", "AWS4-HMAC-SHA256 Credential=" + credentials.access_key + "/" + scope +
                           ",SignedHeaders=" + names + ",Signature=" + signature);
}

}  // namespace tarn
