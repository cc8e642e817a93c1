#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "source/source_table.h"

namespace tarn {

/// What happened to one row.
enum class RowOp : uint8_t { kInsert, kUpdate, kDelete };

/// One transaction of a source that is committed there.
struct ChangeTransaction {
  std::string id;  ///< the source's own: PostgreSQL's xid, MySQL's GTID or file:position
  /// Right after it: what a stream that has it goes on from. Of one that is not whole in the batch
  /// perhaps before that, but behind every position at which nothing of it is visible.
  std::string position;
  int64_t commit_micros = 0;  ///< by the source's clock
};

/// Changed rows of one table, all of one description, in the order of the source's log.
struct RowChanges {
  /// One row a change, with the columns of the table's description: what the row became. Of a
  /// deleted row the identity alone, where the log has no more; the other columns are null.
  std::shared_ptr<arrow::RecordBatch> rows;
  std::vector<RowOp> ops;              ///< one a row
  std::vector<uint32_t> transactions;  ///< one a row: index into ChangeBatch::transactions
  std::vector<int64_t> ordinals;  ///< one a row: its place among the changes of its transaction

  /// Values that the log left out because the change did not touch them (PostgreSQL: TOASTed
  /// columns; MySQL: partial row images): they are those of the row before.
  struct Unchanged {
    int column = 0;
    std::vector<int64_t> rows;  ///< ascending
  };
  std::vector<Unchanged> unchanged;

  /// The key before, of updates that changed it: the key's columns, in the key's order; nullptr
  /// where there are none. `old_key_rows[i]` is the row of `rows` that `old_keys` row i is about,
  /// ascending.
  std::shared_ptr<arrow::RecordBatch> old_keys;
  std::vector<int64_t> old_key_rows;

  /// Whole rows as they were before an update (PostgreSQL: REPLICA IDENTITY FULL; MySQL: full row
  /// images), where the log has them; else nullptr. `before_rows` as `old_key_rows`. A deleted row
  /// stands whole in `rows` then.
  std::shared_ptr<arrow::RecordBatch> before;
  std::vector<int64_t> before_rows;
};

/// All rows of the table left it (TRUNCATE).
struct TableTruncated {
  uint32_t transaction = 0;  ///< index into ChangeBatch::transactions
  int64_t ordinal = 0;
};

/// The table's description from here on. The first change of a table in a stream comes without one
/// where it is still what the stream was opened with.
struct TableAltered {
  std::shared_ptr<const SourceTable> table;
  struct Renamed {
    std::string from;
    std::string to;
  };
  std::vector<Renamed> renamed;  ///< columns that keep their rows' values under another name
  /// A column that was added and in which rows of before have a value, its default then.
  struct Filled {
    std::string column;
    /// One value of the column's type, which all rows of before have; nullptr: it is not known, and
    /// they have to be loaded again.
    std::shared_ptr<arrow::Array> value;
    std::string unknown;  ///< why
  };
  std::vector<Filled> filled;
};

/// The table cannot be followed any further: a value or a type without counterpart, an identity
/// that was taken away. Nothing more comes of it; the others go on. The error names the repair.
struct TableStopped {
  Status reason;
};

using TableEvent = std::variant<RowChanges, TableTruncated, TableAltered, TableStopped>;

struct TableChanges {
  SourceTableName table;
  std::vector<TableEvent> events;  ///< in the order of the log
};

/// A piece of a source's log. Between tables there is no order but that of transactions.
struct ChangeBatch {
  std::vector<ChangeTransaction> transactions;  ///< that are met here, in the order of commit
  std::vector<TableChanges> tables;             ///< every table once
  int64_t rows = 0;
  int64_t bytes = 0;  ///< memory of the rows, about

  /// Whether the last transaction is whole. Else its other changes follow in the next batches,
  /// where it is `transactions[0]` again; nothing of it may be committed before.
  bool ends_at_commit = true;
  /// Where the log stands after the last whole transaction, or further, where what lies between is
  /// of no interest. What may be committed with the rows, and acknowledged afterwards.
  std::string position;
  /// Whether `ChangeLimits::until` lies behind.
  bool reached_until = false;
};

}  // namespace tarn
