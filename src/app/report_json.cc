#include "app/report_json.h"

#include <utility>

namespace tarn {

Json ReportJson(const ApplyReport& report) {
  Json loads = Json::array();
  for (const LoadReport& load : report.loads) {
    for (const LoadedTable& table : load.tables) {
      loads.push_back({{"table", table.table.ToString()},
                       {"rows", table.rows},
                       {"bytes", table.bytes},
                       {"sequence", load.sequence.value()}});
    }
  }
  Json models = Json::array();
  for (const ModelOutcome& outcome : report.models) {
    Json model = {{"model", outcome.model.ToString()},
                  {"status", ModelStatusName(outcome.status)},
                  {"rows", outcome.rows},
                  {"rejected_rows", outcome.rejected_rows}};
    if (!outcome.error.ok()) model["error"] = outcome.error.error().message;
    if (outcome.status == ModelStatus::kSucceeded) model["sequence"] = outcome.sequence.value();
    models.push_back(std::move(model));
  }
  return Json{{"loaded", loads}, {"models", models}};
}

}  // namespace tarn
