#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn {

/// A set of row positions of one data file: the rows that are deleted. 64-bit Roaring bitmap.
/// A value; copies are deep; of one that was moved from, only assignment and destruction are left.
/// Threads: const methods may be called concurrently.
class DeletionVector {
 public:
  DeletionVector();
  ~DeletionVector();
  DeletionVector(const DeletionVector& other);
  DeletionVector& operator=(const DeletionVector& other);
  DeletionVector(DeletionVector&&) noexcept;
  DeletionVector& operator=(DeletionVector&&) noexcept;

  /// Positions are 0-based and below kPositionMax; a larger one is an assertion.
  void Add(int64_t position);
  /// Adds [begin, end).
  void AddRange(int64_t begin, int64_t end);
  void AddAll(const DeletionVector& other);
  /// Takes the positions of `other` out.
  void RemoveAll(const DeletionVector& other);

  bool Contains(int64_t position) const;
  bool Intersects(const DeletionVector& other) const;
  /// How many positions of [begin, end) are in the set.
  int64_t CountIn(int64_t begin, int64_t end) const;
  int64_t cardinality() const;
  bool empty() const { return cardinality() == 0; }
  /// The largest position; -1 when empty.
  int64_t max() const;
  std::vector<int64_t> ToVector() const;
  void ForEach(const std::function<void(int64_t)>& visit) const;
  /// Writes the positions of [begin, begin + count) that are NOT in the set, less `begin`, to `out`
  /// (room for `count`); returns how many. What a scan turns into a selection: its cost is that of
  /// the rows in the range, whatever the size of the set.
  int64_t SelectLive(int64_t begin, int64_t count, uint32_t* out) const;
  bool operator==(const DeletionVector& other) const;
  /// Bytes that the bitmap takes in memory, about.
  int64_t memory_bytes() const;

  /// The blob "deletion-vector-v1" of the Puffin specification, which is Delta's vector on disk as
  /// well: 4 bytes big-endian length of magic and bitmap, magic D1 D3 39 64, the 64-bit portable
  /// Roaring bitmap, 4 bytes big-endian CRC-32 of magic and bitmap. Over 2 GiB: an assertion.
  std::string Serialize() const;
  /// Errors: Corruption (length, magic, checksum, a bitmap that is not one), naming `what`.
  static Result<DeletionVector> Parse(std::string_view blob, std::string_view what);
  /// The same without length and checksum (Delta's inline form): magic and bitmap; trailing zero
  /// bytes are allowed.
  static Result<DeletionVector> ParseBare(std::string_view magic_and_bitmap, std::string_view what);

  static constexpr int64_t kPositionMax = int64_t{1} << 62;

 private:
  struct Impl;
  enum class Padding { kNone, kZeros };
  static Result<DeletionVector> ParseBitmaps(std::string_view bytes, const std::string& what,
                                             Padding padding);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarn
