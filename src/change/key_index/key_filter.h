#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "change/key_hash.h"

namespace tarn {

/// A Bloom filter in blocks of one cache line: whether a run may hold a key. About 1 % of the keys
/// that it does not hold are said to be there.
/// Threads: one writes; several may read.
class KeyFilter {
 public:
  static constexpr int64_t kBitsPerKey = 10;
  static int64_t BytesFor(uint64_t keys);

  /// A filter that may hold everything.
  KeyFilter() = default;
  /// One for `keys` keys.
  explicit KeyFilter(uint64_t keys);
  /// From bytes(); a multiple of 64 of them.
  explicit KeyFilter(std::string_view bytes);

  void Add(const KeyHash& key);
  bool MayHold(const KeyHash& key) const;
  void Prefetch(const KeyHash& key) const {
    if (!words_.empty()) __builtin_prefetch(&words_[LineOf(key)]);
  }
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(words_.data()), words_.size() * sizeof(uint64_t)};
  }

 private:
  /// The first word of the key's cache line.
  size_t LineOf(const KeyHash& key) const;

  std::vector<uint64_t> words_;
};

}  // namespace tarn
