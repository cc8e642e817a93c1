#include "pipeline/interrupter.h"

#include <chrono>

namespace tarn {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(50);

}  // namespace

Interrupter::Interrupter(Session& session, const CancelFlag& cancel)
    : thread_([this, &session, &cancel] {
        std::unique_lock lock(mutex_);
        while (!stop_.wait_for(lock, kPoll, [&] { return done_; })) {
          if (cancel.requested()) session.Interrupt();
        }
      }) {}

Interrupter::~Interrupter() {
  {
    std::lock_guard lock(mutex_);
    done_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

Result<InterruptibleSession> InterruptibleSession::Open(SqlEngine& engine,
                                                        const SessionOptions& options,
                                                        const CancelFlag* cancel) {
  InterruptibleSession out;
  TARN_ASSIGN_OR_RETURN(out.session_, engine.NewSession(options));
  if (cancel != nullptr) out.interrupter_ = std::make_unique<Interrupter>(*out.session_, *cancel);
  return out;
}

}  // namespace tarn
