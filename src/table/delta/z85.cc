#include "table/delta/z85.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace tarn::delta {
namespace {

constexpr std::string_view kAlphabet =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
constexpr size_t kBytes = 4;
constexpr size_t kCharacters = 5;

constexpr std::array<int8_t, 256> MakeDigits() {
  std::array<int8_t, 256> digits{};
  for (int8_t& digit : digits) digit = -1;
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
  }
  return digits;
}
constexpr std::array<int8_t, 256> kDigits = MakeDigits();

}  // namespace

std::string EncodeZ85(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + kBytes - 1) / kBytes * kCharacters);
  for (size_t i = 0; i < bytes.size(); i += kBytes) {
    uint32_t group = 0;
    for (size_t j = i; j < i + kBytes; ++j) {
      group = group << 8 | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0U);
    }
    std::array<char, kCharacters> characters;
    for (size_t j = kCharacters; j-- > 0; group /= 85) characters[j] = kAlphabet[group % 85];
    text.append(characters.data(), characters.size());
  }
  return text;
}

std::optional<std::string> DecodeZ85(std::string_view text) {
  if (text.size() % kCharacters != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / kCharacters * kBytes);
  for (size_t i = 0; i < text.size(); i += kCharacters) {
    uint64_t group = 0;
    for (size_t j = i; j < i + kCharacters; ++j) {
      const int8_t digit = kDigits[static_cast<unsigned char>(text[j])];
      if (digit < 0) return std::nullopt;
      group = group * 85 + static_cast<uint64_t>(digit);
    }
    if (group > UINT32_MAX) return std::nullopt;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(group >> shift & 0xff);
  }
  return bytes;
}

}  // namespace tarn::delta
