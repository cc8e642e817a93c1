#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace tarn {

/// The Arrow schema that a table can hold in place of any other: what Conform() turns batches into.
///
/// | from | to |
/// |---|---|
/// | int8, int16, uint8, uint16 | int32 |
/// | uint32 | int64 |
/// | uint64 | decimal128(20, 0) |
/// | half float | float |
/// | large_utf8, utf8_view | utf8 |
/// | large_binary, binary_view | binary |
/// | dictionary | its value type |
/// | date64 | date32 |
/// | timestamp of any unit | timestamp µs; with any time zone: µs, "UTC" (the same instants) |
/// | time32, time64 | utf8 "HH:MM:SS[.ffffff]" (Delta has no time type) |
/// | decimal32, decimal64, decimal256 up to 38 digits | decimal128 |
/// | large_list, fixed_size_list, list_view, large_list_view | list<element> |
/// | null (a column that is NULL everywhere) | int32, as DuckDB does |
/// | duration, intervals | utf8, ISO 8601: "P1Y2M3DT4H5M6.5S" |
/// | extension (uuid → fixed_size_binary(16), variant → VariantStorage()) | its storage type |
///
/// bool, int32, int64, float, double, utf8, binary, fixed_size_binary, date32, decimal128, struct,
/// list<element> and map stay; nested types go by their parts. Names, nullability and metadata are
/// kept. Errors: Unsupported, naming the column: decimal256 over 38 digits, unions, and others.
Result<std::shared_ptr<arrow::Schema>> StorableSchema(const arrow::Schema& schema);

/// The batch with `target`'s types: columns are taken by position. Converts by the table above, and
/// between numbers where no value is lost. Columns that agree are passed on without a copy.
/// Errors: InvalidArgument for a value that does not fit (out of range, nanoseconds that are no
/// whole microseconds, a null in a required column), naming column and row; Unsupported for types
/// that do not go together.
Result<std::shared_ptr<arrow::RecordBatch>> Conform(
    const std::shared_ptr<arrow::RecordBatch>& batch, const std::shared_ptr<arrow::Schema>& target);

/// Whether both types hold the same values in the same buffers: equal but for names, nullability
/// and metadata of nested fields; an extension type is as its storage.
bool SameLayout(const arrow::DataType& a, const arrow::DataType& b);

/// The batch under another schema of the same layout, without a copy. Error: InvalidArgument,
/// naming the column.
Result<std::shared_ptr<arrow::RecordBatch>> WithSchema(
    const arrow::RecordBatch& batch, const std::shared_ptr<arrow::Schema>& schema);

}  // namespace tarn
