#include "pipeline/ingest/stop_grace.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/thread.h"

namespace tarn {
namespace {

using Steady = std::chrono::steady_clock;

constexpr auto kStopPoll = std::chrono::milliseconds(50);

}  // namespace

Result<std::unique_ptr<StopGrace>> StopGrace::Begin(const CancelFlag* stop,
                                                    std::chrono::milliseconds grace) {
  std::unique_ptr<StopGrace> begun(new StopGrace());
  if (stop == nullptr) return begun;
  const auto watch = [self = begun.get(), stop, grace]() -> Status {
    self->Watch(*stop, grace);
    return {};
  };
  // Whoever could not wait for its end any longer ends at once.
  const auto failed = [self = begun.get()](const Status&) { self->flag_.Request(); };
  TARN_ASSIGN_OR_RETURN(begun->thread_, StartThread(watch, failed));
  return begun;
}

StopGrace::~StopGrace() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  ended_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void StopGrace::Watch(const CancelFlag& stop, std::chrono::milliseconds grace) {
  std::optional<Steady::time_point> since;
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, std::min<std::chrono::milliseconds>(kStopPoll, grace),
                          [this] { return done_; })) {
    if (!stop.requested()) continue;
    if (!since) since = Steady::now();
    if (Steady::now() - *since < grace) continue;
    flag_.Request(stop.Check().error());
    return;
  }
}

}  // namespace tarn
