#include "columnar/deletion_vector.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include <roaring/roaring.h>

#include "base/check.h"
#include "columnar/crc32.h"
#include "columnar/roaring_format.h"

namespace tarn {

namespace {

constexpr std::string_view kMagic("\xD1\xD3\x39\x64", 4);
constexpr size_t kLengthBytes = 4;
constexpr size_t kCrcBytes = 4;
constexpr size_t kCountBytes = 8;
constexpr size_t kKeyBytes = 4;
/// Positions of one 32-bit bitmap.
constexpr int64_t kSpan = int64_t{1} << 32;
/// Positions that are taken from a bitmap at once.
constexpr uint32_t kReadAhead = 256;

struct FreeBitmap {
  void operator()(roaring_bitmap_t* bitmap) const { roaring_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<roaring_bitmap_t, FreeBitmap>;

Bitmap Own(roaring_bitmap_t* bitmap) {
  TARN_CHECK_MSG(bitmap != nullptr, "no memory for a bitmap");
  return Bitmap(bitmap);
}

/// The positions [key * 2^32, (key + 1) * 2^32), less key * 2^32. Never empty at rest.
struct Part {
  uint32_t key;
  Bitmap bits;
};

uint32_t KeyOf(int64_t position) { return static_cast<uint32_t>(position >> 32); }
uint32_t LowOf(int64_t position) { return static_cast<uint32_t>(position); }
int64_t BaseOf(uint32_t key) { return static_cast<int64_t>(key) << 32; }

/// Hands the values of `bits` in [low, end) to `take`, in order, some at a time.
template <typename Take>
void Visit(const roaring_bitmap_t& bits, uint32_t low, int64_t end, Take take) {
  roaring_uint32_iterator_t at;
  roaring_init_iterator(&bits, &at);
  if (!roaring_move_uint32_iterator_equalorlarger(&at, low)) return;
  std::array<uint32_t, kReadAhead> values;
  while (at.has_value && at.current_value < end) {
    const uint32_t count = roaring_read_uint32_iterator(&at, values.data(), kReadAhead);
    const auto first = values.begin();
    auto last = first + count;
    if (values[count - 1] >= end) last = std::lower_bound(first, last, end);
    take(first, last);
  }
}

/// Writes the rows between deleted ones. Loops of a known length are what compilers vectorise, and
/// short gaps of random length are what a processor mispredicts: so whole blocks are written
/// wherever there is room, and what is too much of them is written over later.
class RowWriter {
 public:
  RowWriter(uint32_t* out, int64_t room) : out_(out), end_(out + room) {}

  /// Writes begin, begin + 1, … end - 1.
  void Append(uint32_t begin, uint32_t end) {
    if (begin == end) return;
    for (; end - begin > kBlock; begin += kBlock, out_ += kBlock) Block(begin);
    if (end_ - out_ >= kBlock) {
      Block(begin);
      out_ += end - begin;
    } else {
      while (begin < end) *out_++ = begin++;
    }
  }
  const uint32_t* at() const { return out_; }

 private:
  static constexpr uint32_t kBlock = 16;
  void Block(uint32_t begin) {
    for (uint32_t i = 0; i < kBlock; ++i) out_[i] = begin + i;
  }
  uint32_t* out_;
  uint32_t* end_;
};

template <typename T>
void AppendLittleEndian(std::string& bytes, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
}
void AppendBigEndian32(std::string& bytes, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
}
uint64_t LittleEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}
uint32_t BigEndian32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

/// 32-bit bitmaps by the upper half of the position, ascending. Tables have files of fewer than
/// 2^32 rows, so there is nearly always one.
struct DeletionVector::Impl {
  std::vector<Part> parts;

