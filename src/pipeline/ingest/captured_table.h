#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/ingest/key_places.h"
#include "pipeline/ingest/pending_rows.h"
#include "pipeline/ingest/present_state.h"
#include "pipeline/table_target.h"
#include "source/change_batch.h"

namespace tarn {

/// One mirrored table while changes of its source flow into it. Between two commits it collects:
/// rows are written to data files as they come, of a key that changes again the earlier row gets a
/// bit, and what all that does to the committed rows is found out at the commit, by the key.
/// Threads: one at a time. Memory: a row group of the writer, `batch_bytes_max` of values that the
/// log left out, and what PendingRows and KeyPlaces say. Errors of one table are its own: Stop()
/// it, and the others go on.
class CapturedTable {
 public:
  struct Options {
    SourceTable table;   ///< as it was when its rows were loaded, or altered since
    TableTarget target;  ///< an existing table
    /// Of this table alone, made when missing; beside it, for a while, one whose name is longer.
    std::string index_folder;
    /// Whether Add() puts what the log left out also into rows that another one replaces before
    /// they are committed: whoever keeps a history wants all of them.
    bool whole_rows = false;
    int64_t touched_keys_max = Limits().capture_touched_keys_max;
    /// The table's state, which changes are put on; empty: the catalog's. Of a table that nobody
    /// sees yet it is the state that its maker staged last.
    std::function<Result<TableEntry>()> state = {};
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
  /// The changes' rows as the table takes them, all of them in pieces and in order; `first`: the
  /// number of a piece's first row.
  using Taken = std::function<Status(const arrow::RecordBatch& rows, int64_t first)>;
  Status Add(const RowChanges& changes, int64_t first_row, const Taken& taken = {});
  Status Truncate();
  Status Alter(const TableAltered& altered);
  /// @}

  /// Changes the columns as the source did.
  static Status Edit(const TableAltered& altered, TableTransaction& transaction);

  /// Whether a commit would change the table.
  bool pending() const;
  int64_t pending_rows() const { return pending_changes_; }

  /// Builds the transaction against the table's present state; called again after a Conflict.
  /// Nothing where the changes cancel each other out. Borrowed by the commit; stays here.
  /// Errors: NotFound, Conflict (the table is not what it was any more), those of reading it;
  /// Unavailable (the key index is damaged as soon as it is built).
  Result<std::optional<TableChange>> Prepare(const std::map<std::string, std::string>& summary);
  /// The commit with what Prepare() built happened, at that number of the lake's.
  Status Committed(Sequence sequence);
  /// Drops what is pending, its files too. Not after a commit whose outcome is not known.
  void Discard();

  /// The data files that are pending, once Prepare() has ended them.
  std::vector<DataFile> files() const;
  /// Finds out where all rows of the present state stand, now instead of at the first commit.
  Status OpenIndex();
  /// The index becomes that of a state with the very same rows, and is closed: somebody else may
  /// open its folder.
  Status CloseIndex(const std::string& metadata_location);

 private:
  struct Written;

  /// The table's present state, and the transaction that tells the shape of new rows.
  Status Begin();
  /// The table as it is, or was at that number of the lake's.
  Result<TableEntry> State(std::optional<Sequence> at) const;
  Result<PresentState> Present() const;
  /// Takes the present state for the base; what is pending stays. A transaction on it with the
  /// pending edits. Errors: Conflict (another table, or other columns).
  Result<std::unique_ptr<TableTransaction>> MoveBase();
  Result<std::unique_ptr<TableTransaction>> ChangeTable(
      const std::shared_ptr<const TableMetadata>& base, const std::string& location) const;
  Status FinishWriter();
  /// Looks up where rows of the base stand; once more with an index that is built again where it
  /// turned out damaged.
  Status WithPlaces(const std::function<Status()>& look);
  Status FollowBase();
  /// Reads files of the base; once more from the present state where upkeep removed them because
  /// that followed on the base since: the rows are the same ones, in files that stay.
  Status ReadBase(const std::function<Status()>& read);
  Status WriteRows(const arrow::RecordBatch& rows, int64_t begin,
                   const PendingRows::Folded& folded);
  Result<std::vector<RowPlace>> PlacesOf(const std::vector<PendingRows::Fill>& fills);
  Result<std::shared_ptr<arrow::RecordBatch>> FillGaps(const arrow::RecordBatch& rows,
                                                       int64_t begin, int64_t end,
                                                       const std::vector<PendingRows::Fill>& fills,
                                                       const std::vector<RowPlace>& places) const;
  Status DeletesOfBase(std::vector<RowDeletes>* deletes);
  Status AdvancePlaces(const std::string& base_location, Sequence sequence);
  Status FillColumns(std::vector<RowDeletes>* deletes, std::vector<DataFile>* files);
  void DiscardFilled();
  void RenameKey();
  void Forget();
  Result<arrow::ArrayVector> KeyArrays(const arrow::RecordBatch& rows) const;

  const PipelineContext& context_;
  Options options_;
  std::shared_ptr<arrow::Schema> storable_;
  std::vector<std::string> base_key_;  ///< as its columns are called in the committed table
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
  std::vector<DataFile> filled_;  ///< files that were written anew for it, with columns they lacked
  bool moves_all_rows_ = false;   ///< because of those
};

}  // namespace tarn
