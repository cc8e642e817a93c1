#include "app/value_text.h"

#include <charconv>
#include <cmath>
#include <cstdio>

#include <arrow/api.h>

#include "base/civil_date.h"
#include "columnar/temporal_text.h"
#include "columnar/variant_column.h"
#include "columnar/variant_json.h"

namespace tarn {
namespace {

constexpr int64_t kMicrosADay = 86'400'000'000;

template <typename T>
void AppendNumber(T value, std::string* out) {
  char text[64];
  auto [end, code] = std::to_chars(text, text + sizeof(text), value);
  out->append(text, end);
}

template <typename T>
void AppendFloat(T value, std::string* out) {
  if (std::isnan(value)) {
    out->append("NaN");
  } else if (std::isinf(value)) {
    out->append(value < 0 ? "-Infinity" : "Infinity");
  } else {
    const size_t begin = out->size();
    AppendNumber(value, out);
    if (out->find_first_of(".e", begin) == std::string::npos) out->append(".0");
  }
}

/// Of any year of 64 bits.
void AppendCivilDate(int64_t days, bool* before_christ, std::string* out) {
  const CivilDate date = CivilFromDays(days);
  int64_t year = date.year;
  *before_christ = year <= 0;
  if (*before_christ) year = 1 - year;
  char text[48];
  std::snprintf(text, sizeof(text), "%04lld-%02d-%02d", static_cast<long long>(year), date.month,
                date.day);
  out->append(text);
}

void AppendDate(int32_t days, std::string* out) {
  if (days == INT32_MAX || days == -INT32_MAX) {
    out->append(days > 0 ? "infinity" : "-infinity");
    return;
  }
  bool before_christ = false;
  AppendCivilDate(days, &before_christ, out);
  if (before_christ) out->append(" (BC)");
}

/// `nanos`: those of the last microsecond.
void AppendTimeOfDay(int64_t micros, int64_t nanos, std::string* out) {
  char text[48];
  std::snprintf(text, sizeof(text), "%02d:%02d:%02d", static_cast<int>(micros / 3'600'000'000),
                static_cast<int>(micros / 60'000'000 % 60),
                static_cast<int>(micros / 1'000'000 % 60));
  out->append(text);
  const auto fraction = static_cast<int>(micros % 1'000'000 * 1000 + nanos);
  if (fraction == 0) return;
  std::snprintf(text, sizeof(text), ".%09d", fraction);
  std::string digits = text;
  while (digits.back() == '0') digits.pop_back();
  out->append(digits);
}

/// "+02", "+05:30", "+00:53:28".
void AppendOffset(int32_t seconds, std::string* out) {
  const int32_t size = seconds < 0 ? -seconds : seconds;
  char text[16];
  std::snprintf(text, sizeof(text), "%c%02d", seconds < 0 ? '-' : '+', size / 3600);
  out->append(text);
  if (size % 3600 == 0) return;
  std::snprintf(text, sizeof(text), ":%02d", size / 60 % 60);
  out->append(text);
  if (size % 60 == 0) return;
  std::snprintf(text, sizeof(text), ":%02d", size % 60);
  out->append(text);
}

void AppendTimestamp(int64_t value, const arrow::TimestampType& type, const TimeZone* zone,
                     std::string* out) {
  if (value == INT64_MAX || value == -INT64_MAX) {
    out->append(value > 0 ? "infinity" : "-infinity");
    return;
  }
  int64_t micros = value;
  int64_t nanos = 0;
  switch (type.unit()) {
    case arrow::TimeUnit::SECOND:
      micros = value * 1'000'000;
      break;
    case arrow::TimeUnit::MILLI:
      micros = value * 1000;
      break;
    case arrow::TimeUnit::MICRO:
      break;
    case arrow::TimeUnit::NANO:
      micros = value / 1000 - (value % 1000 < 0 ? 1 : 0);
      nanos = value % 1000 + (value % 1000 < 0 ? 1000 : 0);
      break;
  }
  int32_t offset = 0;
  if (zone != nullptr && !type.timezone().empty()) {
    offset = zone->OffsetAt(micros / 1'000'000 - (micros % 1'000'000 < 0 ? 1 : 0));
    // At the very end of what 64 bits can hold there is no local time: UTC then.
    if (__builtin_add_overflow(micros, int64_t{offset} * 1'000'000, &micros)) offset = 0;
  }
  int64_t days = micros / kMicrosADay;
  int64_t rest = micros % kMicrosADay;
  if (rest < 0) {
    rest += kMicrosADay;
    --days;
  }
  bool before_christ = false;
  AppendCivilDate(days, &before_christ, out);
  out->push_back(' ');
  AppendTimeOfDay(rest, nanos, out);
  if (!type.timezone().empty()) AppendOffset(offset, out);
  if (before_christ) out->append(" (BC)");
}

void AppendHex(std::string_view bytes, std::string* out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out->append("\\x");
  for (unsigned char byte : bytes) {
    out->push_back(kDigits[byte >> 4]);
    out->push_back(kDigits[byte & 15]);
  }
}

template <typename ArrayType>
auto ValueAt(const arrow::Array& array, int64_t row) {
  return static_cast<const ArrayType&>(array).GetView(row);
}

/// Where the elements of a list value begin and end in its child array.
struct ListSlice {
  const arrow::Array* values;
  int64_t begin, end;
};

ListSlice SliceOf(const arrow::Array& array, int64_t row) {
  if (array.type_id() == arrow::Type::LARGE_LIST) {
    const auto& list = static_cast<const arrow::LargeListArray&>(array);
    return {list.values().get(), list.value_offset(row), list.value_offset(row + 1)};
  }
  if (array.type_id() == arrow::Type::FIXED_SIZE_LIST) {
    const auto& list = static_cast<const arrow::FixedSizeListArray&>(array);
    return {list.values().get(), list.value_offset(row),
            list.value_offset(row) + list.value_length(row)};
  }
  const auto& list = static_cast<const arrow::ListArray&>(array);  // a map is one as well
  return {list.values().get(), list.value_offset(row), list.value_offset(row + 1)};
}

bool IsList(arrow::Type::type id) {
  return id == arrow::Type::LIST || id == arrow::Type::LARGE_LIST ||
         id == arrow::Type::FIXED_SIZE_LIST;
}

/// A value inside a list or struct: texts are quoted, so that commas in them do no harm.
void AppendNested(const arrow::Array& array, int64_t row, const TimeZone* zone, std::string* out) {
  if (array.IsNull(row)) {
    out->append("NULL");
    return;
  }
  const auto id = array.type_id();
  const bool quoted = id == arrow::Type::STRING || id == arrow::Type::LARGE_STRING;
  if (!quoted) {
    AppendText(array, row, zone, out);
    return;
  }
  std::string text;
  AppendText(array, row, zone, &text);
  const bool plain = !text.empty() && text.find_first_of(",[]{}'\"\n ") == std::string::npos;
  if (plain) {
    out->append(text);
    return;
  }
  out->push_back('\'');
  for (char c : text) {
    if (c == '\'') out->push_back('\'');
    out->push_back(c);
  }
  out->push_back('\'');
}

/// As JSON; what the engine gives is well-formed.
void AppendVariant(const arrow::Array& array, int64_t row, std::string* out) {
  const auto& parts = static_cast<const arrow::StructArray&>(array);
  const auto part = [&](int i) {
    return static_cast<const arrow::BinaryArray&>(*parts.field(i)).GetView(row);
  };
  const Status appended = AppendVariantJson(part(0), part(1), out);
  if (!appended.ok()) out->append("?");
}

void AppendNestedText(const arrow::Array& array, int64_t row, const TimeZone* zone,
                      std::string* out) {
  if (array.type_id() == arrow::Type::STRUCT) {
    const auto& object = static_cast<const arrow::StructArray&>(array);
    out->push_back('{');
    for (int i = 0; i < object.num_fields(); ++i) {
      if (i > 0) out->append(", ");
      out->append("'" + object.type()->field(i)->name() + "': ");
      AppendNested(*object.field(i), row, zone, out);
    }
    out->push_back('}');
    return;
  }
  const ListSlice slice = SliceOf(array, row);
  const bool map = array.type_id() == arrow::Type::MAP;
  out->push_back(map ? '{' : '[');
  for (int64_t i = slice.begin; i < slice.end; ++i) {
    if (i > slice.begin) out->append(", ");
    if (map) {
      const auto& entries = static_cast<const arrow::StructArray&>(*slice.values);
      AppendNested(*entries.field(0), i, zone, out);
      out->push_back('=');
      AppendNested(*entries.field(1), i, zone, out);
    } else {
      AppendNested(*slice.values, i, zone, out);
    }
  }
  out->push_back(map ? '}' : ']');
}

}  // namespace

void AppendText(const arrow::Array& array, int64_t row, const TimeZone* zone, std::string* out) {
  using arrow::Type;
  switch (array.type_id()) {
    case Type::BOOL:
      out->append(ValueAt<arrow::BooleanArray>(array, row) ? "true" : "false");
      return;
    case Type::INT8:
      AppendNumber(int{ValueAt<arrow::Int8Array>(array, row)}, out);
      return;
    case Type::INT16:
      AppendNumber(ValueAt<arrow::Int16Array>(array, row), out);
      return;
    case Type::INT32:
      AppendNumber(ValueAt<arrow::Int32Array>(array, row), out);
      return;
    case Type::INT64:
      AppendNumber(ValueAt<arrow::Int64Array>(array, row), out);
      return;
    case Type::UINT8:
      AppendNumber(int{ValueAt<arrow::UInt8Array>(array, row)}, out);
      return;
    case Type::UINT16:
      AppendNumber(ValueAt<arrow::UInt16Array>(array, row), out);
      return;
    case Type::UINT32:
      AppendNumber(ValueAt<arrow::UInt32Array>(array, row), out);
      return;
    case Type::UINT64:
      AppendNumber(ValueAt<arrow::UInt64Array>(array, row), out);
      return;
    case Type::FLOAT:
      AppendFloat(ValueAt<arrow::FloatArray>(array, row), out);
      return;
    case Type::DOUBLE:
      AppendFloat(ValueAt<arrow::DoubleArray>(array, row), out);
      return;
    case Type::DECIMAL128:
      out->append(static_cast<const arrow::Decimal128Array&>(array).FormatValue(row));
      return;
    case Type::DATE32:
      AppendDate(ValueAt<arrow::Date32Array>(array, row), out);
      return;
    case Type::TIME64:
      AppendTimeOfDay(ValueAt<arrow::Time64Array>(array, row), 0, out);
      return;
    case Type::TIMESTAMP:
      AppendTimestamp(ValueAt<arrow::TimestampArray>(array, row),
                      static_cast<const arrow::TimestampType&>(*array.type()), zone, out);
      return;
    case Type::STRING:
      out->append(ValueAt<arrow::StringArray>(array, row));
      return;
    case Type::LARGE_STRING:
      out->append(ValueAt<arrow::LargeStringArray>(array, row));
      return;
    case Type::BINARY:
      AppendHex(ValueAt<arrow::BinaryArray>(array, row), out);
      return;
    case Type::LARGE_BINARY:
      AppendHex(ValueAt<arrow::LargeBinaryArray>(array, row), out);
      return;
    case Type::FIXED_SIZE_BINARY:
      AppendHex(ValueAt<arrow::FixedSizeBinaryArray>(array, row), out);
      return;
    case Type::NA:
      out->append("NULL");
      return;
    case Type::STRUCT:
      if (IsVariantStorage(*array.type())) {
        AppendVariant(array, row, out);
        return;
      }
      AppendNestedText(array, row, zone, out);
      return;
    case Type::LIST:
    case Type::LARGE_LIST:
    case Type::FIXED_SIZE_LIST:
    case Type::MAP:
      AppendNestedText(array, row, zone, out);
      return;
    case Type::INTERVAL_MONTH_DAY_NANO: {
      const auto interval = ValueAt<arrow::MonthDayNanoIntervalArray>(array, row);
      out->append(SqlIntervalText(interval.months, interval.days, interval.nanoseconds));
      return;
    }
    default: {
      auto scalar = array.GetScalar(row);
      out->append(scalar.ok() ? (*scalar)->ToString() : "?");
    }
  }
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    switch (c) {
      case '"':
        out->append("\\\"");
        break;
      case '\\':
        out->append("\\\\");
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char escape[8];
          std::snprintf(escape, sizeof(escape), "\\u%04x", c);
          out->append(escape);
        } else {
          out->push_back(c);
        }
    }
  }
  out->push_back('"');
}

