#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/table_target.h"
#include "source/change_batch.h"

namespace tarn {

/// The transactions of a batch, and where each stands in the log as the history counts.
struct LogPlaces {
  std::span<const ChangeTransaction> transactions;
  std::span<const int64_t> orders;
};

/// The history of a mirrored table while changes of its source flow into it: every change is a row
/// that is appended, nothing is folded. Committed together with the table, by whoever follows the
/// log. Threads: one at a time. Memory: a row group of the writer. Columns: see history_rows.h.
class ChangeHistory {
 public:
  /// `table`: as it was when its rows were loaded, or altered since; `target`: an existing history.
  ChangeHistory(const PipelineContext& context, SourceTable table, TableTarget target);
  ~ChangeHistory();

  const TableTarget& target() const { return target_; }

  /// \name Takes an event of the log in. Errors: InvalidArgument (a change of columns that the
  /// history cannot follow); NotFound (it was dropped); Conflict (somebody else altered it); those
  /// of writing.
  /// @{
  /// `rows`: some of `changes`, from number `first` on, as the table takes them, with every value
  /// that the log left out.
  Status Add(const RowChanges& changes, const arrow::RecordBatch& rows, int64_t first,
             const LogPlaces& places);
  Status Truncate(const TableTruncated& truncated, const LogPlaces& places);
  Status Alter(const TableAltered& altered);
  /// @}

  /// \name As CapturedTable's.
  /// @{
  bool pending() const { return !edits_.empty() || !files_.empty() || writer_ != nullptr; }
  Result<std::optional<TableChange>> Prepare(const std::map<std::string, std::string>& summary);
  void Committed();
  void Discard();
  /// @}

 private:
  Status Begin();
  Result<std::unique_ptr<TableTransaction>> Change();
  Status Edit(const TableAltered& altered, TableTransaction& transaction) const;
  Status AddBefore(const RowChanges& changes, int64_t first, int64_t end, const LogPlaces& places);
  Status Write(const arrow::RecordBatch& rows);
  Status FinishWriter();

  const PipelineContext& context_;
  SourceTable table_;
  const TableTarget target_;
  std::shared_ptr<arrow::Schema> schema_;

  // What is pending.
  std::string uuid_;
  std::unique_ptr<TableTransaction> shape_;  ///< tells the shape of the rows
  std::vector<TableAltered> edits_;
  std::unique_ptr<DataWriter> writer_;
  std::vector<DataFile> files_;

  // What is being committed.
  std::unique_ptr<TableTransaction> transaction_;
};

}  // namespace tarn
