#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

namespace tarn {

/// A name in the source's own terms.
struct SourceTableName {
  std::string schema;
  std::string name;
  friend auto operator<=>(const SourceTableName&, const SourceTableName&) = default;
  std::string ToString() const { return schema + "." + name; }
};

enum class SourceTableKind { kTable, kPartitioned, kView, kMaterializedView, kForeign };

struct SourceColumn {
  std::string name;
  std::string native_type;              ///< as the source writes it: "numeric(10,2)"
  std::shared_ptr<arrow::Field> field;  ///< what it becomes; see docs/types.md
  /// The source's own number of the column, which a rename keeps and no other column of the table
  /// ever has (PostgreSQL: attnum); 0 where it has none.
  int32_t id = 0;
};

struct SourceTable {
  SourceTableName name;
  SourceTableKind kind = SourceTableKind::kTable;
  std::vector<SourceColumn> columns;
  std::vector<std::string> key;  ///< primary key's columns in order; empty without one
  int64_t estimated_rows = 0;    ///< -1 unknown
  int64_t estimated_bytes = 0;
  std::string fingerprint;  ///< changes when columns, types or key change
  /// The source's own number of the table, which a second table of its name does not have
  /// (PostgreSQL: oid); 0 where it has none.
  int64_t id = 0;
  /// The highest number that a column of the table has had so far, one that was dropped too
  /// (PostgreSQL: relnatts); 0 unknown.
  int32_t last_column_id = 0;
  /// What the source's own side tells about how the rows came to stand as they do, in words of its
  /// own (PostgreSQL: RowsMark; MySQL: character sets); "" where it tells nothing.
  std::string rows_mark = {};
  /// What the reader of the source's log has to remember of the table at its place in the log
  /// beside what stands here, in words of its own (MySQL: AlteredNames); "" mostly.
  std::string log_mark = {};
};

}  // namespace tarn
