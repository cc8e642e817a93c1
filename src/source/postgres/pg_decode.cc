#include "source/postgres/pg_decode.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <arrow/array/data.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "columnar/utf8.h"
#include "source/postgres/pg_numeric.h"

namespace tarn::postgres {
namespace {

constexpr int32_t kDaysTo2000 = 10957;
constexpr int32_t kDateMax = 2145031948;  // 5874897-12-31, PostgreSQL's last day
constexpr int64_t kMicrosTo2000 = 946684800000000;
constexpr int64_t kFirstRows = 1024;
// Offsets are 32 bits: a batch's bytes, one value of 1 GiB and what text forms add must fit.
constexpr int64_t kBytesMaxCeiling = 256 << 20;

template <typename T>
void Store(uint8_t* values, int64_t row, T value) {
  std::memcpy(values + row * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}

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

}  // namespace

RowDecoder::RowDecoder(Options options, arrow::MemoryPool* pool)
    : options_(std::move(options)),
      bytes_max_(std::clamp<int64_t>(options_.limits.batch_bytes_max, 1, kBytesMaxCeiling)),
      fields_(static_cast<int>(options_.columns.size()) + (options_.ctid_follows ? 1 : 0)) {
  int64_t width = 1;
  for (const PgColumn& column : options_.columns) {
    columns_.push_back(std::make_unique<ColumnBuffer>(column, column.dimensions, pool));
    width += FixedWidth(columns_.back()->kind);
  }
  // Wide tables of nulls take few bytes on the wire and full ones here.
  rows_max_ =
      std::clamp<int64_t>(bytes_max_ / width, 1, std::max<int64_t>(options_.limits.batch_rows, 1));
  rows_capacity_ = std::min(kFirstRows, rows_max_);
}

RowDecoder::~RowDecoder() = default;

Status RowDecoder::Begin() {
  rows_before_ += std::exchange(rows_, 0);
  bytes_ = 0;
  for (auto& column : columns_) TARN_RETURN_IF_ERROR(column->Reset(rows_capacity_));
  return Status::Ok();
}

bool RowDecoder::GrowRows() {
  // One message may hold more rows than a batch should: they are not turned away.
  const int64_t wanted =
      rows_capacity_ < rows_max_ ? std::min(rows_max_, rows_capacity_ * 4) : rows_capacity_ * 2;
  for (auto& column : columns_) {
    if (Status status = column->GrowRows(wanted); !status.ok()) {
      fault_ = std::make_unique<Error>(status.error());
      return false;
    }
  }
  rows_capacity_ = wanted;
  return true;
}

bool RowDecoder::Row(const uint8_t** position, const uint8_t* end, const uint8_t* readable_end) {
  const uint8_t* const begin = *position;
  const uint8_t* p = begin;
  if (rows_ == rows_capacity_ && !GrowRows()) [[unlikely]] {
    return false;
  }
  if (end - p < 2 || ReadBig16(p) != fields_) [[unlikely]] {
    return Fail(Trouble::kMalformed, begin, end, columns_.size(), p, 0);
  }
  p += 2;
  const int64_t row = rows_;
  const size_t count = columns_.size();
  for (size_t i = 0; i < count; ++i) {
    if (end - p < 4) [[unlikely]] {
      return Fail(Trouble::kMalformed, begin, end, i, p, 0);
    }
    const int64_t bytes = static_cast<int32_t>(ReadBig32(p));
    p += 4;
    ColumnBuffer& column = *columns_[i];
    if (bytes < 0) {
      if (!column.SetNull(row).ok()) return Fail(Trouble::kMemory, begin, end, i, p, 0);
      continue;
    }
    if (bytes > end - p) [[unlikely]] {
      return Fail(Trouble::kMalformed, begin, end, i, p, 0);
    }
    if (const Trouble trouble = Value(column, row, p, bytes, readable_end);
        trouble != Trouble::kNone) [[unlikely]] {
      return Fail(trouble, begin, end, i, p, bytes);
    }
    p += bytes;
  }
  if (options_.ctid_follows) {
    if (end - p < 10) return Fail(Trouble::kMalformed, begin, end, count, p, 0);
    p += 10;
  }
  ++rows_;
  bytes_ += p - begin;
  *position = p;
  return true;
}

// One switch in one place keeps the loop above in registers; its targets repeat with the columns,
// which the branch predictor learns.
inline RowDecoder::Trouble RowDecoder::Value(ColumnBuffer& column, int64_t row, const uint8_t* p,
                                             int64_t bytes, const uint8_t* readable_end) {
  switch (column.kind) {
    case WireKind::kInt32:
      if (bytes != 4) return Trouble::kMalformed;
      Store(column.values, row, ReadBig32(p));
      return Trouble::kNone;
    case WireKind::kInt64:
    case WireKind::kFloat64:
      if (bytes != 8) return Trouble::kMalformed;
      Store(column.values, row, ReadBig64(p));
      return Trouble::kNone;
    case WireKind::kText:
    case WireKind::kBytes:
      return Chars(column, row, p, bytes, readable_end);
    case WireKind::kDecimal: {
      Wide value;
      if (DecodeNumeric(p, bytes, column.precision, column.scale, &value) != NumericFault::kNone) {
        return Trouble::kDecimal;
      }
      Store(column.values, row, value);
      return Trouble::kNone;
    }
    case WireKind::kDate: {
      if (bytes != 4) return Trouble::kMalformed;
      const int32_t days = static_cast<int32_t>(ReadBig32(p));
      // Infinities are the extremes on the wire; the lake's -infinity is symmetric to +infinity.
      if (days == std::numeric_limits<int32_t>::max()) {
        Store(column.values, row, days);
      } else if (days == std::numeric_limits<int32_t>::min()) {
        Store(column.values, row, -std::numeric_limits<int32_t>::max());
      } else if (days > kDateMax) {
        return Trouble::kMalformed;
      } else {
        Store(column.values, row, days + kDaysTo2000);
      }
      return Trouble::kNone;
    }
    case WireKind::kTimestamp: {
      if (bytes != 8) return Trouble::kMalformed;
      int64_t micros = static_cast<int64_t>(ReadBig64(p));
      if (micros == std::numeric_limits<int64_t>::min()) {
        micros = -std::numeric_limits<int64_t>::max();
      } else if (micros != std::numeric_limits<int64_t>::max() &&
                 (__builtin_add_overflow(micros, kMicrosTo2000, &micros) ||
                  micros == std::numeric_limits<int64_t>::max())) {
        return Trouble::kTimestamp;
      }
      Store(column.values, row, micros);
      return Trouble::kNone;
    }
    case WireKind::kInt16:
      if (bytes != 2) return Trouble::kMalformed;
      Store(column.values, row, static_cast<int32_t>(static_cast<int16_t>(ReadBig16(p))));
      return Trouble::kNone;
    case WireKind::kBool:
      if (bytes != 1) return Trouble::kMalformed;
      column.values[row] = *p != 0 ? 1 : 0;
      return Trouble::kNone;
    case WireKind::kFloat32:
      if (bytes != 4) return Trouble::kMalformed;
      Store(column.values, row, ReadBig32(p));
      return Trouble::kNone;
    case WireKind::kOid:
      if (bytes != 4) return Trouble::kMalformed;
      Store(column.values, row, static_cast<int64_t>(ReadBig32(p)));
      return Trouble::kNone;
    case WireKind::kJsonb:
      if (bytes < 1 || *p != 1) return Trouble::kMalformed;
      return Chars(column, row, p + 1, bytes - 1, readable_end);
    case WireKind::kUuid:
      return bytes == 16 ? Uuid(column, row, p) : Trouble::kMalformed;
    case WireKind::kList:
      return List(column, row, p, bytes, readable_end);
  }
  return Trouble::kMalformed;
}

inline RowDecoder::Trouble RowDecoder::Chars(ColumnBuffer& column, int64_t row, const uint8_t* p,
                                             int64_t bytes, const uint8_t* readable_end) {
  if (bytes > options_.limits.value_bytes_max) [[unlikely]] {
    return Trouble::kTooLong;
  }
  if (column.chars_size + bytes > column.chars_capacity && !column.GrowChars(bytes).ok())
      [[unlikely]] {
    return Trouble::kMemory;
  }
  uint8_t* to = column.chars + column.chars_size;
  if (bytes <= ColumnBuffer::kSlackBytes && readable_end - p >= ColumnBuffer::kSlackBytes) {
    std::memcpy(to, p, ColumnBuffer::kSlackBytes);  // a constant length: two vector moves
  } else {
    std::memcpy(to, p, static_cast<size_t>(bytes));
  }
  if (options_.check_utf8 && column.kind != WireKind::kBytes &&
      !IsValidUtf8({reinterpret_cast<const char*>(p), static_cast<size_t>(bytes)})) {
    return Trouble::kUtf8;
  }
  column.chars_size += bytes;
  Store(column.values, row + 1, static_cast<int32_t>(column.chars_size));
  return Trouble::kNone;
}

RowDecoder::Trouble RowDecoder::Uuid(ColumnBuffer& column, int64_t row, const uint8_t* p) {
  constexpr int64_t kTextBytes = 36;
  if (column.chars_size + kTextBytes > column.chars_capacity &&
      !column.GrowChars(kTextBytes).ok()) {
    return Trouble::kMemory;
  }
  uint8_t* to = column.chars + column.chars_size;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
    std::memcpy(to, kHex.text[p[i]], 2);
    to += 2;
  }
  column.chars_size += kTextBytes;
  Store(column.values, row + 1, static_cast<int32_t>(column.chars_size));
  return Trouble::kNone;
}

// array_send: dimensions, has-nulls flag, element type, (length, lower bound) per dimension, then
// the elements, each with its length, the last dimension fastest. Lower bounds are dropped.
RowDecoder::Trouble RowDecoder::List(ColumnBuffer& column, int64_t row, const uint8_t* p,
                                     int64_t bytes, const uint8_t* readable_end) {
  if (bytes < 12) return Trouble::kMalformed;
  const uint8_t* end = p + bytes;
  const uint32_t dimensions = ReadBig32(p);
  if (dimensions == 0) {
    Store(column.values, row + 1, static_cast<int32_t>(column.child->size));
    return Trouble::kNone;
  }
  uint32_t depth = 0;
  for (const ColumnBuffer* level = &column; level->kind == WireKind::kList;
       level = level->child.get()) {
    ++depth;
  }
  if (dimensions != depth) return Trouble::kDimensions;
  if (bytes < 12 + 8 * static_cast<int64_t>(dimensions)) return Trouble::kMalformed;
  const uint8_t* items = p + 12 + 8 * dimensions;
  // Every item has at least its length. Only a vector of one dimension may say that it has none:
  // empty levels could be repeated without end.
  const int64_t items_max = (end - items) / 4;
  int64_t count = 1;
  for (uint32_t i = 0; i < dimensions; ++i) {
    const int64_t length = static_cast<int32_t>(ReadBig32(p + 12 + 8 * i));
    if (length < 0 || (length == 0 && dimensions > 1) || length * count > items_max) {
      return Trouble::kMalformed;
    }
    count *= length;
  }
  return Level(column, row, p + 12, &items, end, readable_end);
}

RowDecoder::Trouble RowDecoder::Level(ColumnBuffer& column, int64_t row, const uint8_t* dims,
                                      const uint8_t** p, const uint8_t* end,
                                      const uint8_t* readable_end) {
  ColumnBuffer& child = *column.child;
  const int64_t count = static_cast<int32_t>(ReadBig32(dims));  // List() has looked at it
  if (child.size + count > child.rows_capacity &&
      !child.GrowRows(std::max(child.size + count, child.rows_capacity * 2)).ok()) {
    return Trouble::kMemory;
  }
  for (int64_t i = 0; i < count; ++i) {
    if (child.kind == WireKind::kList) {
      if (Trouble t = Level(child, child.size, dims + 8, p, end, readable_end);
          t != Trouble::kNone) {
        return t;
      }
      ++child.size;
      continue;
    }
    if (end - *p < 4) return Trouble::kMalformed;
    const int64_t bytes = static_cast<int32_t>(ReadBig32(*p));
    *p += 4;
    if (bytes < 0) {
      if (!child.SetNull(child.size).ok()) return Trouble::kMemory;
    } else {
      if (bytes > end - *p) return Trouble::kMalformed;
      if (Trouble t = Value(child, child.size, *p, bytes, readable_end); t != Trouble::kNone) {
        return t;
      }
      *p += bytes;
    }
    ++child.size;
  }
  Store(column.values, row + 1, static_cast<int32_t>(child.size));
  return Trouble::kNone;
}

Result<std::shared_ptr<arrow::RecordBatch>> RowDecoder::Finish() {
  std::vector<std::shared_ptr<arrow::ArrayData>> arrays;
  arrays.reserve(columns_.size());
  for (auto& column : columns_) {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<arrow::ArrayData> array, column->Finish(rows_));
    arrays.push_back(std::move(array));
  }
  return arrow::RecordBatch::Make(options_.schema, rows_, std::move(arrays));
}

}  // namespace tarn::postgres