void AppendJson(const arrow::Array& array, int64_t row, const TimeZone* zone, std::string* out) {
  if (array.IsNull(row) || array.type_id() == arrow::Type::NA) {
    out->append("null");
    return;
  }
  const auto id = array.type_id();
  std::string text;
  if (IsVariantStorage(*array.type())) {
    AppendVariant(array, row, out);
  } else if (id == arrow::Type::STRUCT) {
    const auto& object = static_cast<const arrow::StructArray&>(array);
    out->push_back('{');
    for (int i = 0; i < object.num_fields(); ++i) {
      if (i > 0) out->append(", ");
      AppendJsonString(object.type()->field(i)->name(), out);
      out->append(": ");
      AppendJson(*object.field(i), row, zone, out);
    }
    out->push_back('}');
  } else if (IsList(id) || id == arrow::Type::MAP) {
    const ListSlice slice = SliceOf(array, row);
    out->push_back('[');
    for (int64_t i = slice.begin; i < slice.end; ++i) {
      if (i > slice.begin) out->append(", ");
      AppendJson(*slice.values, i, zone, out);
    }
    out->push_back(']');
  } else if (IsNumeric(*array.type()) || id == arrow::Type::BOOL) {
    AppendText(array, row, zone, &text);
    const bool special =
        text.find("NaN") != std::string::npos || text.find("Inf") != std::string::npos;
    if (special) {
      AppendJsonString(text, out);
    } else {
      out->append(text);
    }
  } else {
    AppendText(array, row, zone, &text);
    AppendJsonString(text, out);
  }
}

bool IsNumeric(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) || arrow::is_floating(type.id()) ||
         arrow::is_decimal(type.id());
}

int DisplayWidth(std::string_view text) {
  int width = 0;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t point = lead < 0x80 ? lead : lead & (0xFF >> (length + 1));
    for (int k = 1; k < length && i + k < text.size(); ++k) {
      point = (point << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3F);
    }
    i += length;
    const bool mark = (point >= 0x300 && point <= 0x36F) || point == 0x200B || point == 0x200D ||
                      (point >= 0xFE00 && point <= 0xFE0F);
    const bool wide =
        (point >= 0x1100 && point <= 0x115F) || (point >= 0x2E80 && point <= 0xA4CF) ||
        (point >= 0xAC00 && point <= 0xD7A3) || (point >= 0xF900 && point <= 0xFAFF) ||
        (point >= 0xFE30 && point <= 0xFE6F) || (point >= 0xFF00 && point <= 0xFF60) ||
        (point >= 0x1F300 && point <= 0x1FAFF) || (point >= 0x20000 && point <= 0x3FFFD);
    width += mark ? 0 : wide ? 2 : 1;
  }
  return width;
}

}  // namespace tarn
