#include "harness/cc/server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tarn::testing {

void Die(const std::string& why) {
  std::fprintf(stderr, "test server: %s\n", why.c_str());
  std::abort();
}

namespace {

// Servers refuse to run as root.
void BecomeServerUser() {
  if (geteuid() != 0) return;
  const passwd* user = getpwnam("postgres");
  if (user == nullptr) _exit(126);
  const bool done =
      setgroups(0, nullptr) == 0 && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0;
  if (!done) _exit(126);
}

}  // namespace

void GiveToServerUser(const std::string& path) {
  if (geteuid() != 0) return;
  const passwd* user = getpwnam("postgres");
  if (user == nullptr) Die("no user postgres: apt-get install postgresql-15");
  if (chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) Die("chown " + path);
}

pid_t Spawn(const std::vector<std::string>& command, const std::string& log, As as,
            int death_signal) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid != 0) return pid;
  BecomeServerUser();
  if (as == As::kServerUserUntilWeDie) {
    prctl(PR_SET_PDEATHSIG, death_signal);
    if (getppid() != parent) _exit(1);
  }
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(out, 1);
  dup2(out, 2);
  if (chdir("/") != 0) _exit(127);
  execv(argv[0], argv.data());
  _exit(127);
}

int Wait(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

std::string Contents(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

int FreePort() {
  const int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  if (bind(s, plain, size) != 0 || getsockname(s, plain, &size) != 0) Die("no free port");
  close(s);
  return ntohs(address.sin_port);
}

void RunOrDie(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    execvp(argv[0], argv.data());
    _exit(127);
  }
  if (Wait(pid) != 0) Die(command[0] + " failed");
}

std::string TemporaryDirectory(const std::string& name) {
  std::string pattern = std::filesystem::temp_directory_path() /
                        ("tarn-tests-" + std::to_string(getpid()) + "-" + name + "-XXXXXX");
  if (mkdtemp(pattern.data()) == nullptr) Die("cannot make " + pattern);
  std::filesystem::permissions(pattern, std::filesystem::perms(0755));
  GiveToServerUser(pattern);
  return pattern;
}

std::string MadeOnce(const std::string& name, const std::string& proof,
                     const std::function<void(const std::string&)>& make) {
  namespace fs = std::filesystem;
  const fs::path ready = fs::temp_directory_path() / (name + "-" + std::to_string(getuid()));
  if (fs::exists(ready / proof)) return ready;
  const int lock = open((ready.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 || flock(lock, LOCK_EX) != 0) Die("cannot lock " + ready.string());
  if (!fs::exists(ready / proof)) {
    const fs::path part = ready.string() + ".part";
    fs::remove_all(part);
    fs::create_directory(part);
    GiveToServerUser(part);
    const std::string log = part.string() + ".log";
    fs::remove(log);
    std::ofstream(log).close();
    GiveToServerUser(log);
    make(part);
    fs::rename(part, ready);
  }
  close(lock);
  return ready;
}

}  // namespace tarn::testing
