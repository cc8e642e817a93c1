#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace tarn {

/// A command that changes what `up` follows, and waits for the capture lock, asks it to make way:
/// `up` commits what is whole, gives the lock up, and takes it again when the command is done. The
/// request is a file of the state's folder; it stands no longer than the asker waits, and counts
/// for nothing once its process is dead or it is older than such a wait. Threads: none of its own;
/// one at a time.
class WayRequest {
 public:
  WayRequest() = default;
  ~WayRequest() { Withdraw(); }
  WayRequest(const WayRequest&) = delete;
  WayRequest& operator=(const WayRequest&) = delete;

  /// `who`: "apply, pid 4711 on host". Errors: PermissionDenied, ResourceExhausted, Unavailable.
  Status Make(const std::string& state, const std::string& who);
  void Withdraw();

 private:
  std::string path_;
};

/// Who asks `up` to make way at this moment. `wait_ms_max`: of any asker.
std::optional<std::string> WhoWantsTheWay(const std::string& state, int64_t wait_ms_max);

/// The folder's file of requests, for who removes the state.
std::string WayRequestPath(const std::string& state);

}  // namespace tarn
