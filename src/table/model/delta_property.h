#pragma once

#include <map>
#include <string>

namespace tarn {

/// The table property that says whether the table is a Delta table too: "on", unless it was made
/// with "off". Such a table has no Delta log, and may have types that Delta does not have.
inline constexpr char kDeltaProperty[] = "tarn.delta";
inline constexpr char kDeltaOn[] = "on";
inline constexpr char kDeltaOff[] = "off";

inline bool LeavesDeltaOut(const std::map<std::string, std::string>& properties) {
  const auto found = properties.find(kDeltaProperty);
  return found != properties.end() && found->second == kDeltaOff;
}

}  // namespace tarn
