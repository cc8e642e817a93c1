#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "source/postgres/pg_types.h"

namespace tarn::postgres {

/// Memory of one Arrow array that is being filled: raw pointers for the decoder's inner loop, the
/// buffers that own what they point to beside them. Allocation failure is a ResourceExhausted that
/// is kept until TakeStatus.
/// Threads: one at a time.
class ColumnBuffer {
 public:
  /// Lists get a child. `dimensions` of the column are consumed from the outside in.
  ColumnBuffer(const PgColumn& column, int dimensions, arrow::MemoryPool* pool);
  ~ColumnBuffer();
  ColumnBuffer(const ColumnBuffer&) = delete;
  ColumnBuffer& operator=(const ColumnBuffer&) = delete;

  /// Fresh memory for `rows` values; what was there belongs to the array that Finish made.
  Status Reset(int64_t rows);
  /// Room for `rows` values in all, keeping what is there.
  Status GrowRows(int64_t rows);
  /// Room for `more` further bytes of text.
  Status GrowChars(int64_t more);
  /// The first `rows` values as an array.
  Result<std::shared_ptr<arrow::ArrayData>> Finish(int64_t rows);

  /// Marks value `row` null; allocates the bitmap at the first one.
  Status SetNull(int64_t row);

  static constexpr int64_t kSlackBytes = 32;  ///< writable beyond chars_capacity

  const WireKind kind;
  const int precision;
  const int scale;
  uint8_t* values = nullptr;  ///< fixed width; offsets (int32, rows + 1) of text, bytes and lists
  uint8_t* chars = nullptr;   ///< of text and bytes
  int64_t chars_size = 0;
  int64_t chars_capacity = 0;
  uint8_t* validity = nullptr;  ///< nullptr: no null so far
  int64_t null_count = 0;
  int64_t rows_capacity = 0;
  int64_t size = 0;  ///< values in a list's child; a table's columns count rows together
  std::unique_ptr<ColumnBuffer> child;

 private:
  int64_t ValuesBytes(int64_t rows) const;
  Status Reserve(std::shared_ptr<arrow::ResizableBuffer>* buffer, int64_t bytes);

  arrow::MemoryPool* pool_;
  std::shared_ptr<arrow::DataType> type_;
  std::shared_ptr<arrow::ResizableBuffer> values_;
  std::shared_ptr<arrow::ResizableBuffer> chars_;
  std::shared_ptr<arrow::ResizableBuffer> validity_;
};

/// Bytes of one value in `values`; bool takes a byte until Finish packs it.
int64_t FixedWidth(WireKind kind);

}  // namespace tarn::postgres
