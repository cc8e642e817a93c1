#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tarn {

/// A SHA-256 digest (FIPS 180-4).
using Sha256Digest = std::array<uint8_t, 32>;

Sha256Digest Sha256(std::string_view bytes);
/// HMAC with SHA-256 (RFC 2104); a key of any length.
Sha256Digest HmacSha256(std::string_view key, std::string_view bytes);

/// The digest's bytes, to be hashed or compared again.
inline std::string_view AsBytes(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
/// Lower-case hexadecimal, two digits a byte.
std::string HexEncode(std::string_view bytes);
/// nullopt where `digits` are not two a byte, of either case.
std::optional<std::string> HexDecode(std::string_view digits);

}  // namespace tarn
