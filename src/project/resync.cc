#include "project/resync.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "pipeline/history_columns.h"
#include "pipeline/ingest/capture.h"
#include "pipeline/ingest/stream_position.h"
#include "project/apply.h"
#include "project/captured.h"
#include "project/load_items.h"
#include "project/whole_graph.h"

namespace tarn {
namespace {

constexpr char kAuthor[] = "resync";
constexpr int64_t kPollMicros = 100'000;
/// A log that was not followed any further for so long is not waited for.
constexpr int64_t kStillMicros = 2'000'000;
/// What was said meanwhile is little when it is taken in within this time.
constexpr int64_t kShortMicros = 1'000'000;
/// After so many rounds it does not become less.
constexpr int kRoundsMax = 20;

const SourceSpec& SpecOf(const OpenProject& project, const std::string& source) {
  return *std::find_if(project.spec.sources.begin(), project.spec.sources.end(),
                       [&](const SourceSpec& spec) { return spec.name == source; });
}

bool Begins(const std::string& text, const char* with) { return text.rfind(with, 0) == 0; }

bool Stopped(const std::vector<PositionEntry>& positions, const PlannedTable& table) {
  for (const PositionEntry& entry : positions) {
    if (entry.source != table.source || entry.table != PositionKey(table.table.name)) continue;
    const auto position = LoadPosition::FromJson(entry.position);
    return !position.ok() || !position->stopped.empty();
  }
  return true;
}

/// Of what `apply` makes a table be, beside its columns: what the rows are loaded for.
Status CheckUnchanged(const SourceTableObject& planned, const SourceTableObject& now) {
  const char* changed =
      planned.partition != now.partition ? "partitioning was"
      : planned.tags != now.tags         ? "tags were"
      : planned.iceberg != now.iceberg || planned.history_iceberg != now.history_iceberg
          ? "Iceberg version was"
      : planned.history != now.history || planned.history_partition != now.history_partition
          ? "history was"
          : nullptr;
  if (changed == nullptr) return {};
  return Conflict("the table " + now.target.ToString() + "'s " + changed +
                      " changed by `apply` while it was loaded anew",
                  "run it again");
}

Error NotFollowed(const TableName& table) {
  return Conflict(
      "the table " + table.ToString() + " is not followed any more, or into another one",
      "run it again");
}

}  // namespace

Status CheckApplied(const Plan& plan) {
  for (const PlanStep& step : plan.steps) {
    const bool change = step.action == PlanStep::Action::kChange;
    if (change && step.kind == "table" && Begins(step.detail, kLoadedAnew)) continue;
    const bool model = step.kind == "model" || step.kind == "view";
    if (change && model && Begins(step.detail, kInputsChanged)) continue;
    return InvalidArgument(
        "the project was changed and not applied: " + step.kind + " " + step.name,
        "run `tarn apply` first");
  }
  return {};
}

Result<ResyncPlan> PlanResync(OpenProject& project, const std::vector<std::string>& names) {
  TARN_ASSIGN_OR_RETURN(Plan plan, MakePlan(project));
  TARN_RETURN_IF_ERROR(CheckApplied(plan));
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*project.catalog));
  TARN_ASSIGN_OR_RETURN(const auto positions, project.catalog->ListPositions());
  ResyncPlan resync;
  for (const std::string& name : names) {
    const auto wanted = std::find_if(
        plan.tables_wanted.begin(), plan.tables_wanted.end(), [&](const PlannedTable& table) {
          const auto source = alive.sources.find(table.source);
          return table.object.target.ToString() == name && source != alive.sources.end() &&
                 !source->second.capture.empty() && alive.tables.contains(table.object_name);
        });
    if (wanted == plan.tables_wanted.end()) {
      return NotFound("no source of mode cdc is followed into a table " + name, "see `tarn ls`");
    }
    std::vector<PlannedTable>& beside = resync.beside[wanted->source];
    const auto twice = [&](const PlannedTable& table) {
      return table.object_name == wanted->object_name;
    };
    const bool lacks_history = wanted->object.history && Stopped(positions, *wanted);
    if (lacks_history || plan.captures_to_begin.contains(wanted->source)) {
      resync.held.push_back(name);
    } else if (std::none_of(beside.begin(), beside.end(), twice)) {
      beside.push_back(*wanted);
    }
  }
  std::erase_if(resync.beside, [](const auto& source) { return source.second.empty(); });
  return resync;
}

SourceResync::SourceResync(OpenProject& project, const PipelineContext& context,
                           const std::string& source, const ResyncPlan& plan)
    : project_(project),
      context_(context),
      spec_(SpecOf(project, source)),
      capture_(*project.sources.at(source)->capture()),
      tables_(plan.beside.at(source)) {}

SourceResync::~SourceResync() = default;

