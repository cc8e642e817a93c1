#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tarn {

/// Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool IsValidUtf8(std::string_view bytes);

/// The longest prefix of at most `bytes_max` bytes that ends between two characters.
std::string_view Utf8Prefix(std::string_view text, size_t bytes_max);

}  // namespace tarn
