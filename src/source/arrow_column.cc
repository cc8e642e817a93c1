#include "source/arrow_column.h"

#include <algorithm>
#include <cstring>

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/status.h>
#include <arrow/type.h>

#include "columnar/variant_builder.h"
#include "columnar/variant_column.h"
#include "columnar/variant_json.h"

namespace tarn {
namespace {

constexpr int64_t kOffsetMax = INT32_MAX;

Status OutOfMemory(int64_t bytes) {
  return ResourceExhausted("no memory for " + std::to_string(bytes) + " bytes of a batch",
                           "lower batch_rows, batch_bytes_max or load_streams under limits:");
}

/// A value of text or bytes, at its row.
bool PutChars(ArrowColumn& column, int64_t row, std::string_view bytes) {
  const auto size = static_cast<int64_t>(bytes.size());
  const bool grows = column.chars_size + size > column.chars_capacity;
  if (grows && (column.chars_size + size > kOffsetMax || !column.GrowChars(size).ok())) {
    return false;
  }
  if (size > 0) std::memcpy(column.chars + column.chars_size, bytes.data(), bytes.size());
  column.chars_size += size;
  const auto end = static_cast<int32_t>(column.chars_size);
  std::memcpy(column.values + (row + 1) * column.width(), &end, sizeof(end));
  return true;
}

}  // namespace

/// What VariantStorage() has below it.
struct ArrowColumn::VariantParts {
  explicit VariantParts(arrow::MemoryPool* pool)
      : metadata(arrow::binary(), pool), value(arrow::binary(), pool) {}
  VariantBuilder builder;
  ArrowColumn metadata;
  ArrowColumn value;
};

ArrowColumn::ArrowColumn(std::shared_ptr<arrow::DataType> type, arrow::MemoryPool* pool)
    : pool_(pool), type_(std::move(type)) {
  has_chars_ = type_->id() == arrow::Type::STRING || type_->id() == arrow::Type::BINARY;
  is_list_ = type_->id() == arrow::Type::LIST;
  is_bool_ = type_->id() == arrow::Type::BOOL;
  width_ = sizeof(int32_t);
  if (IsVariantStorage(*type_)) {
    variants_ = std::make_unique<VariantParts>(pool);
    width_ = variants_->metadata.width() + variants_->value.width();
  } else if (is_bool_) {
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
  rows_capacity = rows;
  if (variants_ != nullptr) {
    TARN_RETURN_IF_ERROR(variants_->metadata.Reset(rows, chars_min));
    return variants_->value.Reset(rows, chars_min);
  }
  TARN_RETURN_IF_ERROR(Reserve(&values_, ValuesBytes(rows)));
  values = values_->mutable_data();
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
  if (variants_ != nullptr) {
    TARN_RETURN_IF_ERROR(variants_->metadata.GrowRows(rows));
    TARN_RETURN_IF_ERROR(variants_->value.GrowRows(rows));
  } else {
    TARN_RETURN_IF_ERROR(Reserve(&values_, ValuesBytes(rows)));
    values = values_->mutable_data();
  }
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
  if (variants_ != nullptr) {
    // The parts of a null are empty, not null: see VariantStorage().
    for (ArrowColumn* part : {&variants_->metadata, &variants_->value}) PutChars(*part, row, {});
  } else if (has_offsets()) {
    int32_t* offsets = reinterpret_cast<int32_t*>(values);
    offsets[row + 1] = offsets[row];
  } else {
    std::memset(values + row * width_, 0, static_cast<size_t>(width_));
  }
  return Status::Ok();
}

ArrowColumn::JsonOutcome ArrowColumn::AppendJson(int64_t row, std::string_view json) {
  variants_->builder.Begin();
  Status built = BuildVariantOfJson(json, variants_->builder);
  const Result<VariantBuilder::Bytes> finished =
      built.ok() ? variants_->builder.Finish() : Result<VariantBuilder::Bytes>(built.error());
  if (!finished.ok()) {
    refusal_ = finished.error().message;
    return JsonOutcome::kRefused;
  }
  const bool put = PutChars(variants_->metadata, row, finished->metadata) &&
                   PutChars(variants_->value, row, finished->value);
  return put ? JsonOutcome::kAdded : JsonOutcome::kNoMemory;
}

Result<std::shared_ptr<arrow::ArrayData>> ArrowColumn::Finish(
    int64_t rows, std::vector<std::shared_ptr<arrow::ArrayData>> children) {
  if (variants_ != nullptr) {
    for (ArrowColumn* part : {&variants_->metadata, &variants_->value}) {
      TARN_ASSIGN_OR_RETURN(children.emplace_back(), part->Finish(rows));
    }
    if (validity_ != nullptr) TARN_RETURN_IF_ERROR(Reserve(&validity_, (rows + 7) / 8));
    return arrow::ArrayData::Make(type_, rows, {validity_}, std::move(children), null_count);
  }
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
