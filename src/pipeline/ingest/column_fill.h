#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "columnar/deletion_vector.h"
#include "pipeline/context.h"
#include "source/change_batch.h"
#include "table/dual/table.h"
#include "table/dual/transaction.h"

namespace tarn {

/// A column that the source added with a value for the rows of before. Until the transaction's end
/// it has the value as its initial default, by which rows are read that lack it; what is committed
/// has no such default (docs/decisions/0011): the files are written anew, with the column in them.
/// Errors: InvalidArgument (the value is not known, or no default of a table: lists, NaN).
Status AddFilledColumn(const TableAltered& altered, const TableAltered::Filled& filled,
                       TableTransaction& transaction);

/// Whether the transaction added such columns, and has not taken them back.
bool HasFilledColumns(const TableTransaction& transaction);

/// The files that lack columns that AddFilledColumn() added, on their way into files that have
/// them. Threads: one at a time.
class ColumnFill {
 public:
  /// Rows at `gone` are left out.
  void Add(ScanFile file, DeletionVector gone);
  /// Writes the rows of all files anew, in the transaction's columns, as whose changes of `base`
  /// they count; then the columns' initial defaults are none any more. Rows keep their ids.
  /// Memory: that of CopyLiveRows(). Errors: its.
  Result<std::vector<DataFile>> Write(const PipelineContext& context, const TableMetadata& base,
                                      TableTransaction& transaction) const;

 private:
  std::vector<ScanFile> with_ids_, without_ids_;
  std::map<std::string, std::shared_ptr<const DeletionVector>> gone_;  ///< by path
};

}  // namespace tarn
