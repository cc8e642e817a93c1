#include "source/postgres/pg_column_buffer.h"

#include <algorithm>
#include <cstring>

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/status.h>
#include <arrow/type.h>

namespace tarn::postgres {
namespace {

constexpr int64_t kFirstCharsBytes = 64 << 10;

bool HasOffsets(WireKind kind) {
  return kind == WireKind::kText || kind == WireKind::kJsonb || kind == WireKind::kUuid ||
         kind == WireKind::kBytes || kind == WireKind::kList;
}

Status OutOfMemory(int64_t bytes) {
  return ResourceExhausted("no memory for " + std::to_string(bytes) + " bytes of a batch",
                           "lower batch_rows, batch_bytes_max or load_streams under limits:");
}

std::shared_ptr<arrow::DataType> TypeAt(const PgColumn& column, int dimensions) {
  std::shared_ptr<arrow::DataType> type = column.type;
  for (int i = column.dimensions; i > dimensions; --i) type = type->field(0)->type();
  return type;
}

}  // namespace

int64_t FixedWidth(WireKind kind) {
  switch (kind) {
    case WireKind::kBool:
      return 1;
    case WireKind::kInt64:
    case WireKind::kOid:
    case WireKind::kFloat64:
    case WireKind::kTimestamp:
      return 8;
    case WireKind::kDecimal:
      return 16;
    default:
      return 4;
  }
}

ColumnBuffer::ColumnBuffer(const PgColumn& column, int dimensions, arrow::MemoryPool* pool)
    : kind(dimensions > 0 ? WireKind::kList : column.wire),
      precision(column.precision),
      scale(column.scale),
      pool_(pool),
      type_(TypeAt(column, dimensions)) {
  if (dimensions > 0) child = std::make_unique<ColumnBuffer>(column, dimensions - 1, pool);
}

ColumnBuffer::~ColumnBuffer() = default;

int64_t ColumnBuffer::ValuesBytes(int64_t rows) const {
  return (rows + (HasOffsets(kind) ? 1 : 0)) * FixedWidth(kind);
}

Status ColumnBuffer::Reserve(std::shared_ptr<arrow::ResizableBuffer>* buffer, int64_t bytes) {
  if (*buffer == nullptr) {
    auto made = arrow::AllocateResizableBuffer(bytes, pool_);
    if (!made.ok()) return OutOfMemory(bytes);
    *buffer = std::shared_ptr<arrow::ResizableBuffer>(std::move(made).ValueUnsafe());
    return Status::Ok();
  }
  return (*buffer)->Resize(bytes, /*shrink_to_fit=*/false).ok() ? Status::Ok() : OutOfMemory(bytes);
}

Status ColumnBuffer::Reset(int64_t rows) {
  values_.reset();
  validity_.reset();
  chars_.reset();
  validity = nullptr;
  null_count = 0;
  size = 0;
  chars_size = 0;
  TARN_RETURN_IF_ERROR(Reserve(&values_, ValuesBytes(rows)));
  values = values_->mutable_data();
  rows_capacity = rows;
  if (HasOffsets(kind)) std::memset(values, 0, sizeof(int32_t));
  if (HasOffsets(kind) && kind != WireKind::kList) {
    // As much as the last batch used: columns keep their character from batch to batch.
    chars_capacity = std::clamp<int64_t>(chars_capacity, kFirstCharsBytes, 4 << 20);
    TARN_RETURN_IF_ERROR(Reserve(&chars_, chars_capacity + kSlackBytes));
    chars = chars_->mutable_data();
  }
  return child != nullptr ? child->Reset(std::min<int64_t>(rows, 1024)) : Status::Ok();
}

Status ColumnBuffer::GrowRows(int64_t rows) {
  TARN_RETURN_IF_ERROR(Reserve(&values_, ValuesBytes(rows)));
  values = values_->mutable_data();
  if (validity_ != nullptr) {
    const int64_t before = validity_->size();
    TARN_RETURN_IF_ERROR(Reserve(&validity_, (rows + 7) / 8));
    validity = validity_->mutable_data();
    std::memset(validity + before, 0xff, static_cast<size_t>(validity_->size() - before));
  }
  rows_capacity = rows;
  return Status::Ok();
}

Status ColumnBuffer::GrowChars(int64_t more) {
  // Doubling for small values; a value larger than all before gets just its room.
  const int64_t wanted = chars_size + more;
  const int64_t doubled = std::min<int64_t>(chars_capacity * 2, chars_capacity + (64 << 20));
  chars_capacity = std::max(wanted, doubled);
  TARN_RETURN_IF_ERROR(Reserve(&chars_, chars_capacity + kSlackBytes));
  chars = chars_->mutable_data();
  return Status::Ok();
}

Status ColumnBuffer::SetNull(int64_t row) {
  if (validity == nullptr) {
    TARN_RETURN_IF_ERROR(Reserve(&validity_, (rows_capacity + 7) / 8));
    validity = validity_->mutable_data();
    std::memset(validity, 0xff, static_cast<size_t>(validity_->size()));
  }
  validity[row >> 3] = static_cast<uint8_t>(validity[row >> 3] & ~(1U << (row & 7)));
  ++null_count;
  if (HasOffsets(kind)) {
    int32_t* offsets = reinterpret_cast<int32_t*>(values);
    offsets[row + 1] = offsets[row];
  } else {
    const int64_t width = FixedWidth(kind);
    std::memset(values + row * width, 0, static_cast<size_t>(width));
  }
  return Status::Ok();
}

Result<std::shared_ptr<arrow::ArrayData>> ColumnBuffer::Finish(int64_t rows) {
  if (kind == WireKind::kBool) {
    for (int64_t i = 0; i < rows;
         i += 8) {  // in place: byte i/8 is behind every byte still to read
      unsigned packed = 0;
      for (int64_t j = i; j < std::min(rows, i + 8); ++j) {
        packed |= static_cast<unsigned>(values[j]) << (j - i);
      }
      values[i / 8] = static_cast<uint8_t>(packed);
    }
    TARN_RETURN_IF_ERROR(Reserve(&values_, (rows + 7) / 8));
  } else {
    TARN_RETURN_IF_ERROR(Reserve(&values_, ValuesBytes(rows)));
  }
  if (validity_ != nullptr) TARN_RETURN_IF_ERROR(Reserve(&validity_, (rows + 7) / 8));
  std::vector<std::shared_ptr<arrow::Buffer>> buffers = {validity_, values_};
  std::vector<std::shared_ptr<arrow::ArrayData>> children;
  if (kind == WireKind::kList) {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<arrow::ArrayData> items, child->Finish(child->size));
    children.push_back(std::move(items));
  } else if (HasOffsets(kind)) {
    TARN_RETURN_IF_ERROR(Reserve(&chars_, chars_size));
    buffers.push_back(chars_);
  }
  return arrow::ArrayData::Make(type_, rows, std::move(buffers), std::move(children), null_count);
}

}  // namespace tarn::postgres
