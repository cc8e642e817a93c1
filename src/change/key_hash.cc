#include "change/key_hash.h"

#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/array.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>

#include "base/check.h"

namespace tarn {
namespace {

__extension__ typedef unsigned __int128 Wide;

// Digits of pi. Each half of a hash has constants of its own: what collides in one does not in the
// other.
constexpr KeyHash kSeed = {0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL};
constexpr KeyHash kNull = {0xa4093822299f31d0ULL, 0x082efa98ec4e6c89ULL};
constexpr KeyHash kMore = {0x452821e638d01377ULL, 0xbe5466cf34e90c6cULL};
constexpr KeyHash kBytes = {0xc0ac29b7c97c50ddULL, 0x3f84d5b5b5470917ULL};
constexpr KeyHash kBytesOther = {0x9216d5d98979fb1bULL, 0xd1310ba698dfb5acULL};

/// Two different permutations of 64 bits (finishers of splitmix64 and of MurmurHash3): a permuted
/// sum of a state and a value differs wherever the value does.
inline uint64_t PermuteHigh(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}
inline uint64_t PermuteLow(uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

inline KeyHash Fold(KeyHash state, uint64_t high, uint64_t low) {
  return {PermuteHigh(state.high ^ high), PermuteLow(state.low + low)};
}
inline KeyHash Fold(KeyHash state, uint64_t value) { return Fold(state, value, value); }
inline KeyHash FoldNull(KeyHash state) {
  return Fold({~state.high, ~state.low}, kNull.high, kNull.low);
}

/// Halves of a 128-bit product, folded: every bit of both reaches every bit of the result.
inline uint64_t Multiply(uint64_t a, uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t Load64(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}
inline uint64_t Load32(const char* at) {
  uint32_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

/// The last bytes, at most 16, as two words: which bytes they are is clear together with the size.
inline void LoadTail(const char* at, size_t size, uint64_t* first, uint64_t* second) {
  if (size >= 8) {
    *first = Load64(at);
    *second = Load64(at + size - 8);
  } else if (size >= 4) {
    *first = Load32(at);
    *second = Load32(at + size - 4);
  } else if (size > 0) {
    const auto byte = [at](size_t i) { return static_cast<uint64_t>(static_cast<uint8_t>(at[i])); };
    *first = byte(0) << 16 | byte(size / 2) << 8 | byte(size - 1);
    *second = 0;
  } else {
    *first = 0;
    *second = 0;
  }
}

inline KeyHash HashBytes(std::string_view bytes) {
  const char* at = bytes.data();
  size_t left = bytes.size();
  // Spread over the word, so that no text makes up for another's length.
  KeyHash hash = {kBytes.high ^ left * kMore.high, kBytes.low ^ left * kMore.low};
  uint64_t first = 0;
  uint64_t second = 0;
  for (; left > 16; at += 16, left -= 16) {
    first = Load64(at);
    second = Load64(at + 8);
    hash = {Multiply(first ^ hash.high, second ^ kBytesOther.high),
            Multiply(first ^ kBytesOther.low, second ^ hash.low)};
  }
  LoadTail(at, left, &first, &second);
  return {Multiply(first ^ hash.high, second ^ kBytesOther.high),
          Multiply(first ^ kBytesOther.low, second ^ hash.low)};
}

template <typename ArrayType, typename FoldValue>
Status Each(const arrow::Array& array, std::span<KeyHash> out, FoldValue&& fold) {
  const auto& typed = static_cast<const ArrayType&>(array);
  const auto length = static_cast<int64_t>(out.size());
  if (typed.null_count() == 0) {
    for (int64_t i = 0; i < length; ++i) {
      KeyHash& hash = out[static_cast<size_t>(i)];
      hash = fold(hash, typed, i);
    }
  } else {
    for (int64_t i = 0; i < length; ++i) {
      KeyHash& hash = out[static_cast<size_t>(i)];
      hash = typed.IsNull(i) ? FoldNull(hash) : fold(hash, typed, i);
    }
  }
  return Status::Ok();
}

template <typename ArrayType>
Status Integers(const arrow::Array& array, std::span<KeyHash> out) {
  return Each<ArrayType>(array, out, [](KeyHash hash, const ArrayType& a, int64_t i) {
    return Fold(hash, static_cast<uint64_t>(static_cast<int64_t>(a.Value(i))));
  });
}

template <typename ArrayType>
Status Floats(const arrow::Array& array, std::span<KeyHash> out) {
  return Each<ArrayType>(array, out, [](KeyHash hash, const ArrayType& a, int64_t i) {
    const double value = static_cast<double>(a.Value(i)) + 0.0;  // -0 + 0 is 0
    uint64_t bits = 0x7ff8000000000000ULL;
    if (!std::isnan(value)) std::memcpy(&bits, &value, sizeof(bits));
    return Fold(hash, bits);
  });
}

/// Bits 64…127 count for values that need them only: a decimal of 32 bits hashes like one of 128.
Status Decimals(const arrow::Array& array, std::span<KeyHash> out) {
  const int width = static_cast<const arrow::FixedWidthType&>(*array.type()).bit_width() / 8;
  return Each<arrow::FixedSizeBinaryArray>(
      array, out, [width](KeyHash hash, const arrow::FixedSizeBinaryArray& a, int64_t i) {
        int64_t words[2] = {0, 0};
        std::memcpy(words, a.GetValue(i), static_cast<size_t>(width));
        if (width == 4) words[0] = static_cast<int32_t>(words[0]);
        const int64_t sign = words[0] < 0 ? -1 : 0;
        hash = Fold(hash, static_cast<uint64_t>(words[0]));
        if (width < 16 || words[1] == sign) return hash;
        const auto high = static_cast<uint64_t>(words[1]);
        return Fold(hash, high ^ kMore.high, high ^ kMore.low);
      });
}

template <typename ArrayType>
Status Scaled(const arrow::Array& array, int64_t multiply, int64_t divide, std::span<KeyHash> out) {
  return Each<ArrayType>(array, out, [=](KeyHash hash, const ArrayType& a, int64_t i) {
    const auto value = static_cast<int64_t>(a.Value(i));
    // A source's time that is out of range wraps, and does so alike on every side.
    hash = Fold(hash, static_cast<uint64_t>(value / divide) * static_cast<uint64_t>(multiply));
    const auto rest = static_cast<uint64_t>(value % divide);
    return rest == 0 ? hash : Fold(hash, rest ^ kMore.high, rest ^ kMore.low);
  });
}

template <typename ArrayType>
Status Times(const arrow::Array& array, arrow::TimeUnit::type unit, std::span<KeyHash> out) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return Scaled<ArrayType>(array, 1'000'000, 1, out);
    case arrow::TimeUnit::MILLI:
      return Scaled<ArrayType>(array, 1'000, 1, out);
    case arrow::TimeUnit::MICRO:
      return Integers<ArrayType>(array, out);
    case arrow::TimeUnit::NANO:
      return Scaled<ArrayType>(array, 1, 1'000, out);
  }
  return Unsupported("no key has values of type " + array.type()->ToString());
}

template <typename ArrayType>
Status Bytes(const arrow::Array& array, std::span<KeyHash> out) {
  return Each<ArrayType>(array, out, [](KeyHash hash, const ArrayType& a, int64_t i) {
    const KeyHash bytes = HashBytes(a.GetView(i));
    return Fold(hash, bytes.high, bytes.low);
  });
}

Status FoldColumn(const arrow::Array& array, std::span<KeyHash> out);

/// Only texts come as dictionaries: each value of one is hashed once.
Status Dictionaries(const arrow::Array& array, std::span<KeyHash> out) {
  const auto& typed = static_cast<const arrow::DictionaryArray&>(array);
  const arrow::Array& values = *typed.dictionary();
  std::vector<KeyHash> hashes(static_cast<size_t>(values.length()));
  const auto hash_all = [&]<typename ArrayType>(const ArrayType& texts) {
    for (int64_t i = 0; i < texts.length(); ++i) {
      if (texts.IsValid(i)) hashes[static_cast<size_t>(i)] = HashBytes(texts.GetView(i));
    }
  };
  switch (values.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      hash_all(static_cast<const arrow::BinaryArray&>(values));
      break;
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      hash_all(static_cast<const arrow::LargeBinaryArray&>(values));
      break;
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW:
      hash_all(static_cast<const arrow::BinaryViewArray&>(values));
      break;
    default:
      return Unsupported("no key has values of type " + array.type()->ToString());
  }
  return Each<arrow::DictionaryArray>(
      array, out, [&](KeyHash hash, const arrow::DictionaryArray& a, int64_t i) {
        const int64_t at = a.GetValueIndex(i);
        if (values.IsNull(at)) return FoldNull(hash);
        const KeyHash& bytes = hashes[static_cast<size_t>(at)];
        return Fold(hash, bytes.high, bytes.low);
      });
}

Status FoldColumn(const arrow::Array& array, std::span<KeyHash> out) {
  switch (array.type_id()) {
    case arrow::Type::NA:
      for (KeyHash& hash : out) hash = FoldNull(hash);
      return Status::Ok();
    case arrow::Type::BOOL:
      return Integers<arrow::BooleanArray>(array, out);
    case arrow::Type::INT8:
      return Integers<arrow::Int8Array>(array, out);
    case arrow::Type::INT16:
      return Integers<arrow::Int16Array>(array, out);
    case arrow::Type::INT32:
      return Integers<arrow::Int32Array>(array, out);
    case arrow::Type::INT64:
      return Integers<arrow::Int64Array>(array, out);
    case arrow::Type::UINT8:
      return Integers<arrow::UInt8Array>(array, out);
    case arrow::Type::UINT16:
      return Integers<arrow::UInt16Array>(array, out);
    case arrow::Type::UINT32:
      return Integers<arrow::UInt32Array>(array, out);
    case arrow::Type::UINT64:
      return Integers<arrow::UInt64Array>(array, out);
    case arrow::Type::FLOAT:
      return Floats<arrow::FloatArray>(array, out);
    case arrow::Type::DOUBLE:
      return Floats<arrow::DoubleArray>(array, out);
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128:
      return Decimals(array, out);
    case arrow::Type::DATE32:
      return Integers<arrow::Date32Array>(array, out);
    case arrow::Type::TIME32:
      return Times<arrow::Time32Array>(
          array, static_cast<const arrow::Time32Type&>(*array.type()).unit(), out);
    case arrow::Type::TIME64:
      return Times<arrow::Time64Array>(
          array, static_cast<const arrow::Time64Type&>(*array.type()).unit(), out);
    case arrow::Type::TIMESTAMP:
      return Times<arrow::TimestampArray>(
          array, static_cast<const arrow::TimestampType&>(*array.type()).unit(), out);
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return Bytes<arrow::BinaryArray>(array, out);
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return Bytes<arrow::LargeBinaryArray>(array, out);
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW:
      return Bytes<arrow::BinaryViewArray>(array, out);
    case arrow::Type::FIXED_SIZE_BINARY:
      return Bytes<arrow::FixedSizeBinaryArray>(array, out);
    case arrow::Type::DICTIONARY:
      return Dictionaries(array, out);
    case arrow::Type::EXTENSION:
      return FoldColumn(*static_cast<const arrow::ExtensionArray&>(array).storage(), out);
    default:
      return Unsupported("no key has values of type " + array.type()->ToString());
  }
}

}  // namespace

Status HashKeys(std::span<const std::shared_ptr<arrow::Array>> columns, std::span<KeyHash> out) {
  if (columns.empty()) return InvalidArgument("a key needs at least one column");
  for (KeyHash& hash : out) hash = kSeed;
  for (const auto& column : columns) {
    TARN_CHECK(column->length() == static_cast<int64_t>(out.size()));
    TARN_RETURN_IF_ERROR(FoldColumn(*column, out));
  }
  return Status::Ok();
}

}  // namespace tarn
