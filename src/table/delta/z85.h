#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tarn::delta {

/// Z85 (ZeroMQ RFC 32), which Delta calls Base85: five characters for four bytes. Bytes that do not
/// fill the last group are filled up with zeros, so that the reader has to know how many count.
std::string EncodeZ85(std::string_view bytes);

/// Nothing where the text is no Z85: a length that is no multiple of five, another character, a
/// group beyond 32 bits.
std::optional<std::string> DecodeZ85(std::string_view text);

}  // namespace tarn::delta
