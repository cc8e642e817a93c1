#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/ingest/load_position.h"
#include "pipeline/table_target.h"
#include "source/source.h"

namespace tarn {

/// One source table on its way into one lake table.
struct LoadItem {
  SourceTable table;   ///< as planned: its fingerprint must still be true
  TableTarget target;  ///< owner "source:<name>", key as the source has it
  std::optional<TableTarget> history = std::nullopt;  ///< that gets the rows too, of mode kReplace
  enum class Mode { kReplace, kIncremental } mode = Mode::kReplace;
  std::string cursor;                       ///< column, of kIncremental
  std::optional<std::string> cursor_after;  ///< the position of the load before, of kIncremental
  /// With `cursor_after`, of a table with a key: which of the source's rows are merged. All of them
  /// bring the values of columns that came; rows that the source no longer has stay in any case.
  enum class Rows { kNew, kAll } rows = Rows::kNew;
  /// The table's position as it was read, "" for none: the load is a Conflict when another one
  /// moved it meanwhile.
  std::optional<std::string> position_before;
};

struct LoadedTable {
  TableName table;
  int64_t rows = 0;
  int64_t bytes = 0;
};

struct LoadReport {
  std::vector<LoadedTable> tables;
  Sequence sequence;
  std::string position;  ///< of the source, where the snapshot stands
};

/// Where the rows of a load come from, and what is committed with them.
struct LoadSnapshot {
  /// Empty: Source::BeginSnapshot.
  std::function<Result<std::unique_ptr<SourceSnapshot>>()> begin = {};
  /// What else the commit says of the snapshot; may be empty.
  std::function<std::vector<CommitOp>(const SourceSnapshot& snapshot)> ops = {};
};

/// Loads tables of one source from one snapshot of it, in `load_streams` parallel streams, and
/// commits them all at one sequence, with their positions and `ops`. Until then nothing is visible;
/// on an error, or when the process dies, nothing ever will be (data files of a dead process wait
/// for upkeep). An incremental load of a table with a key replaces the rows that came again;
/// without one it appends; when such a table is changed meanwhile, by upkeep say, all is loaded
/// again. Errors: the source's; Conflict when a table changed since it was planned, or changes
/// every time; Cancelled.
Result<LoadReport> LoadSource(const PipelineContext& context, Source& source,
                              const std::string& source_name, std::vector<LoadItem> items,
                              std::vector<CommitOp> ops, const std::string& author,
                              const LoadSnapshot& snapshot = {});

}  // namespace tarn
