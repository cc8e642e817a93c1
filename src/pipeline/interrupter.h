#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "base/cancel.h"
#include "base/result.h"
#include "sql/engine.h"

namespace tarn {

/// Interrupts a session's statements as long as it lives and a stop is requested. Looks at the flag
/// every 50 ms: a signal handler can wake nobody.
/// Ownership: borrows both; ends before they do.
class Interrupter {
 public:
  Interrupter(Session& session, const CancelFlag& cancel);
  ~Interrupter();
  Interrupter(const Interrupter&) = delete;
  Interrupter& operator=(const Interrupter&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable stop_;
  bool done_ = false;
  std::thread thread_;
};

/// A session whose statements end with Cancelled soon after `cancel` was requested.
class InterruptibleSession {
 public:
  /// `cancel` may be null: nothing interrupts then.
  static Result<InterruptibleSession> Open(SqlEngine& engine, const SessionOptions& options,
                                           const CancelFlag* cancel);
  Session& operator*() const { return *session_; }
  Session* operator->() const { return session_.get(); }

 private:
  std::unique_ptr<Session> session_;
  std::unique_ptr<Interrupter> interrupter_;  // ends before the session
};

}  // namespace tarn
