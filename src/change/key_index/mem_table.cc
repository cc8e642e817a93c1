#include "change/key_index/mem_table.h"

#include <utility>

namespace tarn {
namespace {

/// Removed keys have row 0 in no file.
constexpr KeyEntry kEmpty = {{}, {RowPlace::kNoFile, 1}};

constexpr size_t kFirstSlots = 1 << 10;  // a power of two, as always

}  // namespace

MemTable::MemTable() : slots_(kFirstSlots, kEmpty), mask_(slots_.size() - 1) {}

void MemTable::Put(const KeyEntry& entry) {
  size_t at = SlotOf(entry.key);
  if (IsEmpty(slots_[at])) {
    // Three quarters full at most.
    if ((size_ + 1) * 4 > slots_.size() * 3) {
      Grow();
      at = SlotOf(entry.key);
    }
    ++size_;
  }
  slots_[at] = entry;
}

void MemTable::Grow() {
  std::vector<KeyEntry> old(slots_.size() * 2, kEmpty);
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const KeyEntry& entry : old) {
    if (!IsEmpty(entry)) slots_[SlotOf(entry.key)] = entry;
  }
}

std::vector<KeyEntry> MemTable::Sorted() const {
  std::vector<KeyEntry> entries;
  entries.reserve(size_);
  for (const KeyEntry& slot : slots_) {
    if (!IsEmpty(slot)) entries.push_back(slot);
  }
  std::vector<KeyEntry> scratch;
  SortByKey(entries, scratch);
  return entries;
}

}  // namespace tarn
