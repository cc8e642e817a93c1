#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace tarn {

/// What this machine's clocks say: the one that people and time servers set, and the one that
/// counts from the boot, also while the machine sleeps, and that nobody sets.
struct MachineTime {
  std::string boot;  ///< names the boot; empty where the machine does not tell
  int64_t wall_micros = 0;
  int64_t up_micros = 0;  ///< since the boot
};
MachineTime ReadMachineTime();

/// Since when ages that the wall clock tells can be believed.
struct ClockSteps {
  int64_t up_micros = 0;
  /// Since the wall clock was seen to have been set forward by ten minutes or more; nullopt: not in
  /// this boot. By the clock that nobody sets.
  std::optional<int64_t> since_set_micros = std::nullopt;
};

/// Where the record of the clock stands in the state's folder.
std::string ClockRecordPath(const std::string& state);

/// Compares `now` with the record at `path`, which is made or renewed where it says something else.
/// Every process looks when it opens the state, before it writes anything: so a step is seen
/// whichever process looks next, and those of an earlier boot, which the record says nothing of,
/// have died. A record that cannot be read counts as a step. Threads and processes: any; the last
/// one to write wins. Errors: those of the disk.
Result<ClockSteps> LookAtClock(const std::string& path, const MachineTime& now);

}  // namespace tarn
