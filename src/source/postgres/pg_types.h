#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "source/source.h"
#include "source/type_choices.h"

namespace tarn::postgres {

/// How a value looks in `COPY … (FORMAT binary)`, and what it becomes.
enum class WireKind : uint8_t {
  kBool,          ///< 1 byte → bool
  kInt16,         ///< → int32
  kInt32,         ///< → int32
  kInt64,         ///< → int64
  kOid,           ///< unsigned 32 bits → int64
  kFloat32,       ///< → float
  kFloat64,       ///< → double
  kDecimal,       ///< numeric's base-10000 digits → decimal128
  kDate,          ///< days since 2000-01-01 → date32
  kTimestamp,     ///< microseconds since 2000-01-01 → timestamp[us]
  kText,          ///< → utf8
  kJsonb,         ///< a version byte, then text → utf8
  kUuid,          ///< 16 bytes → utf8
  kBytes,         ///< → binary
  kJsonVariant,   ///< text of JSON → variant
  kJsonbVariant,  ///< a version byte, then such text → variant
  kList           ///< an array → list<…>
};

/// How a predicate on a column may be handed to the server; see pg_predicate.h.
enum class CompareAs : uint8_t {
  kNothing,  ///< only IS NULL
  kNumber,   ///< integer, float and decimal literals
  kBool,
  kDate,
  kTimestamp,
  kTimestampTz,
  kText,          ///< text of a deterministic collation: = uses the column's own index
  kTextCollated,  ///< text of a nondeterministic collation: compared as bytes
  kTextForm,      ///< compared by what `::text` gives
  kUuid,
  kBytes
};

/// A type of pg_type, as far as the mapping needs it.
struct PgType {
  uint32_t oid = 0;
  std::string name;
  bool built_in = false;  ///< lives in pg_catalog
  char kind = 'b';        ///< typtype: b, c, d, e, m, p, r
  uint32_t base = 0;      ///< of a domain
  int32_t base_modifier = -1;
  int32_t base_dimensions = 0;
  uint32_t element = 0;  ///< of a true array
};
using PgTypes = std::map<uint32_t, PgType>;

/// A column of pg_attribute.
struct PgAttribute {
  std::string name;
  std::string native_type;  ///< format_type()
  std::string plain_type;   ///< schema and name of the type, quoted, without modifiers
  uint32_t type = 0;
  int32_t modifier = -1;
  int32_t dimensions = 0;
  bool deterministic_collation = true;
};

/// A column as a stream reads it.
struct PgColumn {
  std::string name;
  std::string native_type;
  std::string select;               ///< the expression in the select list: `"c"`, `"c"::text`
  WireKind wire = WireKind::kText;  ///< of the value, or of the elements where dimensions > 0
  int dimensions = 0;               ///< > 0: a list
  int precision = 0;                ///< of a decimal
  int scale = 0;                    ///< of a decimal
  CompareAs compare = CompareAs::kNothing;
  uint32_t value_oid = 0;     ///< the type of the value, or of the elements, without domains
  bool cast = false;          ///< `select` casts the value, or the elements
  bool whole_array = false;   ///< an array that becomes one text
  bool null_of_text = false;  ///< a row type: `IS NULL` also holds for a row of nulls
  std::shared_ptr<arrow::DataType> type;
};

/// docs/types.md in code. Errors: Unsupported (no exact counterpart; the hint names the override),
/// InvalidArgument (an override that this type cannot follow); both name table and column.
Result<PgColumn> MapColumn(const SourceTableName& table, const PgAttribute& attribute,
                           const PgTypes& types, const TypeChoices& choices);

}  // namespace tarn::postgres
