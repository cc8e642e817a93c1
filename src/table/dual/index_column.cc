#include "table/dual/index_column.h"

#include <limits>
#include <string>

namespace tarn {

namespace {

/// A count that a file tells as such counts as unknown, which excludes less.
constexpr int64_t kUnknown = std::numeric_limits<int64_t>::min();

int64_t TextBytes(const Scalar& value) {
  static const size_t kInPlace = std::string().capacity();
  const auto* text = std::get_if<std::string>(&value);
  return text == nullptr || text->capacity() <= kInPlace
             ? 0
             : static_cast<int64_t>(text->capacity()) + 1;
}

int64_t TextBytes(const std::optional<Scalar>& value) { return value ? TextBytes(*value) : 0; }

template <typename T>
int64_t BytesOf(const std::vector<T>& values) {
  return static_cast<int64_t>(values.capacity() * sizeof(T));
}

int64_t BytesOf(const std::vector<bool>& values) {
  return static_cast<int64_t>(values.capacity() / 8);
}

}  // namespace

void ScalarArray::Add(const std::optional<Scalar>& value) {
  if (!value && absent_.empty()) absent_.assign(size_, false);
  if (!value || !absent_.empty()) absent_.push_back(!value);
  const auto* number = value ? std::get_if<int64_t>(&*value) : nullptr;
  if (others_.empty() && (number != nullptr || !value)) {
    numbers_.push_back(number != nullptr ? *number : 0);
  } else {
    if (others_.empty()) {
      others_.assign(numbers_.begin(), numbers_.end());
      numbers_ = {};
    }
    others_.push_back(value.value_or(Scalar()));
    text_bytes_ += TextBytes(others_.back());
  }
  ++size_;
}

void ScalarArray::Read(size_t i, std::optional<Scalar>& value) const {
  if (!has(i)) {
    value.reset();
  } else if (others_.empty()) {
    value = numbers_[i];
  } else {
    value = others_[i];
  }
}

void ScalarArray::Shrink() {
  absent_.shrink_to_fit();
  numbers_.shrink_to_fit();
  others_.shrink_to_fit();
}

int64_t ScalarArray::memory_bytes() const {
  return BytesOf(absent_) + BytesOf(numbers_) + BytesOf(others_) + text_bytes_;
}

void CountArray::Add(std::optional<int64_t> count) {
  const int64_t stored = count.value_or(kUnknown);
  if (size_ == 0) first_ = stored;
  if (counts_.empty() && stored != first_) counts_.assign(size_, first_);
  ++size_;
  if (!counts_.empty() || stored != first_) counts_.push_back(stored);
}

std::optional<int64_t> CountArray::operator[](size_t i) const {
  const int64_t stored = counts_.empty() ? first_ : counts_[i];
  return stored == kUnknown ? std::nullopt : std::optional(stored);
}

int64_t CountArray::memory_bytes() const { return BytesOf(counts_); }

void IndexColumn::Add(const ColumnBounds& bounds, Use use) {
  if (size_ % kZoneFiles == 0) {
    zones_.emplace_back();
    zones_.back().null_count = zones_.back().nan_count = 0;
    zone_empty_ = zone_ordered_ = true;
  }
  ++size_;
  if (upper_is_lower_ && bounds.upper != bounds.lower) {
    upper_ = lower_;
    upper_is_lower_ = false;
  }
  lower_.Add(bounds.lower);
  if (!upper_is_lower_) upper_.Add(bounds.upper);
  value_counts_.Add(bounds.value_count);
  null_counts_.Add(bounds.null_count);
  nan_counts_.Add(bounds.nan_count);
  if (use == Use::kAsked) Widen(bounds);
}

void IndexColumn::Widen(const ColumnBounds& bounds) {
  ColumnBounds& zone = zones_.back();
  if (bounds.null_count != 0) zone.null_count.reset();
  if (bounds.nan_count != 0) zone.nan_count.reset();
  const bool all_null = bounds.value_count && bounds.null_count && *bounds.value_count >= 0 &&
                        *bounds.null_count >= *bounds.value_count;
  if (all_null || !zone_ordered_) return;
  // Bounds that cannot be compared with each other say nothing of all.
  zone_ordered_ =
      bounds.lower && bounds.upper && Compare(*bounds.lower, *bounds.upper) <= 0 &&
      (zone_empty_ || Compare(*bounds.lower, *zone.lower) != std::partial_ordering::unordered);
  if (!zone_ordered_) {
    zone.lower.reset();
    zone.upper.reset();
    return;
  }
  if (zone_empty_ || Compare(*bounds.lower, *zone.lower) < 0) zone.lower = bounds.lower;
  if (zone_empty_ || Compare(*bounds.upper, *zone.upper) > 0) zone.upper = bounds.upper;
  zone_empty_ = false;
}

void IndexColumn::Finish() {
  for (ScalarArray* array : {&lower_, &upper_}) array->Shrink();
  for (CountArray* array : {&value_counts_, &null_counts_, &nan_counts_}) array->Shrink();
  zones_.shrink_to_fit();
}

void IndexColumn::Read(size_t file, ColumnBounds& bounds) const {
  lower_.Read(file, bounds.lower);
  (upper_is_lower_ ? lower_ : upper_).Read(file, bounds.upper);
  bounds.value_count = value_counts_[file];
  bounds.null_count = null_counts_[file];
  bounds.nan_count = nan_counts_[file];
}

int64_t IndexColumn::memory_bytes() const {
  int64_t bytes = BytesOf(zones_);
  for (const ColumnBounds& zone : zones_) bytes += TextBytes(zone.lower) + TextBytes(zone.upper);
  for (const ScalarArray* array : {&lower_, &upper_}) bytes += array->memory_bytes();
  for (const CountArray* array : {&value_counts_, &null_counts_, &nan_counts_}) {
    bytes += array->memory_bytes();
  }
  return bytes;
}

}  // namespace tarn
