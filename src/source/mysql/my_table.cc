#include "source/mysql/my_table.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include <arrow/type.h>

#include "base/nearest.h"
#include "source/mysql/my_names.h"

namespace tarn::mysql {

Result<std::vector<int>> MyTable::Positions(const std::vector<std::string>& names) const {
  std::vector<int> positions;
  for (const std::string& name : names) {
    const auto found = std::find_if(columns.begin(), columns.end(),
                                    [&](const MyColumn& column) { return column.name == name; });
    if (found == columns.end()) {
      std::vector<std::string> have;
      for (const MyColumn& column : columns) have.push_back(column.name);
      const std::optional<std::string> nearest = NearestName(name, have);
      return NotFound("table " + table.name.ToString() + " has no column " + name,
                      nearest ? "did you mean " + *nearest + "?" : "");
    }
    positions.push_back(static_cast<int>(found - columns.begin()));
  }
  return positions;
}

Projection Project(const MyTable& table, const std::vector<int>& positions) {
  Projection projection;
  arrow::FieldVector fields;
  for (const int position : positions) {
    const size_t i = static_cast<size_t>(position);
    projection.columns.push_back(table.columns[i]);
    fields.push_back(table.table.columns[i].field);
    if (!projection.select_list.empty()) projection.select_list += ", ";
    projection.select_list += QuoteIdentifier(table.columns[i].name);
  }
  for (const int key : table.key) {
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

Projection ProjectAll(const MyTable& table) {
  std::vector<int> all(table.columns.size());
  std::iota(all.begin(), all.end(), 0);
  return Project(table, all);
}

}  // namespace tarn::mysql
