#include "source/mysql/my_types.h"

#include <algorithm>
#include <map>
#include <optional>

#include <arrow/type.h>

#include "columnar/variant_column.h"

namespace tarn::mysql {
namespace {

using Choice = TypeChoices::Choice;

const std::map<std::string, MyType>& TypesByName() {
  static const std::map<std::string, MyType> types = {{"tinyint", MyType::kInt8},
                                                      {"smallint", MyType::kInt16},
                                                      {"mediumint", MyType::kInt24},
                                                      {"int", MyType::kInt32},
                                                      {"bigint", MyType::kInt64},
                                                      {"float", MyType::kFloat32},
                                                      {"double", MyType::kFloat64},
                                                      {"decimal", MyType::kDecimal},
                                                      {"date", MyType::kDate},
                                                      {"time", MyType::kTime},
                                                      {"datetime", MyType::kDatetime},
                                                      {"timestamp", MyType::kTimestamp},
                                                      {"year", MyType::kYear},
                                                      {"bit", MyType::kBit},
                                                      {"char", MyType::kChars},
                                                      {"varchar", MyType::kChars},
                                                      {"tinytext", MyType::kChars},
                                                      {"text", MyType::kChars},
                                                      {"mediumtext", MyType::kChars},
                                                      {"longtext", MyType::kChars},
                                                      {"binary", MyType::kBytes},
                                                      {"varbinary", MyType::kBytes},
                                                      {"tinyblob", MyType::kBytes},
                                                      {"blob", MyType::kBytes},
                                                      {"mediumblob", MyType::kBytes},
                                                      {"longblob", MyType::kBytes},
                                                      {"enum", MyType::kEnum},
                                                      {"set", MyType::kSet},
                                                      {"json", MyType::kJson},
                                                      {"geometry", MyType::kGeometry},
                                                      {"point", MyType::kGeometry},
                                                      {"linestring", MyType::kGeometry},
                                                      {"polygon", MyType::kGeometry},
                                                      {"multipoint", MyType::kGeometry},
                                                      {"multilinestring", MyType::kGeometry},
                                                      {"multipolygon", MyType::kGeometry},
                                                      {"geomcollection", MyType::kGeometry},
                                                      {"geometrycollection", MyType::kGeometry},
                                                      {"uuid", MyType::kUuid},
                                                      {"inet4", MyType::kInet4},
                                                      {"inet6", MyType::kInet6}};
  return types;
}

bool IsInteger(MyType type) {
  switch (type) {
    case MyType::kInt8:
    case MyType::kInt16:
    case MyType::kInt24:
    case MyType::kInt32:
    case MyType::kInt64:
    case MyType::kYear:
    case MyType::kBit:
      return true;
    default:
      return false;
  }
}

bool IsFloat(MyType type) { return type == MyType::kFloat32 || type == MyType::kFloat64; }

class ColumnMapper {
 public:
  ColumnMapper(const SourceTableName& table, const MyAttribute& attribute,
               const TypeChoices& choices)
      : table_(table),
        attribute_(attribute),
        numeric_(choices.numeric()),
        choice_(choices.ForColumn(table, attribute.name)) {}

  Result<MyColumn> Map() {
    const auto known = TypesByName().find(attribute_.data_type);
    if (known == TypesByName().end()) {
      return Unsupported(
          "column " + Where() + " is " + attribute_.column_type + ", a type that is not known here",
          "leave the table out of tables:, or read a view that casts the column");
    }
    column_.name = attribute_.name;
    column_.native_type = attribute_.column_type;
    column_.type = known->second;
    column_.is_unsigned = attribute_.column_type.find("unsigned") != std::string::npos;
    column_.fixed_length = attribute_.data_type == "char" || attribute_.data_type == "binary";
    column_.length = column_.type == MyType::kBit ? attribute_.precision : attribute_.octet_length;
    column_.digits = attribute_.precision;
    column_.fraction_digits =
        column_.type == MyType::kDecimal ? attribute_.scale : attribute_.fraction_digits;
    column_.charset = attribute_.charset;
    column_.nullable = attribute_.nullable;
    if (column_.type == MyType::kEnum || column_.type == MyType::kSet) {
      TARN_ASSIGN_OR_RETURN(column_.labels, ParseLabels(attribute_.column_type));
    }
    // JSON is text there, and says so itself in the charset.
    if (column_.type == MyType::kBytes && !column_.charset.empty() && column_.charset != "binary") {
      column_.type = MyType::kChars;
    }
    if (choice_.kind == Choice::Kind::kDefault) {
      TARN_RETURN_IF_ERROR(MapDefault());
    } else {
      TARN_RETURN_IF_ERROR(MapChosen());
    }
    column_.arrow_type = ArrowType();
    return column_;
  }

