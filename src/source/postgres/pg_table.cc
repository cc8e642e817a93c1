#include "source/postgres/pg_table.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include <arrow/type.h>

#include "base/nearest.h"
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
