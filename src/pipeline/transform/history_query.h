#pragma once

#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "pipeline/transform/model.h"

namespace tarn {

/// \name Columns that `materialize: history` adds to those of its query.
/// @{
inline constexpr char kValidFrom[] = "valid_from";
inline constexpr char kValidTo[] = "valid_to";  ///< null: until now
inline constexpr char kIsCurrent[] = "is_current";
/// @}

/// The columns of the model's table, for `columns` of its query: without those that tell the change
/// itself. Errors: InvalidArgument for a query without the columns of a history that tell what
/// happened when, or with one of a name that the model needs.
Result<arrow::FieldVector> HistoryModelFields(const Model& model,
                                              const arrow::FieldVector& columns);

/// What `materialize: history` makes of the changes that `model.sql` selects from a history: of
/// every key its versions, each valid from the transaction that wrote it to the one that changed or
/// removed it (slowly changing dimension of type 2). What happens within one transaction is seen
/// as it ends; versions that follow one another and are equal are one. The model's own query
/// begins after `*lines_before` lines. `columns`: of the query.
std::string HistoryModelQuery(const Model& model, const arrow::FieldVector& columns,
                              int* lines_before);

}  // namespace tarn
