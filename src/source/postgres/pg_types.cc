#include "source/postgres/pg_types.h"

#include <algorithm>
#include <optional>

#include <arrow/type.h>

#include "columnar/variant_column.h"
#include "source/postgres/pg_names.h"

namespace tarn::postgres {
namespace {

// Fixed by PostgreSQL: src/include/catalog/pg_type.dat.
enum Oid : uint32_t {
  kBoolOid = 16,
  kByteaOid = 17,
  kNameOid = 19,
  kInt8Oid = 20,
  kInt2Oid = 21,
  kInt4Oid = 23,
  kTextOid = 25,
  kOidOid = 26,
  kJsonOid = 114,
  kFloat4Oid = 700,
  kFloat8Oid = 701,
  kMoneyOid = 790,
  kBpcharOid = 1042,
  kVarcharOid = 1043,
  kDateOid = 1082,
  kTimestampOid = 1114,
  kTimestampTzOid = 1184,
  kNumericOid = 1700,
  kUuidOid = 2950,
  kJsonbOid = 3802
};

using Choice = TypeChoices::Choice;

struct Mapped {
  WireKind wire = WireKind::kText;
  int precision = 0;
  int scale = 0;
  std::string cast;  // of one value, without ::
  CompareAs compare = CompareAs::kNothing;
};

Mapped AsDecimal(int precision, int scale) {
  return {WireKind::kDecimal, precision, scale, "", CompareAs::kNumber};
}
Mapped AsTextForm() { return {WireKind::kText, 0, 0, "pg_catalog.text", CompareAs::kTextForm}; }

// numeric(p,s) of the type modifier; PostgreSQL 15 and later allow s < 0 and s > p.
std::optional<Mapped> NumericOfModifier(int32_t modifier) {
  const int32_t packed = modifier - 4;
  const int precision = (packed >> 16) & 0xffff;
  const int scale = ((packed & 0x7ff) ^ 1024) - 1024;
  const int digits = scale < 0 ? precision - scale : std::max(precision, scale);
  if (digits > kDecimalDigitsMax) return std::nullopt;
  return AsDecimal(digits, std::max(scale, 0));
}

class ColumnMapper {
 public:
  ColumnMapper(const SourceTableName& table, const PgAttribute& attribute, const PgTypes& types,
               const TypeChoices& choices)
      : table_(table),
        attribute_(attribute),
        types_(types),
        numeric_(choices.numeric()),
        choice_(choices.ForColumn(table, attribute.name)) {}

  Result<PgColumn> Map() {
    int32_t modifier = attribute_.modifier;
    int32_t dimensions = attribute_.dimensions;
    TARN_ASSIGN_OR_RETURN(const PgType* type, Resolve(attribute_.type, &modifier, &dimensions));
    PgColumn column;
    column.name = attribute_.name;
    column.native_type = attribute_.native_type;
    column.select = QuoteIdentifier(attribute_.name);
    column.null_of_text = type->kind == 'c';

    const bool whole_text = choice_.kind == Choice::Kind::kString;
    column.value_oid = type->oid;
    column.whole_array = type->element != 0;
    Mapped mapped;
    if (whole_text) {
      mapped = AsTextForm();
      if (type->oid == kTextOid || type->oid == kVarcharOid || type->oid == kBpcharOid) {
        mapped = Plain(*type);
      }
    } else if (type->element != 0 && choice_.kind != Choice::Kind::kVariant) {
      TARN_ASSIGN_OR_RETURN(const PgType* element, Resolve(type->element, &modifier, nullptr));
      if (element->element == 0) {
        column.dimensions = std::max(dimensions, 1);
        column.value_oid = element->oid;
        column.whole_array = false;
        TARN_ASSIGN_OR_RETURN(mapped, MapScalar(*element, modifier));
      } else {
        mapped = AsTextForm();  // elements are arrays themselves, through a domain
      }
    } else {
      TARN_ASSIGN_OR_RETURN(mapped, MapScalar(*type, modifier));
    }
    column.wire = mapped.wire;
    column.precision = mapped.precision;
    column.scale = mapped.scale;
    column.cast = !mapped.cast.empty();
    if (column.cast) {
      column.select += "::" + mapped.cast + (column.dimensions > 0 ? "[]" : "");
    }
    column.compare = column.dimensions > 0 ? CompareAs::kNothing : mapped.compare;
    column.type = ArrowType(mapped);
    for (int i = 0; i < column.dimensions; ++i) {
      column.type = arrow::list(arrow::field("element", column.type));
    }
    return column;
  }

