#include "columnar/theta_sketch.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tarn {

namespace {

constexpr size_t kEntriesMax = 4096;
/// Hashes that wait to be put in order.
constexpr size_t kWaitingMax = 4 * kEntriesMax;
/// Hashes that are known to have been added: a power of two.
constexpr size_t kRecentMax = kEntriesMax;
constexpr uint64_t kThetaMax = uint64_t{1} << 63;
constexpr uint64_t kSeed = 9001;

// "Compact Theta sketch": preamble longs, version, family, two unused bytes, flags, hash of the
// seed; then the number of entries, theta, and the entries, little endian.
constexpr uint8_t kVersion = 3;
constexpr uint8_t kFamilyCompact = 3;
constexpr uint8_t kBigEndian = 1, kReadOnly = 2, kEmpty = 4, kCompact = 8, kOrdered = 16;
constexpr size_t kHeaderBytes = 8;

uint64_t Load(const char* at) {
  uint64_t value = 0;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

uint64_t Mix(uint64_t k) {
  k ^= k >> 33;
  k *= 0xff51afd7ed558ccdULL;
  k ^= k >> 33;
  k *= 0xc4ceb9fe1a85ec53ULL;
  return k ^ k >> 33;
}

/// The first half of MurmurHash3 (x64, 128 bits).
uint64_t Murmur3(std::string_view bytes, uint64_t seed) {
  constexpr uint64_t kC1 = 0x87c37b91114253d5ULL;
  constexpr uint64_t kC2 = 0x4cf5ad432745937fULL;
  const auto k1_of = [](uint64_t k) { return std::rotl(k * kC1, 31) * kC2; };
  const auto k2_of = [](uint64_t k) { return std::rotl(k * kC2, 33) * kC1; };
  uint64_t h1 = seed, h2 = seed;
  size_t at = 0;
  for (; at + 16 <= bytes.size(); at += 16) {
    h1 = (std::rotl(h1 ^ k1_of(Load(bytes.data() + at)), 27) + h2) * 5 + 0x52dce729;
    h2 = (std::rotl(h2 ^ k2_of(Load(bytes.data() + at + 8)), 31) + h1) * 5 + 0x38495ab5;
  }
  char tail[16] = {};
  const size_t rest = bytes.size() - at;
  if (rest > 0) std::memcpy(tail, bytes.data() + at, rest);
  if (rest > 8) h2 ^= k2_of(Load(tail + 8));
  if (rest > 0) h1 ^= k1_of(Load(tail));
  h1 ^= bytes.size();
  h2 ^= bytes.size();
  h1 += h2;
  h2 += h1;
  h1 = Mix(h1);
  h2 = Mix(h2);
  return h1 + h2;
}

uint16_t SeedHash() {
  char seed[8];
  std::memcpy(seed, &kSeed, sizeof(seed));
  return static_cast<uint16_t>(Murmur3({seed, sizeof(seed)}, 0) & 0xffff);
}

template <typename T>
void Append(std::string& to, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  to.append(bytes, sizeof(T));
}

static_assert(std::endian::native == std::endian::little);

}  // namespace

void ThetaSketch::Add(uint64_t hash) {
  if (hash == 0 || hash >= theta_) return;
  // Columns of few values would else be put in order over and over.
  if (recent_.empty()) recent_.resize(kRecentMax);
  uint64_t& recent = recent_[hash & (kRecentMax - 1)];
  if (recent == hash) return;
  recent = hash;
  hashes_.push_back(hash);
  if (hashes_.size() - compacted_ >= kWaitingMax) Compact();
}

void ThetaSketch::Update(std::string_view bytes) {
  if (!bytes.empty()) Add(Murmur3(bytes, kSeed) >> 1);
}

void ThetaSketch::Compact() const {
  if (compacted_ == hashes_.size()) return;
  std::sort(hashes_.begin(), hashes_.end());
  hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
  if (hashes_.size() > kEntriesMax) {
    theta_ = hashes_[kEntriesMax];
    hashes_.resize(kEntriesMax);
  }
  compacted_ = hashes_.size();
}

void ThetaSketch::Merge(const ThetaSketch& other) {
  other.Compact();
  Compact();
  theta_ = std::min(theta_, other.theta_);
  std::erase_if(hashes_, [this](uint64_t hash) { return hash >= theta_; });
  compacted_ = hashes_.size();
  for (const uint64_t hash : other.hashes_) Add(hash);
  Compact();
}

double ThetaSketch::Estimate() const {
  Compact();
  const double kept = static_cast<double>(hashes_.size());
  return theta_ == kThetaMax
             ? kept
             : kept * (static_cast<double>(kThetaMax) / static_cast<double>(theta_));
}

std::string ThetaSketch::Serialize() const {
  Compact();
  const bool exact = theta_ == kThetaMax;
  const bool empty = exact && hashes_.empty();
  std::string bytes;
  Append<uint8_t>(bytes, empty ? 1 : exact ? 2 : 3);
  Append<uint8_t>(bytes, kVersion);
  Append<uint8_t>(bytes, kFamilyCompact);
  Append<uint16_t>(bytes, 0);
  Append<uint8_t>(bytes,
                  static_cast<uint8_t>(kReadOnly | kCompact | kOrdered | (empty ? kEmpty : 0)));
  Append<uint16_t>(bytes, SeedHash());
  if (empty) return bytes;
  Append<uint32_t>(bytes, static_cast<uint32_t>(hashes_.size()));
  Append<uint32_t>(bytes, 0);
  // Java and C++ keep theta as a signed number, whose largest is 1.0.
  if (!exact) Append<uint64_t>(bytes, theta_);
  for (const uint64_t hash : hashes_) Append<uint64_t>(bytes, hash);
  return bytes;
}

Result<ThetaSketch> ThetaSketch::Parse(std::string_view bytes, const std::string& what) {
  const auto corrupt = [&](const std::string& why) {
    return Corruption(what + " is no Theta sketch: " + why);
  };
  if (bytes.size() < kHeaderBytes) return corrupt("it ends within its head");
  const auto byte = [&](size_t at) { return static_cast<uint8_t>(bytes[at]); };
  const uint8_t longs = byte(0) & 0x3f;
  const uint8_t flags = byte(5);
  if (byte(1) != kVersion || byte(2) != kFamilyCompact || (flags & kCompact) == 0 ||
      (flags & kBigEndian) != 0) {
    return Unsupported(what + " is a Theta sketch in a form that is not known");
  }
  ThetaSketch sketch;
  if ((flags & kEmpty) != 0) return sketch;
  uint16_t seed = 0;
  std::memcpy(&seed, bytes.data() + 6, sizeof(seed));
  if (seed != SeedHash()) return Unsupported(what + " is a Theta sketch with another seed");
  size_t at = kHeaderBytes;
  size_t entries = 1;  // that has a head of its own
  if (longs > 3 || longs == 0) return corrupt("its head is too long");
  if (bytes.size() < size_t{8} * longs) return corrupt("it ends within its head");
  if (longs >= 2) {
    uint32_t count = 0;
    std::memcpy(&count, bytes.data() + at, sizeof(count));
    entries = count;
    at += 8;
  }
  if (longs == 3) {
    sketch.theta_ = Load(bytes.data() + at);
    at += 8;
    if (sketch.theta_ == 0 || sketch.theta_ > kThetaMax)
      return corrupt("its theta is out of range");
    if (sketch.theta_ == kThetaMax - 1) sketch.theta_ = kThetaMax;
  }
  if ((bytes.size() - at) / 8 < entries) return corrupt("it ends within its entries");
  for (size_t i = 0; i < entries; ++i, at += 8) {
    const uint64_t hash = Load(bytes.data() + at);
    if (hash == 0 || hash >= sketch.theta_) return corrupt("an entry is out of range");
    sketch.hashes_.push_back(hash);
  }
  sketch.Compact();
  return sketch;
}

}  // namespace tarn
