#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn {

struct AvroType;

/// One field of a record, with Iceberg's `field-id` where the schema has one.
struct AvroField {
  std::string name;
  int32_t id = -1;  ///< -1: none
  const AvroType* type = nullptr;
};

/// One type of an Avro schema. Types refer to each other by pointer, recursive ones to themselves;
/// the AvroSchema owns them all.
struct AvroType {
  enum class Kind : uint8_t {
    kNull,
    kBoolean,
    kInt,
    kLong,
    kFloat,
    kDouble,
    kBytes,
    kString,
    kFixed,
    kEnum,
    kRecord,
    kArray,
    kMap,
    kUnion
  };
  Kind kind = Kind::kNull;
  std::string name;          ///< full name of a record, enum or fixed
  std::string logical_type;  ///< "decimal", "map", "timestamp-micros", …
  int32_t precision = 0;     ///< of a decimal
  int32_t scale = 0;         ///< of a decimal
  int64_t fixed_bytes = 0;
  std::vector<std::string> symbols;       ///< of an enum
  std::vector<AvroField> fields;          ///< of a record
  std::vector<const AvroType*> children;  ///< array: the item; map: the value; union: the branches
  int32_t element_id = -1;                ///< Iceberg's attribute of an array
  int32_t key_id = -1;                    ///< Iceberg's attributes of a map
  int32_t value_id = -1;
  int64_t encoded_bytes_min = 0;  ///< no value takes fewer bytes
};

/// A parsed Avro schema (Avro 1.11 "Schema Declaration"). Unknown attributes, defaults, aliases and
/// documentation are passed over. Movable; the types keep their places.
class AvroSchema {
 public:
  /// `what` names the file in errors. Errors: Corruption.
  static Result<AvroSchema> Parse(std::string_view json, std::string_view what);
  /// The same, kept for the files that follow: those of one table have few schemas. Threads: may be
  /// called concurrently. Memory: kSharedMax schemas with a text of kSharedTextBytesMax at most.
  static Result<std::shared_ptr<const AvroSchema>> Shared(std::string_view json,
                                                          std::string_view what);
  static constexpr size_t kSharedMax = 8;
  static constexpr size_t kSharedTextBytesMax = 256 << 10;
  const AvroType& root() const { return *root_; }

 private:
  friend class AvroSchemaParser;
  std::vector<std::unique_ptr<AvroType>> types_;
  const AvroType* root_ = nullptr;
};

/// "record manifest_entry", "array", "long": for messages.
std::string ToString(const AvroType& type);

/// A name that Avro allows, made of any column name as Iceberg's writers make it: "a b" → "a_x20b",
/// "1a" → "_1a". Partition fields in manifests are named so.
std::string AvroName(std::string_view name);

}  // namespace tarn
