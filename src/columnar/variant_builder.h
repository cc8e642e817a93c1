#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "columnar/scalar.h"
#include "columnar/variant.h"

namespace tarn {

/// Makes Variants (variant.h), one after the other: first Begin(), then the value, then Finish().
///
/// A value is one call of a primitive, or its parts between the marks of an object or array:
/// ```
/// auto object = builder.Open();
/// builder.AddKey(object, "a");
/// builder.Integer(1);
/// builder.CloseObject(object);
/// ```
/// Numbers take the fewest bytes that hold them. Objects are sorted by their keys, as the encoding
/// demands. Threads: one at a time.
class VariantBuilder {
 public:
  /// An object or array whose parts are being added.
  struct Container {
    struct Part {
      uint32_t key = 0;
      size_t at = 0;
    };
    size_t begin = 0;
    std::vector<Part> parts;
  };

  /// A value with a dictionary of its own.
  void Begin();
  /// A value of this dictionary, which outlives Finish().
  void Begin(const VariantKeys& keys);

  void Null() { Header(VariantKind::kNull); }
  void Boolean(bool value) { Header(value ? VariantKind::kTrue : VariantKind::kFalse); }
  void Integer(int64_t value);
  /// Error: InvalidArgument for more than 38 digits.
  Status Decimal(const Int128& unscaled, int scale);
  void Float(float value);
  void Double(double value);
  void Date(int32_t days);
  /// kTime, and all kinds of timestamps.
  void Time(VariantKind kind, int64_t value);
  void String(std::string_view utf8);
  void Binary(std::string_view bytes);
  void Uuid(std::string_view bytes);  ///< 16, big endian
  /// A value of the same dictionary, as it is.
  void Raw(std::string_view value) { value_.append(value); }

  Container Open() const { return {value_.size(), {}}; }
  void AddItem(Container& array) const { array.parts.push_back({0, value_.size()}); }
  /// A key's place in the dictionary. Error: Corruption where that is given and lacks it.
  Result<uint32_t> KeyId(std::string_view key);
  /// Errors: those of KeyId().
  Status AddKey(Container& object, std::string_view key);
  void AddKey(Container& object, uint32_t key) const {
    object.parts.push_back({key, value_.size()});
  }
  void CloseArray(const Container& array);
  /// What becomes of a key that comes twice.
  enum class SameKeys { kRefused, kLastCounts };
  /// Error: InvalidArgument for a key that comes twice, where that is refused.
  Status CloseObject(Container& object, SameKeys same_keys = SameKeys::kRefused);

  /// Ends the value. The views are valid until the next Begin(). Error: InvalidArgument for one of
  /// more than kVariantBytesMax.
  struct Bytes {
    std::string_view metadata;
    std::string_view value;
  };
  Result<Bytes> Finish();

 private:
  struct Known {
    uint64_t value = 0;  ///< in which it was met last
    uint32_t id = 0;
  };

  void Header(VariantKind kind) {
    value_.push_back(static_cast<char>(static_cast<uint8_t>(kind) << 2));
  }
  std::string_view KeyText(uint32_t id) const { return given_ ? given_->at(id) : keys_[id]; }
  void KeepLast(Container& object);
  void Close(const Container& container, int basic_type, int id_bytes);
  void WriteMetadata();

  std::string value_;
  std::string metadata_;
  const VariantKeys* given_ = nullptr;
  /// Keys of earlier values are kept: most rows have the same ones.
  std::unordered_map<std::string, Known> known_;
  std::vector<std::string_view> keys_;
  std::unordered_map<std::string_view, uint32_t> given_ids_;
  uint64_t values_ = 0;
};

}  // namespace tarn
