#include "source/postgres/pg_column_buffer.h"

#include <algorithm>
#include <vector>

#include <arrow/array/data.h>
#include <arrow/type.h>

namespace tarn::postgres {
namespace {

std::shared_ptr<arrow::DataType> TypeAt(const PgColumn& column, int dimensions) {
  std::shared_ptr<arrow::DataType> type = column.type;
  for (int i = column.dimensions; i > dimensions; --i) type = type->field(0)->type();
  return type;
}

}  // namespace

ColumnBuffer::ColumnBuffer(const PgColumn& column, int dimensions, arrow::MemoryPool* pool)
    : ArrowColumn(TypeAt(column, dimensions), pool),
      kind(dimensions > 0 ? WireKind::kList : column.wire),
      precision(column.precision),
      scale(column.scale) {
  if (dimensions > 0) child = std::make_unique<ColumnBuffer>(column, dimensions - 1, pool);
}

Status ColumnBuffer::Reset(int64_t rows, int64_t chars_min) {
  size = 0;
  TARN_RETURN_IF_ERROR(ArrowColumn::Reset(rows, chars_min));
  return child != nullptr ? child->Reset(std::min<int64_t>(rows, 1024), chars_min) : Status::Ok();
}

Result<std::shared_ptr<arrow::ArrayData>> ColumnBuffer::Finish(int64_t rows) {
  std::vector<std::shared_ptr<arrow::ArrayData>> children;
  if (child != nullptr) {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<arrow::ArrayData> items, child->Finish(child->size));
    children.push_back(std::move(items));
  }
  return ArrowColumn::Finish(rows, std::move(children));
}

}  // namespace tarn::postgres
