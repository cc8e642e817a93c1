#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/ingest/load.h"
#include "pipeline/table_target.h"
#include "source/change_capture.h"

namespace tarn {

/// When what came is committed: whichever is reached first, at the end of a transaction.
struct CaptureCadence {
  int64_t every_ms = 5000;
  int64_t rows = 500'000;
  int64_t bytes = 64LL << 20;
};

/// A mirrored table of a captured source.
struct CaptureItem {
  SourceTable table;      ///< as it was at `position`
  TableTarget target;     ///< owner "source:<name>", the source's key
  LoadPosition position;  ///< of its load: what the log says before it is in the table already
  std::string uuid;       ///< of the lake's table
  /// Of the table that keeps every change beside it; the table exists.
  std::optional<TableTarget> history = std::nullopt;
};

/// One commit of changes, for people and for whoever waits for them.
struct CaptureCommit {
  Sequence sequence;
  std::string position;
  int64_t transactions = 0;
  int64_t rows = 0;
  int64_t last_transaction_micros = 0;  ///< committed at the source
  int64_t committed_micros = 0;         ///< visible in the lake
  std::vector<TableName> tables;        ///< that changed
};

struct CaptureOptions {
  std::string source;  ///< its name in the project
  CaptureSpec spec;
  std::vector<CaptureItem> items;
  CaptureCadence cadence;
  std::string index_folder;  ///< below it a folder for each table's key index
  /// Keys of a table that are kept in memory between two commits; further ones go to that folder.
  int64_t touched_keys_max = Limits().capture_touched_keys_max;
  std::optional<std::string> until;  ///< ends when the log up to here is in the lake
  /// What else a commit says about a table whose columns changed: its description as the project
  /// remembers it. Asked again for every attempt at the commit.
  std::function<Result<std::vector<CommitOp>>(const SourceTable& table)> altered;
  /// An item as it is remembered by now, its columns and the names of its key: what a later attempt
  /// begins with, since commits of the one before may have said that the table was altered. Absent:
  /// as the items have it.
  std::function<Result<CaptureItem>(const CaptureItem& item)> described;
  std::function<void(const CaptureCommit&)> committed;
  /// The lake has all that the source had committed a moment ago: again and again while it is so.
  std::function<void()> caught_up;
  /// A table that cannot be followed any more, with the repair.
  std::function<void(const SourceTableName& table, const Status& reason)> stopped;
  /// The connection broke, a disk is full, or a commit was lost to somebody else: it goes on from
  /// the last commit after a pause.
  std::function<void(const Status& reason)> retrying;
};

/// Follows a source's log into the mirrored tables: every commit brings whole transactions of the
/// source, all their tables at one sequence number, together with the log's position; only then the
/// source is told that it may forget them. Whatever dies in between, the next one goes on from the
/// last commit.
/// Returns when `until` is reached, or when the context's cancel flag is set; what is whole by then
/// is committed, after a stop only if that takes no more than three seconds. Errors: NotFound
/// (never loaded; or the log has lost what comes next: the hint names the repair); Conflict
/// (somebody else follows the same log); ResourceExhausted (with `until`: without it there is
/// another try); those of the source that do not pass by waiting.
Status Capture(const PipelineContext& context, ChangeCapture& capture,
               const CaptureOptions& options);

}  // namespace tarn
