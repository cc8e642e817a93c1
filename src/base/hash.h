#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tarn {

/// 64 bits of FNV-1a, mixed: for fingerprints and names, never against an adversary.
uint64_t Hash64(std::string_view bytes);
/// 32 hex digits of two independent Hash64.
std::string HexHash(std::string_view bytes);

}  // namespace tarn