Status SourceResync::Publish() {
  run_.id = context_.tables.random->Uuid();
  run_.kind = kResyncRun;
  run_.name = spec_.name;
  run_.status = "running";
  run_.started_micros = context_.tables.clock->NowMicros();
  TARN_RETURN_IF_ERROR(context_.catalog->RecordRun(run_));
  return Recorded([&]() -> Status {
    TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*project_.catalog));
    for (const PlannedTable& table : tables_) {
      if (!alive.tables.contains(table.object_name)) return NotFollowed(table.object.target);
    }
    const auto source = alive.sources.find(spec_.name);
    if (source == alive.sources.end() || source->second.capture.empty()) {
      return NotFollowed(tables_.front().object.target);
    }
    capture_spec_ = source->second.Capture();
    std::vector<SourceTableName> told;
    for (const auto& [name, table] : alive.tables) {
      if (table.source == spec_.name) told.push_back({table.schema, table.table});
    }
    return capture_.SetTables(capture_spec_, told);
  }());
}

Status SourceResync::Begin() {
  return Recorded([&]() -> Status {
    ReloadOptions options;
    options.source = spec_.name;
    options.spec = capture_spec_;
    options.index_folder = project_.spec.state + "/" + kKeyIndexFolder;
    options.author = kAuthor;
    for (const PlannedTable& table : tables_) options.items.push_back(ItemOf(spec_, table));
    reload_ = std::make_unique<Reload>(context_, capture_, std::move(options));
    return reload_->Begin();
  }());
}

Result<bool> SourceResync::MustFollow() const {
  if (std::none_of(tables_.begin(), tables_.end(),
                   [](const PlannedTable& table) { return table.object.history; })) {
    return false;
  }
  TARN_ASSIGN_OR_RETURN(const bool there, Await());
  return !there;
}

Status SourceResync::Follow() { return Recorded(FollowLog()); }

Status SourceResync::Load() {
  return Recorded([&]() -> Status {
    TARN_RETURN_IF_ERROR(reload_->Load());
    return CatchUpWithLake();
  }());
}

Result<bool> SourceResync::IsBehind() const {
  TARN_ASSIGN_OR_RETURN(const std::string place, Place());
  TARN_ASSIGN_OR_RETURN(const bool passed, Passed(place));
  return !passed;
}

Status SourceResync::CatchUp() { return Recorded(CatchUpWithLake()); }

Result<std::string> SourceResync::Place() const {
  TARN_ASSIGN_OR_RETURN(const std::string place, FindStreamPosition(*context_.catalog, spec_.name));
  if (place.empty()) {
    return Conflict("the source " + spec_.name + " is not followed any more", "run it again");
  }
  TARN_ASSIGN_OR_RETURN(const StreamPosition at, StreamPosition::FromJson(place));
  return at.position;
}

Result<bool> SourceResync::Passed(const std::string& place) const {
  TARN_ASSIGN_OR_RETURN(const int order, capture_.Compare(place, reload_->position()));
  return order >= 0;
}

Result<bool> SourceResync::Await() const {
  Clock& clock = *context_.tables.clock;
  std::string seen;
  int64_t since = clock.MonotonicMicros();
  while (true) {
    if (context_.cancel != nullptr) TARN_RETURN_IF_ERROR(context_.cancel->Check());
    TARN_ASSIGN_OR_RETURN(const std::string place, Place());
    TARN_ASSIGN_OR_RETURN(const bool passed, Passed(place));
    if (passed) return true;
    const int64_t now = clock.MonotonicMicros();
    if (place != seen) since = now;
    seen = place;
    if (now - since > kStillMicros) return false;
    clock.SleepMicros(kPollMicros);
  }
}

/// Up to where `up` is, again and again, until that takes no time worth speaking of. Where the log
/// is not followed, nothing is to be caught up with.
Status SourceResync::CatchUpWithLake() {
  TARN_ASSIGN_OR_RETURN(const bool there, Await());
  if (!there) return {};
  Clock& clock = *context_.tables.clock;
  for (int round = 0; round < kRoundsMax; ++round) {
    const int64_t began = clock.MonotonicMicros();
    TARN_ASSIGN_OR_RETURN(const std::string place, Place());
    TARN_RETURN_IF_ERROR(reload_->CatchUp(place));
    if (clock.MonotonicMicros() - began < kShortMicros) break;
  }
  return {};
}

