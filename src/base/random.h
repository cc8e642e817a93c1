#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace tarn {

/// Where chance comes from. Injected, so that a test can replay it by its seed.
/// Threads: every method may be called concurrently.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;

  /// A version 4 UUID in its usual text form, lower case (RFC 9562 §5.4).
  std::string Uuid();
  /// A positive 63-bit number, as Iceberg's snapshot ids are.
  int64_t PositiveInt64();
  /// Uniform in [0, bound); 0 for a bound of 0.
  uint64_t Below(uint64_t bound);
};

/// Seeded from the operating system; lives for ever.
Random& SystemRandom();

/// The same sequence for the same seed (splitmix64).
std::unique_ptr<Random> SeededRandom(uint64_t seed);

}  // namespace tarn
