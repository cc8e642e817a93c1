#include "pipeline/maintain/clock_steps.h"

#include <cstdlib>
#include <ctime>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/json.h"
#include "base/process_identity.h"
#include "base/small_file.h"

namespace tarn {

namespace {

constexpr char kWhat[] = "the record of the clock";
constexpr int64_t kStepMicros = 600'000'000;
constexpr int64_t kNever = -1;

struct ClockRecord {
  std::string boot;
  int64_t ahead_micros = 0;        ///< of the wall clock, before the one that counts from the boot
  int64_t set_at_micros = kNever;  ///< by the latter
  bool operator==(const ClockRecord&) const = default;
};

Result<ClockRecord> Parse(const std::string& text) {
  TARN_ASSIGN_OR_RETURN(const Json json, ParseJson(text, kWhat));
  ClockRecord record;
  TARN_ASSIGN_OR_RETURN(record.boot, JsonString(json, "boot", kWhat));
  TARN_ASSIGN_OR_RETURN(record.ahead_micros, JsonInt(json, "ahead_micros", kWhat));
  TARN_ASSIGN_OR_RETURN(record.set_at_micros, JsonInt(json, "set_at_micros", kWhat));
  return record;
}

std::string ToJson(const ClockRecord& record) {
  return DumpJson(Json{{"boot", record.boot},
                       {"ahead_micros", record.ahead_micros},
                       {"set_at_micros", record.set_at_micros}}) +
         "\n";
}

}  // namespace

MachineTime ReadMachineTime() {
  MachineTime now;
  now.boot = BootIdentity();
  timespec up{};
  clock_gettime(CLOCK_BOOTTIME, &up);
  now.up_micros = static_cast<int64_t>(up.tv_sec) * 1'000'000 + up.tv_nsec / 1000;
  now.wall_micros = SystemClock().NowMicros();
  return now;
}

std::string ClockRecordPath(const std::string& state) { return state + "/clock.json"; }

Result<ClockSteps> LookAtClock(const std::string& path, const MachineTime& now) {
  if (now.boot.empty()) return ClockSteps{now.up_micros};
  TARN_ASSIGN_OR_RETURN(const std::optional<std::string> text, ReadSmallFile(path));
  const ClockRecord fresh{now.boot, now.wall_micros - now.up_micros};
  std::optional<ClockRecord> written;
  ClockRecord record = fresh;
  if (text) {
    if (auto parsed = Parse(*text); parsed.ok()) {
      written = *std::move(parsed);
      if (written->boot == now.boot) record = *written;
    } else {
      record.set_at_micros = now.up_micros;
    }
  }
  const int64_t forward = fresh.ahead_micros - record.ahead_micros;
  // Small steps add up: until they are a large one, the record stays what it was.
  if (std::abs(forward) >= kStepMicros) record.ahead_micros = fresh.ahead_micros;
  // Behind a step back all is young.
  if (forward >= kStepMicros) record.set_at_micros = now.up_micros;
  if (!written || !(*written == record)) {
    TARN_RETURN_IF_ERROR(ReplaceSmallFile(path, ToJson(record)));
  }
  ClockSteps steps{now.up_micros};
  if (record.set_at_micros != kNever) {
    steps.since_set_micros = now.up_micros - record.set_at_micros;
  }
  return steps;
}

}  // namespace tarn
