#include "base/random.h"

#include <atomic>
#include <cstdio>
#include <random>

namespace tarn {
namespace {

uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

class SplitMix final : public Random {
 public:
  explicit SplitMix(uint64_t seed) : state_(seed) {}
  uint64_t Next() override {
    constexpr uint64_t kGamma = 0x9e3779b97f4a7c15ULL;
    return Mix(state_.fetch_add(kGamma, std::memory_order_relaxed) + kGamma);
  }

 private:
  std::atomic<uint64_t> state_;
};

class OsRandom final : public Random {
 public:
  uint64_t Next() override {
    thread_local std::random_device device;
    return (static_cast<uint64_t>(device()) << 32) | device();
  }
};

}  // namespace

std::string Random::Uuid() {
  const uint64_t high = (Next() & ~0xf000ULL) | 0x4000ULL;
  const uint64_t low = (Next() & ~(3ULL << 62)) | (2ULL << 62);
  char text[37];
  std::snprintf(text, sizeof(text), "%08x-%04x-%04x-%04x-%012llx",
                static_cast<unsigned>(high >> 32), static_cast<unsigned>((high >> 16) & 0xffff),
                static_cast<unsigned>(high & 0xffff), static_cast<unsigned>(low >> 48),
                static_cast<unsigned long long>(low & 0xffffffffffffULL));
  return text;
}

int64_t Random::PositiveInt64() {
  const auto value = static_cast<int64_t>(Next() >> 1);
  return value == 0 ? 1 : value;
}

uint64_t Random::Below(uint64_t bound) {
  if (bound == 0) return 0;
  // The numbers below `unfair` are what remains after whole runs of `bound`: they would come up
  // once more often than the others.
  const uint64_t unfair = -bound % bound;
  uint64_t value = Next();
  while (value < unfair) value = Next();
  return value % bound;
}

Random& SystemRandom() {
  static OsRandom random;
  return random;
}

std::unique_ptr<Random> SeededRandom(uint64_t seed) { return std::make_unique<SplitMix>(seed); }

}  // namespace tarn
