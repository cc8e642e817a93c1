#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "table/dual/nested_fields.h"
#include "table/dual/transaction.h"
#include "table/model/schema.h"

namespace tarn {

/// Changes the columns of a table under stable ids (Iceberg "Schema Evolution"), and the Parquet
/// names of columns beside them. A value; a failed call leaves it in an unspecified state: work on
/// a copy. Errors: InvalidArgument, naming the column and the repair.
struct SchemaEditor {
  Schema schema;
  int32_t last_column_id = 0;
  /// By field id; empty until mapped. Columns that are gone keep theirs: they may be restored.
  std::map<int32_t, std::string> physical_names;
  /// Whether files exist that a rename or drop must leave readable by their physical names.
  enum class Files { kNone, kMayExist };
  Files files = Files::kMayExist;
  /// A column was dropped, replaced or made stricter in a way that older rows may not bear: all of
  /// them must be overwritten in the same commit.
  bool needs_overwrite = false;

  Status Add(const std::string& name, const Type& type, const std::string& doc);
  /// A column whose rows of before have `value` too: at first by the field's initial default, as
  /// Iceberg has it, until the files have it (SetInitialDefault()).
  Status AddWithDefault(const std::string& name, const Type& type, const Scalar& value);
  /// What a writer puts that is given no value; nullopt: NULL.
  Status SetDefault(const std::string& name, std::optional<Scalar> value);
  /// What rows of files without the column have. Nothing happens to a column that is gone.
  Status SetInitialDefault(FieldId id, std::optional<Scalar> value);
  Status Drop(const std::string& name);
  Status Rename(const std::string& from, const std::string& to);
  Status Widen(const std::string& name, const Type& type);
  /// \name Fields within structs; `parent` leads to the struct.
  /// @{
  Status AddField(const FieldPath& parent, const std::string& name, const Type& type);
  Status DropField(const FieldPath& path);
  Status RenameField(const FieldPath& path, const std::string& to);
  /// @}
  Status MakeOptional(const std::string& name);
  Status Reorder(const std::vector<std::string>& names);
  Status EvolveTo(const Schema& wanted, TableTransaction::IncompatibleColumns incompatible);
  /// Columns that the table had, under their ids.
  void Restore(const Schema& earlier);
  /// `strictness`: whether optional key columns become required or are refused.
  enum class OptionalKeys { kRefuse, kMakeRequired };
  Status SetKey(const std::vector<std::string>& columns, OptionalKeys optional);

 private:
  Result<size_t> Place(const std::string& name) const;
  Status CheckNewName(const std::string& name, const Field* except) const;
  Result<Field> NewField(const Field& wanted);
  void MapNames();
  void NameNewColumn(const Field& field);
  void NameNewFields(const Schema& before);
};

}  // namespace tarn
