#include "pipeline/maintain/clocks.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace tarn {

namespace {

constexpr int64_t kMinuteMicros = 60'000'000;
constexpr int64_t kClocksDifferMinutes = 10;
constexpr int64_t kAskedAgainMicros = kMinuteMicros;

std::string Minutes(int64_t micros) { return std::to_string(micros / kMinuteMicros) + " minutes"; }

}  // namespace

Result<std::string> WhyAgesAreUncertain(const PipelineContext& context, const std::string& folder) {
  ObjectStore& store = *context.tables.store;
  const int64_t here = context.tables.clock->NowMicros();
  // A name that the sweep of orphans knows: who is killed here leaves one. And no metadata, which
  // would take the folder from a table that is being made there.
  const std::string key = folder + "/deletes/clock-" + context.tables.random->Uuid() + ".puffin";
  TARN_RETURN_IF_ERROR(store.PutIfAbsent(key, "clock"));
  int64_t there = 0;
  const Status listed = store.List(key, [&](const ObjectInfo& object) -> Status {
    there = object.modified_micros;
    return {};
  });
  TARN_RETURN_IF_ERROR(store.Delete(key));
  TARN_RETURN_IF_ERROR(store.RemoveEmptyFolders(folder + "/deletes"));
  TARN_RETURN_IF_ERROR(listed);
  if (there == 0) {
    return Unavailable(store.UriOf(key) + " was written and is not in the store's listing");
  }
  const int64_t minutes = (here - there) / kMinuteMicros;
  if (std::abs(minutes) < kClocksDifferMinutes) return std::string();
  return "by this machine's clock it is " + std::to_string(std::abs(minutes)) + " minutes " +
         (minutes > 0 ? "later" : "earlier") +
         " than by that of the store, so that nothing can be told to be old: set the clock that is "
         "wrong";
}

Status ClockWatch::WatchSteps(std::function<Result<ClockSteps>()> look) {
  look_ = std::move(look);
  TARN_ASSIGN_OR_RETURN(const auto newest, context_.catalog->ListCommits(1));
  if (!newest.empty()) newest_commit_micros_ = newest.front().committed_micros;
  return {};
}

Result<std::string> ClockWatch::WhyClockIsDoubtful() const {
  if (!look_) return std::string();
  TARN_ASSIGN_OR_RETURN(const ClockSteps steps, look_());
  const Limits& limits = *context_.tables.limits;
  const int64_t grace = std::max(limits.orphan_grace_ms, limits.reader_grace_ms) * 1000;
  if (steps.since_set_micros && *steps.since_set_micros < grace) {
    return "this machine's clock was set forward " + Minutes(*steps.since_set_micros) +
           " ago, so that what is young seems old: in " + Minutes(grace - *steps.since_set_micros) +
           " nothing of before is in use";
  }
  const int64_t idle =
      newest_commit_micros_ ? context_.tables.clock->NowMicros() - *newest_commit_micros_ : 0;
  if (idle > grace && steps.up_micros < grace) {
    return "nothing was committed for " + Minutes(idle) + ", or this machine, which runs for " +
           Minutes(steps.up_micros) +
           ", came up with a clock that is ahead: after a commit, or in " +
           Minutes(grace - steps.up_micros) + ", its time is believed";
  }
  return std::string();
}

Result<std::string> ClockWatch::WhyAgesAreUncertain(const std::string& folder) {
  TARN_ASSIGN_OR_RETURN(std::string doubtful, WhyClockIsDoubtful());
  if (!doubtful.empty()) return doubtful;
  const int64_t wall = context_.tables.clock->NowMicros();
  const int64_t monotonic = context_.tables.clock->MonotonicMicros();
  const int64_t passed = monotonic - asked_monotonic_micros_;
  const bool was_set = std::abs(wall - asked_wall_micros_ - passed) > kAskedAgainMicros;
  if (!asked_ || was_set || passed > kAskedAgainMicros) {
    TARN_ASSIGN_OR_RETURN(why_, tarn::WhyAgesAreUncertain(context_, folder));
    asked_ = true;
    asked_wall_micros_ = wall;
    asked_monotonic_micros_ = monotonic;
  }
  return why_;
}

}  // namespace tarn
