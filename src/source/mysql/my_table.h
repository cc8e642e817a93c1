#pragma once

#include <memory>
#include <string>
#include <vector>

#include "source/mysql/my_types.h"
#include "source/source.h"

namespace tarn::mysql {

/// What streams need to know of a table beside its public description.
struct MyTable {
  SourceTable table;
  std::vector<MyColumn> columns;  ///< beside table.columns
  std::vector<int> key;           ///< positions of table.key
  std::shared_ptr<arrow::Schema> schema;
  std::string engine;  ///< "" of a view

  /// Positions of `names`. Errors: NotFound naming the column.
  Result<std::vector<int>> Positions(const std::vector<std::string>& names) const;
};

/// The description of some of the table's columns, in that order.
struct Projection {
  std::vector<MyColumn> columns;
  std::shared_ptr<arrow::Schema> schema;
  std::vector<int> key;     ///< positions within `columns`; empty unless all of the key is there
  std::string select_list;  ///< "" for no columns
};
Projection Project(const MyTable& table, const std::vector<int>& positions);
Projection ProjectAll(const MyTable& table);

}  // namespace tarn::mysql
