#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace tarn {

/// The Arrow type of columns of Variants between modules: struct<metadata: binary not null, value:
/// binary not null>, whose fields have no ids. The children of a null are empty, never null. Files
/// say VARIANT of such a column ("arrow.parquet.variant").
const std::shared_ptr<arrow::DataType>& VariantStorage();

/// Whether a type is that one. A struct of a table that happens to look alike has field ids.
bool IsVariantStorage(const arrow::DataType& type);

/// Whether a type is Arrow's own for Variants.
bool IsVariantExtension(const arrow::DataType& type);

/// `schema` whose fields say so of VariantStorage(), nested ones too, as Arrow's IPC tells
/// extension types: arrow.parquet.variant of the canonical ones, in the metadata of the field.
/// Types stay.
std::shared_ptr<arrow::Schema> WithVariantNames(const arrow::Schema& schema);

/// Whether a type is that one, or has it somewhere within.
bool HoldsVariants(const arrow::DataType& type);

/// A column as a file stores it (a group with `metadata`, `value`, or `typed_value`:
/// "VariantShredding.md"; its annotation is not needed) as one of VariantStorage(). Every value is
/// checked; shredded ones are put together again.
/// Errors: Corruption, Unsupported, as variant.h has them; the caller adds file and column.
Result<std::shared_ptr<arrow::Array>> ReadVariants(const std::shared_ptr<arrow::Array>& stored);

/// The same column with empty children where they were null below a null, which Arrow's own
/// functions make and its Parquet writer refuses; nested columns as well. Error: InvalidArgument
/// for a value that lacks a part.
Result<std::shared_ptr<arrow::Array>> WithoutHiddenNulls(
    const std::shared_ptr<arrow::Array>& array);

}  // namespace tarn
