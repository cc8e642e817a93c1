#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "source/arrow_column.h"
#include "source/postgres/pg_types.h"

namespace tarn::postgres {

/// A column of PostgreSQL that is being filled: what its wire form is, beside the memory.
/// Threads: one at a time.
class ColumnBuffer : public ArrowColumn {
 public:
  /// Lists get a child. `dimensions` of the column are consumed from the outside in.
  ColumnBuffer(const PgColumn& column, int dimensions, arrow::MemoryPool* pool);

  /// As ArrowColumn::Reset, with the child.
  Status Reset(int64_t rows, int64_t chars_min = 64 << 10);
  /// As ArrowColumn::Finish, with the child.
  Result<std::shared_ptr<arrow::ArrayData>> Finish(int64_t rows);

  const WireKind kind;
  const int precision;
  const int scale;
  int64_t size = 0;  ///< values in a list's child; a table's columns count rows together
  std::unique_ptr<ColumnBuffer> child;
};

}  // namespace tarn::postgres
