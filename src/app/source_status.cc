#include "app/source_status.h"

#include <algorithm>
#include <cstdio>

#include "app/terminal_progress.h"
#include "base/clock.h"
#include "base/process_identity.h"
#include "pipeline/ingest/capture_record.h"
#include "pipeline/ingest/load.h"
#include "pipeline/ingest/stream_position.h"
#include "project/apply.h"

namespace tarn {
namespace {

/// A process that follows says so this often at least, also when nothing comes.
constexpr int64_t kFreshMicros = 10'000'000;
/// Runs of the past in which the last one of a source is looked for.
constexpr int64_t kRunsLookedAt = 200;

Json TextOrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }
Json TimeOrNull(int64_t micros) { return micros == 0 ? Json(nullptr) : Json(FormatUtc(micros)); }
Json CountOrNull(int64_t count) { return count < 0 ? Json(nullptr) : Json(count); }
std::string BytesText(int64_t bytes) { return bytes < 0 ? "unknown" : ByteText(bytes); }

std::string Decimal(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), number < 10 ? "%.1f" : "%.0f", number);
  return text;
}

/// Seconds after which a change would be seen that the source commits now: none while the process
/// that follows has everything; else since the lake last had.
std::optional<double> LagSeconds(const SourceStatus& status,
                                 const std::optional<CaptureRecord>& record, int64_t now_micros) {
  const int64_t caught_up = record ? record->caught_up_micros : 0;
  const bool level = status.running && now_micros - caught_up < kFreshMicros &&
                     caught_up >= record->committed_micros;
  if (status.lag_bytes == 0 || level) return 0.0;
  const int64_t since = std::max(caught_up, status.transaction_micros);
  if (since == 0) return std::nullopt;
  return static_cast<double>(std::max<int64_t>(now_micros - since, 0)) / 1e6;
}

Status Follow(Wired& wired, const SourceObject& object, const std::vector<PositionEntry>& positions,
              const std::vector<RunRecord>& runs, SourceStatus* status) {
  for (const PositionEntry& entry : positions) {
    if (entry.source != status->name) continue;
    if (entry.table == kStreamPosition) {
      TARN_ASSIGN_OR_RETURN(const auto position, StreamPosition::FromJson(entry.position));
      status->position = position.position;
      status->transaction = position.transaction;
      status->transaction_micros = position.transaction_micros;
      continue;
    }
    TARN_ASSIGN_OR_RETURN(const auto position, LoadPosition::FromJson(entry.position));
    if (!position.stopped.empty()) status->stopped.emplace_back(entry.table, position.stopped);
  }
  const auto run = std::find_if(runs.begin(), runs.end(), [&](const RunRecord& one) {
    return one.kind == kCaptureRun && one.name == status->name;
  });
  if (run != runs.end()) status->error = run->error;
  auto record = ReadCaptureRecord(wired.open.spec.state, status->name);
  if (!record.ok()) status->error = record.error().ToString();
  const std::optional<CaptureRecord> told = record.ok() ? *record : std::nullopt;
  if (told) {
    status->running = LivenessOf(told->process) == Liveness::kAlive;
    status->last_commit_micros = told->committed_micros;
    if (status->running) {
      status->rows_per_second = told->rows_per_second;
      status->error = told->trouble;
    }
  }
  const auto source = wired.open.sources.find(status->name);
  if (source != wired.open.sources.end() && source->second->capture() != nullptr) {
    const auto at_source = source->second->capture()->Inspect(object.Capture());
    if (at_source.ok()) {
      status->end = at_source->end;
      status->lag_bytes = at_source->lag_bytes;
      status->retained_bytes = at_source->retained_bytes;
      status->read = at_source->active;
      if (!at_source->trouble.empty()) status->error = at_source->trouble;
    } else {
      status->error = at_source.error().ToString();
    }
  }
  status->lag_seconds = LagSeconds(*status, told, SystemClock().NowMicros());
  return {};
}

}  // namespace

Result<std::vector<SourceStatus>> CollectSourceStatus(Wired& wired, const AliveObjects& alive) {
  TARN_ASSIGN_OR_RETURN(const auto positions, wired.catalog->ListPositions());
  TARN_ASSIGN_OR_RETURN(const auto runs, wired.catalog->ListRuns(kRunsLookedAt));
  std::vector<SourceStatus> all;
  for (const auto& [name, object] : alive.sources) {
    SourceStatus status;
    status.name = name;
    status.type = object.type;
    status.address = object.address;
    status.mode = object.mode;
    for (const auto& [key, table] : alive.tables) status.tables += table.source == name ? 1 : 0;
    status.followed = !object.capture.empty();
    if (status.followed) {
      TARN_RETURN_IF_ERROR(Follow(wired, object, positions, runs, &status));
    }
    all.push_back(std::move(status));
  }
  return all;
}

Json SourceStatusJson(const SourceStatus& status) {
  Json json = {{"name", status.name},
               {"type", status.type},
               {"address", status.address},
               {"mode", status.mode},
               {"tables", status.tables}};
  if (!status.followed) return json;
  Json stopped = Json::array();
  for (const auto& [table, reason] : status.stopped) {
    stopped.push_back({{"table", table}, {"reason", reason}});
  }
  json["running"] = status.running;
  json["position"] = TextOrNull(status.position);
  json["transaction"] = TextOrNull(status.transaction);
  json["transaction_time"] = TimeOrNull(status.transaction_micros);
  json["last_commit"] = TimeOrNull(status.last_commit_micros);
  json["source_position"] = TextOrNull(status.end);
  json["lag_bytes"] = CountOrNull(status.lag_bytes);
  json["lag_seconds"] = status.lag_seconds ? Json(*status.lag_seconds) : Json(nullptr);
  json["retained_bytes"] = CountOrNull(status.retained_bytes);
  json["rows_per_second"] = status.rows_per_second;
  json["error"] = TextOrNull(status.error);
  json["stopped_tables"] = std::move(stopped);
  return json;
}

std::vector<std::string> SourceStatusLines(const SourceStatus& status) {
  std::vector<std::string> lines = {"source " + status.name + ": " + status.address + ", " +
                                    status.mode + ", " + std::to_string(status.tables) + " tables"};
  if (!status.followed) return lines;
  std::string line = "  " + status.name + ": ";
  line += status.position.empty() ? "not loaded yet" : "followed up to " + status.position;
  if (status.transaction_micros != 0) {
    line += ", transaction " + status.transaction + " of " + FormatUtc(status.transaction_micros);
  }
  if (!status.end.empty()) {
    line += "; the source is at " + status.end + ", " + BytesText(status.lag_bytes);
    if (status.lag_seconds) line += " and " + Decimal(*status.lag_seconds) + " s";
    line += " behind, holds " + BytesText(status.retained_bytes) + " of its log";
  }
  if (status.running) line += "; " + Decimal(status.rows_per_second) + " changes a second";
  if (status.last_commit_micros != 0) {
    line += ", last commit " + FormatUtc(status.last_commit_micros);
  }
  if (!status.running && !status.read) line += ", nobody reads it: run `tarn up`";
  lines.push_back(std::move(line));
  if (!status.error.empty()) lines.push_back("  " + status.name + ": " + status.error);
  for (const auto& [table, reason] : status.stopped) {
    lines.push_back("  " + table + " is not followed any more: " + reason);
  }
  return lines;
}

}  // namespace tarn
