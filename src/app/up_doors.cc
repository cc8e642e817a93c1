#include "app/up_doors.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/clock.h"
#include "base/json.h"
#include "server/http/prometheus.h"

namespace tarn {
namespace {

constexpr double kMicros = 1e6;

double Seconds(int64_t micros) { return static_cast<double>(micros) / kMicros; }

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / kMicros;
}

void AddProcess(int64_t started_micros, PrometheusText* page) {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    page->Metric("process_cpu_seconds_total", "counter", "CPU time of the process");
    page->Sample(Seconds(usage.ru_utime) + Seconds(usage.ru_stime));
  }
  std::ifstream statm("/proc/self/statm");
  int64_t pages = 0, resident = 0;
  if (statm >> pages >> resident) {
    page->Metric("process_resident_memory_bytes", "gauge", "memory of the process");
    page->Sample(static_cast<double>(resident * sysconf(_SC_PAGESIZE)));
  }
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (!error) {
    page->Metric("process_open_fds", "gauge", "open files and sockets");
    page->Sample(static_cast<double>(std::distance(files, {})));
  }
  page->Metric("process_start_time_seconds", "gauge", "when `up` began, since 1970 UTC");
  page->Sample(Seconds(started_micros));
}

using Source = UpFigures::Source;

/// One metric over all sources; `value` tells nothing where the figure is not known.
void AddSources(const UpFigures& figures, const char* name, const char* type, const char* help,
                const std::function<std::optional<double>(const Source&)>& value,
                PrometheusText* page) {
  page->Metric(name, type, help);
  for (const auto& [source, of_source] : figures.sources) {
    if (const auto number = value(of_source)) page->Sample(*number, {{"source", source}});
  }
}

std::optional<double> Known(int64_t value) {
  return value < 0 ? std::nullopt : std::optional<double>(static_cast<double>(value));
}

std::optional<double> Instant(int64_t micros) {
  return micros == 0 ? std::nullopt : std::optional<double>(Seconds(micros));
}

void AddCapture(const UpFigures& figures, PrometheusText* page) {
  const auto counter = [&](const char* name, const char* help, int64_t Source::*member) {
    AddSources(
        figures, name, "counter", help,
        [member](const Source& source) { return static_cast<double>(source.*member); }, page);
  };
  AddSources(
      figures, "tarn_capture_up", "gauge", "1 while the source's log is followed, 0 when it broke",
      [](const Source& source) { return source.state == "following" ? 1.0 : 0.0; }, page);
  counter("tarn_capture_changes_total", "rows changed at the source and committed in the lake",
          &Source::changes);
  counter("tarn_capture_transactions_total", "transactions of the source, committed in the lake",
          &Source::transactions);
  counter("tarn_capture_commits_total", "commits of the lake", &Source::commits);
  counter("tarn_capture_retries_total", "how often following began again from the last commit",
          &Source::retries);
  AddSources(
      figures, "tarn_capture_tables_stopped", "gauge", "tables that cannot be followed any more",
      [](const Source& source) { return static_cast<double>(source.stopped_tables.size()); }, page);
  AddSources(
      figures, "tarn_capture_lag_bytes", "gauge", "of the source's log that the lake does not have",
      [](const Source& source) { return Known(source.lag_bytes); }, page);
  AddSources(
      figures, "tarn_capture_retained_bytes", "gauge", "of its log that the source keeps for us",
      [](const Source& source) { return Known(source.retained_bytes); }, page);
  AddSources(
      figures, "tarn_capture_last_commit_timestamp_seconds", "gauge", "of the last commit here",
      [](const Source& source) { return Instant(source.last_commit_micros); }, page);
  AddSources(
      figures, "tarn_capture_last_transaction_timestamp_seconds", "gauge",
      "when the last transaction that the lake has was committed at the source",
      [](const Source& source) { return Instant(source.last_transaction_micros); }, page);
  AddSources(
      figures, "tarn_capture_delay_seconds", "gauge",
      "from there to being visible in the lake, by the clocks of both",
      [](const Source& source) -> std::optional<double> {
        if (source.last_transaction_micros == 0) return std::nullopt;
        return Seconds(source.last_delay_micros);
      },
      page);
}

void AddModels(const UpFigures& figures, PrometheusText* page) {
  page->Metric("tarn_model_runs_total", "counter", "runs of models by `up`");
  for (const auto& [name, model] : figures.models) {
    for (const auto& [status, count] : model.runs) {
      page->Sample(static_cast<double>(count), {{"model", name}, {"status", status}});
    }
  }
  page->Metric("tarn_model_last_run_timestamp_seconds", "gauge", "end of the model's last run");
  for (const auto& [name, model] : figures.models) {
    page->Sample(Seconds(model.last_finished_micros), {{"model", name}});
  }
  page->Metric("tarn_model_last_run_seconds", "gauge", "how long the model's last run took");
  for (const auto& [name, model] : figures.models) {
    page->Sample(Seconds(model.last_duration_micros), {{"model", name}});
  }
  page->Metric("tarn_model_rows", "gauge", "rows of the model's last run");
  for (const auto& [name, model] : figures.models) {
    page->Sample(static_cast<double>(model.last_rows), {{"model", name}});
  }
  page->Metric("tarn_schedule_runs_total", "counter", "runs of schedules");
  for (const auto& [name, schedule] : figures.schedules) {
    const int64_t succeeded = schedule.runs - schedule.failures;
    page->Sample(static_cast<double>(succeeded), {{"schedule", name}, {"status", "succeeded"}});
    page->Sample(static_cast<double>(schedule.failures),
                 {{"schedule", name}, {"status", "failed"}});
  }
  page->Metric("tarn_schedule_next_timestamp_seconds", "gauge", "when the schedule is due next");
  for (const auto& [name, schedule] : figures.schedules) {
    if (schedule.next_micros != 0)
      page->Sample(Seconds(schedule.next_micros), {{"schedule", name}});
  }
}

