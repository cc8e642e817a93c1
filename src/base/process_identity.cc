#include "base/process_identity.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <fstream>
#include <optional>
#include <sstream>

namespace tarn {
namespace {

constexpr char kProc[] = "/proc";

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Clock ticks since boot at which a process began; empty when it is a zombie, nullopt where
/// nothing is told of it: it is gone, or hidden from this user, or the file cannot be opened.
std::optional<std::string> StartOf(const std::string& proc, const std::string& pid) {
  const std::string stat = FirstLine(proc + "/" + pid + "/stat");
  // The name in parentheses may hold anything: fields are counted behind it.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field, state;
  constexpr int kStartTime = 20;  // field 22 of proc(5), the first behind the name being field 3
  for (int i = 1; fields >> field; ++i) {
    if (i == 1) state = field;
    if (i == kStartTime) return state == "Z" || state == "X" ? "" : field;
  }
  return std::nullopt;
}

std::string PidNamespace(const std::string& proc) {
  char target[PATH_MAX];
  const ssize_t length = readlink((proc + "/self/ns/pid").c_str(), target, sizeof(target));
  return length > 0 ? std::string(target, static_cast<size_t>(length)) : "";
}

std::string BootOf(const std::string& proc) {
  return FirstLine(proc + "/sys/kernel/random/boot_id");
}

}  // namespace

std::string BootIdentity() { return BootOf(kProc); }

std::string ProcessIdentity() {
  const std::string pid = std::to_string(getpid());
  const std::string boot = BootOf(kProc), space = PidNamespace(kProc);
  const std::string start = StartOf(kProc, pid).value_or("");
  if (boot.empty() || space.empty() || start.empty()) return "";
  return boot + " " + space + " " + pid + " " + start;
}

Liveness LivenessOf(const std::string& identity, const std::string& proc) {
  std::istringstream text(identity);
  std::string boot, space, start;
  pid_t pid = 0;
  if (!(text >> boot >> space >> pid >> start) || pid <= 0) return Liveness::kUnknown;
  // Another boot id may be another machine over a shared folder, so it proves nothing.
  if (boot != BootOf(proc) || space != PidNamespace(proc)) return Liveness::kUnknown;
  if (const auto told = StartOf(proc, std::to_string(pid))) {
    return *told == start ? Liveness::kAlive : Liveness::kDead;
  }
  // A mount with hidepid tells nothing of other users' processes; that there are none is told to
  // everybody.
  return kill(pid, 0) != 0 && errno == ESRCH ? Liveness::kDead : Liveness::kUnknown;
}

}  // namespace tarn
