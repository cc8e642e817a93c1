#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "source/change_batch.h"
#include "source/mysql/my_altered_names.h"
#include "source/mysql/my_shape.h"

namespace tarn::mysql {

/// One table of the stream: its description at the place of the log, the rows that came, and what
/// else happened to it. Threads: one at a time.
///
/// What an ALTER TABLE made of the columns is known from the statement (their names), and from the
/// server's description of today where the names are the same. Where they are not, other ALTERs
/// have followed: columns that went or were renamed are told at once; what became of types, and
/// columns that came, the next table map tells, if binlog_row_metadata is FULL, and the names go
/// with the table (SourceTable::log_mark) until it comes. Where nothing tells, the table stops.
class FollowedTable {
 public:
  FollowedTable(std::shared_ptr<const MyTable> now, int64_t value_bytes_max,
                ShapeResolver* resolver, arrow::MemoryPool* pool);
  ~FollowedTable();

  const SourceTableName& name() const { return now_->table.name; }
  bool stopped() const { return stopped_; }

  /// Updates are to tell the whole row before, too. Before the first event.
  void WantRowsBefore() { rows_before_ = true; }

  /// `body`: of a table map event of this table. Errors: Corruption, and those that end a stream.
  Status OnMap(const uint8_t* body, const uint8_t* end, bool is_mariadb);
  Status OnAlter(const LogStatement& statement, bool strict);
  Status OnTruncate(uint32_t transaction, int64_t ordinal);
  /// The rows of an event; `ordinal` is counted up. Errors: Corruption, and those of Arrow.
  Status OnRows(const LogRows& rows, uint32_t transaction, int64_t* ordinal);
  /// Nothing more comes of it.
  Status Stop(Error reason);

  /// Memory of the rows that were not taken, about.
  int64_t bytes() const { return bytes_; }
  int64_t rows() const { return rows_; }
  bool has_events() const { return rows_ > 0 || !events_.empty(); }
  /// What came since the last call.
  Result<std::vector<TableEvent>> Take();

 private:
  Status Close();
  Status Adopt(std::shared_ptr<const MyTable> table, const std::vector<AlteredName>& names,
               bool strict);
  Result<bool> Use(const LogTableMap& map);
  Status Resolve(const LogTableMap& map);
  /// A table that is described anew, and what else becomes of its columns.
  void Describe(std::shared_ptr<const MyTable> table, TableAltered altered);
  Status StopFor(const Status& failed);

  std::shared_ptr<const MyTable> now_;
  const int64_t value_bytes_max_;
  ShapeResolver* const resolver_;
  arrow::MemoryPool* const pool_;
  bool rows_before_ = false;
  std::string map_;  ///< that `shape_` was made of
  std::shared_ptr<const LogShape> shape_;
  std::unique_ptr<TableBuilder> builder_;
  AlteredNames unsettled_;  ///< after ALTERs of which `now_` does not tell yet
  std::vector<TableEvent> events_;
  bool stopped_ = false;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace tarn::mysql
