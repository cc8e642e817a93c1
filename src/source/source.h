#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/predicate.h"
#include "source/source_table.h"

namespace tarn {

class ChangeCapture;

/// A part of a table that one stream reads. Opaque to callers.
struct ScanRange {
  std::string text;  ///< the source's own condition; "" for the whole table
  int64_t estimated_rows = 0;
};

/// Reads rows batch by batch. Threads: one at a time.
class BatchReader {
 public:
  virtual ~BatchReader() = default;
  virtual const std::shared_ptr<arrow::Schema>& schema() const = 0;
  /// The next batch (at most batch_rows rows, about batch_bytes_max bytes); nullptr at the end.
  /// Errors name table, row and column of a value that does not fit.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
};

/// Rows after a cursor's value, for mode incremental.
struct CursorRange {
  std::string column;
  std::optional<std::string> after;  ///< in the source's text form; absent: from the start
  std::string upto;                  ///< inclusive: what MaxCursor said in this snapshot
  /// Whether the rows at `after` come again: right where they are merged by key, for some of them
  /// may have been committed since.
  enum class Lower { kExclusive, kInclusive } lower = Lower::kExclusive;
};

/// Count and order-free hash of a table's rows, computed alike on both sides: see
/// source/checksum.h.
struct TableChecksum {
  int64_t rows = 0;
  uint64_t hash = 0;
  friend bool operator==(const TableChecksum&, const TableChecksum&) = default;
};

/// One consistent state of the whole source, shared by any number of streams (PostgreSQL: an
/// exported snapshot). Lives as long as its streams need it. Threads: Open may be called
/// concurrently; every reader has its own connection.
class SourceSnapshot {
 public:
  virtual ~SourceSnapshot() = default;
  /// Where in the source's log this state stands (PostgreSQL: the LSN), as text.
  virtual const std::string& position() const = 0;
  /// The table as this snapshot sees it. NotFound when it is gone.
  virtual Result<SourceTable> Describe(const SourceTableName& table) = 0;
  /// Splits a table into ranges for parallel streams, at most `ranges_max` of about equal work.
  virtual Result<std::vector<ScanRange>> Split(const SourceTable& table, int ranges_max) = 0;
  virtual Result<std::unique_ptr<BatchReader>> Open(const SourceTable& table,
                                                    const ScanRange& range,
                                                    const std::optional<CursorRange>& cursor) = 0;
  /// The cursor column's highest finite value as text, and never less than `at_least` (compared as
  /// the column's type orders); nullopt where there is none. Infinite values and NaN are left out:
  /// as a mark they would hide every later row.
  virtual Result<std::optional<std::string>> MaxCursor(
      const SourceTable& table, const std::string& column,
      const std::optional<std::string>& at_least) = 0;
  /// Asked once everything is read, before it counts: Unavailable where the state was lost
  /// meanwhile, so that what was read after that may be of another one.
  virtual Status CheckHeld() { return Status::Ok(); }
};

/// A live query on one table (federation).
struct LiveScan {
  SourceTable table;
  std::vector<std::string> columns;  ///< wanted, in order; empty: only the number of rows matters
  Predicate predicate;               ///< what the source may apply itself (never more than that)
  std::optional<int64_t> limit;      ///< only set when the predicate is complete
};

/// An operational database or a place where files land. One object per configured source.
/// Threads: every method may be called concurrently.
/// Errors: Unavailable (not reachable; safe to repeat), PermissionDenied (refused; the hint names
/// the grant), NotFound (database or table), Unsupported (too old, a type), InvalidArgument. No
/// message ever contains a password.
class Source {
 public:
  virtual ~Source() = default;
  /// Address without secrets, for people: "127.0.0.1:5432/pagila".
  virtual std::string address() const = 0;
  /// The tables matching any of `patterns` ("public.customer", "public.*", "public.payment*",
  /// "\"Odd Name\".*"); partitions of a partitioned table are not listed beside it. Views and
  /// foreign tables only when named without wildcard. A pattern that matches nothing: NotFound,
  /// with the nearest name. An empty list: everything that is not the system's.
  virtual Result<std::vector<SourceTable>> Discover(const std::vector<std::string>& patterns) = 0;
  virtual Result<std::unique_ptr<SourceSnapshot>> BeginSnapshot() = 0;

  /// The source's log of changes; nullptr where it has none that can be read. Lives as long as the
  /// source.
  virtual ChangeCapture* capture() { return nullptr; }

  /// \name Live side, for SQL. Cheap; every call may open or reuse a connection.
  /// @{
  virtual Result<std::vector<std::string>> ListSchemas() = 0;
  virtual Result<std::vector<SourceTableName>> ListTables(const std::string& schema) = 0;
  virtual Result<SourceTable> Describe(const SourceTableName& table) = 0;
  virtual Result<std::unique_ptr<BatchReader>> Scan(const LiveScan& scan) = 0;
  /// The statement that Scan would send, for EXPLAIN.
  virtual Result<std::string> ExplainScan(const LiveScan& scan) = 0;
  /// The part of `predicate` that Scan would apply exactly as SQL says; the rest stays with the
  /// caller.
  virtual Predicate Pushable(const SourceTable& table, const Predicate& predicate) = 0;
  /// @}
};

}  // namespace tarn
