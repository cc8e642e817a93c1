#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "source/source_table.h"
#include "source/type_choices.h"

namespace tarn::mysql {

/// What a column is in the server, as far as its bytes on the wire and in the log depend on it.
enum class MyType : uint8_t {
  kInt8,
  kInt16,
  kInt24,
  kInt32,
  kInt64,
  kFloat32,
  kFloat64,
  kDecimal,
  kDate,
  kTime,
  kDatetime,
  kTimestamp,
  kYear,
  kBit,
  kChars,     ///< char, varchar, the texts; MariaDB's json
  kBytes,     ///< binary, varbinary, the blobs
  kEnum,      ///<
  kSet,       ///<
  kJson,      ///< MySQL's
  kGeometry,  ///< four bytes of SRID, then WKB
  kUuid,      ///< MariaDB's; text on the wire
  kInet4,     ///< the same
  kInet6      ///< the same
};

/// What the lake's column holds.
enum class Store : uint8_t {
  kBool,
  kInt32,
  kInt64,
  kFloat32,
  kFloat64,
  kDecimal,
  kDate,
  kTimestamp,
  kText,
  kBytes,
  kVariant
};

/// How a predicate on a column may be handed to the server; see my_predicate.h.
enum class CompareAs : uint8_t {
  kNothing,  ///< only IS NULL
  kInteger,
  kFloat,
  kDecimal,
  kBool,  ///< bit(1)
  kDate,
  kDatetime,
  kText,  ///< by its bytes in UTF-8
  kBytes
};

/// A column of information_schema.
struct MyAttribute {
  std::string name;
  std::string data_type;    ///< "int"
  std::string column_type;  ///< "int(10) unsigned"
  std::string charset;      ///< "" for what is no text
  std::string collation;
  int precision = 0;  ///< of numbers; bits of bit
  int scale = 0;
  int fraction_digits = 0;   ///< of times
  int64_t octet_length = 0;  ///< of text and bytes
  bool nullable = true;
};

/// A column as a stream reads it.
struct MyColumn {
  std::string name;
  std::string native_type;
  MyType type = MyType::kChars;
  bool is_unsigned = false;
  bool fixed_length = false;        ///< char, binary
  int64_t length = 0;               ///< bits of bit; bytes of char and binary at most
  int digits = 0;                   ///< of a decimal, in the server
  int fraction_digits = 0;          ///< of a decimal or a time, in the server
  std::vector<std::string> labels;  ///< of enum and set, in UTF-8
  std::string charset;
  Store store = Store::kText;
  int precision = 0;  ///< of the lake's decimal
  int scale = 0;
  CompareAs compare = CompareAs::kNothing;
  bool nullable = true;
  std::shared_ptr<arrow::DataType> arrow_type;
};

/// docs/types.md in code. Errors: Unsupported (no exact counterpart; the hint names the override),
/// InvalidArgument (an override that this type cannot follow); both name table and column.
Result<MyColumn> MapColumn(const SourceTableName& table, const MyAttribute& attribute,
                           const TypeChoices& choices);

/// The labels of `enum('a','it''s')`. Errors: Internal.
Result<std::vector<std::string>> ParseLabels(const std::string& column_type);

}  // namespace tarn::mysql
