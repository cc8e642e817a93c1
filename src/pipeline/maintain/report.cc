#include "pipeline/maintain/report.h"

#include <algorithm>

namespace tarn {

std::string_view OutcomeName(MaintainStep::Outcome outcome) {
  switch (outcome) {
    case MaintainStep::Outcome::kDone:
      return "done";
    case MaintainStep::Outcome::kWould:
      return "would";
    case MaintainStep::Outcome::kNothing:
      return "nothing";
    case MaintainStep::Outcome::kHeld:
      return "held";
    case MaintainStep::Outcome::kFailed:
      return "failed";
  }
  return "?";
}

bool MaintainReport::failed() const {
  return std::any_of(tables.begin(), tables.end(),
                     [](const TableUpkeep& table) { return !table.error.ok(); });
}

}  // namespace tarn
