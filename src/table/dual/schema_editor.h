#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "table/dual/transaction.h"
#include "table/model/schema.h"

namespace tarn {

/// Changes the columns of a table under stable ids (Iceberg "Schema Evolution"), and the Parquet
/// names of columns beside them. A value; a failed call leaves it in an unspecified state: work on
/// a copy. Errors: InvalidArgument, naming the column and the repair.
struct SchemaEditor {
  Schema schema;
  int32_t last_column_id = 0;
  /// By field id; empty until mapped.
  std::map<int32_t, std::string> physical_names;
  /// Whether files exist that a rename or drop must leave readable by their physical names.
  enum class Files { kNone, kMayExist };
  Files files = Files::kMayExist;
  /// A column was dropped, replaced or made stricter in a way that older rows may not bear: all of
  /// them must be overwritten in the same commit.
  bool needs_overwrite = false;

  Status Add(const std::string& name, const Type& type, const std::string& doc);
  Status Drop(const std::string& name);
  Status Rename(const std::string& from, const std::string& to);
  Status Widen(const std::string& name, const Type& type);
  Status MakeOptional(const std::string& name);
  Status Reorder(const std::vector<std::string>& names);
  Status EvolveTo(const Schema& wanted, TableTransaction::IncompatibleColumns incompatible);
  /// `strictness`: whether optional key columns become required or are refused.
  enum class OptionalKeys { kRefuse, kMakeRequired };
  Status SetKey(const std::vector<std::string>& columns, OptionalKeys optional);

 private:
  Result<size_t> Place(const std::string& name) const;
  Status CheckNewName(const std::string& name, const Field* except) const;
  Result<Field> NewField(const Field& wanted);
  void MapNames();
  void NameNewColumn(const Field& field);
};

}  // namespace tarn