Json TimeJson(int64_t micros) { return micros == 0 ? Json() : Json(FormatUtc(micros)); }

Json SourceJson(const Source& source) {
  Json stopped = Json::object();
  for (const auto& [table, why] : source.stopped_tables) stopped[table] = why;
  Json json = {{"state", source.state},
               {"position", source.position},
               {"changes", source.changes},
               {"last_commit", TimeJson(source.last_commit_micros)},
               {"lag_bytes", source.lag_bytes < 0 ? Json() : Json(source.lag_bytes)},
               {"stopped_tables", stopped}};
  if (!source.error.empty()) json["error"] = source.error;
  return json;
}

}  // namespace

HttpResponse HealthOf(const UpFigures& figures, int64_t now_micros) {
  bool failing = false, degraded = false;
  Json sources = Json::object(), models = Json::object(), schedules = Json::object();
  for (const auto& [name, source] : figures.sources) {
    failing = failing || source.state == "ended";
    degraded = degraded || source.state != "following" || !source.stopped_tables.empty();
    sources[name] = SourceJson(source);
  }
  for (const auto& [name, model] : figures.models) {
    degraded = degraded || model.last_status != "succeeded";
    models[name] = {{"last_status", model.last_status},
                    {"last_run", TimeJson(model.last_finished_micros)}};
  }
  for (const auto& [name, schedule] : figures.schedules) {
    schedules[name] = {{"next", TimeJson(schedule.next_micros)},
                       {"last", TimeJson(schedule.last_started_micros)},
                       {"runs", schedule.runs},
                       {"failures", schedule.failures}};
  }
  const Json json = {{"status", failing    ? "failing"
                                : degraded ? "degraded"
                                           : "ok"},
                     {"version", TARN_VERSION},
                     {"uptime_seconds", (now_micros - figures.started_micros) / 1'000'000},
                     {"sequence", figures.lake_sequence},
                     {"sources", sources},
                     {"models", models},
                     {"schedules", schedules}};
  return {failing ? 503 : 200, "application/json", DumpJson(json, 2) + "\n"};
}

std::string MetricsOf(const UpFigures& figures) {
  PrometheusText page;
  page.Metric("tarn_build_info", "gauge", "which Tarn this is");
  page.Sample(1, {{"version", TARN_VERSION}});
  page.Metric("tarn_lake_sequence", "gauge", "last commit of the lake");
  page.Sample(static_cast<double>(figures.lake_sequence));
  page.Metric("tarn_outbox_pending", "gauge", "commits whose Delta entry is not written yet");
  page.Sample(static_cast<double>(figures.outbox_pending));
  page.Metric("tarn_upkeep_rounds_total", "counter", "rounds of upkeep");
  page.Sample(static_cast<double>(figures.upkeep_rounds));
  page.Metric("tarn_upkeep_errors_total", "counter", "rounds of upkeep that failed");
  page.Sample(static_cast<double>(figures.upkeep_errors));
  AddCapture(figures, &page);
  AddModels(figures, &page);
  AddProcess(figures.started_micros, &page);
  return page.text();
}

Result<std::unique_ptr<HttpServer>> OpenHttpDoor(
    const ProjectSpec& spec, const UpStatus& status,
    const std::function<void(const std::string&)>& say) {
  if (!spec.serve.http) return std::unique_ptr<HttpServer>();
  HttpServerOptions options;
  options.host = spec.serve.http_host;
  options.port = spec.serve.http_port;
  options.handler = [&status](const HttpRequest& request) -> HttpResponse {
    if (request.path == "/health") return HealthOf(status.Read(), SystemClock().NowMicros());
    if (request.path == "/metrics") {
      return {200, PrometheusText::kContentType, MetricsOf(status.Read())};
    }
    return {404, "application/json", "{\"error\": \"there are /health and /metrics\"}\n"};
  };
  auto server = HttpServer::Listen(std::move(options));
  if (!server.ok() && !spec.serve.http_is_given &&
      server.error().kind == ErrorKind::kAlreadyExists) {
    say("no /health and /metrics: " + server.error().ToString());
    return std::unique_ptr<HttpServer>();
  }
  if (server.ok()) say("listening on " + (*server)->url() + ": /health, /metrics");
  return server;
}

}  // namespace tarn
