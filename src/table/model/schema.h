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

/// The highest id a column may have (Iceberg "Reserved Field IDs": above are metadata columns).
inline constexpr int32_t kFieldIdMax = 2147483447;

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
  bool operator==(const Schema&) const = default;
};

/// Arrow ↔ table. Arrow fields carry their id as "PARQUET:field_id".
/// Unsigned 64-bit, durations, times of nanoseconds and other types without a counterpart:
/// Unsupported, naming the column. A uuid is fixed_size_binary(16) whose field says
/// "ARROW:extension:name" = "arrow.uuid" in its metadata (the extension type itself is read too).
/// @{
/// Assigns fresh ids 1… in Iceberg's order (a level at a time); "PARQUET:field_id" is not read.
Result<Schema> SchemaFromArrow(const arrow::Schema& schema);
/// The Arrow schema of the Parquet files: int→int32, decimal→decimal128, timestamp→µs (tz "UTC"),
/// uuid→fixed_size_binary(16), string→utf8, list→list<element>. Every field carries its id.
/// `physical_names` replaces names of columns and of structs' fields, by id (Delta column mapping).
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

/// Whether a non-null scalar is of the alternative that columns of this type use; never for types
/// without single values (unknown, variant, nested ones).
bool ScalarFits(const Type& type, const Scalar& value);
/// Whether a scalar that fits is also within the type's range: 32 bits, digits of a decimal, hours
/// of a day, bytes of a uuid or fixed.
bool ScalarInRange(const Type& type, const Scalar& value);

/// \name Iceberg "Schema Evolution" and what a format version allows.
/// @{
/// The highest format version that is read and written.
inline constexpr int kFormatVersionMax = 3;
/// Whether a column of type `from` may become `to` in place: int→long, float→double, decimal with
/// more precision and the same scale; from version 3 on also date→timestamp, date→timestamp_ns and
/// unknown→anything that is not nested. See KeepsPartitionValues for partition columns.
bool CanWiden(const Type& from, const Type& to, int format_version = 2);
/// What a table of that version must not have: types and defaults of version 3 in earlier ones,
/// required columns of type unknown, defaults of another type than their column's.
/// Errors: Unsupported for what a later version allows, InvalidArgument for the rest; both name the
/// column.
Status CheckTypeForVersion(const Schema& schema, int format_version);
/// Whether `value` may be a default of a column of this type: in its range, and not of a type that
/// only has the default null. Null always may. Error InvalidArgument, naming the column.
Status CheckDefault(const Type& type, const Scalar& value, std::string_view column);
/// @}

/// \name Values as text: "2017-11-16", "22:31:08.123456", "2017-11-16T22:31:08+00:00", "14.20",
/// "f79c3e09-677c-4bbd-a479-3f349cb785e7", "000102ff", "true", "-7" (Iceberg "JSON Single-Value
/// Serialization", without the JSON). Fractions of a second that are 0 are left out.
/// @{
/// `value` must fit the type and not be null.
std::string ValueToText(const Type& type, const Scalar& value);
/// Nothing where the text is not a value of the type, or one out of its range.
std::optional<Scalar> ValueFromText(const Type& type, std::string_view text);
/// @}

}  // namespace tarn