Status SourceResync::FollowLog() {
  // Somebody else may have done it since it was asked.
  TARN_ASSIGN_OR_RETURN(const bool behind, IsBehind());
  if (!behind) return {};
  TARN_ASSIGN_OR_RETURN(CaptureOptions options, CaptureOptionsOf(project_, spec_));
  options.until = reload_->position();
  options.stopped = [](const SourceTableName& table, const Status& reason) {
    Log(LogLevel::kWarning,
        table.ToString() + " is not followed any more: " + reason.error().ToString());
  };
  options.retrying = [](const Status& reason) {
    Log(LogLevel::kWarning, reason.error().ToString() + "; it goes on from the last commit");
  };
  TARN_RETURN_IF_ERROR(Capture(context_, capture_, options));
  if (context_.cancel != nullptr) TARN_RETURN_IF_ERROR(context_.cancel->Check());
  TARN_ASSIGN_OR_RETURN(const bool still_behind, IsBehind());
  if (still_behind) return Internal("the log was not followed up to " + reload_->position());
  return {};
}

Result<LoadReport> SourceResync::Swap(const std::vector<ExpectLockOp>& held) {
  LoadReport report;
  Status swapped = Recorded([&]() -> Status {
    TARN_ASSIGN_OR_RETURN(const std::string place, Place());
    TARN_ASSIGN_OR_RETURN(const bool passed, Passed(place));
    if (!passed) {
      return Conflict("the log was not followed up to " + reload_->position(), "run it again");
    }
    TARN_RETURN_IF_ERROR(reload_->CatchUp(place));
    TARN_ASSIGN_OR_RETURN(std::vector<CommitOp> ops, Declared());
    ops.insert(ops.end(), held.begin(), held.end());
    TARN_ASSIGN_OR_RETURN(report, reload_->Commit(place, std::move(ops)));
    return {};
  }());
  if (!swapped.ok()) return swapped;
  run_.sequence = report.sequence;
  for (const LoadedTable& table : report.tables) {
    run_.rows += table.rows;
    run_.bytes += table.bytes;
  }
  run_.status = "succeeded";
  run_.finished_micros = context_.tables.clock->NowMicros();
  // The work is done, whatever its record says.
  if (Status recorded = context_.catalog->RecordRun(run_); !recorded.ok()) {
    Log(LogLevel::kWarning, "the resync's end is not recorded: " + recorded.error().message);
  }
  return report;
}

/// What the project remembers of the tables from here on, and that the models which read them are
/// due again.
Result<std::vector<CommitOp>> SourceResync::Declared() const {
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*project_.catalog));
  std::vector<TableName> loaded;
  std::vector<CommitOp> ops;
  for (size_t i = 0; i < tables_.size(); ++i) {
    const auto known = alive.tables.find(tables_[i].object_name);
    if (known == alive.tables.end() || known->second.target != tables_[i].object.target) {
      return NotFollowed(tables_[i].object.target);
    }
    TARN_RETURN_IF_ERROR(CheckUnchanged(tables_[i].object, known->second));
    SourceTableObject object = known->second;
    object.SetShape(reload_->table(i));
    object.fingerprint = reload_->table(i).fingerprint;
    ops.push_back(PutObjectOp{kSourceTableObject, known->first, object.ToJson()});
    loaded.push_back(object.target);
    if (object.history) loaded.push_back(HistoryOf(object.target));
  }
  TARN_ASSIGN_OR_RETURN(const auto due, DueModels(alive, loaded));
  ops.insert(ops.end(), due.begin(), due.end());
  return ops;
}

Result<std::vector<CommitOp>> SourceResync::DueModels(const AliveObjects& alive,
                                                      const std::vector<TableName>& loaded) const {
  TARN_ASSIGN_OR_RETURN(const auto whole, BuildWholeGraph(project_, loaded));
  std::vector<CommitOp> ops = DueDownstream(*whole, alive);
  // What a model reads that was applied since the project was opened is not known here: it may be
  // these tables.
  const std::vector<Model>& models = project_.spec.models;
  for (const auto& [name, object] : alive.models) {
    const bool known = std::any_of(models.begin(), models.end(), [&](const Model& model) {
      return model.name.ToString() == name && model.fingerprint == object.fingerprint;
    });
    if (!known) ops.push_back(PutObjectOp{kDueObject, name, "{}"});
  }
  return ops;
}

/// Passes the status on, and writes a failure down.
Status SourceResync::Recorded(Status status) {
  if (status.ok()) return status;
  const bool stopped = context_.cancel != nullptr && context_.cancel->requested();
  // Whatever a stop made fail, the stop is what happened.
  if (stopped) status = context_.cancel->Check();
  run_.status = stopped ? "interrupted" : "failed";
  run_.error = status.error().ToString();
  run_.finished_micros = context_.tables.clock->NowMicros();
  if (Status recorded = context_.catalog->RecordRun(run_); !recorded.ok()) {
    Log(LogLevel::kWarning, "the resync's end is not recorded: " + recorded.error().message);
  }
  if (status.error().kind == ErrorKind::kCancelled) return status;
  return std::move(status).Wrap("source " + spec_.name);
}

}  // namespace tarn
