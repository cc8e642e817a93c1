#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace tarn {

/// Turns some columns of rows into text that is equal just for rows whose values are equal, also
/// when the columns are of different types (a column that was widened between two files, also from
/// a date to a timestamp). Nulls are equal to one another (Iceberg "Equality Delete Files").
class RowKeys {
 public:
  /// `columns` of one batch; a nullptr stands for a column whose every value is the only one
  /// of `missing[i]`, which is not looked at otherwise.
  /// Errors: Unsupported for types that cannot be compared, naming the type.
  static Result<RowKeys> Of(std::vector<std::shared_ptr<arrow::Array>> columns,
                            std::vector<std::shared_ptr<arrow::Array>> missing);

  /// The key of one row; `key` is overwritten.
  void Get(int64_t row, std::string& key) const;

 private:
  std::vector<std::shared_ptr<arrow::Array>> columns_;
  std::vector<std::shared_ptr<arrow::Array>> missing_;
};

}  // namespace tarn
