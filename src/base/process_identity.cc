#include "base/process_identity.h"

#include <unistd.h>

#include <climits>
#include <fstream>
#include <sstream>
#include <vector>

namespace tarn {
namespace {

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Clock ticks since boot at which a process began; empty when it is gone or a zombie.
std::string StartOf(const std::string& pid) {
  const std::string stat = FirstLine("/proc/" + pid + "/stat");
  // The name in parentheses may hold anything: fields are counted behind it.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return "";
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field, state;
  constexpr int kStartTime = 20;  // field 22 of proc(5), the first behind the name being field 3
  for (int i = 1; fields >> field; ++i) {
    if (i == 1) state = field;
    if (i == kStartTime) return state == "Z" || state == "X" ? "" : field;
  }
  return "";
}

std::string PidNamespace() {
  char target[PATH_MAX];
  const ssize_t length = readlink("/proc/self/ns/pid", target, sizeof(target));
  return length > 0 ? std::string(target, static_cast<size_t>(length)) : "";
}

}  // namespace

std::string BootIdentity() { return FirstLine("/proc/sys/kernel/random/boot_id"); }

std::string ProcessIdentity() {
  const std::string pid = std::to_string(getpid());
  const std::string boot = BootIdentity(), space = PidNamespace(), start = StartOf(pid);
  if (boot.empty() || space.empty() || start.empty()) return "";
  return boot + " " + space + " " + pid + " " + start;
}

Liveness LivenessOf(const std::string& identity) {
  std::istringstream text(identity);
  std::string boot, space, pid, start;
  if (!(text >> boot >> space >> pid >> start)) return Liveness::kUnknown;
  // Another boot id may be another machine over a shared folder, so it proves nothing.
  if (boot != BootIdentity() || space != PidNamespace()) return Liveness::kUnknown;
  return StartOf(pid) == start ? Liveness::kAlive : Liveness::kDead;
}

}  // namespace tarn
