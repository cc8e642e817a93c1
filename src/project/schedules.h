#pragma once

#include "base/result.h"
#include "project/spec.h"
#include "project/yaml.h"

namespace tarn {

/// \name What `up` does by itself, from tarn.yaml. Errors: InvalidArgument with file:line:column.
/// @{

/// `schedules: {nightly: {cron: "0 2 * * *", time_zone: Europe/Berlin, run: [gold.*]}}`. Call after
/// the sources are read: theirs come to stand among them, by name.
Status ParseSchedules(YamlMap& file, const std::string& path, ProjectSpec* spec);
/// `schedule: "0 2 * * *"` of a source of mode snapshot or incremental.
Status ParseSourceSchedule(YamlMap& source, const std::string& name, ProjectSpec* spec);
/// `serve: {http: 127.0.0.1:8181}`, or `off`.
Status ParseServe(YamlMap& file, ServeSpec* serve);
/// @}

}  // namespace tarn
