#include "sql/duckdb/lake_alter.h"

#include <algorithm>
#include <cctype>

#include "duckdb/common/type_visitor.hpp"
#include "duckdb/parser/constraints/unique_constraint.hpp"
#include "sql/duckdb/column_default.h"
#include "sql/duckdb/constraints.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/lake_sort.h"
#include "sql/duckdb/table_options.h"
#include "sql/duckdb/types.h"
#include "table/dual/schema_editor.h"
#include "table/model/delta_property.h"

namespace tarn::duck {
namespace {

Status RefuseConstraint(const TableName& name, const duckdb::Constraint& constraint) {
  std::string what;
  switch (constraint.type) {
    case duckdb::ConstraintType::NOT_NULL:
      return Status::Ok();
    case duckdb::ConstraintType::CHECK:
      return Unsupported("table " + name.ToString() + ": CHECK is not supported here",
                         "create the table, then ALTER TABLE … ADD CONSTRAINT name CHECK (…)");
    case duckdb::ConstraintType::UNIQUE:
      what = constraint.Cast<duckdb::UniqueConstraint>().IsPrimaryKey() ? "PRIMARY KEY" : "UNIQUE";
      break;
    case duckdb::ConstraintType::FOREIGN_KEY:
      what = "FOREIGN KEY";
      break;
    default:
      what = "this constraint";
      break;
  }
  return Unsupported("table " + name.ToString() + ": " + what +
                         " is not supported, because nothing would enforce it",
                     "leave it out, and put `checks:` on the model that makes the rows");
}

Status CheckCollation(const TableName& name, const std::string& column,
                      const duckdb::LogicalType& type) {
  const bool collated = duckdb::TypeVisitor::Contains(type, [](const duckdb::LogicalType& part) {
    return part.id() == duckdb::LogicalTypeId::VARCHAR &&
           !duckdb::StringType::GetCollation(part).empty();
  });
  if (!collated) return Status::Ok();
  return Unsupported("column " + column + " of " + name.ToString() +
                         ": COLLATE is not supported, text is compared by its bytes",
                     "write COLLATE in the queries");
}

Status CheckColumn(const TableName& name, const duckdb::ColumnDefinition& column) {
  TARN_RETURN_IF_ERROR(CheckCollation(name, column.Name(), column.Type()));
  if (column.Generated()) {
    return Unsupported("column " + column.Name() + " of " + name.ToString() +
                           ": generated columns are not supported",
                       "compute it in a view or in the query");
  }
  return Status::Ok();
}

/// What a column definition says after DEFAULT; nullopt for nothing and for NULL.
Result<std::optional<Scalar>> DefaultOfColumn(duckdb::ClientContext& context, const TableName& name,
                                              const duckdb::ColumnDefinition& column,
                                              const Type& type) {
  if (!column.HasDefaultValue()) return std::optional<Scalar>();
  return DefaultValueOf(context, name, column.Name(), column.DefaultValue(), column.Type(), type);
}

std::string QuotedColumn(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(),
                                 [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  return plain ? name : "\"" + duckdb::StringUtil::Replace(name, "\"", "\"\"") + "\"";
}

Error NoPartition(const duckdb::ParsedExpression& expression) {
  return InvalidArgument("PARTITIONED BY: cannot partition by " + expression.ToString(),
                         "use a column, year(c), month(c), day(c), hour(c), bucket(n, c) or "
                         "truncate(n, c)");
}

Result<std::string> TransformText(const duckdb::ParsedExpression& expression) {
  using duckdb::ExpressionClass;
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::COLUMN_REF: {
      const auto& column = expression.Cast<duckdb::ColumnRefExpression>();
      if (column.IsQualified()) return NoPartition(expression);
      return QuotedColumn(column.GetColumnName());
    }
    case ExpressionClass::CONSTANT:
      return expression.Cast<duckdb::ConstantExpression>().value.ToString();
    case ExpressionClass::FUNCTION: {
      const auto& function = expression.Cast<duckdb::FunctionExpression>();
      std::string text = function.function_name + "(";
      for (size_t i = 0; i < function.children.size(); ++i) {
        TARN_ASSIGN_OR_RETURN(const std::string argument, TransformText(*function.children[i]));
        text += (i == 0 ? "" : ", ") + argument;
      }
      return text + ")";
    }
    default:
      return NoPartition(expression);
  }
}

Result<std::vector<std::string>> PartitionTexts(
    const duckdb::vector<duckdb::unique_ptr<duckdb::ParsedExpression>>& keys) {
  std::vector<std::string> result;
  for (const auto& key : keys) {
    TARN_ASSIGN_OR_RETURN(std::string text, TransformText(*key));
    result.push_back(std::move(text));
  }
  return result;
}

/// The table type of one SQL column.
Result<Type> ColumnType(duckdb::ClientContext& context, LakeState& state, const TableName& table,
                        const std::string& name, const duckdb::LogicalType& type) {
  duckdb::ColumnList columns;
  columns.AddColumn(duckdb::ColumnDefinition(name, type));
  TARN_ASSIGN_OR_RETURN(const LakeRelation relation, state.Find(table));
  const bool alone = relation.table != nullptr && relation.table->leaves_delta_out;
  TARN_ASSIGN_OR_RETURN(
      const Schema schema,
      ToTableSchema(context, columns, {}, alone ? Nanoseconds::kKeep : Nanoseconds::kRefuse));
  return schema.fields[0].type;
}

/// ALTER … TYPE comes with an expression when it has a USING clause; without one it is the plain
/// cast of the column.
bool IsPlainCast(const duckdb::ChangeColumnTypeInfo& change) {
  if (!change.expression) return true;
  if (change.expression->GetExpressionClass() != duckdb::ExpressionClass::CAST) return false;
  const auto& cast = change.expression->Cast<duckdb::CastExpression>();
  return cast.child->GetExpressionClass() == duckdb::ExpressionClass::COLUMN_REF;
}

Status AlterTable(duckdb::ClientContext& context, LakeState& state, const TableName& name,
                  duckdb::AlterTableInfo& info) {
  using duckdb::AlterTableType;
  const auto alter = [&](const std::function<Status(TableTransaction&)>& change) {
    return state.Alter(name, change);
  };
  const auto check_free = [&](const std::string& column) -> Status {
    TARN_ASSIGN_OR_RETURN(const auto constraints, state.Constraints(name));
    return CheckNoConstraintOn(constraints, column);
  };
  switch (info.alter_table_type) {
    case AlterTableType::RENAME_TABLE:
      return state.Rename(name, info.Cast<duckdb::RenameTableInfo>().new_table_name);
    case AlterTableType::RENAME_COLUMN: {
      const auto& rename = info.Cast<duckdb::RenameColumnInfo>();
      TARN_RETURN_IF_ERROR(check_free(rename.old_name));
      return alter([&](TableTransaction& table) {
        return table.RenameColumn(rename.old_name, rename.new_name);
      });
    }
    case AlterTableType::ADD_COLUMN: {
      const auto& add = info.Cast<duckdb::AddColumnInfo>();
      const std::string& column = add.new_column.Name();
      TARN_RETURN_IF_ERROR(CheckColumn(name, add.new_column));
      TARN_ASSIGN_OR_RETURN(const Type type,
                            ColumnType(context, state, name, column, add.new_column.Type()));
      if (add.if_column_not_exists) {
        TARN_ASSIGN_OR_RETURN(const LakeRelation relation, state.Find(name));
        if (relation.table != nullptr && relation.table->schema.Find(column) != nullptr) {
          return Status::Ok();
        }
      }
      TARN_ASSIGN_OR_RETURN(const auto value, DefaultOfColumn(context, name, add.new_column, type));
      if (value) return state.AddColumnWithDefault(name, column, type, *value);
      return alter([&](TableTransaction& table) { return table.AddColumn(column, type, ""); });
    }
    case AlterTableType::ADD_FIELD: {
      const auto& add = info.Cast<duckdb::AddFieldInfo>();
      FieldPath path(add.column_path.begin(), add.column_path.end());
      const std::string& field = add.new_field.Name();
      TARN_RETURN_IF_ERROR(CheckColumn(name, add.new_field));
      TARN_ASSIGN_OR_RETURN(const Type type,
                            ColumnType(context, state, name, field, add.new_field.Type()));
      TARN_ASSIGN_OR_RETURN(const auto value, DefaultOfColumn(context, name, add.new_field, type));
      if (value) {
        return Unsupported("field " + field + " of " + PathText(path) + " in " + name.ToString() +
                               " cannot have a DEFAULT",
                           "columns can; leave it out");
      }
      return alter([&](TableTransaction& table) -> Status {
        path.push_back(field);
        if (add.if_field_not_exists && FindField(table.schema(), path) != nullptr) return {};
        path.pop_back();
        return table.EditColumns(
            [&](SchemaEditor& editor) { return editor.AddField(path, field, type); });
      });
    }
    case AlterTableType::REMOVE_FIELD: {
      const auto& remove = info.Cast<duckdb::RemoveFieldInfo>();
      const FieldPath path(remove.column_path.begin(), remove.column_path.end());
      return alter([&](TableTransaction& table) -> Status {
        if (remove.if_column_exists && FindField(table.schema(), path) == nullptr) return {};
        return table.EditColumns([&](SchemaEditor& editor) { return editor.DropField(path); });
      });
    }
    case AlterTableType::RENAME_FIELD: {
      const auto& rename = info.Cast<duckdb::RenameFieldInfo>();
      const FieldPath path(rename.column_path.begin(), rename.column_path.end());
      return alter([&](TableTransaction& table) {
        return table.EditColumns(
            [&](SchemaEditor& editor) { return editor.RenameField(path, rename.new_name); });
      });
    }
    case AlterTableType::REMOVE_COLUMN: {
      const auto& remove = info.Cast<duckdb::RemoveColumnInfo>();
      TARN_RETURN_IF_ERROR(check_free(remove.removed_column));
      return alter([&](TableTransaction& table) -> Status {
        if (remove.if_column_exists && table.schema().Find(remove.removed_column) == nullptr) {
          return Status::Ok();
        }
        return table.DropColumn(remove.removed_column);
      });
    }
    case AlterTableType::ALTER_COLUMN_TYPE: {
      const auto& change = info.Cast<duckdb::ChangeColumnTypeInfo>();
      if (!IsPlainCast(change)) {
        return Unsupported("ALTER COLUMN … TYPE … USING is not supported",
                           "use CREATE OR REPLACE TABLE … AS SELECT …");
      }
      TARN_RETURN_IF_ERROR(CheckCollation(name, change.column_name, change.target_type));
      TARN_ASSIGN_OR_RETURN(const Type type, ColumnType(context, state, name, change.column_name,
                                                        change.target_type));
      return alter(
          [&](TableTransaction& table) { return table.WidenColumn(change.column_name, type); });
    }
    case AlterTableType::SET_DEFAULT: {
      const auto& set = info.Cast<duckdb::SetDefaultInfo>();
      return alter([&](TableTransaction& table) -> Status {
        std::optional<Scalar> value;
        const Field* field = table.schema().Find(set.column_name);
        if (set.expression && field != nullptr) {
          TARN_ASSIGN_OR_RETURN(value, DefaultValueOf(context, name, field->name, *set.expression,
                                                      ToLogicalType(field->type), field->type));
        }
        return table.EditColumns([&](SchemaEditor& editor) {
          return editor.SetDefault(set.column_name, std::move(value));
        });
      });
    }
    case AlterTableType::DROP_NOT_NULL: {
      const auto& change = info.Cast<duckdb::DropNotNullInfo>();
      return alter([&](TableTransaction& table) { return table.MakeOptional(change.column_name); });
    }
    case AlterTableType::SET_PARTITIONED_BY: {
      TARN_ASSIGN_OR_RETURN(
          const std::vector<std::string> partition,
          PartitionTexts(info.Cast<duckdb::SetPartitionedByInfo>().partition_keys));
      return alter([&](TableTransaction& table) { return table.SetPartition(partition); });
    }
    case AlterTableType::SET_SORTED_BY: {
      TARN_ASSIGN_OR_RETURN(const std::vector<SortKey> keys,
                            SortKeysOf(info.Cast<duckdb::SetSortedByInfo>().orders));
      return alter([&](TableTransaction& table) { return table.SetSortOrder(keys); });
    }
    case AlterTableType::SET_TABLE_OPTIONS: {
      TARN_ASSIGN_OR_RETURN(const auto properties,
                            TableOptions(info.Cast<duckdb::SetTableOptionsInfo>().table_options));
      return state.SetProperties(name, properties);
    }
    case AlterTableType::RESET_TABLE_OPTIONS:
      return state.RemoveProperties(
          name, TableOptionNames(info.Cast<duckdb::ResetTableOptionsInfo>().table_options));
    case AlterTableType::SET_NOT_NULL:
      return Unsupported("SET NOT NULL is not supported: rows that are there may hold NULL",
                         "use CREATE OR REPLACE TABLE with a NOT NULL column");
    default:
      return Unsupported("this ALTER TABLE is not supported: " + info.ToString());
  }
}

}  // namespace

Result<NewTableParts> PartsOfCreateTable(duckdb::ClientContext& context, const TableName& name,
                                         const duckdb::CreateTableInfo& info) {
  for (const auto& constraint : info.constraints) {
    TARN_RETURN_IF_ERROR(RefuseConstraint(name, *constraint));
  }
  for (const auto& column : info.columns.Logical()) TARN_RETURN_IF_ERROR(CheckColumn(name, column));
  NewTableParts parts;
  TARN_ASSIGN_OR_RETURN(parts.properties, TableOptions(info.options));
  TARN_ASSIGN_OR_RETURN(
      parts.schema,
      ToTableSchema(context, info.columns, info.constraints,
                    LeavesDeltaOut(parts.properties) ? Nanoseconds::kKeep : Nanoseconds::kRefuse));
  size_t place = 0;
  for (const auto& column : info.columns.Logical()) {
    Field& field = parts.schema.fields.at(place++);
    TARN_ASSIGN_OR_RETURN(field.write_default, DefaultOfColumn(context, name, column, field.type));
  }
  TARN_ASSIGN_OR_RETURN(parts.partition, PartitionTexts(info.partition_keys));
  TARN_ASSIGN_OR_RETURN(parts.sort, SortKeysOf(info.sort_keys));
  return parts;
}

Status AlterRelation(duckdb::ClientContext& context, LakeState& state, const TableName& name,
                     duckdb::AlterInfo& info) {
  switch (info.type) {
    case duckdb::AlterType::ALTER_TABLE: {
      auto& table = info.Cast<duckdb::AlterTableInfo>();
      if (info.if_not_found == duckdb::OnEntryNotFound::RETURN_NULL) {
        TARN_ASSIGN_OR_RETURN(const LakeRelation relation, state.Find(name));
        if (!relation) return Status::Ok();
      }
      return AlterTable(context, state, name, table);
    }
    case duckdb::AlterType::ALTER_VIEW: {
      auto& view = info.Cast<duckdb::AlterViewInfo>();
      if (view.alter_view_type == duckdb::AlterViewType::RENAME_VIEW) {
        return state.Rename(name, view.Cast<duckdb::RenameViewInfo>().new_view_name);
      }
      return Unsupported("this ALTER VIEW is not supported", "use CREATE OR REPLACE VIEW");
    }
    case duckdb::AlterType::SET_COMMENT:
    case duckdb::AlterType::SET_COLUMN_COMMENT:
      return Unsupported("COMMENT ON is not supported for the lake",
                         "describe a model in its header: `description:`");
    default:
      return Unsupported("this ALTER is not supported: " + info.ToString());
  }
}

}  // namespace tarn::duck
