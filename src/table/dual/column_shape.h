#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

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
  /// Of a file whose columns read as `schema`: fields are found by their ids, or where it has none
  /// by `physical_names` (by id), else by the names that they have in the table.
  explicit ColumnShaper(const arrow::Schema& schema,
                        std::map<int32_t, std::string> physical_names = {});

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
  std::map<int32_t, std::string> physical_names_;
};

/// A column of `rows` times the same value, which fits `type` as Scalar's notes say, or nulls.
Result<std::shared_ptr<arrow::Array>> RepeatScalar(const Scalar& value,
                                                   const std::shared_ptr<arrow::DataType>& type,
                                                   int64_t rows);

}  // namespace tarn
