#include "sql/duckdb/variant_check.h"

#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "base/text.h"
#include "columnar/parquet_reader.h"
#include "duckdb/common/type_visitor.hpp"
#include "sql/duckdb/file_system.h"
#include "table/dual/column_shape.h"

namespace tarn::duck {
namespace {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using Column = duckdb::MultiFileColumnDefinition;

constexpr char kOwnFiles[] = "tarn version ";

/// A column with variants, in a file with and without field ids.
struct VariantColumn {
  const Column* column = nullptr;
  std::string name_in_file;  ///< where the file has no field ids, or the table goes by names
  bool marked = false;       ///< DuckDB's own decoder reads it
};

/// DuckDB finds the parts of a group by their order, and ends its whole instance over another one.
Status CheckOrder(const arrow::DataType& type) {
  const int typed = type.id() == arrow::Type::STRUCT
                        ? static_cast<const arrow::StructType&>(type).GetFieldIndex("typed_value")
                        : -1;
  if (type.num_fields() == (typed < 0 ? 2 : 3) && (typed < 0 || typed == 2)) return {};
  return Unsupported("a variant is stored as " + type.ToString() + ", whose order cannot be read",
                     "have the table's writer write the file anew");
}

Type TypeOf(const LogicalType& type, const duckdb::vector<Column>& children);

Field FieldOf(const std::string& name, const LogicalType& type, const Column* column) {
  Field field;
  field.name = name;
  if (column != nullptr && column->identifier.type().id() == LogicalTypeId::INTEGER) {
    field.id = FieldId(column->identifier.GetValue<int32_t>());
  } else if (column != nullptr && !column->identifier.IsNull()) {
    field.name = column->identifier.ToString();
  }
  field.type = TypeOf(type, column == nullptr ? duckdb::vector<Column>() : column->children);
  return field;
}

/// As much of a table's type as it takes to find the variants in it.
Type TypeOf(const LogicalType& type, const duckdb::vector<Column>& children) {
  const auto child = [&](size_t i) { return i < children.size() ? &children[i] : nullptr; };
  switch (type.id()) {
    case LogicalTypeId::VARIANT:
      return Type(Type::Kind::kVariant);
    case LogicalTypeId::STRUCT: {
      std::vector<Field> fields;
      for (const auto& [name, part] : duckdb::StructType::GetChildTypes(type)) {
        fields.push_back(FieldOf(name, part, child(fields.size())));
      }
      return Type::Struct(std::move(fields));
    }
    case LogicalTypeId::LIST:
      return Type::List(FieldOf("element", duckdb::ListType::GetChildType(type), child(0)));
    case LogicalTypeId::MAP:
      return Type::Map(FieldOf("key", duckdb::MapType::KeyType(type), child(0)),
                       FieldOf("value", duckdb::MapType::ValueType(type), child(1)));
    default:
      return Type(Type::Kind::kUnknown);
  }
}

bool GoesByNames(const Column& column) {
  return column.identifier.type().id() == LogicalTypeId::VARCHAR;
}

Status InFile(const Status& status, const Column& column, const LakeFileSystem::Place& place) {
  return Status(status)
      .Wrap("column " + QuoteIdentifier(column.name))
      .Wrap("data file " + place.store.UriOf(place.key));
}

Status CheckFile(const LakeFileSystem::Place& place, const std::vector<VariantColumn>& columns,
                 VariantFiles origin, const Limits& limits) {
  ParquetReadOptions options;
  options.columns.emplace();
  for (const VariantColumn& wanted : columns) {
    ParquetColumn column{wanted.name_in_file, std::nullopt, {}};
    if (!GoesByNames(*wanted.column)) {
      column.field_id = wanted.column->identifier.GetValue<int32_t>();
    }
    options.columns->push_back(std::move(column));
  }
  TARN_ASSIGN_OR_RETURN(
      const auto reader,
      ParquetReader::Open(place.store, place.key, place.size_bytes, std::move(options), limits));
  if (origin == VariantFiles::kTables && reader->created_by().starts_with(kOwnFiles)) return {};
  const bool by_names = GoesByNames(*columns[0].column);
  const ColumnShaper shaper(by_names ? arrow::Schema({}) : *reader->schema());
  while (true) {
    TARN_ASSIGN_OR_RETURN(const auto batch, reader->Next());
    if (!batch) return {};
    for (size_t i = 0; i < columns.size(); ++i) {
      const int at = reader->places()[i];
      if (at < 0) continue;
      const Column& column = *columns[i].column;
      const auto shaped =
          shaper.Shape(batch->rows->column(at), TypeOf(column.type, column.children));
      if (!shaped.ok()) return InFile(shaped.status(), column, place);
      if (columns[i].marked && column.type.id() == LogicalTypeId::VARIANT) {
        if (const Status order = CheckOrder(*batch->rows->column(at)->type()); !order.ok()) {
          return InFile(order, column, place);
        }
      }
    }
  }
}

}  // namespace

bool HoldsVariant(const LogicalType& type) {
  return duckdb::TypeVisitor::Contains(type, LogicalTypeId::VARIANT);
}

Status CheckVariants(EngineState& engine, const FileFields& fields,
                     const duckdb::BaseFileReader& reader, const ScanColumns& columns,
                     const duckdb::vector<duckdb::ColumnIndex>& column_ids, VariantFiles origin) {
  std::vector<VariantColumn> variants;
  std::list<Column> by_names;
  for (const duckdb::ColumnIndex& index : column_ids) {
    if (index.IsVirtualColumn()) continue;
    const Column& column = columns[index.GetPrimaryIndex()];
    if (!HoldsVariant(column.type)) continue;
    const auto own =
        std::find_if(reader.columns.begin(), reader.columns.end(),
                     [&](const Column& local) { return local.identifier == column.identifier; });
    if (own == reader.columns.end()) continue;
    const bool by_name = fields.ids == FileFields::Ids::kIgnored;
    if (by_name) {
      by_names.push_back(IdentifiedByNames(fields, column));
      by_names.back().identifier = duckdb::Value(own->name);
    }
    variants.push_back({by_name ? &by_names.back() : &column, own->name, HoldsVariant(own->type)});
  }
  if (variants.empty()) return {};
  const LakeFileSystem::Place place = LakeFileSystem::PlaceOf(engine, reader.file);
  std::string known = place.store.UriOf(place.key);
  for (const VariantColumn& column : variants) known += "\n" + column.name_in_file;
  if (engine.checked_variants.Has(known)) return {};
  TARN_RETURN_IF_ERROR(CheckFile(place, variants, origin, engine.options.limits));
  engine.checked_variants.Add(std::move(known));
  return {};
}

}  // namespace tarn::duck
