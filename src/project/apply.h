#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/ingest/load.h"
#include "pipeline/transform/runner.h"
#include "project/lock.h"
#include "project/plan.h"

namespace tarn {

/// What commands are told while they work.
struct Reporter {
  std::function<void(const std::string& source, const LoadReport&)> loaded;
  std::function<void(const ModelOutcome&)> ran;
};

/// How an apply or a run ended.
struct ApplyReport {
  std::vector<LoadReport> loads;
  std::vector<ModelOutcome> models;
  /// Any model failed or was skipped.
  bool failed() const;
};

/// Does what the plan says, and nothing else: remembers sources, loads tables that are new or
/// changed (one commit a source), runs models that are new, changed, or downstream of what was
/// loaded. Every step is durable by itself: an apply that stops in the middle is continued by the
/// next one. Call with the project's lock held. Errors: those of loading; a model's failure is in
/// the report.
Result<ApplyReport> ApplyPlan(OpenProject& project, const PipelineContext& context,
                              const Plan& plan, const Reporter& reporter);

/// What a run is of.
struct RunSelection {
  /// As `tarn run [SELECTOR…]` takes them; none: everything that was applied.
  std::vector<std::string> selectors;
  std::optional<std::string> source;            ///< instead: all loaded tables of this source
  std::optional<std::set<std::string>> models;  ///< instead: these, "schema.name", and no tables
  std::string author = "run";                   ///< of the commits
};

/// Reloads sources and runs models: with selectors the models and mirrored tables that match, "+x"
/// with all they need. Errors: NotFound for a selector without match; InvalidArgument for a model
/// that was changed and not applied.
Result<ApplyReport> RunProject(OpenProject& project, const PipelineContext& context,
                               const RunSelection& selection, const Reporter& reporter);

/// What `destroy` would remove.
struct DestroyPlan {
  std::vector<TableEntry> tables;
  std::vector<ViewEntry> views;
  std::vector<std::string> sources;     ///< forgotten, never touched
  std::vector<std::string> garbage;     ///< folders that an earlier destroy left
  std::vector<std::string> leftovers;   ///< folders of first loads that never committed
  std::vector<std::string> namespaces;  ///< that will be empty
  bool everything = false;              ///< nothing of anybody else remains: the state goes as well
  bool empty() const {
    return tables.empty() && views.empty() && sources.empty() && garbage.empty() &&
           leftovers.empty() && !everything;
  }
};
Result<DestroyPlan> MakeDestroyPlan(OpenProject& project);
std::string FormatDestroyPlan(const DestroyPlan& plan);

/// Drops what the project made in one commit, then deletes the files of those tables and those of
/// loads that never committed. Tables that somebody made by hand stay. A destroy that stops in the
/// middle is continued by the next one; one that has lost the project's lock stops. Where nothing
/// of anybody else remains, the catalog is closed in the end (kClosedObject). Errors: those of the
/// catalog and the store; Cancelled.
Status DestroyProject(OpenProject& project, const DestroyPlan& plan, ProjectLock& lock);

/// After that: whether something by hand stands there, which may have come meanwhile. Then the
/// catalog is open again and stays; else nobody commits to it any more, and it can be removed.
Result<bool> KeepWhatCameMeanwhile(OpenProject& project, ProjectLock& lock);

/// Kind of the run that follows a source's log.
inline constexpr char kCaptureRun[] = "capture";
/// Kind of the run that loads tables anew beside it.
inline constexpr char kResyncRun[] = "resync";

/// Marks runs of processes that are gone as interrupted: those that work under the lock `scope`,
/// which the caller holds.
Status MarkInterruptedRuns(Catalog& catalog, Clock& clock, ProjectLock::Scope scope);

}  // namespace tarn
