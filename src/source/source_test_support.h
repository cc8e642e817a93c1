#pragma once

#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include "source/source.h"

namespace tarn::testing {

/// A value as text: numbers in decimal, floats shortest, dates as days and timestamps as
/// microseconds since 1970, binary as \x…, lists in [ ], variants as JSON, null as NULL.
std::string TextOf(const arrow::Array& array, int64_t row);
/// "a|b|NULL" per row.
std::vector<std::string> RowTexts(const arrow::RecordBatch& batch);

/// All rows of a reader; fails the test on an error.
std::vector<std::string> Drain(BatchReader& reader);
/// The first error of a reader; fails the test when there is none.
Error DrainToError(BatchReader& reader);
/// All rows of a table through a snapshot in `ranges` streams, sorted.
std::vector<std::string> ReadTable(Source& source, const SourceTableName& table, int ranges = 1);

/// The value of a Result whose success the test takes for granted.
template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) ADD_FAILURE() << result.error().ToString();
  return std::move(result).value();
}

}  // namespace tarn::testing
