#pragma once

#include <cstddef>
#include <vector>

#include "change/key_index/entry.h"

namespace tarn {

/// The youngest entries of a key index, in memory: a hash table that grows when it must.
/// Threads: one writes; several may read what nobody writes.
class MemTable {
 public:
  /// A small one: most tables of a source see few changes, and each has its index.
  MemTable();

  void Put(const KeyEntry& entry);
  /// What is known of the key here; nullptr for nothing.
  const RowPlace* Find(const KeyHash& key) const {
    const KeyEntry& slot = slots_[SlotOf(key)];
    return IsEmpty(slot) ? nullptr : &slot.place;
  }
  /// Asks for the memory that Find() or Put() of the key will touch.
  void Prefetch(const KeyHash& key) const { __builtin_prefetch(&slots_[key.low & mask_]); }
  size_t size() const { return size_; }
  /// All entries by their keys, ascending.
  std::vector<KeyEntry> Sorted() const;

 private:
  static bool IsEmpty(const KeyEntry& slot) {
    return slot.place.file == RowPlace::kNoFile && slot.place.row != 0;
  }
  size_t SlotOf(const KeyHash& key) const {
    size_t at = key.low & mask_;
    while (!IsEmpty(slots_[at]) && slots_[at].key != key) at = (at + 1) & mask_;
    return at;
  }
  void Grow();

  std::vector<KeyEntry> slots_;
  size_t mask_;
  size_t size_ = 0;
};

}  // namespace tarn
