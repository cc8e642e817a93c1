#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/scalar.h"
#include "table/model/schema.h"

namespace tarn {

/// Brings columns of a Parquet file into the shape that a table's types have now: the fields of
/// structs, also within lists and maps, in the table's order, those that the file does not have as
/// their initial default or null, those that the table does not have left out. What is left to
/// Conform() are the types of the leaves. A value.
class ColumnShaper {
 public:
  ColumnShaper() = default;
  /// Of a file whose columns read as `schema`: fields are found by their ids, or by their names
  /// where it has no ids.
  explicit ColumnShaper(const arrow::Schema& schema);

  /// Errors: Corruption where the file has another kind of type.
  Result<std::shared_ptr<arrow::Array>> Shape(const std::shared_ptr<arrow::Array>& array,
                                              const Type& type) const;

 private:
  Result<std::shared_ptr<arrow::Array>> ShapeStruct(const arrow::StructArray& array,
                                                    const Type& type) const;
  Result<std::shared_ptr<arrow::Array>> ShapeList(const std::shared_ptr<arrow::Array>& array,
                                                  const Type& type) const;
  Result<std::shared_ptr<arrow::Array>> ShapeMap(const arrow::MapArray& array,
                                                 const Type& type) const;
  int Find(const arrow::DataType& in, const Field& wanted) const;

  bool with_ids_ = true;
};

/// A column of `rows` times the same value, which fits `type` as Scalar's notes say, or nulls.
Result<std::shared_ptr<arrow::Array>> RepeatScalar(const Scalar& value,
                                                   const std::shared_ptr<arrow::DataType>& type,
                                                   int64_t rows);

}  // namespace tarn
