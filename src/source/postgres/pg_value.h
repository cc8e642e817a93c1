#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#include "columnar/utf8.h"
#include "source/postgres/pg_column_buffer.h"
#include "source/postgres/pg_numeric.h"

namespace tarn::postgres {

/// Why a value cannot be stored.
enum class ValueTrouble : uint8_t {
  kNone,
  kMalformed,
  kDecimal,
  kTimestamp,
  kDimensions,
  kTooLong,
  kUtf8,
  kJson,  ///< no variant can be made of the text: ArrowColumn::refusal()
  kMemory
};

/// What is demanded of every value.
struct ValueRules {
  int64_t value_bytes_max = 0;
  bool check_utf8 = false;  ///< the server does not (SQL_ASCII)
};

constexpr int32_t kDaysTo2000 = 10957;
constexpr int32_t kDateMax = 2145031948;  ///< 5874897-12-31, PostgreSQL's last day
constexpr int64_t kMicrosTo2000 = 946684800000000;

template <typename T>
void Store(uint8_t* values, int64_t row, T value) {
  std::memcpy(values + row * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}

ValueTrouble DecodeUuid(ColumnBuffer& column, int64_t row, const uint8_t* p);
ValueTrouble DecodeJson(const ValueRules& rules, ColumnBuffer& column, int64_t row,
                        const uint8_t* p, int64_t bytes);
ValueTrouble DecodeList(const ValueRules& rules, ColumnBuffer& column, int64_t row,
                        const uint8_t* p, int64_t bytes, const uint8_t* readable_end);

[[gnu::always_inline]] inline ValueTrouble DecodeChars(const ValueRules& rules,
                                                       ColumnBuffer& column, int64_t row,
                                                       const uint8_t* p, int64_t bytes,
                                                       const uint8_t* readable_end) {
  if (bytes > rules.value_bytes_max) [[unlikely]] {
    return ValueTrouble::kTooLong;
  }
  if (column.chars_size + bytes > column.chars_capacity && !column.GrowChars(bytes).ok())
      [[unlikely]] {
    return ValueTrouble::kMemory;
  }
  uint8_t* to = column.chars + column.chars_size;
  if (bytes <= ColumnBuffer::kSlackBytes && readable_end - p >= ColumnBuffer::kSlackBytes) {
    std::memcpy(to, p, ColumnBuffer::kSlackBytes);  // a constant length: two vector moves
  } else {
    std::memcpy(to, p, static_cast<size_t>(bytes));
  }
  if (rules.check_utf8 && column.kind != WireKind::kBytes &&
      !IsValidUtf8({reinterpret_cast<const char*>(p), static_cast<size_t>(bytes)})) {
    return ValueTrouble::kUtf8;
  }
  column.chars_size += bytes;
  Store(column.values, row + 1, static_cast<int32_t>(column.chars_size));
  return ValueTrouble::kNone;
}

/// A value as the type's send function writes it, into `row` of the column. `readable_end` ≥ the
/// value's end: bytes that may be read, though they mean nothing.
// One switch in one place keeps the loop above in registers; its targets repeat with the columns,
// which the branch predictor learns.
[[gnu::always_inline]] inline ValueTrouble DecodeValue(const ValueRules& rules,
                                                       ColumnBuffer& column, int64_t row,
                                                       const uint8_t* p, int64_t bytes,
                                                       const uint8_t* readable_end) {
  switch (column.kind) {
    case WireKind::kInt32:
      if (bytes != 4) return ValueTrouble::kMalformed;
      Store(column.values, row, ReadBig32(p));
      return ValueTrouble::kNone;
    case WireKind::kInt64:
    case WireKind::kFloat64:
      if (bytes != 8) return ValueTrouble::kMalformed;
      Store(column.values, row, ReadBig64(p));
      return ValueTrouble::kNone;
    case WireKind::kText:
    case WireKind::kBytes:
      return DecodeChars(rules, column, row, p, bytes, readable_end);
    case WireKind::kDecimal: {
      Wide value;
      if (DecodeNumeric(p, bytes, column.precision, column.scale, &value) != NumericFault::kNone) {
        return ValueTrouble::kDecimal;
      }
      Store(column.values, row, value);
      return ValueTrouble::kNone;
    }
    case WireKind::kDate: {
      if (bytes != 4) return ValueTrouble::kMalformed;
      const int32_t days = static_cast<int32_t>(ReadBig32(p));
      // Infinities are the extremes on the wire; the lake's -infinity is symmetric to +infinity.
      if (days == std::numeric_limits<int32_t>::max()) {
        Store(column.values, row, days);
      } else if (days == std::numeric_limits<int32_t>::min()) {
        Store(column.values, row, -std::numeric_limits<int32_t>::max());
      } else if (days > kDateMax) {
        return ValueTrouble::kMalformed;
      } else {
        Store(column.values, row, days + kDaysTo2000);
      }
      return ValueTrouble::kNone;
    }
    case WireKind::kTimestamp: {
      if (bytes != 8) return ValueTrouble::kMalformed;
      int64_t micros = static_cast<int64_t>(ReadBig64(p));
      if (micros == std::numeric_limits<int64_t>::min()) {
        micros = -std::numeric_limits<int64_t>::max();
      } else if (micros != std::numeric_limits<int64_t>::max() &&
                 (__builtin_add_overflow(micros, kMicrosTo2000, &micros) ||
                  micros == std::numeric_limits<int64_t>::max())) {
        return ValueTrouble::kTimestamp;
      }
      Store(column.values, row, micros);
      return ValueTrouble::kNone;
    }
    case WireKind::kInt16:
      if (bytes != 2) return ValueTrouble::kMalformed;
      Store(column.values, row, static_cast<int32_t>(static_cast<int16_t>(ReadBig16(p))));
      return ValueTrouble::kNone;
    case WireKind::kBool:
      if (bytes != 1) return ValueTrouble::kMalformed;
      column.values[row] = *p != 0 ? 1 : 0;
      return ValueTrouble::kNone;
    case WireKind::kFloat32:
      if (bytes != 4) return ValueTrouble::kMalformed;
      Store(column.values, row, ReadBig32(p));
      return ValueTrouble::kNone;
    case WireKind::kOid:
      if (bytes != 4) return ValueTrouble::kMalformed;
      Store(column.values, row, static_cast<int64_t>(ReadBig32(p)));
      return ValueTrouble::kNone;
    case WireKind::kJsonb:
      if (bytes < 1 || *p != 1) return ValueTrouble::kMalformed;
      return DecodeChars(rules, column, row, p + 1, bytes - 1, readable_end);
    case WireKind::kJsonVariant:
      return DecodeJson(rules, column, row, p, bytes);
    case WireKind::kJsonbVariant:
      if (bytes < 1 || *p != 1) return ValueTrouble::kMalformed;
      return DecodeJson(rules, column, row, p + 1, bytes - 1);
    case WireKind::kUuid:
      return bytes == 16 ? DecodeUuid(column, row, p) : ValueTrouble::kMalformed;
    case WireKind::kList:
      return DecodeList(rules, column, row, p, bytes, readable_end);
  }
  return ValueTrouble::kMalformed;
}

}  // namespace tarn::postgres
