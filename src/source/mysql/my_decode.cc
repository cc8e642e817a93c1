#include "source/mysql/my_decode.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <arrow/array/data.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "source/mysql/my_fault.h"

namespace tarn::mysql {
namespace {

constexpr int64_t kFirstRows = 1024;
// Offsets are 32 bits: a batch's bytes, one value of 1 GiB and what text forms add must fit.
constexpr int64_t kBytesMaxCeiling = 256 << 20;

template <typename T>
T Read(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

// The first byte is a header, then a bit a column from the third bit on.
int64_t NullBytes(size_t columns) { return static_cast<int64_t>((columns + 7 + 2) / 8); }

bool IsNull(const uint8_t* bitmap, size_t column) {
  const size_t bit = column + 2;
  return ((bitmap[bit / 8] >> (bit % 8)) & 1) != 0;
}

// Length, then as much of year, month, day, hour, minute, second, microseconds as are not zero.
Trouble DecodeDate(ValueWriter& writer, int64_t row, const uint8_t** p, const uint8_t* end) {
  if (*p == end) return Trouble::kMalformed;
  const int64_t length = *(*p)++;
  if (length > end - *p || (length != 0 && length != 4 && length != 7 && length != 11)) {
    return Trouble::kMalformed;
  }
  const uint8_t* q = *p;
  *p += length;
  DateParts date;
  TimeParts time;
  if (length >= 4) date = {Read<uint16_t>(q), q[2], q[3]};
  if (length >= 7) {
    time.hours = q[4];
    time.minutes = q[5];
    time.seconds = q[6];
  }
  if (length == 11) time.micros = static_cast<int>(Read<uint32_t>(q + 7));
  if (writer.column().type == MyType::kDate) return writer.Date(row, date);
  return writer.Datetime(row, date, time);
}

// Length, then sign, days, hour, minute, second, microseconds, as far as they are not zero.
Trouble DecodeTime(ValueWriter& writer, int64_t row, const uint8_t** p, const uint8_t* end) {
  if (*p == end) return Trouble::kMalformed;
  const int64_t length = *(*p)++;
  if (length > end - *p || (length != 0 && length != 8 && length != 12)) {
    return Trouble::kMalformed;
  }
  const uint8_t* q = *p;
  *p += length;
  TimeParts time;
  if (length >= 8) {
    time.negative = q[0] != 0;
    time.hours = static_cast<int64_t>(Read<uint32_t>(q + 1)) * 24 + q[5];
    time.minutes = q[6];
    time.seconds = q[7];
  }
  if (length == 12) time.micros = static_cast<int>(Read<uint32_t>(q + 8));
  if (time.hours > 10000 || time.minutes > 59 || time.seconds > 59 || time.micros > 999999 ||
      time.micros < 0) {
    return Trouble::kMalformed;
  }
  return writer.Time(row, time);
}

}  // namespace

bool ReadLength(const uint8_t** p, const uint8_t* end, int64_t* bytes) {
  if (*p == end) return false;
  const uint8_t first = *(*p)++;
  if (first < 0xfb) {
    *bytes = first;
  } else if (first == 0xfc && end - *p >= 2) {
    *bytes = Read<uint16_t>(*p);
    *p += 2;
  } else if (first == 0xfd && end - *p >= 3) {
    *bytes = Read<uint16_t>(*p) | (*p)[2] << 16;
    *p += 3;
  } else if (first == 0xfe && end - *p >= 8) {
    const uint64_t length = Read<uint64_t>(*p);
    if (length > static_cast<uint64_t>(INT64_MAX)) return false;
    *bytes = static_cast<int64_t>(length);
    *p += 8;
  } else {
    return false;
  }
  return *bytes <= end - *p;
}

inline Trouble DecodeValue(ValueWriter& writer, int64_t row, const uint8_t** p,
                           const uint8_t* end) {
  const MyColumn& column = writer.column();
  const auto fixed = [&](int64_t bytes) -> const uint8_t* {
    if (end - *p < bytes) return nullptr;
    const uint8_t* at = *p;
    *p += bytes;
    return at;
  };
  switch (column.type) {
    case MyType::kInt24:
    case MyType::kInt32: {
      const uint8_t* q = fixed(4);
      if (q == nullptr) return Trouble::kMalformed;
      return writer.Signed(
          row, column.is_unsigned ? static_cast<int64_t>(Read<uint32_t>(q)) : Read<int32_t>(q));
    }
    case MyType::kInt64: {
      const uint8_t* q = fixed(8);
      if (q == nullptr) return Trouble::kMalformed;
      return column.is_unsigned ? writer.Unsigned(row, Read<uint64_t>(q))
                                : writer.Signed(row, Read<int64_t>(q));
    }
    case MyType::kInt16:
    case MyType::kYear: {
      const uint8_t* q = fixed(2);
      if (q == nullptr) return Trouble::kMalformed;
      const bool is_unsigned = column.is_unsigned || column.type == MyType::kYear;
      return writer.Signed(
          row, is_unsigned ? static_cast<int64_t>(Read<uint16_t>(q)) : Read<int16_t>(q));
    }
    case MyType::kInt8: {
      const uint8_t* q = fixed(1);
      if (q == nullptr) return Trouble::kMalformed;
      return writer.Signed(row, column.is_unsigned ? *q : static_cast<int8_t>(*q));
    }
    case MyType::kFloat32: {
      const uint8_t* q = fixed(4);
      return q == nullptr ? Trouble::kMalformed : writer.Float(row, Read<float>(q));
    }
    case MyType::kFloat64: {
      const uint8_t* q = fixed(8);
      return q == nullptr ? Trouble::kMalformed : writer.Double(row, Read<double>(q));
    }
    case MyType::kDate:
    case MyType::kDatetime:
    case MyType::kTimestamp:
      return DecodeDate(writer, row, p, end);
    case MyType::kTime:
      return DecodeTime(writer, row, p, end);
    default:
      break;
  }
  int64_t bytes = 0;
  if (!ReadLength(p, end, &bytes)) return Trouble::kMalformed;
  const uint8_t* q = *p;
  *p += bytes;
  if (column.type == MyType::kDecimal) {
    return writer.DecimalText(row, {reinterpret_cast<const char*>(q), static_cast<size_t>(bytes)});
  }
  if (column.type == MyType::kBit) {
    if (bytes > 8) return Trouble::kMalformed;
    uint64_t value = 0;
    for (int64_t i = 0; i < bytes; ++i) value = value << 8 | q[i];
    return writer.Bits(row, value);
  }
  return writer.Chars(row, q, bytes);
}

RowDecoder::RowDecoder(Options options, arrow::MemoryPool* pool)
    : options_(std::move(options)),
      bytes_max_(std::clamp<int64_t>(options_.limits.batch_bytes_max, 1, kBytesMaxCeiling)) {
  int64_t width = 1;
  for (const MyColumn& column : options_.columns) {
    writers_.push_back(
        std::make_unique<ValueWriter>(column, options_.limits.value_bytes_max, pool));
    width += writers_.back()->to.width();
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
  for (auto& writer : writers_) TARN_RETURN_IF_ERROR(writer->to.Reset(rows_capacity_));
  return Status::Ok();
}

Status RowDecoder::GrowRows() {
  const int64_t wanted =
      rows_capacity_ < rows_max_ ? std::min(rows_max_, rows_capacity_ * 4) : rows_capacity_ * 2;
  for (auto& writer : writers_) TARN_RETURN_IF_ERROR(writer->to.GrowRows(wanted));
  rows_capacity_ = wanted;
  return Status::Ok();
}

bool RowDecoder::Decode(const uint8_t* begin, const uint8_t* end) {
  const auto fail = [&](Trouble trouble, size_t column) {
    trouble_ = trouble;
    trouble_column_ = column;
    return false;
  };
  if (rows_ == rows_capacity_ && !GrowRows().ok()) [[unlikely]] {
    return fail(Trouble::kMemory, 0);
  }
  const size_t count = writers_.size();
  const uint8_t* p = begin;
  if (end - p < 1 + NullBytes(count) || *p != 0) [[unlikely]] {
    return fail(Trouble::kMalformed, count);
  }
  const uint8_t* bitmap = ++p;
  p += NullBytes(count);
  for (size_t i = 0; i < count; ++i) {
    ValueWriter& writer = *writers_[i];
    const Trouble trouble =
        IsNull(bitmap, i) ? writer.Null(rows_) : DecodeValue(writer, rows_, &p, end);
    if (trouble != Trouble::kNone) [[unlikely]] {
      return fail(trouble, i);
    }
  }
  if (p != end) [[unlikely]] {
    return fail(Trouble::kMalformed, count);
  }
  ++rows_;
  bytes_ += end - begin;
  return true;
}

// Where every value of a row begins; nullptr for null.
static std::vector<std::pair<const uint8_t*, const uint8_t*>> Fields(
    const std::vector<MyColumn>& columns, const uint8_t* p, const uint8_t* end) {
  std::vector<std::pair<const uint8_t*, const uint8_t*>> fields;
  if (end - p < 1 + NullBytes(columns.size())) return fields;
  const uint8_t* bitmap = ++p;
  p += NullBytes(columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    if (IsNull(bitmap, i)) {
      fields.emplace_back(nullptr, nullptr);
      continue;
    }
    int64_t bytes = 0;
    switch (columns[i].type) {
      case MyType::kInt8:
        bytes = 1;
        break;
      case MyType::kInt16:
      case MyType::kYear:
        bytes = 2;
        break;
      case MyType::kInt24:
      case MyType::kInt32:
      case MyType::kFloat32:
        bytes = 4;
        break;
      case MyType::kInt64:
      case MyType::kFloat64:
        bytes = 8;
        break;
      default:
        if (!ReadLength(&p, end, &bytes)) return fields;
    }
    if (bytes > end - p) return fields;
    fields.emplace_back(p, p + bytes);
    p += bytes;
  }
  return fields;
}

std::string RowDecoder::WhichRow(const uint8_t* p, const uint8_t* end) const {
  std::string text = "row " + std::to_string(rows_in_all() + 1);
  const auto fields = Fields(options_.columns, p, end);
  std::string where;
  for (const int position : options_.key) {
    const size_t i = static_cast<size_t>(position);
    if (i >= fields.size() || fields[i].first == nullptr) return text;
    where += (where.empty() ? "" : ", ") + options_.columns[i].name + " " +
             WireValueToText(options_.columns[i], fields[i].first, fields[i].second);
  }
  return where.empty() ? text : text + " (" + where + ")";
}

Error RowDecoder::Fault(const uint8_t* p, const uint8_t* end) const {
  const std::string row = WhichRow(p, end);
  if (trouble_column_ >= options_.columns.size()) {
    return Corruption("table " + options_.table.ToString() + ", " + row +
                          ": the server's answer is not a row of this table",
                      "run again; if it stays, the server speaks another protocol");
  }
  const MyColumn& column = options_.columns[trouble_column_];
  const auto fields = Fields(options_.columns, p, end);
  std::string shown;
  if (trouble_ == Trouble::kJson) {
    shown = writers_[trouble_column_]->to.refusal();
  } else if (trouble_column_ < fields.size() && fields[trouble_column_].first != nullptr) {
    shown = WireValueToText(column, fields[trouble_column_].first, fields[trouble_column_].second);
  }
  return ValueError(trouble_, options_.table, row, column, shown);
}

Result<std::shared_ptr<arrow::RecordBatch>> RowDecoder::Finish() {
  std::vector<std::shared_ptr<arrow::ArrayData>> arrays;
  arrays.reserve(writers_.size());
  for (auto& writer : writers_) {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<arrow::ArrayData> array, writer->to.Finish(rows_));
    arrays.push_back(std::move(array));
  }
  return arrow::RecordBatch::Make(options_.schema, rows_, std::move(arrays));
}

}  // namespace tarn::mysql
