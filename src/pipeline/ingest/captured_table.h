#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/ingest/key_places.h"
#include "pipeline/ingest/pending_rows.h"
#include "pipeline/table_target.h"
#include "source/change_batch.h"

namespace tarn {

/// One mirrored table while changes of its source flow into it. Between two commits it collects:
/// rows are written to data files as they come, of a key that changes again the earlier row gets a
/// bit, and what all that does to the committed rows is found out at the commit, by the key.
/// Threads: one at a time. Memory: a row group of the writer, and what PendingRows and KeyPlaces
/// say. Errors of one table are its own: Stop() it, and the others go on.
class CapturedTable {
 public:
  struct Options {
    SourceTable table;         ///< as it was when its rows were loaded, or altered since
    TableTarget target;        ///< an existing table
    std::string index_folder;  ///< of this table alone; made when missing
    /// Whether Add() puts what the log left out also into rows that another one replaces before
    /// they are committed: whoever keeps a history wants all of them.
    bool whole_rows = false;
  };
  CapturedTable(const PipelineContext& context, Options options);
  ~CapturedTable();

  const SourceTable& source_table() const { return options_.table; }
  const TableTarget& target() const { return options_.target; }

  /// \name Takes an event of the log in. `first_row`: rows before it are passed over.
  /// Errors: InvalidArgument (a change of columns that the table cannot follow); Conflict (somebody
  /// else altered the table); those of writing; Corruption when a value that the log left out is
  /// not in the table.
  /// @{
  /// Returns the changes' rows as the table takes them.
  Result<std::shared_ptr<arrow::RecordBatch>> Add(const RowChanges& changes, int64_t first_row);
  Status Truncate();
  Status Alter(const TableAltered& altered);
  /// @}

  /// Whether a commit would change the table.
  bool pending() const;
  int64_t pending_rows() const { return pending_changes_; }

  /// Builds the transaction against the table's present state; called again after a Conflict.
  /// Nothing where the changes cancel each other out. Borrowed by the commit; stays here.
  /// Errors: NotFound, Conflict (the table is not what it was any more), those of reading it.
  Result<std::optional<TableChange>> Prepare(const std::map<std::string, std::string>& summary);
  /// The commit with what Prepare() built happened, at that number of the lake's.
  Status Committed(Sequence sequence);
  /// Drops what is pending, its files too. Not after a commit whose outcome is not known.
  void Discard();

 private:
  struct Written;

  /// The table's present state, and the transaction that tells the shape of new rows.
  Status Begin();
  Result<std::unique_ptr<TableTransaction>> ChangeTable(
      const std::shared_ptr<const TableMetadata>& base, const std::string& location) const;
  Status Edit(const TableAltered& altered, TableTransaction& transaction) const;
  Status FinishWriter();
  Status FollowBase();
  Status WriteRows(const arrow::RecordBatch& rows, const PendingRows::Folded& folded);
  Result<std::shared_ptr<arrow::RecordBatch>> FillGaps(std::shared_ptr<arrow::RecordBatch> rows,
                                                       const std::vector<PendingRows::Fill>& fills);
  Result<std::vector<RowDeletes>> DeletesOfBase();
  void Forget();
  Result<arrow::ArrayVector> KeyArrays(const arrow::RecordBatch& rows) const;

  const PipelineContext& context_;
  Options options_;
  std::shared_ptr<arrow::Schema> storable_;
  std::unique_ptr<KeyPlaces> places_;

  // What is pending.
  std::string uuid_;
  std::shared_ptr<const TableMetadata> base_;
  std::string base_location_;
  std::unique_ptr<TableTransaction> shape_;
  std::vector<TableAltered> edits_;
  bool truncated_ = false;
  PendingRows rows_;
  std::vector<std::unique_ptr<Written>> writers_;
  int64_t pending_changes_ = 0;

  // What is being committed.
  std::unique_ptr<TableTransaction> transaction_;
};

}  // namespace tarn