  std::vector<Part>::const_iterator LowerBound(uint32_t key) const {
    return std::lower_bound(parts.begin(), parts.end(), key,
                            [](const Part& part, uint32_t k) { return part.key < k; });
  }
  const roaring_bitmap_t* Find(uint32_t key) const {
    const auto at = LowerBound(key);
    return at != parts.end() && at->key == key ? at->bits.get() : nullptr;
  }
  roaring_bitmap_t& FindOrMake(uint32_t key) {
    if (!parts.empty() && parts.back().key == key) return *parts.back().bits;
    auto at = LowerBound(key);
    if (at == parts.end() || at->key != key) {
      at = parts.insert(at, Part{key, Own(roaring_bitmap_create())});
    }
    return *at->bits;
  }
};

DeletionVector::DeletionVector() : impl_(std::make_unique<Impl>()) {}
DeletionVector::~DeletionVector() = default;
DeletionVector::DeletionVector(DeletionVector&& other) noexcept : impl_(std::move(other.impl_)) {}
DeletionVector& DeletionVector::operator=(DeletionVector&& other) noexcept = default;

DeletionVector::DeletionVector(const DeletionVector& other) : DeletionVector() {
  impl_->parts.reserve(other.impl_->parts.size());
  for (const Part& part : other.impl_->parts) {
    impl_->parts.push_back({part.key, Own(roaring_bitmap_copy(part.bits.get()))});
  }
}

DeletionVector& DeletionVector::operator=(const DeletionVector& other) {
  if (this != &other) *this = DeletionVector(other);
  return *this;
}

void DeletionVector::Add(int64_t position) {
  TARN_CHECK(position >= 0 && position < kPositionMax);
  roaring_bitmap_add(&impl_->FindOrMake(KeyOf(position)), LowOf(position));
}

void DeletionVector::AddRange(int64_t begin, int64_t end) {
  TARN_CHECK(begin >= 0 && begin <= end && end <= kPositionMax);
  while (begin < end) {
    const uint32_t key = KeyOf(begin);
    const int64_t here = std::min(end, BaseOf(key) + kSpan);
    roaring_bitmap_add_range_closed(&impl_->FindOrMake(key), LowOf(begin), LowOf(here - 1));
    begin = here;
  }
}

void DeletionVector::AddAll(const DeletionVector& other) {
  if (this == &other) return;
  for (const Part& part : other.impl_->parts) {
    roaring_bitmap_or_inplace(&impl_->FindOrMake(part.key), part.bits.get());
  }
}

void DeletionVector::RemoveAll(const DeletionVector& other) {
  if (this == &other) {
    impl_->parts.clear();
    return;
  }
  std::erase_if(impl_->parts, [&](Part& part) {
    const roaring_bitmap_t* taken = other.impl_->Find(part.key);
    if (taken == nullptr) return false;
    roaring_bitmap_andnot_inplace(part.bits.get(), taken);
    return roaring_bitmap_is_empty(part.bits.get());
  });
}

bool DeletionVector::Contains(int64_t position) const {
  if (position < 0 || position >= kPositionMax) return false;
  const roaring_bitmap_t* bits = impl_->Find(KeyOf(position));
  return bits != nullptr && roaring_bitmap_contains(bits, LowOf(position));
}

bool DeletionVector::Intersects(const DeletionVector& other) const {
  return std::any_of(impl_->parts.begin(), impl_->parts.end(), [&](const Part& part) {
    const roaring_bitmap_t* bits = other.impl_->Find(part.key);
    return bits != nullptr && roaring_bitmap_intersect(part.bits.get(), bits);
  });
}

int64_t DeletionVector::CountIn(int64_t begin, int64_t end) const {
  begin = std::max<int64_t>(begin, 0);
  end = std::min(end, kPositionMax);
  if (begin >= end) return 0;
  uint64_t count = 0;
  for (auto part = impl_->LowerBound(KeyOf(begin)); part != impl_->parts.end(); ++part) {
    const int64_t base = BaseOf(part->key);
    if (base >= end) break;
    // rank() counts the values up to and including its argument.
    const int64_t last = std::min(end - base, kSpan) - 1;
    count += roaring_bitmap_rank(part->bits.get(), static_cast<uint32_t>(last));
    if (begin > base) count -= roaring_bitmap_rank(part->bits.get(), LowOf(begin - 1));
  }
  return static_cast<int64_t>(count);
}

int64_t DeletionVector::cardinality() const {
  uint64_t count = 0;
  for (const Part& part : impl_->parts) count += roaring_bitmap_get_cardinality(part.bits.get());
  return static_cast<int64_t>(count);
}

int64_t DeletionVector::max() const {
  if (impl_->parts.empty()) return -1;
  const Part& last = impl_->parts.back();
  return BaseOf(last.key) + roaring_bitmap_maximum(last.bits.get());
}

std::vector<int64_t> DeletionVector::ToVector() const {
  std::vector<int64_t> positions;
  positions.reserve(static_cast<size_t>(cardinality()));
  ForEach([&](int64_t position) { positions.push_back(position); });
  return positions;
}

void DeletionVector::ForEach(const std::function<void(int64_t)>& visit) const {
  for (const Part& part : impl_->parts) {
    const int64_t base = BaseOf(part.key);
    Visit(*part.bits, 0, kSpan, [&](const uint32_t* value, const uint32_t* end) {
      for (; value != end; ++value) visit(base + *value);
    });
  }
}

int64_t DeletionVector::SelectLive(int64_t begin, int64_t count, uint32_t* out) const {
  TARN_CHECK(begin >= 0 && count >= 0 && count <= std::numeric_limits<uint32_t>::max() &&
             begin <= kPositionMax - count);
  const int64_t end = begin + count;
  RowWriter rows(out, count);
  uint32_t next = 0;  // the first row of the range that is not yet decided
  for (auto part = impl_->LowerBound(KeyOf(begin)); part != impl_->parts.end(); ++part) {
    const int64_t base = BaseOf(part->key);
    if (base >= end) break;
    // Modulo 2^32: what turns a value of this bitmap into a row of the range.
    const auto shift = static_cast<uint32_t>(base - begin);
    Visit(*part->bits, begin > base ? LowOf(begin) : 0, std::min(end - base, kSpan),
          [&](const uint32_t* value, const uint32_t* last) {
            for (; value != last; ++value) {
              const uint32_t row = *value + shift;
              rows.Append(next, row);
              next = row + 1;
            }
          });
  }
  rows.Append(next, static_cast<uint32_t>(count));
  return rows.at() - out;
}

bool DeletionVector::operator==(const DeletionVector& other) const {
  // By numbers and not by containers: one set may be stored in several ways.
  return std::equal(impl_->parts.begin(), impl_->parts.end(), other.impl_->parts.begin(),
                    other.impl_->parts.end(), [](const Part& a, const Part& b) {
                      if (a.key != b.key) return false;
                      const uint64_t size = roaring_bitmap_get_cardinality(a.bits.get());
                      return size == roaring_bitmap_get_cardinality(b.bits.get()) &&
                             size == roaring_bitmap_and_cardinality(a.bits.get(), b.bits.get());
                    });
}

int64_t DeletionVector::memory_bytes() const {
  constexpr int64_t kContainerOverhead = 32;  // its head, and its place in the bitmap
  int64_t bytes = sizeof(Impl);
  for (const Part& part : impl_->parts) {
    roaring_statistics_t statistics;
    roaring_bitmap_statistics(part.bits.get(), &statistics);
    bytes += static_cast<int64_t>(sizeof(Part) + sizeof(roaring_bitmap_t));
    bytes += static_cast<int64_t>(statistics.n_bytes_array_containers) +
             static_cast<int64_t>(statistics.n_bytes_run_containers) +
             static_cast<int64_t>(statistics.n_bytes_bitset_containers) +
             static_cast<int64_t>(statistics.n_containers) * kContainerOverhead;
  }
  return bytes;
}

std::string DeletionVector::Serialize() const {
  std::string blob(kLengthBytes, '\0');
  blob += kMagic;
  AppendLittleEndian(blob, static_cast<uint64_t>(impl_->parts.size()));
  for (const Part& part : impl_->parts) {
    const Bitmap small = Own(roaring_bitmap_copy(part.bits.get()));
    // Run containers would be shorter for long ranges; every reader takes the other two.
    roaring_bitmap_remove_run_compression(small.get());
    AppendLittleEndian(blob, part.key);
    const size_t at = blob.size();
    blob.resize(at + roaring_bitmap_portable_size_in_bytes(small.get()));
    const size_t written = roaring_bitmap_portable_serialize(small.get(), blob.data() + at);
    TARN_CHECK(at + written == blob.size());
  }
  const size_t body_bytes = blob.size() - kLengthBytes;
  TARN_CHECK_MSG(body_bytes <= std::numeric_limits<int32_t>::max(),
                 "a deletion vector of more than 2 GiB");
  std::string length;
  AppendBigEndian32(length, static_cast<uint32_t>(body_bytes));
  blob.replace(0, kLengthBytes, length);
  AppendBigEndian32(blob, Crc32(std::string_view(blob).substr(kLengthBytes)));
  return blob;
}

Result<DeletionVector> DeletionVector::Parse(std::string_view blob, std::string_view what) {
  const std::string name(what);
  if (blob.size() < kLengthBytes + kMagic.size() + kCountBytes + kCrcBytes) {
    return Corruption(name + ": a deletion vector of " + std::to_string(blob.size()) +
                      " bytes is too short");
  }
  const std::string_view body = blob.substr(kLengthBytes, blob.size() - kLengthBytes - kCrcBytes);
  const uint32_t length = BigEndian32(blob);
  if (length != body.size()) {
    return Corruption(name + ": a deletion vector of " + std::to_string(body.size()) +
                      " bytes says that it has " + std::to_string(length));
  }
  // The magic first: bytes that are no vector at all deserve a better message than their checksum.
  if (!body.starts_with(kMagic)) return Corruption(name + ": not a deletion vector (magic number)");
  if (BigEndian32(blob.substr(blob.size() - kCrcBytes)) != Crc32(body)) {
    return Corruption(name + ": the checksum of the deletion vector is wrong");
  }
  return ParseBitmaps(body.substr(kMagic.size()), name, Padding::kNone);
}

Result<DeletionVector> DeletionVector::ParseBare(std::string_view magic_and_bitmap,
                                                 std::string_view what) {
  if (!magic_and_bitmap.starts_with(kMagic)) {
    return Corruption(std::string(what) + ": not a deletion vector (magic number)");
  }
  return ParseBitmaps(magic_and_bitmap.substr(kMagic.size()), std::string(what), Padding::kZeros);
}

Result<DeletionVector> DeletionVector::ParseBitmaps(std::string_view bytes, const std::string& what,
                                                    Padding padding) {
  if (bytes.size() < kCountBytes) return Corruption(what + ": the deletion vector ends too early");
  const uint64_t count = LittleEndian(bytes.substr(0, kCountBytes));
  bytes.remove_prefix(kCountBytes);
  DeletionVector vector;
  int64_t last_key = -1;
  for (uint64_t i = 0; i < count; ++i) {
    if (bytes.size() < kKeyBytes) return Corruption(what + ": the deletion vector ends too early");
    const auto key = static_cast<uint32_t>(LittleEndian(bytes.substr(0, kKeyBytes)));
    bytes.remove_prefix(kKeyBytes);
    if (key <= last_key) return Corruption(what + ": the bitmaps of the vector do not ascend");
    if (key >= kPositionMax / kSpan) {
      return Corruption(what + ": a bitmap of the vector has the impossible key " +
                        std::to_string(key));
    }
    last_key = key;
    TARN_ASSIGN_OR_RETURN(const size_t size, CheckPortableBitmap(bytes, what));
    Bitmap bits(roaring_bitmap_portable_deserialize_safe(bytes.data(), size));
    if (bits == nullptr) return Corruption(what + ": a bitmap of the vector cannot be read");
    bytes.remove_prefix(size);
    // Writers that index bitmaps by their key fill gaps with empty ones.
    if (roaring_bitmap_is_empty(bits.get())) continue;
    vector.impl_->parts.push_back({key, std::move(bits)});
  }
  if (padding == Padding::kZeros) {
    const size_t rest = bytes.find_first_not_of('\0');
    bytes = rest == std::string_view::npos ? std::string_view() : bytes.substr(rest);
  }
  if (!bytes.empty()) {
    return Corruption(what + ": " + std::to_string(bytes.size()) +
                      " bytes follow the bitmaps of the deletion vector");
  }
  return vector;
}

}  // namespace tarn
