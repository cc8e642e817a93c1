#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/scalar.h"

namespace tarn {

/// Parquet's Variant, as bytes ("VariantEncoding.md" of parquet-format, version 1). A value is two
/// byte strings: `metadata`, a dictionary of the keys of objects, and `value`, which refers to it.
///
/// Everything here reads bytes of any origin: nothing is taken from beyond them, no deeper than
/// kVariantDepthMax, and with no more work than their length allows, though parts may be referred
/// to several times. Strings that come out are well-formed UTF-8.
/// Ownership: views borrow the bytes. Threads: any.
/// Errors: Corruption; Unsupported (another version, a type that is not known). They name neither
/// file nor column: who reads them adds both.

/// Levels of objects and arrays within each other.
inline constexpr int kVariantDepthMax = 500;
/// Bytes of a value that is written, as Spark has it.
inline constexpr int64_t kVariantBytesMax = 128LL << 20;

/// "Variant primitive types" by their ids, then what is no primitive.
enum class VariantKind : uint8_t {
  kNull = 0,
  kTrue = 1,
  kFalse = 2,
  kInt8 = 3,
  kInt16 = 4,
  kInt32 = 5,
  kInt64 = 6,
  kDouble = 7,
  kDecimal4 = 8,
  kDecimal8 = 9,
  kDecimal16 = 10,
  kDate = 11,         ///< days since 1970-01-01
  kTimestampTz = 12,  ///< microseconds since the epoch
  kTimestamp = 13,    ///< the same without a time zone
  kFloat = 14,
  kBinary = 15,
  kString = 16,         ///< short strings too
  kTime = 17,           ///< microseconds of a day
  kTimestampTzNs = 18,  ///< nanoseconds since the epoch
  kTimestampNs = 19,
  kUuid = 20,
  kObject = 64,
  kArray = 65
};

/// The keys that a value's objects may have.
class VariantKeys {
 public:
  /// Checks all of it.
  static Result<VariantKeys> Read(std::string_view metadata);

  uint32_t size() const { return static_cast<uint32_t>(keys_.size()); }
  std::string_view at(uint32_t id) const { return keys_[id]; }

 private:
  std::vector<std::string_view> keys_;
};

/// One value, and where its parts are, if it has any.
struct VariantNode {
  VariantKind kind = VariantKind::kNull;
  std::string_view bytes;  ///< of the whole value, its header included
  std::string_view text;   ///< of a string, a binary, a uuid
  int64_t integer = 0;     ///< of integers, dates and times
  double real = 0;         ///< of a float or double
  Int128 unscaled;         ///< of a decimal
  int scale = 0;           ///< of a decimal
  uint32_t count = 0;      ///< parts of an object or array

  /// Reads the value that `bytes` begin with; its parts are within `bytes`, and not looked into.
  static Result<VariantNode> Read(std::string_view bytes);

  /// The key of an object's part, not checked against the dictionary.
  uint32_t KeyId(uint32_t part) const;
  /// Where a part begins, and everything behind it.
  std::string_view Part(uint32_t part) const;
  /// Those of the value that are not its parts'.
  size_t own_bytes() const { return bytes.size() - parts_.size(); }

 private:
  Status ReadParts(std::string_view data, int id_bytes, int offset_bytes, int count_bytes);

  std::string_view ids_;
  std::string_view offsets_;
  std::string_view parts_;
  int id_bytes_ = 0;
  int offset_bytes_ = 0;
};

/// Whether bytes are a value from end to end: what its objects and arrays hold, too. `depth`:
/// levels around it.
Status CheckVariant(const VariantKeys& keys, std::string_view value, int depth = 0);
Status CheckVariant(std::string_view metadata, std::string_view value);

}  // namespace tarn
