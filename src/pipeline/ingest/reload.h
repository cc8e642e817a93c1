#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/ingest/load.h"
#include "pipeline/table_target.h"
#include "source/change_capture.h"

namespace tarn {

struct TableLoad;

struct ReloadOptions {
  std::string source;  ///< its name in the project
  CaptureSpec spec;
  /// Tables that stand in the lake. One with a history is followed, and its history has what the
  /// log says of it from whoever follows it: the load is put where it belongs among that.
  std::vector<LoadItem> items;
  /// Below it a folder for each table's key index by the table's uuid, as CaptureOptions has it;
  /// and one in which they stand until the tables are swapped.
  std::string index_folder;
  std::string author;
};

/// Mirrored tables of one source that are loaded anew while the log goes on being followed into the
/// lake, by somebody else: rows are read from a snapshot into files that nothing refers to, and
/// what the log says of these tables from there on is put on them from a branch of the log. In the
/// end they take the place of the tables' rows in one commit, at the very place of the log at which
/// the lake stands: no reader ever sees the tables at another one.
///
/// The files stand in the tables' folders, and so does the state that the caught up changes are put
/// on: metadata of the tables that is staged and never committed, one after the other. Upkeep
/// leaves them alone while this process lives (see reload_mark.h), and removes them as orphans when
/// it was killed.
/// Threads: one at a time. Memory: that of a load, then that of CapturedTable.
class Reload {
 public:
  Reload(const PipelineContext& context, ChangeCapture& capture, ReloadOptions options);
  /// Removes what was not committed.
  ~Reload();
  Reload(const Reload&) = delete;
  Reload& operator=(const Reload&) = delete;

  /// Takes the snapshot. Errors: those of ChangeCapture::Branch; Conflict when a table was altered
  /// since it was planned.
  Status Begin();
  /// Where in the log the rows stand, after Begin().
  const std::string& position() const;
  /// Reads the rows. Where a table has a history, the lake must stand at position() by now, or
  /// further. Errors: those of LoadSource.
  Status Load();

  /// Takes in what the log says after position() up to `upto`, at which or behind which it was
  /// committed to the lake. Again and again, never back. Errors: those of ChangeStream; Conflict
  /// when a table was altered so that its rows must be loaded anew once more.
  Status CatchUp(const std::string& upto);
  /// The table as it is where the log was caught up to. In the order of the items.
  const SourceTable& table(size_t item) const;

  /// Makes the rows the tables' own. `position`: the lake's place in the log, up to which it was
  /// caught up; `ops` are committed with them. Call with the capture lock held. Errors: those of
  /// CommitToLake; Conflict when the log was followed any further, or the tables' columns were
  /// changed by somebody else.
  Result<LoadReport> Commit(const std::string& position, std::vector<CommitOp> ops);

 private:
  struct Table;

  Status Open(const LoadItem& item);
  Status OpenHistory(Table& table) const;
  Status Mark() const;
  Status Stage(Table& table);
  Status TakeIn(const ChangeBatch& batch);
  Status TakeIn(const TableChanges& changes, Table& table) const;
  /// The pending changes become a part of the staged state.
  Status Fold(Table& table) const;
  Result<WrittenTable> OpenSwap(const Table& table,
                                std::shared_ptr<const TableMetadata> staged) const;
  Status Prepare(Table& table, const std::string& position) const;
  /// What the commit says of where log and tables stand.
  Result<std::vector<CommitOp>> Positions(const std::string& position) const;
  Status HandOver(Table& table, Sequence sequence) const;
  void RemoveStaged(const Table& table) const;
  void Discard();
  std::string IndexFolder() const;

  const PipelineContext& context_;
  ChangeCapture& capture_;
  const ReloadOptions options_;
  LogBranch branch_;
  std::string position_;
  int64_t order_before_ = 0;  ///< of the log, as histories count, before the snapshot was taken
  std::unique_ptr<ChangeStream> stream_;
  std::vector<std::unique_ptr<TableLoad>> loads_;
  std::vector<std::unique_ptr<Table>> tables_;  ///< one a load
  bool files_are_ours_ = true;                  ///< to be removed in the end
};

}  // namespace tarn
