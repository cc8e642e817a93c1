#include "columnar/roaring_format.h"

#include <bit>
#include <cstdint>
#include <cstring>

namespace tarn {

namespace {

constexpr uint32_t kCookieWithRuns = 12347;
constexpr uint32_t kCookieWithoutRuns = 12346;
constexpr uint32_t kContainersMax = 1 << 16;
/// A container of more values is a bitset, unless it is a run container.
constexpr uint32_t kArrayValuesMax = 4096;
constexpr size_t kBitsetBytes = 8192;
/// Bitmaps with runs and fewer containers have no table of offsets.
constexpr uint32_t kNoOffsetsBelow = 4;

/// A little-endian integer of the width of T. The caller has checked that it is there.
template <typename T>
T Load(const char* at) {
  unsigned char bytes[sizeof(T)];
  std::memcpy(bytes, at, sizeof(T));
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  return static_cast<T>(value);
}

/// The bytes not yet taken.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}
  /// The next `count` bytes, or nullptr when there are fewer.
  const char* Take(size_t count) {
    if (rest_.size() < count) return nullptr;
    const char* at = rest_.data();
    rest_.remove_prefix(count);
    return at;
  }
  size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

/// \name One container of `cardinality` values; what is wrong with it, or nullptr.
/// @{
const char* CheckArray(Cursor& cursor, uint32_t cardinality) {
  const char* values = cursor.Take(cardinality * sizeof(uint16_t));
  if (values == nullptr) return "an array container ends too early";
  for (uint32_t i = 1; i < cardinality; ++i) {
    if (Load<uint16_t>(values + 2 * i) <= Load<uint16_t>(values + 2 * (i - 1))) {
      return "the values of an array container do not ascend";
    }
  }
  return nullptr;
}

const char* CheckBitset(Cursor& cursor, uint32_t cardinality) {
  const char* words = cursor.Take(kBitsetBytes);
  if (words == nullptr) return "a bitset container ends too early";
  uint32_t found = 0;
  for (size_t at = 0; at < kBitsetBytes; at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, words + at, sizeof(word));  // the order of bytes does not matter to a count
    found += static_cast<uint32_t>(std::popcount(word));
  }
  return found == cardinality ? nullptr : "a bitset container has not as many values as it says";
}

const char* CheckRuns(Cursor& cursor, uint32_t cardinality) {
  const char* count_at = cursor.Take(sizeof(uint16_t));
  if (count_at == nullptr) return "a run container ends too early";
  const uint32_t count = Load<uint16_t>(count_at);
  const char* runs = cursor.Take(count * 2 * sizeof(uint16_t));
  if (runs == nullptr) return "a run container ends too early";
  uint32_t found = 0;
  uint32_t end = 0;  // of the last run, exclusive
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t begin = Load<uint16_t>(runs + 4 * i);
    const uint32_t length = Load<uint16_t>(runs + 4 * i + 2) + 1u;
    if (begin < end) return "the runs of a container overlap or do not ascend";
    end = begin + length;
    if (end > 1 << 16) return "a run goes beyond its container";
    found += length;
  }
  return found == cardinality ? nullptr : "a run container has not as many values as it says";
}
/// @}

const char* Check(Cursor& cursor) {
  const char* cookie_at = cursor.Take(sizeof(uint32_t));
  if (cookie_at == nullptr) return "a bitmap ends in its head";
  const auto cookie = Load<uint32_t>(cookie_at);
  const bool with_runs = (cookie & 0xffff) == kCookieWithRuns;
  uint32_t containers = 0;
  const char* run_flags = nullptr;
  if (with_runs) {
    containers = (cookie >> 16) + 1;
    run_flags = cursor.Take((containers + 7) / 8);
    if (run_flags == nullptr) return "a bitmap ends in its head";
  } else if (cookie == kCookieWithoutRuns) {
    const char* count_at = cursor.Take(sizeof(uint32_t));
    if (count_at == nullptr) return "a bitmap ends in its head";
    containers = Load<uint32_t>(count_at);
    if (containers > kContainersMax) return "a bitmap has too many containers";
  } else {
    return "a bitmap has an unknown cookie";
  }
  const char* heads = cursor.Take(containers * 2 * sizeof(uint16_t));
  if (heads == nullptr) return "a bitmap ends in its head";
  // Offsets are for readers that jump; values follow each other whatever the table says.
  if (!with_runs || containers >= kNoOffsetsBelow) {
    if (cursor.Take(containers * sizeof(uint32_t)) == nullptr) return "a bitmap ends in its head";
  }
  for (uint32_t i = 0; i < containers; ++i) {
    const char* head = heads + 4 * i;
    if (i > 0 && Load<uint16_t>(head) <= Load<uint16_t>(head - 4)) {
      return "the containers of a bitmap do not ascend";
    }
    const uint32_t cardinality = Load<uint16_t>(head + 2) + 1u;
    const bool runs = with_runs && (static_cast<unsigned char>(run_flags[i / 8]) >> (i % 8) & 1);
    const char* wrong = runs                             ? CheckRuns(cursor, cardinality)
                        : cardinality <= kArrayValuesMax ? CheckArray(cursor, cardinality)
                                                         : CheckBitset(cursor, cardinality);
    if (wrong != nullptr) return wrong;
  }
  return nullptr;
}

}  // namespace

Result<size_t> CheckPortableBitmap(std::string_view bytes, const std::string& what) {
  Cursor cursor(bytes);
  if (const char* wrong = Check(cursor)) return Corruption(what + ": " + wrong);
  return bytes.size() - cursor.left();
}

}  // namespace tarn
