#include "source/arrow_column.h"

#include <algorithm>
#include <cstring>

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/status.h>
#include <arrow/type.h>

namespace tarn {
namespace {

Status OutOfMemory(int64_t bytes) {
  return ResourceExhausted("no memory for " + std::to_string(bytes) + " bytes of a batch",
                           "lower batch_rows, batch_bytes_max or load_streams under limits:");
}

}  // namespace

ArrowColumn::ArrowColumn(std::shared_ptr<arrow::DataType> type, arrow::MemoryPool* pool)
    : pool_(pool), type_(std::move(type)) {
  has_chars_ = type_->id() == arrow::Type::STRING || type_->id() == arrow::Type::BINARY;
  is_list_ = type_->id() == arrow::Type::LIST;
  is_bool_ = type_->id() == arrow::Type::BOOL;
  width_ = sizeof(int32_t);
  if (is_bool_) {
    width_ = 1;
  } else if (!has_chars_ && !is_list_) {
    width_ = static_cast<const arrow::FixedWidthType&>(*type_).bit_width() / 8;
  }
}

ArrowColumn::~ArrowColumn() = default;

Status ArrowColumn::Reserve(std::shared_ptr<arrow::ResizableBuffer>* buffer, int64_t bytes) {
  if (*buffer == nullptr) {
    auto made = arrow::AllocateResizableBuffer(bytes, pool_);
    if (!made.ok()) return OutOfMemory(bytes);
    *buffer = std::shared_ptr<arrow::ResizableBuffer>(std::move(made).ValueUnsafe());
    return Status::Ok();
  }
  return (*buffer)->Resize(bytes, /*shrink_to_fit=*/false).ok() ? Status::Ok() : OutOfMemory(bytes);
}

Status ArrowColumn::Reset(int64_t rows, int64_t chars_min) {
  values_.reset();
  validity_.reset();
  chars_.reset();
  validity = nullptr;
  null_count = 0;
  chars_size = 0;
  TARN_RETURN_IF_ERROR(Reserve(&values_, ValuesBytes(rows)));
  values = values_->mutable_data();
  rows_capacity = rows;
  if (has_offsets()) std::memset(values, 0, sizeof(int32_t));
  if (has_chars_) {
    // As much as the last batch used: columns keep their character from batch to batch.
    chars_capacity = std::clamp<int64_t>(chars_capacity, chars_min, 4 << 20);
    TARN_RETURN_IF_ERROR(Reserve(&chars_, chars_capacity + kSlackBytes));
    chars = chars_->mutable_data();
  }
  return Status::Ok();
}

Status ArrowColumn::GrowRows(int64_t rows) {
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

Status ArrowColumn::GrowChars(int64_t more) {
  // Doubling for small values; a value larger than all before gets just its room.
  const int64_t wanted = chars_size + more;
  const int64_t doubled = std::min<int64_t>(chars_capacity * 2, chars_capacity + (64 << 20));
  chars_capacity = std::max(wanted, doubled);
  TARN_RETURN_IF_ERROR(Reserve(&chars_, chars_capacity + kSlackBytes));
  chars = chars_->mutable_data();
  return Status::Ok();
}

Status ArrowColumn::SetNull(int64_t row) {
  if (validity == nullptr) {
    TARN_RETURN_IF_ERROR(Reserve(&validity_, (rows_capacity + 7) / 8));
    validity = validity_->mutable_data();
    std::memset(validity, 0xff, static_cast<size_t>(validity_->size()));
  }
  validity[row >> 3] = static_cast<uint8_t>(validity[row >> 3] & ~(1U << (row & 7)));
  ++null_count;
  if (has_offsets()) {
    int32_t* offsets = reinterpret_cast<int32_t*>(values);
    offsets[row + 1] = offsets[row];
  } else {
    std::memset(values + row * width_, 0, static_cast<size_t>(width_));
  }
  return Status::Ok();
}

Result<std::shared_ptr<arrow::ArrayData>> ArrowColumn::Finish(
    int64_t rows, std::vector<std::shared_ptr<arrow::ArrayData>> children) {
  if (is_bool_) {
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
  if (has_chars_) {
    TARN_RETURN_IF_ERROR(Reserve(&chars_, chars_size));
    buffers.push_back(chars_);
  }
  return arrow::ArrayData::Make(type_, rows, std::move(buffers), std::move(children), null_count);
}

}  // namespace tarn
