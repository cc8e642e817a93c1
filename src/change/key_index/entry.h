#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "change/key_hash.h"

namespace tarn {

/// Where a row stands: the number that the index gave the file, and the row's position in it.
struct RowPlace {
  static constexpr uint32_t kNoFile = UINT32_MAX;

  uint32_t file = kNoFile;
  uint32_t row = 0;
  /// False for the place of a key that the index does not have.
  bool found() const { return file != kNoFile; }
  friend constexpr auto operator<=>(const RowPlace&, const RowPlace&) = default;
};

/// What is known of a key: its place, or that it is not there any longer. Its bytes are those on
/// disk (docs/formats/key_index.md).
struct KeyEntry {
  KeyHash key;
  RowPlace place;
};
static_assert(sizeof(KeyEntry) == 24 && alignof(KeyEntry) == 8);
static_assert(std::endian::native == std::endian::little, "files hold numbers in this order");

/// Sorts by `key`, which every T has; `scratch` is overwritten. Hashes are spread evenly, so one
/// pass by their first bits leaves pieces that fit the nearest cache.
template <typename T>
void SortByKey(std::vector<T>& items, std::vector<T>& scratch) {
  constexpr int kBits = 11;
  constexpr size_t kWorthwhile = 16 << 10;
  const auto less = [](const T& a, const T& b) { return a.key < b.key; };
  if (items.size() < kWorthwhile) {
    std::sort(items.begin(), items.end(), less);
    return;
  }
  const auto bucket = [](const T& item) { return item.key.high >> (64 - kBits); };
  std::vector<size_t> ends(size_t{1} << kBits);
  for (const T& item : items) ++ends[bucket(item)];
  size_t sum = 0;
  for (size_t& end : ends) {
    const size_t count = end;
    end = sum;
    sum += count;
  }
  scratch.resize(items.size());
  for (const T& item : items) scratch[ends[bucket(item)]++] = item;
  size_t begin = 0;
  for (const size_t end : ends) {
    std::sort(scratch.begin() + static_cast<ptrdiff_t>(begin),
              scratch.begin() + static_cast<ptrdiff_t>(end), less);
    begin = end;
  }
  items.swap(scratch);
}

}  // namespace tarn
