#pragma once

#include <string>

namespace tarn {

/// Names this process so that another one can later tell whether it still lives: the machine's
/// boot, the pid namespace, the pid and when it started. Empty where /proc does not tell.
std::string ProcessIdentity();

/// Names the machine's boot; empty where /proc does not tell.
std::string BootIdentity();

enum class Liveness {
  kAlive,
  kDead,  ///< certain: its pid is gone, or somebody else's by now
  /// Of another boot, machine or pid namespace, hidden from this user, or no identity at all.
  kUnknown,
};

/// Whether the process of an identity still lives. `proc`: where the kernel tells of processes.
Liveness LivenessOf(const std::string& identity, const std::string& proc = "/proc");

}  // namespace tarn