 private:
  void Set(Store store, CompareAs compare) {
    column_.store = store;
    column_.compare = compare;
  }
  void SetDecimal(int precision, int scale, CompareAs compare) {
    Set(Store::kDecimal, compare);
    column_.precision = precision;
    column_.scale = scale;
  }

  Status MapDefault() {
    switch (column_.type) {
      case MyType::kInt8:
      case MyType::kInt16:
      case MyType::kInt24:
      case MyType::kYear:
        Set(Store::kInt32, CompareAs::kInteger);
        return Status::Ok();
      case MyType::kInt32:
        Set(column_.is_unsigned ? Store::kInt64 : Store::kInt32, CompareAs::kInteger);
        return Status::Ok();
      case MyType::kInt64:
        if (column_.is_unsigned) {
          SetDecimal(20, 0, CompareAs::kDecimal);
        } else {
          Set(Store::kInt64, CompareAs::kInteger);
        }
        return Status::Ok();
      case MyType::kBit:
        if (column_.length == 1) {
          Set(Store::kBool, CompareAs::kBool);
        } else if (column_.length == 64) {
          SetDecimal(20, 0, CompareAs::kNothing);
        } else {
          Set(Store::kInt64, CompareAs::kInteger);
        }
        return Status::Ok();
      case MyType::kFloat32:
        Set(Store::kFloat32, CompareAs::kFloat);
        return Status::Ok();
      case MyType::kFloat64:
        Set(Store::kFloat64, CompareAs::kFloat);
        return Status::Ok();
      case MyType::kDecimal:
        if (column_.digits <= kDecimalDigitsMax) {
          SetDecimal(column_.digits, column_.fraction_digits, CompareAs::kDecimal);
          return Status::Ok();
        }
        if (numeric_.kind == Choice::Kind::kString) {
          Set(Store::kText, CompareAs::kNothing);
          return Status::Ok();
        }
        if (numeric_.kind == Choice::Kind::kDecimal) {
          SetDecimal(numeric_.precision, numeric_.scale, CompareAs::kDecimal);
          return Status::Ok();
        }
        return Unsupported("column " + Where() + " is " + attribute_.column_type +
                               ", more than the 38 digits that a table's decimal holds",
                           "read it as text: " + OverrideHint(table_, attribute_.name));
      case MyType::kDate:
        Set(Store::kDate, CompareAs::kDate);
        return Status::Ok();
      case MyType::kDatetime:
      case MyType::kTimestamp:
        Set(Store::kTimestamp, CompareAs::kDatetime);
        return Status::Ok();
      case MyType::kChars:
      case MyType::kEnum:
      case MyType::kSet:
        Set(Store::kText, CompareAs::kText);
        return Status::Ok();
      case MyType::kTime:
      case MyType::kJson:
      case MyType::kUuid:
      case MyType::kInet4:
      case MyType::kInet6:
        Set(Store::kText, CompareAs::kNothing);
        return Status::Ok();
      case MyType::kBytes:
        Set(Store::kBytes, CompareAs::kBytes);
        return Status::Ok();
      case MyType::kGeometry:
        Set(Store::kBytes, CompareAs::kNothing);
        return Status::Ok();
    }
    return Internal("a type without a counterpart");
  }

