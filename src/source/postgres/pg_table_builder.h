#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "source/change_batch.h"
#include "source/postgres/pg_stream_column.h"
#include "source/postgres/pg_table.h"

namespace tarn::postgres {

/// A field of a tuple of the log.
struct LogField {
  char kind = 'n';  ///< n null, u unchanged, t text, b binary
  const uint8_t* begin = nullptr;
  int64_t bytes = 0;
};

/// The fields of one TupleData message part, in the columns' order.
struct LogTuple {
  std::vector<LogField> fields;
  /// Reads at *p, moves behind. `columns` fields are demanded; false: malformed.
  bool Read(const uint8_t** p, const uint8_t* end, size_t columns);
};

/// A table's description with what is needed to decode its changes.
struct FollowedShape {
  std::shared_ptr<const PgTable> table;
  std::vector<StreamColumn> columns;  ///< beside table->columns
};

/// Changes of one table, of one description → RowChanges, straight into Arrow memory.
/// Threads: one at a time.
class TableBuilder {
 public:
  TableBuilder(std::shared_ptr<const FollowedShape> shape, const ValueRules& rules,
               arrow::MemoryPool* pool);
  ~TableBuilder();

  struct Change {
    RowOp op = RowOp::kInsert;
    const LogTuple* row = nullptr;  ///< the new row; of a delete, the old one
    const LogTuple* old = nullptr;  ///< of an update, where the log has it
    bool old_is_whole = false;      ///< `old`, or `row` of a delete, has more than the key
    uint32_t transaction = 0;
    int64_t ordinal = 0;
    const uint8_t* readable_end = nullptr;
  };
  /// False: the value does not fit, see fault(); the change is left out, those before stand, and
  /// nothing may be added any more.
  bool Add(const Change& change);
  /// Names table, row, column, value and repair.
  const Error& fault() const { return *fault_; }
  /// Why: a value came whose binary form is not read here.
  bool wants_text() const { return wants_text_; }

  int64_t rows() const { return rows_; }
  int64_t bytes() const { return bytes_; }
  /// What was added, and begins anew.
  Result<RowChanges> Finish();

 private:
  struct Block;
  bool Field(Block& block, size_t slot, const LogField& field, const Change& change);
  bool KeyChanged(const Change& change) const;
  bool Fields(const Change& change);
  bool OldKey(const Change& change);
  bool Before(const Change& change);
  bool FailMemory(const Status& status);
  std::string Which(const LogTuple& row) const;
  Status Ready(Block* block, int64_t rows);

  const std::shared_ptr<const FollowedShape> shape_;
  const ValueRules rules_;
  arrow::MemoryPool* const pool_;
  std::unique_ptr<Block> new_rows_;
  std::unique_ptr<Block> old_keys_;
  std::unique_ptr<Block> before_;
  std::vector<RowOp> ops_;
  std::vector<uint32_t> transactions_;
  std::vector<int64_t> ordinals_;
  std::vector<std::vector<int64_t>> unchanged_;  ///< by column
  std::vector<int64_t> old_key_rows_;
  std::vector<int64_t> before_rows_;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
  int64_t row_bytes_ = 0;  ///< of the row that is being added
  bool wants_text_ = false;
  std::unique_ptr<Error> fault_;
};

}  // namespace tarn::postgres
