#include "source/postgres/pg_table.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include <arrow/type.h>

#include "base/hash.h"
#include "base/nearest.h"
#include "columnar/variant_column.h"
#include "source/postgres/pg_names.h"

namespace tarn::postgres {

Result<std::vector<int>> PgTable::Positions(const std::vector<std::string>& names) const {
  std::vector<int> positions;
  for (const std::string& name : names) {
    const auto found = std::find_if(columns.begin(), columns.end(),
                                    [&](const PgColumn& column) { return column.name == name; });
    if (found == columns.end()) {
      std::vector<std::string> have;
      for (const PgColumn& column : columns) have.push_back(column.name);
      const std::optional<std::string> nearest = NearestName(name, have);
      return NotFound("table " + table.name.ToString() + " has no column " + name,
                      nearest ? "did you mean " + *nearest + "?" : "");
    }
    positions.push_back(static_cast<int>(found - columns.begin()));
  }
  return positions;
}

Status PgTable::Assemble(const std::vector<int32_t>& ids) {
  std::string text;
  arrow::FieldVector fields;
  table.columns.clear();
  for (size_t i = 0; i < columns.size(); ++i) {
    const PgColumn& column = columns[i];
    const bool in_key =
        std::find(table.key.begin(), table.key.end(), column.name) != table.key.end();
    if (in_key && IsVariantStorage(*column.type)) return VariantKeyError(table.name, column.name);
    fields.push_back(arrow::field(column.name, column.type, /*nullable=*/!in_key));
    table.columns.push_back({column.name, column.native_type, fields.back(), ids[i]});
    text += column.name + '\0' + column.native_type + '\0' + column.type->ToString() + '\0';
  }
  for (const std::string& name : table.key) text += '\1' + name;
  TARN_ASSIGN_OR_RETURN(key, Positions(table.key));
  table.fingerprint = HexHash(text);
  schema = arrow::schema(std::move(fields));
  return Status::Ok();
}

Result<std::shared_ptr<const PgTable>> Restricted(const PgTable& table,
                                                  const std::vector<std::string>& names,
                                                  const std::vector<std::string>& key) {
  auto result = std::make_shared<PgTable>();
  result->oid = table.oid;
  result->table = table.table;
  result->table.key = key;
  TARN_ASSIGN_OR_RETURN(const std::vector<int> positions, table.Positions(names));
  std::vector<int32_t> ids;
  for (const int position : positions) {
    const size_t i = static_cast<size_t>(position);
    result->columns.push_back(table.columns[i]);
    result->cursor_types.push_back(table.cursor_types[i]);
    ids.push_back(table.table.columns[i].id);
  }
  TARN_RETURN_IF_ERROR(result->Assemble(ids));
  return std::shared_ptr<const PgTable>(std::move(result));
}

Projection Project(const PgTable& table, const std::vector<int>& positions) {
  Projection projection;
  arrow::FieldVector fields;
  for (int position : positions) {
    const size_t i = static_cast<size_t>(position);
    projection.columns.push_back(table.columns[i]);
    fields.push_back(table.table.columns[i].field);
    if (!projection.select_list.empty()) projection.select_list += ", ";
    projection.select_list += table.columns[i].select;
  }
  for (int key : table.key) {
    const auto found = std::find(positions.begin(), positions.end(), key);
    if (found == positions.end()) {
      projection.key.clear();
      break;
    }
    projection.key.push_back(static_cast<int>(found - positions.begin()));
  }
  projection.schema = arrow::schema(std::move(fields));
  return projection;
}

Projection ProjectAll(const PgTable& table) {
  std::vector<int> all(table.columns.size());
  std::iota(all.begin(), all.end(), 0);
  return Project(table, all);
}

}  // namespace tarn::postgres
