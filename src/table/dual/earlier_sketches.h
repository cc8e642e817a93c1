#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "base/result.h"
#include "columnar/theta_sketch.h"
#include "table/dual/table.h"
#include "table/model/metadata.h"

namespace tarn {

/// Snapshots that are asked for statistics, from the one that is read back.
inline constexpr int kStatisticsAncestorsMax = 1000;

/// The columns that statistics are made of: those of simple types.
Schema AnalyzedColumns(const Schema& schema);

/// The newest sketches of the current snapshot, or of one that it comes from, by whoever made them;
/// nullptr where there are none. Of `table`.
const StatisticsFile* NewestSketches(const TableMetadata& table);

/// The snapshot whose rows were read for a file of sketches; nullopt when its blobs name several.
/// It may have left the table: the file then describes one that came after it.
std::optional<SnapshotId> ReadFrom(const StatisticsFile& file);

/// What is known of rows that are all still in the table: a sketch of every analyzed column.
struct EarlierSketches {
  SnapshotId snapshot;                     ///< whose rows they are
  std::map<int32_t, ThetaSketch> columns;  ///< by field id
};

/// The sketches of a file, if those of the rows that came since can be put to them: since its
/// snapshot rows were appended and files written anew, and nothing else; every analyzed column was
/// there, and of its present type. A value that only deleted rows had does not leave a sketch, so
/// that after a delete all is to be read again. nullopt otherwise, and for files that cannot be
/// read as sketches (Unsupported, Corruption, NotFound). Errors: others of the store.
Result<std::optional<EarlierSketches>> LoadEarlierSketches(const TableContext& context,
                                                           const TableMetadata& table,
                                                           const StatisticsFile& file);

/// The data files of the current snapshot whose rows are not in `earlier` (nullptr: all files). A
/// file that was written anew holds rows that are in it, beside others: twice counted they do not
/// change a sketch. Memory: 8 bytes a file of the earlier snapshot; that of VisitScan.
/// Errors: those of VisitScan and `visit`.
Status VisitFilesToAnalyze(const TableContext& context, const TableMetadata& table,
                           const EarlierSketches* earlier,
                           const std::function<Status(ScanFile&&)>& visit);

}  // namespace tarn
