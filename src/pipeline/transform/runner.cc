#include "pipeline/transform/runner.h"

#include <map>
#include <set>

#include "base/json.h"
#include "base/log.h"
#include "pipeline/transform/materialize.h"

namespace tarn {
namespace {

Json ChecksJson(const ModelOutcome& outcome) {
  Json checks = Json::array();
  for (const CheckResult& check : outcome.checks) {
    checks.push_back({{"check", check.check},
                      {"passed", check.passed()},
                      {"failing_rows", check.failing_rows},
                      {"message", check.message}});
  }
  return Json{{"checks", checks}, {"rejected_rows", outcome.rejected_rows}};
}

bool Stopped(const ModelOutcome& outcome) {
  return !outcome.error.ok() && outcome.error.error().kind == ErrorKind::kCancelled;
}

RunRecord RecordOf(const std::string& id, int64_t started_micros, const ModelOutcome& outcome,
                   int64_t now_micros) {
  RunRecord run;
  run.id = id;
  run.kind = "model";
  run.name = outcome.model.ToString();
  run.status = std::string(ModelStatusName(outcome.status));
  run.started_micros = started_micros;
  run.finished_micros = now_micros;
  run.rows = outcome.rows;
  run.bytes = outcome.bytes;
  if (outcome.status == ModelStatus::kSucceeded) run.sequence = outcome.sequence;
  if (!outcome.error.ok()) run.error = outcome.error.error().ToString();
  if (Stopped(outcome)) run.status = "interrupted";
  run.detail_json = DumpJson(ChecksJson(outcome));
  return run;
}

std::string OutcomeText(const ModelOutcome& outcome) {
  if (Stopped(outcome)) return "stopped";
  if (outcome.status == ModelStatus::kFailed) return "failed";
  if (outcome.status == ModelStatus::kSkipped) return "skipped";
  return std::to_string(outcome.rows) + " rows";
}

}  // namespace

std::string_view ModelStatusName(ModelStatus status) {
  switch (status) {
    case ModelStatus::kSucceeded:
      return "succeeded";
    case ModelStatus::kFailed:
      return "failed";
    case ModelStatus::kSkipped:
      return "skipped";
  }
  return "?";
}

Result<std::vector<ModelOutcome>> RunModels(const PipelineContext& context, const ModelGraph& graph,
                                            const std::vector<size_t>& wanted,
                                            const RunOptions& options) {
  std::vector<ModelOutcome> outcomes;
  std::map<size_t, TableName> broken;  // model → whose failure it suffers from
  Clock& clock = *context.tables.clock;
  for (size_t index : wanted) {
    if (context.cancel != nullptr) TARN_RETURN_IF_ERROR(context.cancel->Check());
    const Model& model = graph.models()[index];
    ModelOutcome outcome;
    outcome.model = model.name;
    const int64_t started_micros = clock.NowMicros();
    const int64_t start = clock.MonotonicMicros();
    const std::string id = context.tables.random->Uuid();
    for (size_t input : graph.inputs(index)) {
      auto it = broken.find(input);
      if (it == broken.end()) continue;
      outcome.status = ModelStatus::kSkipped;
      outcome.error =
          InvalidArgument("not run: it needs " + it->second.ToString() + ", which failed");
      broken[index] = it->second;
      break;
    }
    if (outcome.status != ModelStatus::kSkipped) {
      RunRecord begun = RecordOf(id, started_micros, outcome, started_micros);
      begun.status = "running";
      begun.finished_micros.reset();
      begun.sequence.reset();
      TARN_RETURN_IF_ERROR(context.catalog->RecordRun(begun));
      if (context.progress != nullptr) context.progress->Begin(model.name.ToString(), -1);
      Result<std::vector<CommitOp>> record = std::vector<CommitOp>();
      if (options.record) record = options.record(model);
      const OldRows old_rows =
          options.rebuild.count(model.name.ToString()) != 0 ? OldRows::kReplace : OldRows::kKeep;
      outcome.error = record.ok() ? MaterializeModel(context, model, *record, old_rows,
                                                     options.author, &outcome)
                                  : record.status();
      // Whatever a stop made fail, the stop is what happened.
      if (!outcome.error.ok() && context.cancel != nullptr && context.cancel->requested()) {
        outcome.error = context.cancel->Check();
      }
      if (!outcome.error.ok()) {
        outcome.status = ModelStatus::kFailed;
        broken[index] = model.name;
      }
      if (context.progress != nullptr) {
        context.progress->End(model.name.ToString(), OutcomeText(outcome));
      }
    }
    outcome.duration_micros = clock.MonotonicMicros() - start;
    // The work is done or not, whatever its record says.
    if (Status recorded =
            context.catalog->RecordRun(RecordOf(id, started_micros, outcome, clock.NowMicros()));
        !recorded.ok()) {
      Log(LogLevel::kWarning, "the run's end is not recorded: " + recorded.error().message);
    }
    if (Stopped(outcome)) return outcome.error.error();
    if (options.finished) options.finished(outcome);
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

}  // namespace tarn
