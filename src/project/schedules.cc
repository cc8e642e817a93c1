#include "project/schedules.h"

#include <algorithm>

namespace tarn {
namespace {

constexpr int kPortMax = 65535;

Status ParseCron(YamlMap& map, const std::string& key, ScheduleSpec* schedule) {
  TARN_ASSIGN_OR_RETURN(schedule->cron_text, map.RequiredString(key));
  auto cron = CronSchedule::Parse(schedule->cron_text);
  if (!cron.ok()) return map.ErrorAt(key, cron.error().message, cron.error().hint);
  schedule->cron = *cron;
  return {};
}

Result<ScheduleSpec> ParseSchedule(YamlMap& map, const std::string& name) {
  ScheduleSpec schedule;
  schedule.name = name;
  schedule.position = map.position();
  TARN_RETURN_IF_ERROR(ParseCron(map, "cron", &schedule));
  TARN_ASSIGN_OR_RETURN(const auto zone, map.String("time_zone"));
  if (zone.has_value()) {
    schedule.time_zone = *zone;
    auto loaded = TimeZone::Load(*zone);
    if (!loaded.ok()) return map.ErrorAt("time_zone", loaded.error().message, loaded.error().hint);
    schedule.zone = *std::move(loaded);
  }
  TARN_ASSIGN_OR_RETURN(schedule.run, map.Strings("run"));
  if (schedule.run.empty()) {
    return InvalidArgument(schedule.position.ToString() + ": schedule " + name + " runs nothing",
                           "add `run: [gold.*]`: what `tarn run` would be told");
  }
  TARN_RETURN_IF_ERROR(map.Done());
  return schedule;
}

/// The port of "host:port"; -1 for none.
int PortOf(const std::string& address, size_t colon) {
  const std::string digits = address.substr(colon + 1);
  if (digits.empty() || digits.size() > 5) return -1;
  if (digits.find_first_not_of("0123456789") != std::string::npos) return -1;
  const int port = std::stoi(digits);
  return port <= kPortMax ? port : -1;
}

}  // namespace

Status ParseSchedules(YamlMap& file, const std::string& path, ProjectSpec* spec) {
  TARN_ASSIGN_OR_RETURN(YamlMap schedules, file.Map("schedules", "schedules"));
  for (const std::string& name : schedules.Keys()) {
    if (name.empty() || name.find(' ') != std::string::npos) {
      return schedules.ErrorAt(name, "\"" + name + "\" cannot name a schedule",
                               "use letters, digits, '_' and '-'");
    }
    TARN_ASSIGN_OR_RETURN(YamlMap map,
                          YamlMap::From(schedules.Raw(name), path, "schedule " + name));
    TARN_ASSIGN_OR_RETURN(ScheduleSpec schedule, ParseSchedule(map, name));
    spec->schedules.push_back(std::move(schedule));
  }
  std::sort(spec->schedules.begin(), spec->schedules.end(),
            [](const ScheduleSpec& a, const ScheduleSpec& b) { return a.name < b.name; });
  return {};
}

Status ParseSourceSchedule(YamlMap& source, const std::string& name, ProjectSpec* spec) {
  if (!source.Has("schedule")) return {};
  TARN_ASSIGN_OR_RETURN(const auto mode, source.String("mode"));
  if (mode == "cdc" || mode == "query") {
    return source.ErrorAt("schedule", "mode " + *mode + " has nothing to load at set times",
                          "take `schedule:` away, or use mode snapshot or incremental");
  }
  ScheduleSpec schedule;
  schedule.name = "source " + name;
  schedule.source = name;
  schedule.position = source.PositionOf("schedule");
  TARN_RETURN_IF_ERROR(ParseCron(source, "schedule", &schedule));
  spec->schedules.push_back(std::move(schedule));
  return {};
}

Status ParseServe(YamlMap& file, ServeSpec* serve) {
  TARN_ASSIGN_OR_RETURN(YamlMap map, file.Map("serve", "serve"));
  for (const char* door : {"postgres", "flight"}) {
    TARN_ASSIGN_OR_RETURN(const auto address, map.String(door));
    if (address.has_value() && *address != "off") {
      return Unsupported(map.PositionOf(door).ToString() + ": the door " + door +
                             " is not available in this version",
                         "leave it out, or write `off`");
    }
  }
  TARN_ASSIGN_OR_RETURN(const auto address, map.String("http"));
  TARN_RETURN_IF_ERROR(map.Done());
  if (!address.has_value()) return {};
  serve->http_is_given = true;
  if (*address == "off") {
    serve->http = false;
    return {};
  }
  const size_t colon = address->rfind(':');
  const int port = colon == std::string::npos ? -1 : PortOf(*address, colon);
  if (port < 0) {
    return map.ErrorAt("http", "\"" + *address + "\" is no address",
                       "write `http: 127.0.0.1:8181`, or `off`");
  }
  serve->http_host = address->substr(0, colon);
  serve->http_port = port;
  const std::string& host = serve->http_host;
  if (host != "127.0.0.1" && host != "[::1]" && host != "localhost") {
    return Unsupported(map.PositionOf("http").ToString() +
                           ": the HTTP door asks nobody who he is "
                           "in this version, and so listens on this machine only, not on " +
                           host,
                       "write 127.0.0.1, and put a proxy that knows its users before it");
  }
  return {};
}

}  // namespace tarn
