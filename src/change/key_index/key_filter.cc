#include "change/key_index/key_filter.h"

#include <cstring>

#include "base/check.h"

namespace tarn {
namespace {

__extension__ typedef unsigned __int128 Wide;

constexpr size_t kLineWords = 8;
constexpr int kLineBits = 9;  // 512 bits
constexpr int kProbes = 6;

}  // namespace

int64_t KeyFilter::BytesFor(uint64_t keys) {
  const uint64_t lines = keys * kBitsPerKey / (1 << kLineBits) + 1;
  return static_cast<int64_t>(lines * kLineWords * sizeof(uint64_t));
}

KeyFilter::KeyFilter(uint64_t keys)
    : words_(static_cast<size_t>(BytesFor(keys)) / sizeof(uint64_t)) {}

KeyFilter::KeyFilter(std::string_view bytes) : words_(bytes.size() / sizeof(uint64_t)) {
  TARN_CHECK(bytes.size() % (kLineWords * sizeof(uint64_t)) == 0);
  if (!bytes.empty()) std::memcpy(words_.data(), bytes.data(), bytes.size());
}

size_t KeyFilter::LineOf(const KeyHash& key) const {
  const uint64_t lines = words_.size() / kLineWords;
  return static_cast<size_t>(static_cast<Wide>(key.low) * lines >> 64) * kLineWords;
}

void KeyFilter::Add(const KeyHash& key) {
  if (words_.empty()) return;
  uint64_t* line = &words_[LineOf(key)];
  uint64_t bits = key.high;
  for (int i = 0; i < kProbes; ++i, bits >>= kLineBits) {
    line[bits >> 6 & (kLineWords - 1)] |= uint64_t{1} << (bits & 63);
  }
}

bool KeyFilter::MayHold(const KeyHash& key) const {
  if (words_.empty()) return true;
  const uint64_t* line = &words_[LineOf(key)];
  uint64_t bits = key.high;
  for (int i = 0; i < kProbes; ++i, bits >>= kLineBits) {
    if ((line[bits >> 6 & (kLineWords - 1)] >> (bits & 63) & 1) == 0) return false;
  }
  return true;
}

}  // namespace tarn
