#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace tarn {

/// Memory of one Arrow array that is being filled: raw pointers for a decoder's inner loop, the
/// buffers that own what they point to beside them. Booleans take a byte until Finish packs them.
/// Allocation failure is a ResourceExhausted.
/// Threads: one at a time.
class ArrowColumn {
 public:
  /// bool, numbers, date, timestamp, decimal128, utf8, binary, list, and VariantStorage(), whose
  /// values come by AppendJson() alone.
  ArrowColumn(std::shared_ptr<arrow::DataType> type, arrow::MemoryPool* pool);
  ~ArrowColumn();
  ArrowColumn(const ArrowColumn&) = delete;
  ArrowColumn& operator=(const ArrowColumn&) = delete;

  /// Fresh memory for `rows` values; what was there belongs to the array that Finish made.
  /// Text begins with `chars_min` bytes, or what the last batch used.
  Status Reset(int64_t rows, int64_t chars_min = 64 << 10);
  /// Room for `rows` values in all, keeping what is there.
  Status GrowRows(int64_t rows);
  /// Room for `more` further bytes of text.
  Status GrowChars(int64_t more);
  /// The first `rows` values as an array; `children` of a list.
  Result<std::shared_ptr<arrow::ArrayData>> Finish(
      int64_t rows, std::vector<std::shared_ptr<arrow::ArrayData>> children = {});

  /// Marks value `row` null; allocates the bitmap at the first one.
  Status SetNull(int64_t row);
  /// Value `row` of a column of Variants, of its JSON text.
  enum class JsonOutcome : uint8_t { kAdded, kRefused, kNoMemory };
  JsonOutcome AppendJson(int64_t row, std::string_view json);
  /// Why AppendJson() refused the last text.
  const std::string& refusal() const { return refusal_; }

  /// Bytes of one value, or of one offset.
  int64_t width() const { return width_; }

  static constexpr int64_t kSlackBytes = 32;  ///< writable beyond chars_capacity

  /// Fixed width; offsets (int32, rows + 1) of text, bytes and lists; nullptr of Variants.
  uint8_t* values = nullptr;
  uint8_t* chars = nullptr;  ///< of text and bytes
  int64_t chars_size = 0;
  int64_t chars_capacity = 0;
  uint8_t* validity = nullptr;  ///< nullptr: no null so far
  int64_t null_count = 0;
  int64_t rows_capacity = 0;

 private:
  struct VariantParts;
  bool has_offsets() const { return has_chars_ || is_list_; }
  int64_t ValuesBytes(int64_t rows) const { return (rows + (has_offsets() ? 1 : 0)) * width_; }
  Status Reserve(std::shared_ptr<arrow::ResizableBuffer>* buffer, int64_t bytes);

  arrow::MemoryPool* pool_;
  std::shared_ptr<arrow::DataType> type_;
  bool has_chars_ = false;
  bool is_list_ = false;
  bool is_bool_ = false;
  int64_t width_ = 0;
  std::unique_ptr<VariantParts> variants_;  ///< of a column of Variants alone
  std::string refusal_;
  std::shared_ptr<arrow::ResizableBuffer> values_;
  std::shared_ptr<arrow::ResizableBuffer> chars_;
  std::shared_ptr<arrow::ResizableBuffer> validity_;
};

}  // namespace tarn
