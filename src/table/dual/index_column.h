#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "columnar/prune.h"
#include "columnar/scalar.h"

namespace tarn {

/// Scalars, some of which may be absent: integers of 64 bits take 8 bytes each.
class ScalarArray {
 public:
  void Add(const std::optional<Scalar>& value);
  void Read(size_t i, std::optional<Scalar>& value) const;
  void Shrink();
  int64_t memory_bytes() const;

 private:
  bool has(size_t i) const { return absent_.empty() || !absent_[i]; }
  size_t size_ = 0;
  std::vector<bool> absent_;      ///< empty: none is
  std::vector<int64_t> numbers_;  ///< as long as all are such
  std::vector<Scalar> others_;    ///< else
  int64_t text_bytes_ = 0;
};

/// Counts, some of which may be unknown: when all are equal they take no memory.
class CountArray {
 public:
  void Add(std::optional<int64_t> count);
  std::optional<int64_t> operator[](size_t i) const;
  void Shrink() { counts_.shrink_to_fit(); }
  int64_t memory_bytes() const;

 private:
  size_t size_ = 0;
  int64_t first_ = 0;
  std::vector<int64_t> counts_;  ///< empty: all are `first_`
};

/// The bounds of one column (or the values of a partition field) in many files, and of each
/// kZoneFiles of them together, so that most need not be looked at.
class IndexColumn {
 public:
  static constexpr size_t kZoneFiles = 128;

  /// Of the next file. Those that nobody will ask for count for no zone.
  enum class Use { kAsked, kNever };
  void Add(const ColumnBounds& bounds, Use use);
  /// After the last file.
  void Finish();

  /// All of `bounds`.
  void Read(size_t file, ColumnBounds& bounds) const;
  /// What is certain of every file of a zone: a predicate that matches no row in such bounds
  /// matches none in any of them.
  const ColumnBounds& Zone(size_t zone) const { return zones_[zone]; }
  size_t zones() const { return zones_.size(); }
  int64_t memory_bytes() const;

 private:
  void Widen(const ColumnBounds& bounds);

  size_t size_ = 0;
  ScalarArray lower_;
  ScalarArray upper_;           ///< empty while `upper_is_lower_`
  bool upper_is_lower_ = true;  ///< in all files
  CountArray value_counts_, null_counts_, nan_counts_;
  std::vector<ColumnBounds> zones_;
  bool zone_empty_ = true;    ///< the last one has no values yet
  bool zone_ordered_ = true;  ///< its bounds are known
};

}  // namespace tarn
