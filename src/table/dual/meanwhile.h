#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "columnar/predicate.h"
#include "table/dual/table.h"
#include "table/dual/transaction.h"

namespace tarn {

struct RowChange;

/// What must not have happened to a table between the state that a change was made for and the
/// state that it is to be committed on.
struct MeanwhileCheck {
  /// No files came that may hold matching rows, and none lost some where that matters.
  struct Read {
    Predicate predicate;
    Gone gone = Gone::kNoMatter;
  };
  std::vector<Read> reads;
  /// Files whose live rows were copied: none of them lost a row, or got the row ids that it had
  /// not when it was copied.
  const std::map<std::string, DataFile>* rewritten = nullptr;
  /// Who copied them.
  enum class Copier { kUpkeep, kStatement } copier = Copier::kUpkeep;
};

/// For where columns were changed since: reads are told by names, which may mean other columns now.
std::vector<MeanwhileCheck::Read> ReadsOfAllRows(std::vector<MeanwhileCheck::Read> reads);

/// Looks at the snapshots between two states of one table. Errors: Conflict, saying what happened
/// (also when the later state does not stem from the earlier one); those of reading.
Status CheckMeanwhile(const TableContext& context, const TableMetadata& before,
                      const TableMetadata& now, const MeanwhileCheck& check);

/// Checks that the branches and tags that a change is about are what they were, and that the
/// snapshots they name, or are rolled back to, are still there. Error Conflict.
Status CheckRefsMeanwhile(const TableMetadata& before, const TableMetadata& now,
                          const std::map<std::string, std::optional<SnapshotRef>>& changed,
                          std::optional<SnapshotId> rollback);

/// Checks that no constraint came which new rows were not looked at for. Error Conflict.
Status CheckRulesMeanwhile(const TableMetadata& before, const TableMetadata& now,
                           const RowChange& rows);

}  // namespace tarn
