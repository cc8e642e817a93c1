#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"

namespace tarn {

/// Whether upkeep does what it finds, or only tells.
enum class MaintainMode { kDo, kDryRun };

/// What upkeep did, or would do, with one part of a table, and why.
struct MaintainStep {
  std::string part;  ///< "data files", "manifests", "statistics", "snapshots", "orphans"
  enum class Outcome {
    kDone,
    kWould,    ///< a dry run
    kNothing,  ///< it would not pay, or there is nothing
    kHeld,     ///< not now: `why` says what it waits for
    kFailed
  };
  Outcome outcome = Outcome::kNothing;
  std::string why;                 ///< a phrase
  int64_t taken = 0;               ///< files, manifests, snapshots or objects that leave
  int64_t made = 0;                ///< that come instead
  int64_t bytes = 0;               ///< of what leaves; of what is read for statistics
  int64_t micros = 0;              ///< that it took
  std::vector<std::string> names;  ///< of the objects that a dry run found orphaned, the first ones
};
std::string_view OutcomeName(MaintainStep::Outcome outcome);

struct TableUpkeep {
  TableName table;  ///< schema empty: a folder of a dropped table
  std::vector<MaintainStep> steps;
  Status error;  ///< what kept the rest from being done
};

struct MaintainReport {
  std::vector<TableUpkeep> tables;
  bool failed() const;
};

}  // namespace tarn
