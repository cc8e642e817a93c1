#include "source/checksum.h"

#include <cmath>
#include <cstring>
#include <string>
#include <string_view>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include "columnar/variant_column.h"
#include "columnar/variant_json.h"

namespace tarn {
namespace {

__extension__ typedef unsigned __int128 Wide;

constexpr uint64_t kNull = 0x9ae16a3b2f90404fULL;
constexpr uint64_t kEmptyRow = 0xc3a5c85c97cb3127ULL;
constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15ULL;
constexpr uint64_t kOther = 0xe7037ed1a0b428dbULL;

// The two halves of a 128-bit product, folded: every input bit reaches every output bit. Zero for
// b = kOther or a = kMultiplier, so neither is ever passed as a seed there.
inline uint64_t Mix(uint64_t a, uint64_t b) {
  const Wide product = static_cast<Wide>(a ^ kMultiplier) * (b ^ kOther);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}
inline uint64_t HashInteger(uint64_t value) { return Mix(value, 8); }

inline uint64_t HashBytes(const uint8_t* p, int64_t size) {
  uint64_t hash = Mix(static_cast<uint64_t>(size), kEmptyRow);
  uint64_t word = 0;
  for (; size > 8; p += 8, size -= 8) {
    std::memcpy(&word, p, 8);
    hash = Mix(hash, word);
  }
  word = 0;
  if (size > 0) std::memcpy(&word, p, static_cast<size_t>(size));
  return Mix(hash, word);
}

// bits 64…127 matter only to values that need them: a decimal of 32 bits hashes like one of 128.
inline uint64_t HashDecimal(int64_t high, uint64_t low) {
  const uint64_t hash = HashInteger(low);
  const int64_t sign = static_cast<int64_t>(low) < 0 ? -1 : 0;
  return high == sign ? hash : Mix(hash, static_cast<uint64_t>(high));
}

inline uint64_t HashDouble(double value) {
  if (std::isnan(value)) return HashInteger(0x7ff8000000000000ULL);
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return HashInteger(bits);
}

Status HashValues(const arrow::Array& array, uint64_t* out);

template <typename ArrayType, typename Hash>
Status Each(const arrow::Array& array, uint64_t* out, Hash&& hash) {
  const auto& typed = static_cast<const ArrayType&>(array);
  const int64_t length = typed.length();
  if (typed.null_count() == 0) {
    for (int64_t i = 0; i < length; ++i) out[i] = hash(typed, i);
  } else {
    for (int64_t i = 0; i < length; ++i) out[i] = typed.IsNull(i) ? kNull : hash(typed, i);
  }
  return Status::Ok();
}

template <typename ArrayType>
Status Integers(const arrow::Array& array, uint64_t* out) {
  return Each<ArrayType>(array, out, [](const ArrayType& a, int64_t i) {
    return HashInteger(static_cast<uint64_t>(static_cast<int64_t>(a.Value(i))));
  });
}

template <typename ArrayType>
Status Scaled(const arrow::Array& array, int64_t multiply, int64_t divide, uint64_t* out) {
  return Each<ArrayType>(array, out, [=](const ArrayType& a, int64_t i) {
    const int64_t value = static_cast<int64_t>(a.Value(i));
    return HashInteger(static_cast<uint64_t>(multiply > 1 ? value * multiply : value / divide));
  });
}

template <typename ArrayType>
Status Bytes(const arrow::Array& array, uint64_t* out) {
  return Each<ArrayType>(array, out, [](const ArrayType& a, int64_t i) {
    const std::string_view view = a.GetView(i);
    return HashBytes(reinterpret_cast<const uint8_t*>(view.data()),
                     static_cast<int64_t>(view.size()));
  });
}

template <typename ArrayType>
Status Lists(const arrow::Array& array, uint64_t* out) {
  const auto& typed = static_cast<const ArrayType&>(array);
  const arrow::Array& items = *typed.values();
  std::vector<uint64_t> hashes(static_cast<size_t>(items.length()));
  TARN_RETURN_IF_ERROR(HashValues(items, hashes.data()));
  return Each<ArrayType>(array, out, [&](const ArrayType& a, int64_t i) {
    const int64_t begin = a.value_offset(i);
    const int64_t length = a.value_length(i);
    uint64_t hash = Mix(static_cast<uint64_t>(length), kMultiplier);
    for (int64_t j = begin; j < begin + length; ++j) {
      hash = Mix(hash, hashes[static_cast<size_t>(j)]);
    }
    return hash;
  });
}

Status Structs(const arrow::Array& array, uint64_t* out) {
  const auto& typed = static_cast<const arrow::StructArray&>(array);
  const size_t length = static_cast<size_t>(array.length());
  std::vector<uint64_t> all(length, kEmptyRow);
  std::vector<uint64_t> one(length);
  for (int i = 0; i < typed.num_fields(); ++i) {
    TARN_RETURN_IF_ERROR(HashValues(*typed.field(i), one.data()));
    for (size_t j = 0; j < length; ++j) all[j] = Mix(all[j], one[j]);
  }
  for (size_t j = 0; j < length; ++j) {
    out[j] = array.IsNull(static_cast<int64_t>(j)) ? kNull : all[j];
  }
  return Status::Ok();
}

// Writers differ in how they write the same value: it is its JSON that is hashed.
Status Variants(const arrow::Array& array, uint64_t* out) {
  const auto& typed = static_cast<const arrow::StructArray&>(array);
  const auto& metadata = static_cast<const arrow::BinaryArray&>(*typed.field(0));
  const auto& values = static_cast<const arrow::BinaryArray&>(*typed.field(1));
  std::string json;
  for (int64_t i = 0; i < array.length(); ++i) {
    json.clear();
    if (array.IsValid(i)) {
      TARN_RETURN_IF_ERROR(AppendVariantJson(metadata.GetView(i), values.GetView(i), &json));
    }
    // SQL does not tell JSON's null from its own.
    out[i] = json.empty() || json == "null"
                 ? kNull
                 : HashBytes(reinterpret_cast<const uint8_t*>(json.data()),
                             static_cast<int64_t>(json.size()));
  }
  return Status::Ok();
}

Status Dictionaries(const arrow::Array& array, uint64_t* out) {
  const auto& typed = static_cast<const arrow::DictionaryArray&>(array);
  std::vector<uint64_t> values(static_cast<size_t>(typed.dictionary()->length()));
  TARN_RETURN_IF_ERROR(HashValues(*typed.dictionary(), values.data()));
  return Each<arrow::DictionaryArray>(array, out, [&](const arrow::DictionaryArray& a, int64_t i) {
    return values[static_cast<size_t>(a.GetValueIndex(i))];
  });
}

Status Decimals(const arrow::Array& array, uint64_t* out) {
  const int width = static_cast<const arrow::FixedWidthType&>(*array.type()).bit_width() / 8;
  return Each<arrow::FixedSizeBinaryArray>(
      array, out, [=](const arrow::FixedSizeBinaryArray& a, int64_t i) {
        // Two's complement, little endian; the sign fills what a narrow one does not have.
        int64_t words[2] = {0, 0};
        const uint8_t* p = a.GetValue(i);
        std::memcpy(words, p, static_cast<size_t>(width < 16 ? width : 16));
        if (width == 4) words[0] = static_cast<int32_t>(words[0]);
        if (width < 16) words[1] = words[0] < 0 ? -1 : 0;
        return HashDecimal(words[1], static_cast<uint64_t>(words[0]));
      });
}

Status Times(const arrow::Array& array, arrow::TimeUnit::type unit, uint64_t* out) {
  const int64_t multiply = unit == arrow::TimeUnit::SECOND  ? 1000000
                           : unit == arrow::TimeUnit::MILLI ? 1000
                                                            : 1;
  const int64_t divide = unit == arrow::TimeUnit::NANO ? 1000 : 1;
  if (array.type_id() == arrow::Type::TIME32) {
    return Scaled<arrow::Time32Array>(array, multiply, divide, out);
  }
  if (array.type_id() == arrow::Type::TIME64) {
    return Scaled<arrow::Time64Array>(array, multiply, divide, out);
  }
  return Scaled<arrow::TimestampArray>(array, multiply, divide, out);
}

Status HashValues(const arrow::Array& array, uint64_t* out) {
  switch (array.type_id()) {
    case arrow::Type::NA:
      for (int64_t i = 0; i < array.length(); ++i) out[i] = kNull;
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
      return Each<arrow::FloatArray>(array, out, [](const arrow::FloatArray& a, int64_t i) {
        return HashDouble(static_cast<double>(a.Value(i)));
      });
    case arrow::Type::DOUBLE:
      return Each<arrow::DoubleArray>(array, out, [](const arrow::DoubleArray& a, int64_t i) {
        return HashDouble(a.Value(i));
      });
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128:
      return Decimals(array, out);
    case arrow::Type::DATE32:
      return Integers<arrow::Date32Array>(array, out);
    case arrow::Type::DATE64:
      return Scaled<arrow::Date64Array>(array, 1, 86400000, out);
    case arrow::Type::TIME32:
      return Times(array, static_cast<const arrow::Time32Type&>(*array.type()).unit(), out);
    case arrow::Type::TIME64:
      return Times(array, static_cast<const arrow::Time64Type&>(*array.type()).unit(), out);
    case arrow::Type::TIMESTAMP:
      return Times(array, static_cast<const arrow::TimestampType&>(*array.type()).unit(), out);
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
    case arrow::Type::LIST:
      return Lists<arrow::ListArray>(array, out);
    case arrow::Type::MAP:
      return Lists<arrow::MapArray>(array, out);
    case arrow::Type::LARGE_LIST:
      return Lists<arrow::LargeListArray>(array, out);
    case arrow::Type::FIXED_SIZE_LIST:
      return Lists<arrow::FixedSizeListArray>(array, out);
    case arrow::Type::LIST_VIEW:
      return Lists<arrow::ListViewArray>(array, out);
    case arrow::Type::STRUCT:
      return IsVariantStorage(*array.type()) ? Variants(array, out) : Structs(array, out);
    case arrow::Type::DICTIONARY:
      return Dictionaries(array, out);
    default:
      return Unsupported("no checksum for values of type " + array.type()->ToString());
  }
}

}  // namespace

Status TableHasher::Add(const arrow::RecordBatch& batch) {
  const size_t rows = static_cast<size_t>(batch.num_rows());
  rows_.assign(rows, kEmptyRow);
  values_.resize(rows);
  for (int i = 0; i < batch.num_columns(); ++i) {
    TARN_RETURN_IF_ERROR(
        HashValues(*batch.column(i), values_.data()).Wrap("column " + batch.column_name(i)));
    for (size_t j = 0; j < rows; ++j) rows_[j] = Mix(rows_[j], values_[j]);
  }
  uint64_t sum = 0;
  for (const uint64_t row : rows_) sum += row;
  checksum_.hash += sum;
  checksum_.rows += batch.num_rows();
  return Status::Ok();
}

void TableHasher::Merge(const TableChecksum& other) {
  checksum_.hash += other.hash;
  checksum_.rows += other.rows;
}

}  // namespace tarn
