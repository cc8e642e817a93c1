#include <cstdio>
#include <cstdlib>

#include "faults/fault_plan.h"

// Linked into build/tarn-faults and nothing else: `tarn` itself has no way to be told of faults.
namespace tarn {
namespace {

bool Arm() {
  if (std::getenv("TARN_FAULT_LIST") != nullptr) {
    for (const std::string_view name : FaultPointNames()) {
      std::printf("%.*s\n", static_cast<int>(name.size()), name.data());
    }
    std::exit(0);
  }
  const char* text = std::getenv("TARN_FAULT");
  const char* trace = std::getenv("TARN_FAULT_TRACE");
  auto plan = FaultPlan::Parse(text == nullptr ? "" : text);
  Status status = plan.status();
  if (status.ok() && trace != nullptr) status = (*plan)->TraceTo(trace);
  if (!status.ok()) {
    std::fprintf(stderr, "tarn-faults: %s\n", status.ToString().c_str());
    std::exit(2);
  }
  // It is asked until the very end of the process.
  static FaultPlan* const armed = std::move(plan).value().release();
  InstallFaultHandler(armed);
  return true;
}

const bool g_armed = Arm();

}  // namespace
}  // namespace tarn
