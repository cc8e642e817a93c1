#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/limits.h"
#include "base/result.h"
#include "source/postgres/pg_column_buffer.h"
#include "source/postgres/pg_types.h"
#include "source/postgres/pg_value.h"

namespace tarn::postgres {

/// Rows of `COPY … (FORMAT binary)` → RecordBatches, straight into Arrow memory.
/// Threads: one at a time.
class RowDecoder {
 public:
  struct Options {
    SourceTableName table;          ///< for messages
    std::vector<PgColumn> columns;  ///< in the order of the select list
    std::vector<int> key;           ///< positions of the key's columns, for messages
    bool ctid_follows = false;      ///< one more field than columns: the row's ctid, for messages
    bool check_utf8 = false;        ///< the server does not (SQL_ASCII)
    std::shared_ptr<arrow::Schema> schema;
    Limits limits;
  };
  RowDecoder(Options options, arrow::MemoryPool* pool);
  ~RowDecoder();

  /// Allocates the next batch's memory. Before the first row of every batch.
  Status Begin();
  /// Decodes the row that starts at *p and moves *p behind it. `readable_end` ≥ `end`: bytes that
  /// may be read, though they mean nothing. False: see `fault()`; nothing else may follow.
  bool Row(const uint8_t** p, const uint8_t* end, const uint8_t* readable_end);
  /// Whether the batch has reached its limit of rows or bytes.
  bool full() const { return rows_ >= rows_max_ || bytes_ >= bytes_max_; }
  int64_t rows() const { return rows_; }
  int64_t rows_in_all() const { return rows_before_ + rows_; }
  Result<std::shared_ptr<arrow::RecordBatch>> Finish();
  /// Why Row returned false: names table, row (ordinal, key or ctid), column, value and repair.
  const Error& fault() const { return *fault_; }

 private:
  bool GrowRows();
  bool Fail(ValueTrouble trouble, const uint8_t* row, const uint8_t* end, size_t column,
            const uint8_t* value, int64_t bytes);
  std::string WhichRow(const uint8_t* row, const uint8_t* end) const;

  Options options_;
  const ValueRules rules_;
  std::vector<std::unique_ptr<ColumnBuffer>> columns_;
  int64_t rows_ = 0;
  int64_t rows_before_ = 0;
  int64_t bytes_ = 0;
  int64_t rows_capacity_ = 0;
  int64_t rows_max_;
  int64_t bytes_max_;
  int fields_;
  std::unique_ptr<Error> fault_;
};

/// A value that cannot be stored, as an error with the repair. `row` tells which row, `shown` the
/// value, or why no variant can be made of it.
Error ValueFault(ValueTrouble trouble, const SourceTableName& table, const PgColumn& column,
                 const std::string& row, const std::string& shown, int64_t bytes,
                 const ValueRules& rules);

/// A value of the wire for people: at most 64 characters.
std::string WireValueToText(const PgColumn& column, const uint8_t* p, int64_t bytes);

}  // namespace tarn::postgres
