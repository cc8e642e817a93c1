#pragma once

#include "base/cancel.h"

namespace tarn {

/// Lets a CancelFlag end waits in client libraries that know of none: the sockets of connections
/// are shut down when their flag is requested. One thread for the whole program, only while there
/// is something to watch; a signal handler can wake nobody, so it looks at the flags every 50 ms.
/// Threads: every function may be called concurrently.
class SocketWatch {
 public:
  /// Watches until Remove(). The socket must stay open that long; `cancel` is borrowed.
  static int Add(int socket, const CancelFlag* cancel);
  static void Remove(int id);
};

}  // namespace tarn
