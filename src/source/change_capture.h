#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/change_batch.h"
#include "source/source.h"

namespace tarn {

/// What a source keeps for one reader of its log, by name.
struct CaptureSpec {
  /// Of what is made in the source, unique among all that read the same database: letters, digits
  /// and underscores (PostgreSQL: slot and publication; MySQL: what the server id is derived from).
  std::string name;
  /// \name Existing ones of PostgreSQL to use instead: never made, altered or dropped.
  /// @{
  std::string publication;
  std::string slot;
  /// @}
};

/// How far one call of ChangeStream::Next may go.
struct ChangeLimits {
  int64_t rows_max = 0;
  int64_t bytes_max = 0;
  int64_t wait_ms_max = 0;  ///< with fewer rows it returns what came until then
  /// And at once when the log up to here was read. What is committed later is for the next call.
  std::optional<std::string> until = std::nullopt;
  /// With a row it waits for others until so long after the call, and then for those right behind.
  int64_t linger_ms_max = INT32_MAX;
  int64_t gather_ms = 0;  ///< how long after the first row that is, at least
};

/// The log of a source from one position on. Threads: Next() one at a time; Acknowledge() and
/// Stop() from any. What keeps the connection alive does not depend on calls of Next().
/// Errors: Unavailable (the connection broke: open another stream at the last committed position);
/// NotFound (what must be in the log is gone: the tables have to be loaded again, the hint says
/// how); PermissionDenied; Corruption; Cancelled after Stop().
class ChangeStream {
 public:
  virtual ~ChangeStream() = default;
  /// The table joined later: what the log says of it up to here is in its load already, and its
  /// description is that of here. Before the first Next().
  virtual Status LoadedAt(const SourceTableName& table, const std::string& position) {
    static_cast<void>(table);
    static_cast<void>(position);
    return {};
  }
  /// RowChanges::before is wanted of the table, where the log has whole rows; else a source may
  /// leave it out. Before the first Next().
  virtual void WantRowsBefore(const SourceTableName& table) { static_cast<void>(table); }
  /// What came, in whole transactions where they fit the limits. A batch without rows says that the
  /// log went on without changes of interest, or that nothing came in time. When the source's own
  /// cancel flag is set it returns what came so far; where that ends amid a transaction, whose rest
  /// does not come within a second, Cancelled.
  virtual Result<ChangeBatch> Next(const ChangeLimits& limits) = 0;
  /// Everything up to here is durable: the source may forget it. Called after the commit, never
  /// before.
  virtual Status Acknowledge(const std::string& position) = 0;
  /// Ends a Next() that waits, and all later ones.
  virtual void Stop() = 0;
};

/// A snapshot, and the log from there on for one reader more, beside whoever reads the capture's.
struct LogBranch {
  std::unique_ptr<SourceSnapshot> snapshot;
  /// The log after the snapshot's position; the snapshot may be gone by then. Once, on the thread
  /// that lets go of the branch. `tables` are the descriptions that hold there.
  std::function<Result<std::unique_ptr<ChangeStream>>(const std::vector<SourceTable>& tables)> open;
};

struct CaptureStatus {
  bool exists = false;         ///< what Begin() makes stands in the source
  bool active = false;         ///< somebody reads it
  std::string acknowledged;    ///< position up to which the source may forget
  std::string end;             ///< position of the newest entry of the log
  int64_t lag_bytes = 0;       ///< of log between the two; -1 unknown
  int64_t retained_bytes = 0;  ///< of log that the source keeps for this reader; -1 unknown
  std::string trouble;         ///< why the log cannot be read any more ("" when it can)
};

/// A source's log of changes. Threads: every method may be called concurrently.
/// Errors: those of Source; InvalidArgument where the source's settings do not allow it (wal_level,
/// slots, rights, binlog format), with the setting, its value and the statement that mends it.
class ChangeCapture {
 public:
  virtual ~ChangeCapture() = default;

  /// The tables as the log tells them: without columns that it leaves out (PostgreSQL: generated
  /// ones before 18, those that a publication does not list), keyed by what it names rows by. So
  /// the snapshot of Begin() describes them too; and so Open() wants them, with the ids of tables
  /// and columns where they were kept: they tell a renamed column from a new one.
  virtual Result<std::vector<SourceTable>> Describe(const CaptureSpec& spec,
                                                    const std::vector<SourceTable>& tables) {
    static_cast<void>(spec);
    return tables;
  }

  /// What prevents capture of these tables, before anything is made. A table without an identity is
  /// such a thing: the hint names the statement that gives it one.
  virtual Status Check(const CaptureSpec& spec, const std::vector<SourceTable>& tables) = 0;

  /// Makes what the log needs (or takes what is named), and a snapshot of the rows as they were
  /// just where the log begins: its position() is where to Open() the stream. Where something of
  /// that name stands already, of which nobody reads, it is replaced: its reader never committed.
  virtual Result<std::unique_ptr<SourceSnapshot>> Begin(const CaptureSpec& spec,
                                                        const std::vector<SourceTable>& tables) = 0;

  /// Lets the log tell these tables from now on, and no others.
  virtual Status SetTables(const CaptureSpec& spec, const std::vector<SourceTableName>& tables) = 0;
  /// A snapshot of tables that the log tells already: what it says after the snapshot's position()
  /// is missing in it, and nothing else.
  virtual Result<std::unique_ptr<SourceSnapshot>> Snapshot(const CaptureSpec& spec) = 0;

  /// The changes after `position`. `tables` are the descriptions that hold there.
  virtual Result<std::unique_ptr<ChangeStream>> Open(const CaptureSpec& spec,
                                                     const std::string& position,
                                                     const std::vector<SourceTable>& tables) = 0;

  /// Removes what Begin() made. Ok when it is gone already.
  virtual Status Drop(const CaptureSpec& spec) = 0;

  virtual Result<CaptureStatus> Inspect(const CaptureSpec& spec) = 0;
  /// The log's newest position: what `--once` reads up to.
  virtual Result<std::string> CurrentPosition() = 0;
  /// Negative, 0 or positive as `a` lies before, at or after `b`. Errors: InvalidArgument.
  virtual Result<int> Compare(const std::string& a, const std::string& b) = 0;

  /// A snapshot like that of Snapshot(), with the log from there on. What it makes in the source is
  /// gone with the branch and its stream, however they end. One at a time for a capture.
  virtual Result<LogBranch> Branch(const CaptureSpec& spec) = 0;
};

}  // namespace tarn
