#include "source/postgres/pg_value.h"

#include <algorithm>
#include <string_view>

namespace tarn::postgres {
namespace {

struct HexPairs {
  char text[256][2];
  constexpr HexPairs() : text() {
    for (int i = 0; i < 256; ++i) {
      text[i][0] = "0123456789abcdef"[i >> 4];
      text[i][1] = "0123456789abcdef"[i & 15];
    }
  }
};
constexpr HexPairs kHex;

ValueTrouble DecodeLevel(const ValueRules& rules, ColumnBuffer& column, int64_t row,
                         const uint8_t* dims, const uint8_t** p, const uint8_t* end,
                         const uint8_t* readable_end) {
  ColumnBuffer& child = *column.child;
  const int64_t count = static_cast<int32_t>(ReadBig32(dims));  // List() has looked at it
  if (child.size + count > child.rows_capacity &&
      !child.GrowRows(std::max(child.size + count, child.rows_capacity * 2)).ok()) {
    return ValueTrouble::kMemory;
  }
  for (int64_t i = 0; i < count; ++i) {
    if (child.kind == WireKind::kList) {
      if (ValueTrouble t = DecodeLevel(rules, child, child.size, dims + 8, p, end, readable_end);
          t != ValueTrouble::kNone) {
        return t;
      }
      ++child.size;
      continue;
    }
    if (end - *p < 4) return ValueTrouble::kMalformed;
    const int64_t bytes = static_cast<int32_t>(ReadBig32(*p));
    *p += 4;
    if (bytes < 0) {
      if (!child.SetNull(child.size).ok()) return ValueTrouble::kMemory;
    } else {
      if (bytes > end - *p) return ValueTrouble::kMalformed;
      if (ValueTrouble t = DecodeValue(rules, child, child.size, *p, bytes, readable_end);
          t != ValueTrouble::kNone) {
        return t;
      }
      *p += bytes;
    }
    ++child.size;
  }
  Store(column.values, row + 1, static_cast<int32_t>(child.size));
  return ValueTrouble::kNone;
}

}  // namespace

ValueTrouble DecodeUuid(ColumnBuffer& column, int64_t row, const uint8_t* p) {
  constexpr int64_t kTextBytes = 36;
  if (column.chars_size + kTextBytes > column.chars_capacity &&
      !column.GrowChars(kTextBytes).ok()) {
    return ValueTrouble::kMemory;
  }
  uint8_t* to = column.chars + column.chars_size;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
    std::memcpy(to, kHex.text[p[i]], 2);
    to += 2;
  }
  column.chars_size += kTextBytes;
  Store(column.values, row + 1, static_cast<int32_t>(column.chars_size));
  return ValueTrouble::kNone;
}

ValueTrouble DecodeJson(const ValueRules& rules, ColumnBuffer& column, int64_t row,
                        const uint8_t* p, int64_t bytes) {
  if (bytes > rules.value_bytes_max) return ValueTrouble::kTooLong;
  const std::string_view json(reinterpret_cast<const char*>(p), static_cast<size_t>(bytes));
  if (rules.check_utf8 && !IsValidUtf8(json)) return ValueTrouble::kUtf8;
  switch (column.AppendJson(row, json)) {
    case ArrowColumn::JsonOutcome::kAdded:
      return ValueTrouble::kNone;
    case ArrowColumn::JsonOutcome::kRefused:
      return ValueTrouble::kJson;
    case ArrowColumn::JsonOutcome::kNoMemory:
      break;
  }
  return ValueTrouble::kMemory;
}

// array_send: dimensions, has-nulls flag, element type, (length, lower bound) per dimension, then
// the elements, each with its length, the last dimension fastest. Lower bounds are dropped.
ValueTrouble DecodeList(const ValueRules& rules, ColumnBuffer& column, int64_t row,
                        const uint8_t* p, int64_t bytes, const uint8_t* readable_end) {
  if (bytes < 12) return ValueTrouble::kMalformed;
  const uint8_t* end = p + bytes;
  const uint32_t dimensions = ReadBig32(p);
  if (dimensions == 0) {
    Store(column.values, row + 1, static_cast<int32_t>(column.child->size));
    return ValueTrouble::kNone;
  }
  uint32_t depth = 0;
  for (const ColumnBuffer* level = &column; level->kind == WireKind::kList;
       level = level->child.get()) {
    ++depth;
  }
  if (dimensions != depth) return ValueTrouble::kDimensions;
  if (bytes < 12 + 8 * static_cast<int64_t>(dimensions)) return ValueTrouble::kMalformed;
  const uint8_t* items = p + 12 + 8 * dimensions;
  // Every item has at least its length. Only a vector of one dimension may say that it has none:
  // empty levels could be repeated without end.
  const int64_t items_max = (end - items) / 4;
  int64_t count = 1;
  for (uint32_t i = 0; i < dimensions; ++i) {
    const int64_t length = static_cast<int32_t>(ReadBig32(p + 12 + 8 * i));
    if (length < 0 || (length == 0 && dimensions > 1) || length * count > items_max) {
      return ValueTrouble::kMalformed;
    }
    count *= length;
  }
  return DecodeLevel(rules, column, row, p + 12, &items, end, readable_end);
}

}  // namespace tarn::postgres
