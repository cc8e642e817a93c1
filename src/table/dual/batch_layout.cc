#include "table/dual/batch_layout.h"

#include <string>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

namespace tarn {

namespace {

bool SameShape(const arrow::DataType& a, const arrow::DataType& b) {
  if (a.id() != b.id()) return false;
  if (a.num_fields() == 0) return a.Equals(b);
  if (a.num_fields() != b.num_fields()) return false;
  if (a.id() == arrow::Type::MAP) {
    const auto& map_a = static_cast<const arrow::MapType&>(a);
    const auto& map_b = static_cast<const arrow::MapType&>(b);
    return SameShape(*map_a.key_type(), *map_b.key_type()) &&
           SameShape(*map_a.item_type(), *map_b.item_type());
  }
  const bool named = a.id() == arrow::Type::STRUCT;
  for (int i = 0; i < a.num_fields(); ++i) {
    if (named && a.field(i)->name() != b.field(i)->name()) return false;
    if (!SameShape(*a.field(i)->type(), *b.field(i)->type())) return false;
  }
  return true;
}

std::shared_ptr<arrow::ArrayData> Retyped(const arrow::ArrayData& data,
                                          const std::shared_ptr<arrow::DataType>& type) {
  auto copy = data.Copy();
  copy->type = type;
  for (size_t i = 0; i < copy->child_data.size(); ++i) {
    copy->child_data[i] = Retyped(*copy->child_data[i], type->field(static_cast<int>(i))->type());
  }
  return copy;
}

/// A nested null counts only where its parent stands.
bool NullBelowAValue(const arrow::Array& parent, const arrow::Array& child) {
  for (int64_t row = 0; row < parent.length(); ++row) {
    if (parent.IsValid(row) && child.IsNull(row)) return true;
  }
  return false;
}

Status CheckRequired(const Field& field, const std::shared_ptr<arrow::Array>& column,
                     const arrow::Array* parent, const std::string& path) {
  if (field.nullability == Nullability::kRequired && column->null_count() > 0 &&
      (parent == nullptr || NullBelowAValue(*parent, *column))) {
    return InvalidArgument("column \"" + path + "\" has a null, and the table does not allow it",
                           "filter the rows, or make the column optional");
  }
  const std::vector<Field>& fields = field.type.fields();
  switch (field.type.kind()) {
    case Type::Kind::kStruct: {
      const auto& children = static_cast<const arrow::StructArray&>(*column);
      for (size_t i = 0; i < fields.size(); ++i) {
        TARN_RETURN_IF_ERROR(CheckRequired(fields[i], children.field(static_cast<int>(i)),
                                           column.get(), path + "." + fields[i].name));
      }
      return {};
    }
    case Type::Kind::kList:
    case Type::Kind::kMap: {
      const auto& list = static_cast<const arrow::ListArray&>(*column);
      const int64_t begin = list.value_offset(0);
      const auto items = list.values()->Slice(begin, list.value_offset(list.length()) - begin);
      if (field.type.kind() == Type::Kind::kList) {
        return CheckRequired(fields[0], items, nullptr, path + ".element");
      }
      const auto& entries = static_cast<const arrow::StructArray&>(*items);
      TARN_RETURN_IF_ERROR(CheckRequired(fields[0], entries.field(0), nullptr, path + ".key"));
      return CheckRequired(fields[1], entries.field(1), nullptr, path + ".value");
    }
    default:
      return {};
  }
}

}  // namespace

Result<std::shared_ptr<arrow::RecordBatch>> LayOut(const arrow::RecordBatch& batch,
                                                   const Schema& schema, const arrow::Schema& own,
                                                   const std::shared_ptr<arrow::Schema>& target) {
  if (batch.num_columns() != target->num_fields()) {
    return InvalidArgument("rows have " + std::to_string(batch.num_columns()) +
                           " columns, and the table has " + std::to_string(target->num_fields()));
  }
  std::vector<std::shared_ptr<arrow::ArrayData>> columns;
  for (int i = 0; i < batch.num_columns(); ++i) {
    const Field& field = schema.fields[static_cast<size_t>(i)];
    const auto& wanted = own.field(i)->type();
    if (!SameShape(*batch.column(i)->type(), *wanted)) {
      return InvalidArgument("column \"" + field.name + "\" has values of type " +
                             batch.column(i)->type()->ToString() + ", and the table wants " +
                             wanted->ToString());
    }
    TARN_RETURN_IF_ERROR(CheckRequired(field, batch.column(i), nullptr, field.name));
    columns.push_back(Retyped(*batch.column(i)->data(), target->field(i)->type()));
  }
  return arrow::RecordBatch::Make(target, batch.num_rows(), std::move(columns));
}

}  // namespace tarn
