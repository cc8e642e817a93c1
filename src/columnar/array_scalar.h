#pragma once

#include <cstdint>

#include <arrow/type_fwd.h>

#include "columnar/scalar.h"

namespace tarn {

/// A value of an array that has one of the simple types of StorableSchema(), as Scalar's notes say.
Scalar ScalarAt(const arrow::Array& array, int64_t row);

}  // namespace tarn
