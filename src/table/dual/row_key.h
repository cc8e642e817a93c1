#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/scalar.h"

namespace tarn {

/// Turns some columns of rows into text that is equal just for rows whose values are equal, also
/// when the columns are of different widths (a column that was widened between two files). Nulls
/// are equal to one another (Iceberg "Equality Delete Files").
class RowKeys {
 public:
  /// `columns` of one batch; a nullptr stands for a column whose every value is `missing[i]`.
  /// Errors: Unsupported for types that cannot be compared, naming the type.
  static Result<RowKeys> Of(std::vector<std::shared_ptr<arrow::Array>> columns,
                            const std::vector<Scalar>& missing);

  /// The key of one row; `key` is overwritten.
  void Get(int64_t row, std::string& key) const;

 private:
  std::vector<std::shared_ptr<arrow::Array>> columns_;
  std::vector<Scalar> missing_;
};

}  // namespace tarn
