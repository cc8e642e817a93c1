#include "storage/immutable_name.h"

#include <cstddef>

namespace tarn {
namespace {

constexpr size_t kUuidLength = 36;

bool IsHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool IsUuid(std::string_view text) {
  for (size_t i = 0; i < kUuidLength; ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !IsHex(text[i])) return false;
  }
  return true;
}

}  // namespace

bool IsImmutableName(std::string_view key) {
  const std::string_view name = key.substr(key.rfind('/') + 1);
  for (size_t at = 0; at + kUuidLength <= name.size(); ++at) {
    if (IsUuid(name.substr(at, kUuidLength))) return true;
  }
  return false;
}

}  // namespace tarn
