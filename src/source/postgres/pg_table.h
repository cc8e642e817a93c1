#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "source/postgres/pg_types.h"
#include "source/source.h"

namespace tarn::postgres {

/// A relation that holds rows itself: the table, or a leaf of a partitioned one.
struct Storage {
  uint32_t oid = 0;
  std::string quoted_name;
  int64_t blocks = 0;
  /// A heap whose rows can be read by ranges of blocks.
  bool by_blocks = false;
};

/// What streams need to know of a table beside its public description.
struct PgTable {
  SourceTable table;
  uint32_t oid = 0;
  std::vector<PgColumn> columns;  ///< beside table.columns
  /// The types of the columns without their modifiers, as SQL: what a cursor's text is cast to.
  std::vector<std::string> cursor_types;
  std::vector<int> key;  ///< positions of table.key
  std::shared_ptr<arrow::Schema> schema;

  /// Positions of `names`. Errors: NotFound naming the column.
  Result<std::vector<int>> Positions(const std::vector<std::string>& names) const;

  /// Puts the table together from `table`'s name, kind and key, `columns`, their ids and
  /// `cursor_types`: fields, schema, positions of the key, fingerprint.
  /// Errors: NotFound (a column of the key is not there).
  Status Assemble(const std::vector<int32_t>& ids);
};

/// What the table is without the columns that are not in `names`, keyed by `key`.
/// Errors: NotFound (a name or a column of the key is not there).
Result<std::shared_ptr<const PgTable>> Restricted(const PgTable& table,
                                                  const std::vector<std::string>& names,
                                                  const std::vector<std::string>& key);

/// The description of some of the table's columns, in that order.
struct Projection {
  std::vector<PgColumn> columns;
  std::shared_ptr<arrow::Schema> schema;
  std::vector<int> key;     ///< positions within `columns`; empty unless all of the key is there
  std::string select_list;  ///< "" for no columns
};
Projection Project(const PgTable& table, const std::vector<int>& positions);
Projection ProjectAll(const PgTable& table);

}  // namespace tarn::postgres
