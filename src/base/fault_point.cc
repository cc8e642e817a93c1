#include "base/fault_point.h"

namespace tarn {
namespace {

constexpr std::string_view kNames[] = {
#define TARN_FAULT_POINT_NAME(id, name) name,
    TARN_FAULT_POINTS(TARN_FAULT_POINT_NAME)
#undef TARN_FAULT_POINT_NAME
};

}  // namespace

namespace internal {
std::atomic<FaultHandler*> g_fault_handler = nullptr;
}

std::span<const std::string_view> FaultPointNames() { return kNames; }

std::string_view FaultPointName(FaultPoint point) { return kNames[static_cast<size_t>(point)]; }

void InstallFaultHandler(FaultHandler* handler) {
  internal::g_fault_handler.store(handler, std::memory_order_release);
}

}  // namespace tarn
