#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "base/cancel.h"
#include "base/result.h"

namespace tarn {

/// For how long what is whole may still be committed after a stop.
inline constexpr std::chrono::milliseconds kStopGrace(3000);

/// Lets what is under way come to its end when a stop is asked for, for a while: flag() is
/// requested so much later than the stop, with its reason. Threads: flag() may be asked from any; a
/// thread of its own looks at the stop now and then.
class StopGrace {
 public:
  /// `stop` is borrowed. May be null: then nobody ever asks for one. Errors: those of
  /// StartThread().
  static Result<std::unique_ptr<StopGrace>> Begin(const CancelFlag* stop,
                                                  std::chrono::milliseconds grace);
  ~StopGrace();
  StopGrace(const StopGrace&) = delete;
  StopGrace& operator=(const StopGrace&) = delete;

  const CancelFlag* flag() const { return &flag_; }

 private:
  StopGrace() = default;
  void Watch(const CancelFlag& stop, std::chrono::milliseconds grace);

  CancelFlag flag_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace tarn