 private:
  Result<const PgType*> Resolve(uint32_t oid, int32_t* modifier, int32_t* dimensions) {
    for (int depth = 0; depth < 64; ++depth) {
      auto found = types_.find(oid);
      if (found == types_.end()) break;
      const PgType& type = found->second;
      if (type.kind != 'd') return &type;
      if (type.base_modifier >= 0) *modifier = type.base_modifier;
      if (dimensions != nullptr) *dimensions = std::max(*dimensions, type.base_dimensions);
      oid = type.base;
    }
    return Unavailable("type " + attribute_.native_type + " of column " + Where() +
                           " vanished while it was looked up",
                       "run again");
  }

  Mapped Plain(const PgType& type) const {
    if (type.oid == kBpcharOid) return {WireKind::kText, 0, 0, "", CompareAs::kNothing};
    return {WireKind::kText, 0, 0, "",
            attribute_.deterministic_collation ? CompareAs::kText : CompareAs::kTextCollated};
  }

  Result<Mapped> MapScalar(const PgType& type, int32_t modifier) {
    if (choice_.kind != Choice::Kind::kDefault) return MapChosen(type);
    switch (type.oid) {
      case kBoolOid:
        return Mapped{WireKind::kBool, 0, 0, "", CompareAs::kBool};
      case kInt2Oid:
        return Mapped{WireKind::kInt16, 0, 0, "", CompareAs::kNumber};
      case kInt4Oid:
        return Mapped{WireKind::kInt32, 0, 0, "", CompareAs::kNumber};
      case kInt8Oid:
        return Mapped{WireKind::kInt64, 0, 0, "", CompareAs::kNumber};
      case kOidOid:  // oid = -1 would be oid = 4294967295: never handed over
        return Mapped{WireKind::kOid, 0, 0, "", CompareAs::kNothing};
      case kFloat4Oid:
        return Mapped{WireKind::kFloat32, 0, 0, "", CompareAs::kNumber};
      case kFloat8Oid:
        return Mapped{WireKind::kFloat64, 0, 0, "", CompareAs::kNumber};
      case kNumericOid:
        return MapNumeric(modifier);
      case kMoneyOid: {
        Mapped money = AsDecimal(19, 2);
        money.cast = "pg_catalog.numeric";
        return money;
      }
      case kTextOid:
      case kVarcharOid:
      case kBpcharOid:
        return Plain(type);
      case kNameOid:  // a literal beside it would become a name, cut to 63 bytes
        return Mapped{WireKind::kText, 0, 0, "", CompareAs::kTextForm};
      case kJsonOid:
        return Mapped{WireKind::kText, 0, 0, "", CompareAs::kTextForm};
      case kJsonbOid:
        return Mapped{WireKind::kJsonb, 0, 0, "", CompareAs::kTextForm};
      case kByteaOid:
        return Mapped{WireKind::kBytes, 0, 0, "", CompareAs::kBytes};
      case kDateOid:
        return Mapped{WireKind::kDate, 0, 0, "", CompareAs::kDate};
      case kTimestampOid:
        return Mapped{WireKind::kTimestamp, 0, 0, "", CompareAs::kTimestamp};
      case kTimestampTzOid:
        return Mapped{WireKind::kTimestamp, 0, 0, "", CompareAs::kTimestampTz};
      case kUuidOid:
        return Mapped{WireKind::kUuid, 0, 0, "", CompareAs::kUuid};
      default:
        if (type.kind == 'e') return Mapped{WireKind::kText, 0, 0, "", CompareAs::kTextForm};
        return AsTextForm();
    }
  }

