#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "base/strong_id.h"
#include "columnar/scalar.h"

namespace tarn {

using FieldId = StrongId<struct FieldIdTag, int32_t>;
using SchemaId = StrongId<struct SchemaIdTag, int32_t>;

struct Field;

/// A type of Iceberg's table specification ("Schemas and Data Types"). A value; nested types share
/// immutable children.
class Type {
 public:
  enum class Kind {
    kBoolean,
    kInt,
    kLong,
    kFloat,
    kDouble,
    kDecimal,
    kDate,
    kTime,
    kTimestamp,
    kTimestampTz,
    kTimestampNs,    ///< version 3
    kTimestampTzNs,  ///< version 3
    kString,
    kUuid,
    kFixed,
    kBinary,
    kUnknown,  ///< version 3: every value is null, and no file stores the column
    kStruct,
    kList,
    kMap,
    kVariant  ///< version 3: semi-structured; neither primitive nor nested
  };
  Type() = default;
  explicit Type(Kind kind) : kind_(kind) {}
  static Type Decimal(int precision, int scale);
  static Type Fixed(int length);
  static Type Struct(std::vector<Field> fields);
  static Type List(Field element);
  static Type Map(Field key, Field value);

  Kind kind() const { return kind_; }
  bool primitive() const { return kind_ < Kind::kStruct; }
  int precision() const { return a_; }  ///< of a decimal
  int scale() const { return b_; }      ///< of a decimal
  int length() const { return a_; }     ///< of a fixed
  /// struct: its fields; list: the element; map: key and value.
  const std::vector<Field>& fields() const;
  /// Iceberg's own text for primitives: "decimal(10, 2)", "timestamptz"; nested as "struct<…>".
  std::string ToString() const;
  bool operator==(const Type& other) const;

 private:
  Kind kind_ = Kind::kBoolean;
  int a_ = 0;
  int b_ = 0;
  std::shared_ptr<const std::vector<Field>> fields_;
};

enum class Nullability { kOptional, kRequired };

struct Field {
  FieldId id;
  std::string name;
  Type type;
  Nullability nullability = Nullability::kOptional;
  std::string doc;
  /// \name Version 3, "Default Values" of primitive fields. `initial_default` is what rows of files
  /// that lack the column have; `write_default` what a writer puts that is given no value.
  /// @{
  std::optional<Scalar> initial_default = {};
  std::optional<Scalar> write_default = {};
  /// @}
  bool operator==(const Field& other) const = default;
};

/// The columns of a table, by stable ids. Names are unique; lookups are exact first, then without
/// regard to case when that is unambiguous.
struct Schema {
  SchemaId id;
  std::vector<Field> fields;
  std::vector<FieldId> identifier_fields;  ///< the key's columns, if any

  /// Top-level field by name; nullptr when there is none.
  const Field* Find(std::string_view name) const;
  /// Any field by id, nested ones too; nullptr when there is none.
  const Field* Find(FieldId field) const;
  /// The highest id in use, nested ones included; 0 for an empty schema.
  int32_t HighestFieldId() const;
  /// Equal columns and keys; the schema's own id does not count.
  bool SameColumns(const Schema& other) const;
};

/// Arrow ↔ table. Arrow fields carry their id as "PARQUET:field_id".
/// Unsigned 64-bit, durations, nanoseconds and other types without a counterpart: Unsupported,
/// naming the column. A uuid is fixed_size_binary(16) whose field says "ARROW:extension:name" =
/// "arrow.uuid" in its metadata (the extension type itself is read too).
/// @{
/// Assigns fresh ids 1… in Iceberg's order (a level at a time); "PARQUET:field_id" is not read.
Result<Schema> SchemaFromArrow(const arrow::Schema& schema);
/// The Arrow schema of the Parquet files: int→int32, decimal→decimal128, timestamp→µs (tz "UTC"),
/// uuid→fixed_size_binary(16), string→utf8, list→list<element>. Every field carries its id.
/// `physical_names`, where not empty, replaces top-level names (Delta column mapping).
Result<std::shared_ptr<arrow::Schema>> SchemaToArrow(
    const Schema& schema, const std::map<int32_t, std::string>& physical_names = {});
/// The Arrow type of one table type; nested fields carry their ids.
Result<std::shared_ptr<arrow::DataType>> TypeToArrow(const Type& type);
/// @}

/// The same type with every nested field's id replaced by a fresh one, counted on from `last_id`
/// in Iceberg's order; `last_id` becomes the highest id given.
Type AssignFreshIds(const Type& type, int32_t& last_id);
/// A schema of the same columns with ids from 1; key columns keep their places.
Schema AssignFreshIds(const Schema& schema);

/// Whether a non-null scalar is of the alternative that columns of this type use.
bool ScalarFits(const Type& type, const Scalar& value);

/// Whether a column of type `from` may become `to` in place (Iceberg "Schema Evolution": int→long,
/// float→double, decimal with more precision and the same scale).
bool CanWiden(const Type& from, const Type& to);

}  // namespace tarn
