#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tarn {

/// Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool IsValidUtf8(std::string_view bytes);

/// Writes a character behind the text. `code`: of Unicode, no surrogate.
void AppendUtf8(uint32_t code, std::string* text);

/// The first character of well-formed text, and how many bytes it has; 0 and 0 of an empty one.
uint32_t Utf8Code(std::string_view text, size_t* bytes);

/// The longest prefix of at most `bytes_max` bytes that ends between two characters.
std::string_view Utf8Prefix(std::string_view text, size_t bytes_max);

}  // namespace tarn
