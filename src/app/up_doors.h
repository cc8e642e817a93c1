#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/up_status.h"
#include "project/spec.h"
#include "server/http/http_server.h"

namespace tarn {

/// Opens the HTTP door of `up` with `/health` and `/metrics`. Null where `serve:` switches it off,
/// and, told by `say`, where the address that nobody asked for is taken. `status` outlives it.
/// Errors: those of HttpServer::Listen, for an address that tarn.yaml gives.
Result<std::unique_ptr<HttpServer>> OpenHttpDoor(
    const ProjectSpec& spec, const UpStatus& status,
    const std::function<void(const std::string&)>& say);

/// `{"status": "ok" | "degraded" | "failing", …}`; 503 when failing: a source has ended, so that
/// nothing of it comes any more. Degraded: a table stopped, a source is being tried again or makes
/// way, or the last run of a model failed.
HttpResponse HealthOf(const UpFigures& figures, int64_t now_micros);

/// The same and more for Prometheus; what is unknown has no sample.
std::string MetricsOf(const UpFigures& figures);

}  // namespace tarn