  Result<Mapped> MapNumeric(int32_t modifier) {
    if (modifier < 4) {
      switch (numeric_.kind) {
        case Choice::Kind::kString:
          return AsTextForm();
        case Choice::Kind::kDecimal:
          return AsDecimal(numeric_.precision, numeric_.scale);
        default:
          return AsDecimal(kDecimalDigitsMax, 18);
      }
    }
    if (std::optional<Mapped> mapped = NumericOfModifier(modifier)) return *mapped;
    if (numeric_.kind == Choice::Kind::kString) return AsTextForm();
    return Unsupported("column " + Where() + " is " + attribute_.native_type +
                           ", more than the 38 digits that a table's decimal holds",
                       "read it as text: " + OverrideHint(table_, attribute_.name));
  }

  Result<Mapped> MapChosen(const PgType& type) {
    const bool integer = type.oid == kInt2Oid || type.oid == kInt4Oid || type.oid == kInt8Oid;
    const bool exact = integer || type.oid == kNumericOid || type.oid == kMoneyOid;
    const bool floating = type.oid == kFloat4Oid || type.oid == kFloat8Oid;
    if (choice_.kind == Choice::Kind::kDecimal && exact) {
      Mapped mapped = AsDecimal(choice_.precision, choice_.scale);
      if (type.oid != kNumericOid) mapped.cast = "pg_catalog.numeric";
      return mapped;
    }
    if (choice_.kind == Choice::Kind::kDouble && (exact || floating) && type.oid != kMoneyOid) {
      return Mapped{WireKind::kFloat64, 0, 0, "pg_catalog.float8", CompareAs::kNumber};
    }
    if (choice_.kind == Choice::Kind::kLong && integer) {
      return Mapped{WireKind::kInt64, 0, 0, "pg_catalog.int8", CompareAs::kNumber};
    }
    if (choice_.kind == Choice::Kind::kVariant && type.oid == kJsonbOid) {
      return Mapped{WireKind::kJsonbVariant, 0, 0, "", CompareAs::kNothing};
    }
    const bool text = type.oid == kTextOid || type.oid == kVarcharOid || type.oid == kBpcharOid;
    if (choice_.kind == Choice::Kind::kVariant && (text || type.oid == kJsonOid)) {
      return Mapped{WireKind::kJsonVariant, 0, 0, "", CompareAs::kNothing};
    }
    return InvalidArgument(
        "column " + Where() + " is " + attribute_.native_type +
            ", which cannot become what types: "
            "asks for",
        "string works for every type, double and decimal(p,s) for numbers, long for integers, "
        "variant for json, jsonb and text");
  }

  static std::shared_ptr<arrow::DataType> ArrowType(const Mapped& mapped) {
    switch (mapped.wire) {
      case WireKind::kBool:
        return arrow::boolean();
      case WireKind::kInt16:
      case WireKind::kInt32:
        return arrow::int32();
      case WireKind::kInt64:
      case WireKind::kOid:
        return arrow::int64();
      case WireKind::kFloat32:
        return arrow::float32();
      case WireKind::kFloat64:
        return arrow::float64();
      case WireKind::kDecimal:
        return arrow::decimal128(mapped.precision, mapped.scale);
      case WireKind::kDate:
        return arrow::date32();
      case WireKind::kTimestamp:
        return mapped.compare == CompareAs::kTimestampTz
                   ? arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")
                   : arrow::timestamp(arrow::TimeUnit::MICRO);
      case WireKind::kBytes:
        return arrow::binary();
      case WireKind::kJsonVariant:
      case WireKind::kJsonbVariant:
        return VariantStorage();
      case WireKind::kText:
      case WireKind::kJsonb:
      case WireKind::kUuid:
      case WireKind::kList:
        break;
    }
    return arrow::utf8();
  }

  std::string Where() const { return table_.ToString() + "." + attribute_.name; }

  const SourceTableName& table_;
  const PgAttribute& attribute_;
  const PgTypes& types_;
  const Choice numeric_;
  const Choice choice_;
};

}  // namespace

Result<PgColumn> MapColumn(const SourceTableName& table, const PgAttribute& attribute,
                           const PgTypes& types, const TypeChoices& choices) {
  return ColumnMapper(table, attribute, types, choices).Map();
}

}  // namespace tarn::postgres
