#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/variant_builder.h"

namespace tarn {

/// A Variant as Parquet files store it ("VariantShredding.md"): it stands in `value`, in
/// `typed_value`, or in both: the column itself, an element of a shredded array, a field of a
/// shredded object. One that is not shredded has no `typed_value`.
/// Threads: one at a time. Errors: those of variant.h, about values and about groups that have
/// other parts.
class ShreddedValue {
 public:
  /// What may stand in the group: `metadata` as well, in that of the column.
  enum class Place { kColumn, kWithin };
  static Result<ShreddedValue> Of(const std::shared_ptr<arrow::Array>& array, Place place,
                                  int level = 0);

  /// Adds the value of a row, which has `depth` others around it. False, and nothing added, where
  /// it is missing.
  Result<bool> Build(const VariantKeys& keys, int64_t row, int depth,
                     VariantBuilder& builder) const;

 private:
  Status TakeTyped(std::shared_ptr<arrow::Array> typed, int level);
  Status BuildArray(const VariantKeys& keys, int64_t row, int depth, VariantBuilder& builder) const;
  Status BuildObject(const VariantKeys& keys, int64_t row, int depth, bool partly,
                     VariantBuilder& builder) const;
  Status BuildRest(const VariantKeys& keys, int64_t row, int depth,
                   VariantBuilder::Container& object, VariantBuilder& builder) const;
  Status BuildPrimitive(int64_t row, VariantBuilder& builder) const;
  Status BuildTimestamp(int64_t row, VariantBuilder& builder) const;
  Error UnknownType() const;
  template <typename ArrayType>
  auto At(int64_t row) const;

  std::shared_ptr<arrow::StructArray> group_;
  std::shared_ptr<arrow::BinaryArray> value_;
  std::shared_ptr<arrow::Array> typed_;
  std::string extension_;                ///< the name of Arrow's type around that of `typed_`
  std::vector<ShreddedValue> elements_;  ///< one, if it is an array
  std::vector<std::string> names_;       ///< of `fields_`
  std::vector<ShreddedValue> fields_;
  std::set<std::string, std::less<>> sorted_names_;
};

/// A column of them.
struct ShreddedColumn {
  std::shared_ptr<arrow::StructArray> group;
  std::shared_ptr<arrow::BinaryArray> metadata;
  ShreddedValue value;

  static Result<ShreddedColumn> Of(const std::shared_ptr<arrow::Array>& stored);
};

}  // namespace tarn
