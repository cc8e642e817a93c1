#include "pipeline/maintain/maintain.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "pipeline/maintain/clocks.h"
#include "pipeline/maintain/compact.h"
#include "pipeline/maintain/expire.h"
#include "pipeline/maintain/statistics.h"
#include "pipeline/maintain/sweep.h"
#include "pipeline/maintain/table_state.h"

namespace tarn {

namespace {

constexpr char kDroppedTables[] = "dropped tables";

using Part = Result<MaintainStep> (*)(const PipelineContext&, const std::string&, MaintainMode);

struct NamedPart {
  const char* name;
  Part run;
  bool goes_by_age = false;    ///< of snapshots or files
  bool is_statistics = false;  ///< MaintainOptions::statistics
};
/// In this order what one part leaves is found by the next.
constexpr NamedPart kParts[] = {{"data files", CompactTable},
                                {"manifests", CompactManifests},
                                {"statistics", RefreshStatistics, false, true},
                                {"snapshots", ExpireTable, true},
                                {"orphans", SweepTable, true},
                                {"delta log", CleanDeltaLog, true}};

MaintainStep Held(const char* part, std::string why) {
  MaintainStep step;
  step.part = part;
  step.outcome = MaintainStep::Outcome::kHeld;
  step.why = std::move(why);
  return step;
}

Result<MaintainStep> RunPart(const PipelineContext& context, const NamedPart& part,
                             const std::string& uuid, MaintainMode mode, ClockWatch& clocks) {
  if (part.goes_by_age && mode == MaintainMode::kDo) {
    TARN_ASSIGN_OR_RETURN(const TableState state, LoadTableState(context, uuid));
    TARN_ASSIGN_OR_RETURN(const std::string folder, TableFolder(context, state));
    TARN_ASSIGN_OR_RETURN(std::string why, clocks.WhyAgesAreUncertain(folder));
    if (!why.empty()) return Held(part.name, std::move(why));
  }
  return part.run(context, uuid, mode);
}

MaintainStep Failed(const char* part, const Error& error) {
  MaintainStep step;
  step.part = part;
  step.outcome = MaintainStep::Outcome::kFailed;
  step.why = error.message;
  return step;
}

Result<MaintainStep> RunOfDropped(const PipelineContext& context, MaintainMode mode,
                                  const ClockWatch& clocks) {
  if (mode == MaintainMode::kDo) {
    TARN_ASSIGN_OR_RETURN(std::string why, clocks.WhyClockIsDoubtful());
    if (!why.empty()) return Held(kDroppedTables, std::move(why));
  }
  return SweepDroppedTables(context, mode);
}

bool Dropped(const PipelineContext& context, const std::string& uuid) {
  const auto entry = context.catalog->LoadTableByUuid(uuid, {});
  return !entry.ok() && entry.error().kind == ErrorKind::kNotFound;
}

/// A part that fails does not keep the others from their work, but for what upkeep must not do on
/// grounds that it cannot read.
TableUpkeep MaintainTable(const PipelineContext& context, const TableEntry& table,
                          const MaintainOptions& options, ClockWatch& clocks) {
  TableUpkeep upkeep;
  upkeep.table = table.name;
  for (const NamedPart& part : kParts) {
    const bool left = options.statistics == MaintainOptions::Statistics::kLeave;
    if (part.is_statistics && left) continue;
    const int64_t begun_micros = context.tables.clock->MonotonicMicros();
    auto step = RunPart(context, part, table.uuid, options.mode, clocks);
    if (step.ok()) {
      step->micros = context.tables.clock->MonotonicMicros() - begun_micros;
      upkeep.steps.push_back(std::move(step).value());
      continue;
    }
    if (Dropped(context, table.uuid)) return upkeep;
    upkeep.steps.push_back(Failed(part.name, step.error()));
    if (upkeep.error.ok()) {
      upkeep.error = std::move(step).Wrap(table.name.ToString() + ": " + part.name).status();
    }
    const ErrorKind kind = upkeep.error.error().kind;
    if (kind == ErrorKind::kCancelled || kind == ErrorKind::kCommitUnknown) break;
  }
  return upkeep;
}

bool Matches(const std::vector<std::string>& patterns, const std::string& name) {
  return patterns.empty() ||
         std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return MatchesPattern(pattern, name); });
}

}  // namespace

Result<MaintainReport> Maintain(const PipelineContext& context, const MaintainOptions& options) {
  TARN_ASSIGN_OR_RETURN(const auto tables, context.catalog->ListTables(std::nullopt, std::nullopt));
  MaintainReport report;
  const auto tell = [&](TableUpkeep&& upkeep) {
    if (options.finished) options.finished(upkeep);
    report.tables.push_back(std::move(upkeep));
  };
  ClockWatch clocks(context);
  TARN_RETURN_IF_ERROR(clocks.WatchSteps(options.clock_steps));
  bool matched = false;
  for (const TableEntry& table : tables) {
    if (!Matches(options.patterns, table.name.ToString())) continue;
    matched = true;
    if (context.cancel != nullptr) TARN_RETURN_IF_ERROR(context.cancel->Check());
    tell(MaintainTable(context, table, options, clocks));
  }
  if (!matched && !options.patterns.empty()) {
    return NotFound("no table matches " + Join(options.patterns, ", "), "see `tarn ls`");
  }
  if (options.patterns.empty()) {
    auto step = RunOfDropped(context, options.mode, clocks);
    TableUpkeep upkeep;
    upkeep.steps.push_back(step.ok() ? *step : Failed(kDroppedTables, step.error()));
    upkeep.error = step.status();
    if (step.ok() && step->outcome == MaintainStep::Outcome::kNothing && step->taken == 0) {
      return report;
    }
    tell(std::move(upkeep));
  }
  return report;
}

}  // namespace tarn
