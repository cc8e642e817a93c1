#include "source/postgres/pg_decode.h"

#include <algorithm>
#include <utility>

#include <arrow/array/data.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "source/postgres/pg_numeric.h"

namespace tarn::postgres {
namespace {

constexpr int64_t kFirstRows = 1024;
// Offsets are 32 bits: a batch's bytes, one value of 1 GiB and what text forms add must fit.
constexpr int64_t kBytesMaxCeiling = 256 << 20;

}  // namespace

RowDecoder::RowDecoder(Options options, arrow::MemoryPool* pool)
    : options_(std::move(options)),
      rules_{options_.limits.value_bytes_max, options_.check_utf8},
      bytes_max_(std::clamp<int64_t>(options_.limits.batch_bytes_max, 1, kBytesMaxCeiling)),
      fields_(static_cast<int>(options_.columns.size()) + (options_.ctid_follows ? 1 : 0)) {
  int64_t width = 1;
  for (const PgColumn& column : options_.columns) {
    columns_.push_back(std::make_unique<ColumnBuffer>(column, column.dimensions, pool));
    width += columns_.back()->width();
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
    return Fail(ValueTrouble::kMalformed, begin, end, columns_.size(), p, 0);
  }
  p += 2;
  const int64_t row = rows_;
  const size_t count = columns_.size();
  for (size_t i = 0; i < count; ++i) {
    if (end - p < 4) [[unlikely]] {
      return Fail(ValueTrouble::kMalformed, begin, end, i, p, 0);
    }
    const int64_t bytes = static_cast<int32_t>(ReadBig32(p));
    p += 4;
    ColumnBuffer& column = *columns_[i];
    if (bytes < 0) {
      if (!column.SetNull(row).ok()) return Fail(ValueTrouble::kMemory, begin, end, i, p, 0);
      continue;
    }
    if (bytes > end - p) [[unlikely]] {
      return Fail(ValueTrouble::kMalformed, begin, end, i, p, 0);
    }
    if (const ValueTrouble trouble = DecodeValue(rules_, column, row, p, bytes, readable_end);
        trouble != ValueTrouble::kNone) [[unlikely]] {
      return Fail(trouble, begin, end, i, p, bytes);
    }
    p += bytes;
  }
  if (options_.ctid_follows) {
    if (end - p < 10) return Fail(ValueTrouble::kMalformed, begin, end, count, p, 0);
    p += 10;
  }
  ++rows_;
  bytes_ += p - begin;
  *position = p;
  return true;
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
