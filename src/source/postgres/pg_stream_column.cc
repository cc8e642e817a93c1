#include "source/postgres/pg_stream_column.h"

#include <charconv>
#include <string>
#include <utility>

#include "source/postgres/pg_numeric.h"

namespace tarn::postgres {
namespace {

using Binary = StreamColumn::Binary;
using Text = StreamColumn::Text;

// An integer as the number that the column is.
ValueTrouble StoreNumber(ColumnBuffer& column, int64_t row, int64_t value) {
  switch (column.kind) {
    case WireKind::kInt64:
      Store(column.values, row, value);
      return ValueTrouble::kNone;
    case WireKind::kFloat64:
      Store(column.values, row, static_cast<double>(value));
      return ValueTrouble::kNone;
    case WireKind::kDecimal: {
      Wide scaled = value;
      for (int i = 0; i < column.scale; ++i) {
        if (__builtin_mul_overflow(scaled, Wide{10}, &scaled)) return ValueTrouble::kDecimal;
      }
      Wide limit = 1;
      for (int i = 0; i < column.precision; ++i) limit *= 10;
      if (scaled >= limit || scaled <= -limit) return ValueTrouble::kDecimal;
      Store(column.values, row, scaled);
      return ValueTrouble::kNone;
    }
    default:
      return ValueTrouble::kMalformed;
  }
}

}  // namespace

StreamColumn MakeStreamColumn(PgColumn column, int money_digits) {
  StreamColumn how;
  how.money_digits = money_digits;
  if (column.cast) {
    how.binary = Binary::kUnreadable;
    const bool to_text = column.wire == WireKind::kText;
    switch (column.value_oid) {
      case 16:  // bool
        if (to_text && !column.whole_array) how.text = Text::kBool;
        break;
      case 21:  // int2
        if (!to_text) how.binary = Binary::kInt16;
        break;
      case 23:  // int4
        if (!to_text) how.binary = Binary::kInt32;
        break;
      case 20:  // int8
        if (!to_text) how.binary = Binary::kInt64;
        break;
      case 700:  // float4
        if (!to_text) {
          how.binary = Binary::kFloat32;
          how.text = Text::kFloat32;
        }
        break;
      case 701:  // float8
        if (!to_text) how.binary = Binary::kSame;
        break;
      case 1700:  // numeric
        if (!to_text) how.binary = Binary::kNumeric;
        break;
      case 790:  // money
        if (!to_text) {
          how.binary = Binary::kMoney;
          how.text = Text::kMoney;
        }
        break;
      case 869:  // inet
        if (!column.whole_array) how.text = Text::kInet;
        break;
      default:
        break;
    }
  }
  if (column.dimensions > 0 && how.binary != Binary::kSame) how.binary = Binary::kUnreadable;
  if (column.value_oid == 603) how.delimiter = ';';  // box, whose own text has commas
  how.column = std::move(column);
  return how;
}

ValueTrouble DecodeStreamBinary(const StreamColumn& how, const ValueRules& rules,
                                ColumnBuffer& column, int64_t row, const uint8_t* p, int64_t bytes,
                                const uint8_t* readable_end) {
  switch (how.binary) {
    case Binary::kSame:
      return DecodeValue(rules, column, row, p, bytes, readable_end);
    case Binary::kMoney: {
      if (bytes != 8) return ValueTrouble::kMalformed;
      Wide value = static_cast<int64_t>(ReadBig64(p));
      for (int digits = how.money_digits; digits < column.scale; ++digits) value *= 10;
      for (int digits = how.money_digits; digits > column.scale; --digits) {
        if (value % 10 != 0) return ValueTrouble::kDecimal;
        value /= 10;
      }
      Store(column.values, row, value);
      return ValueTrouble::kNone;
    }
    case Binary::kInt16:
      if (bytes != 2) return ValueTrouble::kMalformed;
      return StoreNumber(column, row, static_cast<int16_t>(ReadBig16(p)));
    case Binary::kInt32:
      if (bytes != 4) return ValueTrouble::kMalformed;
      return StoreNumber(column, row, static_cast<int32_t>(ReadBig32(p)));
    case Binary::kInt64:
      if (bytes != 8) return ValueTrouble::kMalformed;
      return StoreNumber(column, row, static_cast<int64_t>(ReadBig64(p)));
    case Binary::kFloat32: {
      if (bytes != 4) return ValueTrouble::kMalformed;
      const uint32_t bits = ReadBig32(p);
      float value;
      std::memcpy(&value, &bits, sizeof(value));
      Store(column.values, row, static_cast<double>(value));
      return ValueTrouble::kNone;
    }
    case Binary::kNumeric: {
      if (bytes < kNumericHeaderBytes) return ValueTrouble::kMalformed;
      const std::string text = NumericToText(p, bytes);
      double value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size()) {
        return ValueTrouble::kMalformed;
      }
      Store(column.values, row, value);
      return ValueTrouble::kNone;
    }
    case Binary::kUnreadable:
      break;
  }
  return ValueTrouble::kMalformed;
}

}  // namespace tarn::postgres
