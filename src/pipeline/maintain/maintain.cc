#include "pipeline/maintain/maintain.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "pipeline/maintain/compact.h"
#include "pipeline/maintain/expire.h"
#include "pipeline/maintain/sweep.h"

namespace tarn {

namespace {

using Part = Result<MaintainStep> (*)(const PipelineContext&, const std::string&, MaintainMode);

struct NamedPart {
  const char* name;
  Part run;
};
/// In this order what one part leaves is found by the next.
constexpr NamedPart kParts[] = {{"data files", CompactTable},
                                {"manifests", CompactManifests},
                                {"snapshots", ExpireTable},
                                {"orphans", SweepTable},
                                {"delta log", CleanDeltaLog}};

MaintainStep Failed(const char* part, const Error& error) {
  MaintainStep step;
  step.part = part;
  step.outcome = MaintainStep::Outcome::kFailed;
  step.why = error.message;
  return step;
}

bool Dropped(const PipelineContext& context, const std::string& uuid) {
  const auto entry = context.catalog->LoadTableByUuid(uuid, {});
  return !entry.ok() && entry.error().kind == ErrorKind::kNotFound;
}

/// A part that fails does not keep the others from their work, but for what upkeep must not do on
/// grounds that it cannot read.
TableUpkeep MaintainTable(const PipelineContext& context, const TableEntry& table,
                          MaintainMode mode) {
  TableUpkeep upkeep;
  upkeep.table = table.name;
  for (const NamedPart& part : kParts) {
    auto step = part.run(context, table.uuid, mode);
    if (step.ok()) {
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
  bool matched = false;
  for (const TableEntry& table : tables) {
    if (!Matches(options.patterns, table.name.ToString())) continue;
    matched = true;
    if (context.cancel != nullptr) TARN_RETURN_IF_ERROR(context.cancel->Check());
    tell(MaintainTable(context, table, options.mode));
  }
  if (!matched && !options.patterns.empty()) {
    return NotFound("no table matches " + Join(options.patterns, ", "), "see `tarn ls`");
  }
  if (options.patterns.empty()) {
    auto step = SweepDroppedTables(context, options.mode);
    TableUpkeep upkeep;
    upkeep.steps.push_back(step.ok() ? *step : Failed("dropped tables", step.error()));
    upkeep.error = step.status();
    if (step.ok() && step->outcome == MaintainStep::Outcome::kNothing && step->taken == 0) {
      return report;
    }
    tell(std::move(upkeep));
  }
  return report;
}

}  // namespace tarn
