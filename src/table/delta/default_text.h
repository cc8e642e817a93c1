#pragma once

#include <string>

#include "columnar/scalar.h"
#include "table/model/schema.h"

namespace tarn::delta {

/// A column's default as the log keeps it ("Default Columns": CURRENT_DEFAULT in the field's
/// metadata): the text of a SQL expression as Spark parses it, `5`, `'it\\'s'`, `DATE
/// '2026-11-29'`. `value` fits the type and is not null.
std::string DefaultText(const Type& type, const Scalar& value);

}  // namespace tarn::delta
