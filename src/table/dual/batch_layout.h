#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "table/model/schema.h"

namespace tarn {

/// The same rows under the file's schema: columns by position, with the types of `schema` but for
/// the names of lists' and maps' parts, nullability and metadata. `own` is SchemaToArrow(schema),
/// `target` the same under the names that files have. Nothing is copied. Errors: InvalidArgument,
/// naming the column: another number of columns, another type, a null where the table wants a
/// value.
Result<std::shared_ptr<arrow::RecordBatch>> LayOut(const arrow::RecordBatch& batch,
                                                   const Schema& schema, const arrow::Schema& own,
                                                   const std::shared_ptr<arrow::Schema>& target);

}  // namespace tarn
