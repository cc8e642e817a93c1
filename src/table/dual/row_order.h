#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "table/model/metadata.h"

namespace tarn {

/// Compares rows by the columns of a sort order (Iceberg "Sorting"): text by its bytes, NaN equal
/// to itself and greater than every number. Threads: may be asked concurrently.
class RowOrder {
 public:
  /// Whether there is a comparison for every key of the order: values of columns, not transforms of
  /// them.
  static bool CanCompare(const Schema& columns, const SortOrder& order);

  /// Of a table with the columns of SchemaToArrow(columns); CanCompare() holds.
  static Result<RowOrder> Of(const arrow::Table& table, const Schema& columns,
                             const SortOrder& order);
  ~RowOrder();
  RowOrder(RowOrder&&) noexcept;

  /// The rows' places in order; equal rows stay in theirs.
  std::vector<uint64_t> Sorted() const;

 private:
  class Key;
  RowOrder(std::vector<std::unique_ptr<const Key>> keys, int64_t rows);

  std::vector<std::unique_ptr<const Key>> keys_;
  int64_t rows_;
};

}  // namespace tarn
