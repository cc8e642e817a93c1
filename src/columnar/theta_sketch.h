#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn {

/// An estimate of how many different values there are, in bounded memory: Theta sketch of Apache
/// DataSketches, as Puffin files keep it ("apache-datasketches-theta-v1": the compact form, with
/// the default seed). It keeps the smallest hashes; exact up to 4096 values, then within about 3 %
/// in 19 of 20 cases. Sketches of parts give the sketch of the whole by Merge(). A value. Threads:
/// one at a time.
class ThetaSketch {
 public:
  /// A value as bytes (Iceberg "Binary single-value serialization"). No bytes are no value.
  void Update(std::string_view bytes);
  void Merge(const ThetaSketch& other);

  double Estimate() const;

  /// The compact, ordered form.
  std::string Serialize() const;
  /// Of any writer; `what` names the blob. Errors: Corruption; Unsupported (another seed, or a form
  /// that is not compact).
  static Result<ThetaSketch> Parse(std::string_view bytes, const std::string& what);

 private:
  void Add(uint64_t hash);
  void Compact() const;

  /// Hashes of 63 bits below `theta_`; after Compact() ascending and each once.
  mutable std::vector<uint64_t> hashes_;
  mutable size_t compacted_ = 0;  ///< how many are in order
  mutable uint64_t theta_ = uint64_t{1} << 63;
  std::vector<uint64_t> recent_;  ///< some that were added, by their low bits
};

}  // namespace tarn