  Status MapChosen() {
    const bool integer = IsInteger(column_.type);
    const bool exact = integer || column_.type == MyType::kDecimal;
    switch (choice_.kind) {
      case Choice::Kind::kString:
        if (column_.type == MyType::kGeometry) break;
        // Text stays what it is; of everything else the text is made here.
        Set(Store::kText, column_.type == MyType::kChars || column_.type == MyType::kEnum ||
                                  column_.type == MyType::kSet
                              ? CompareAs::kText
                              : CompareAs::kNothing);
        return Status::Ok();
      case Choice::Kind::kDouble:
        if (!exact && !IsFloat(column_.type)) break;
        Set(Store::kFloat64, IsFloat(column_.type) ? CompareAs::kFloat : CompareAs::kNothing);
        return Status::Ok();
      case Choice::Kind::kLong:
        if (!integer) break;
        Set(Store::kInt64, CompareAs::kInteger);
        return Status::Ok();
      case Choice::Kind::kDecimal:
        if (!exact) break;
        SetDecimal(choice_.precision, choice_.scale,
                   column_.type == MyType::kBit || column_.type == MyType::kYear
                       ? CompareAs::kNothing
                       : CompareAs::kDecimal);
        return Status::Ok();
      case Choice::Kind::kVariant:
        // MariaDB's JSON is text, and says no more of itself.
        if (column_.type != MyType::kJson && column_.type != MyType::kChars) break;
        Set(Store::kVariant, CompareAs::kNothing);
        return Status::Ok();
      case Choice::Kind::kDefault:
        break;
    }
    return InvalidArgument(
        "column " + Where() + " is " + attribute_.column_type +
            ", which cannot become what types: asks for",
        "string works for every type but geometry, double and decimal(p,s) for numbers, long for "
        "integers, variant for json and text");
  }

  std::shared_ptr<arrow::DataType> ArrowType() const {
    switch (column_.store) {
      case Store::kBool:
        return arrow::boolean();
      case Store::kInt32:
        return arrow::int32();
      case Store::kInt64:
        return arrow::int64();
      case Store::kFloat32:
        return arrow::float32();
      case Store::kFloat64:
        return arrow::float64();
      case Store::kDecimal:
        return arrow::decimal128(column_.precision, column_.scale);
      case Store::kDate:
        return arrow::date32();
      case Store::kTimestamp:
        return column_.type == MyType::kTimestamp ? arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")
                                                  : arrow::timestamp(arrow::TimeUnit::MICRO);
      case Store::kText:
        return arrow::utf8();
      case Store::kBytes:
        return arrow::binary();
      case Store::kVariant:
        return VariantStorage();
    }
    return arrow::utf8();
  }

  std::string Where() const { return table_.ToString() + "." + attribute_.name; }

  const SourceTableName& table_;
  const MyAttribute& attribute_;
  const Choice numeric_;
  const Choice choice_;
  MyColumn column_;
};

}  // namespace

Result<MyColumn> MapColumn(const SourceTableName& table, const MyAttribute& attribute,
                           const TypeChoices& choices) {
  return ColumnMapper(table, attribute, choices).Map();
}

Result<std::vector<std::string>> ParseLabels(const std::string& column_type) {
  std::vector<std::string> labels;
  const size_t open = column_type.find('(');
  for (size_t at = open;
       at != std::string::npos && at < column_type.size() && column_type[at] != ')';) {
    if (++at >= column_type.size() || column_type[at] != '\'') break;
    std::string label;
    for (++at; at < column_type.size(); ++at) {
      if (column_type[at] != '\'') {
        label += column_type[at];
      } else if (at + 1 < column_type.size() && column_type[at + 1] == '\'') {
        label += column_type[at++];
      } else {
        break;
      }
    }
    labels.push_back(std::move(label));
    ++at;
  }
  if (labels.empty()) return Internal("the labels of " + column_type + " cannot be read");
  return labels;
}

}  // namespace tarn::mysql
