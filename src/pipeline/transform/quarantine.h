#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "pipeline/context.h"
#include "pipeline/transform/model.h"

namespace tarn {

/// The tables that a run with rejected rows is about, as queries name them.
struct SplitTables {
  std::string result;  ///< all that the run would leave the model's table with
  /// The table as it was before, of a run that adds to it: a value that must be unique belongs to
  /// the row that had it then. Empty: nothing stood, or it is replaced.
  std::string stood;
  std::string added;  ///< what an incremental run adds to `stood`; `result` is both
};

/// Whether the split asks what stood before.
bool AsksWhatStood(const Model& model);

/// A query for the rows of the result without the failing ones (`kPassing`), or for the failing
/// ones with a further column `rejected_because` (`kFailing`).
enum class RowsWanted { kPassing, kFailing };
std::string SplitQuery(const Model& model, const SplitTables& tables,
                       const std::vector<std::string>& columns, RowsWanted wanted);

/// The table of the model's rejected rows, none where somebody else made what has its name. Errors:
/// the catalog's.
Result<std::optional<TableEntry>> LoadRejected(const PipelineContext& context, const Model& model,
                                               std::optional<Sequence> at);

/// Whether it has rows to be looked at by the model's key and cursor: an older version left it with
/// the columns of another query. Errors: those of reading its metadata.
Result<bool> HasRejectedRows(const PipelineContext& context, const Model& model,
                             const TableEntry& rejected);

/// \name Of the rows that earlier runs of a merge have rejected: those that no row of `result` has
/// taken the place of by its key, and the others.
/// @{
enum class Rejected { kStill, kRepaired };
std::string RejectedQuery(const Model& model, const std::string& result, Rejected wanted);
/// @}

}  // namespace tarn
