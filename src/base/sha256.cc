#include "base/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <charconv>

#include "base/check.h"

namespace tarn {

Sha256Digest Sha256(std::string_view bytes) {
  Sha256Digest digest;
  unsigned int size = 0;
  TARN_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) ==
                 1 &&
             size == digest.size());
  return digest;
}

Sha256Digest HmacSha256(std::string_view key, std::string_view bytes) {
  Sha256Digest digest;
  unsigned int size = 0;
  // A null key means "the key of the call before" to OpenSSL, so an empty one still needs an
  // address.
  const char* key_data = key.empty() ? "" : key.data();
  TARN_CHECK(HMAC(EVP_sha256(), key_data, static_cast<int>(key.size()),
                  reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(),
                  &size) != nullptr &&
             size == digest.size());
  return digest;
}

std::string HexEncode(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

std::optional<std::string> HexDecode(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (size_t i = 0; i < digits.size(); i += 2) {
    uint8_t byte = 0;
    const char* const p = digits.data() + i;
    if (std::from_chars(p, p + 2, byte, 16).ptr != p + 2) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace tarn
