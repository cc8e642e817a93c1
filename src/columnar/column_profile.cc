#include "columnar/column_profile.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <arrow/array.h>
#include <arrow/type.h>

#include "base/hash.h"

namespace tarn {

namespace {

using arrow::Type;

constexpr int64_t kSampleMin = 1024;
/// Above this share of distinct values a dictionary does not pay.
constexpr double kDistinctMax = 0.6;
/// Values that only rise are better off as differences unless they repeat more than this.
constexpr double kRisingDistinctMin = 0.02;

uint64_t Mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

/// Counts distinct hashes: open addressing, at most half full.
class DistinctCounter {
 public:
  DistinctCounter() : slots_(static_cast<size_t>(2 * kProfileRows), 0) {}
  void Add(uint64_t hash) {
    hash |= 1;  // 0 is an empty slot
    size_t at = hash >> 32 & (slots_.size() - 1);
    while (slots_[at] != 0 && slots_[at] != hash) at = (at + 1) & (slots_.size() - 1);
    if (slots_[at] == 0) {
      slots_[at] = hash;
      ++distinct_;
    }
  }
  int64_t distinct() const { return distinct_; }

 private:
  std::vector<uint64_t> slots_;
  int64_t distinct_ = 0;
};

/// Calls `visit` with every valid value of the sample. Returns how many there were.
template <typename Visit>
int64_t Sample(const std::vector<std::shared_ptr<arrow::Array>>& chunks, Visit visit) {
  int64_t left = kProfileRows;
  int64_t valid = 0;
  for (const auto& chunk : chunks) {
    const int64_t rows = std::min(left, chunk->length());
    for (int64_t i = 0; i < rows; ++i) {
      if (chunk->IsNull(i)) continue;
      visit(*chunk, i);
      ++valid;
    }
    left -= rows;
  }
  return valid;
}

template <typename T>
ColumnEncoding ForIntegers(const std::vector<std::shared_ptr<arrow::Array>>& chunks,
                           const T* (*values_of)(const arrow::Array&)) {
  DistinctCounter counter;
  bool rising = true;
  T last{};
  bool first = true;
  const int64_t valid = Sample(chunks, [&](const arrow::Array& chunk, int64_t i) {
    const T value = values_of(chunk)[i];
    rising = rising && (first || value >= last);
    first = false;
    last = value;
    counter.Add(Mix(static_cast<uint64_t>(value)));
  });
  if (valid < kSampleMin) return ColumnEncoding::kDictionary;
  const double share = static_cast<double>(counter.distinct()) / static_cast<double>(valid);
  const bool delta = share > kDistinctMax || (rising && share > kRisingDistinctMin);
  return delta ? ColumnEncoding::kDelta : ColumnEncoding::kDictionary;
}

/// Fixed-width values as they lie.
template <typename T>
const T* Fixed(const arrow::Array& array) {
  return array.data()->GetValues<T>(1);
}

template <typename View>
ColumnEncoding ForBytes(const std::vector<std::shared_ptr<arrow::Array>>& chunks, View view) {
  DistinctCounter counter;
  const int64_t valid = Sample(
      chunks, [&](const arrow::Array& chunk, int64_t i) { counter.Add(Hash64(view(chunk, i))); });
  if (valid < kSampleMin) return ColumnEncoding::kDictionary;
  const double share = static_cast<double>(counter.distinct()) / static_cast<double>(valid);
  return share > kDistinctMax ? ColumnEncoding::kPlain : ColumnEncoding::kDictionary;
}

std::string_view FixedView(const arrow::Array& array, int64_t i) {
  const auto& fixed = static_cast<const arrow::FixedSizeBinaryArray&>(array);
  return {reinterpret_cast<const char*>(fixed.GetValue(i)),
          static_cast<size_t>(fixed.byte_width())};
}

/// Decimals of at most 18 digits are stored as integers: their low words tell all.
ColumnEncoding ForDecimals(const std::vector<std::shared_ptr<arrow::Array>>& chunks,
                           int precision) {
  if (precision > 18) return ForBytes(chunks, FixedView);
  DistinctCounter counter;
  const int64_t valid = Sample(chunks, [&](const arrow::Array& chunk, int64_t i) {
    uint64_t low = 0;
    std::memcpy(&low, FixedView(chunk, i).data(), sizeof(low));
    counter.Add(Mix(low));
  });
  if (valid < kSampleMin) return ColumnEncoding::kDictionary;
  const double share = static_cast<double>(counter.distinct()) / static_cast<double>(valid);
  return share > kDistinctMax ? ColumnEncoding::kDelta : ColumnEncoding::kDictionary;
}

}  // namespace

ColumnEncoding ChooseEncoding(const std::vector<std::shared_ptr<arrow::Array>>& chunks) {
  if (chunks.empty()) return ColumnEncoding::kDictionary;
  const arrow::DataType& type = *chunks[0]->type();
  switch (type.id()) {
    case Type::INT32:
    case Type::DATE32:
      return ForIntegers<int32_t>(chunks, Fixed<int32_t>);
    case Type::INT64:
    case Type::TIMESTAMP:
      return ForIntegers<int64_t>(chunks, Fixed<int64_t>);
    case Type::FLOAT:
      return ForBytes(chunks, [](const arrow::Array& array, int64_t i) {
        return std::string_view(reinterpret_cast<const char*>(Fixed<float>(array) + i), 4);
      });
    case Type::DOUBLE:
      return ForBytes(chunks, [](const arrow::Array& array, int64_t i) {
        return std::string_view(reinterpret_cast<const char*>(Fixed<double>(array) + i), 8);
      });
    case Type::STRING:
    case Type::BINARY:
      return ForBytes(chunks, [](const arrow::Array& array, int64_t i) {
        // Long values are told apart by their beginnings; a tie only keeps the dictionary.
        const auto view = static_cast<const arrow::BinaryArray&>(array).GetView(i);
        return view.substr(0, 256);
      });
    case Type::FIXED_SIZE_BINARY:
      return ForBytes(chunks, FixedView);
    case Type::DECIMAL128:
      return ForDecimals(chunks, static_cast<const arrow::DecimalType&>(type).precision());
    default:
      return ColumnEncoding::kDictionary;
  }
}

}  // namespace tarn
