#include "app/up_status.h"

namespace tarn {
namespace {

template <typename Figures>
void Keep(const std::set<std::string>& names, std::map<std::string, Figures>* figures) {
  std::erase_if(*figures, [&](const auto& entry) { return !names.contains(entry.first); });
}

}  // namespace

void UpStatus::KeepSources(const std::set<std::string>& names) {
  const std::lock_guard lock(mutex_);
  Keep(names, &figures_.sources);
}

void UpStatus::KeepModels(const std::set<std::string>& names) {
  const std::lock_guard lock(mutex_);
  Keep(names, &figures_.models);
}

void UpStatus::KeepSchedules(const std::set<std::string>& names) {
  const std::lock_guard lock(mutex_);
  Keep(names, &figures_.schedules);
}

void UpStatus::Begun(const std::string& source) {
  const std::lock_guard lock(mutex_);
  UpFigures::Source& figures = figures_.sources[source];
  figures.state = "following";
  figures.error.clear();
  figures.stopped_tables.clear();
}

void UpStatus::CaughtUp(const std::string& source) {
  const std::lock_guard lock(mutex_);
  UpFigures::Source& figures = figures_.sources[source];
  figures.state = "following";
  figures.error.clear();
}

void UpStatus::Committed(const std::string& source, const CaptureCommit& commit) {
  const std::lock_guard lock(mutex_);
  UpFigures::Source& figures = figures_.sources[source];
  figures.state = "following";
  figures.error.clear();
  figures.changes += commit.rows;
  figures.transactions += commit.transactions;
  ++figures.commits;
  figures.position = commit.position;
  figures.last_commit_micros = commit.committed_micros;
  if (commit.transactions == 0) return;
  figures.last_transaction_micros = commit.last_transaction_micros;
  figures.last_delay_micros = commit.committed_micros - commit.last_transaction_micros;
}

void UpStatus::TableStopped(const std::string& source, const std::string& table,
                            const Status& reason) {
  const std::lock_guard lock(mutex_);
  figures_.sources[source].stopped_tables[table] = reason.error().ToString();
}

void UpStatus::Retrying(const std::string& source, const Status& reason) {
  const std::lock_guard lock(mutex_);
  UpFigures::Source& figures = figures_.sources[source];
  figures.state = "retrying";
  figures.error = reason.error().ToString();
  ++figures.retries;
}

void UpStatus::Ended(const std::string& source, const Status& status) {
  const std::lock_guard lock(mutex_);
  UpFigures::Source& figures = figures_.sources[source];
  figures.state = status.ok() ? "paused" : "ended";
  figures.error = status.ok() ? "" : status.error().ToString();
}

void UpStatus::Inspected(const std::string& source, const std::optional<CaptureStatus>& status) {
  const std::lock_guard lock(mutex_);
  UpFigures::Source& figures = figures_.sources[source];
  figures.lag_bytes = status ? status->lag_bytes : -1;
  figures.retained_bytes = status ? status->retained_bytes : -1;
}

void UpStatus::ModelRan(const ModelOutcome& outcome, int64_t finished_micros) {
  const std::lock_guard lock(mutex_);
  UpFigures::Model& figures = figures_.models[outcome.model.ToString()];
  figures.last_status = ModelStatusName(outcome.status);
  ++figures.runs[figures.last_status];
  figures.last_rows = outcome.rows;
  figures.last_finished_micros = finished_micros;
  figures.last_duration_micros = outcome.duration_micros;
}

void UpStatus::ModelRanElsewhere(const RunRecord& run) {
  const std::lock_guard lock(mutex_);
  UpFigures::Model& figures = figures_.models[run.name];
  const int64_t finished_micros = run.finished_micros.value_or(run.started_micros);
  if (finished_micros <= figures.last_finished_micros) return;
  figures.last_status = run.status;
  figures.last_rows = run.rows;
  figures.last_finished_micros = finished_micros;
  figures.last_duration_micros = finished_micros - run.started_micros;
}

void UpStatus::ScheduleDue(const std::string& schedule, int64_t next_micros) {
  const std::lock_guard lock(mutex_);
  figures_.schedules[schedule].next_micros = next_micros;
}

void UpStatus::ScheduleRan(const std::string& schedule, int64_t started_micros, bool succeeded) {
  const std::lock_guard lock(mutex_);
  UpFigures::Schedule& figures = figures_.schedules[schedule];
  ++figures.runs;
  figures.failures += succeeded ? 0 : 1;
  figures.last_started_micros = started_micros;
}

void UpStatus::UpkeepRan(bool succeeded) {
  const std::lock_guard lock(mutex_);
  ++figures_.upkeep_rounds;
  figures_.upkeep_errors += succeeded ? 0 : 1;
}

void UpStatus::Lake(int64_t sequence, int64_t outbox_pending) {
  const std::lock_guard lock(mutex_);
  figures_.lake_sequence = sequence;
  figures_.outbox_pending = outbox_pending;
}

UpFigures UpStatus::Read() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

}  // namespace tarn
