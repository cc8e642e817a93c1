#include "s3_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/clock.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kStartMicrosMax = 30'000'000;
constexpr int kPortAttemptsMax = 5;

std::string Environment(const char* name, const char* fallback = "") {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

int FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

bool Listens(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return connected;
}

/// The last line that `command` prints; empty when it fails.
std::string OutputOf(const char* command) {
  FILE* pipe = ::popen(command, "r");
  if (pipe == nullptr) return {};
  std::string last;
  char line[4096];
  while (std::fgets(line, sizeof(line), pipe) != nullptr) last = line;
  if (::pclose(pipe) != 0) return {};
  while (!last.empty() && last.back() == '\n') last.pop_back();
  return last;
}

/// Owns the server's process and directory until the process of the test ends.
class Server {
 public:
  ~Server() {
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    if (!directory_.empty()) fs::remove_all(directory_, ignored);
  }

  Result<S3Options> Start() {
    const std::string binary = OutputOf("tests/harness/get_versitygw.sh");
    if (binary.empty()) {
      return Unavailable(
          "the S3 server of the tests cannot be had (tests/harness/get_versitygw.sh)",
          "run the tests from the repository's root, or name a server in "
          "TARN_TEST_S3_ENDPOINT");
    }
    std::string name = (fs::temp_directory_path() / "tarn-s3-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) return Unavailable("no temporary directory");
    directory_ = name;
    fs::create_directories(directory_ / "objects" / "lake");
    fs::create_directories(directory_ / "sidecar");
    for (int attempt = 0; attempt < kPortAttemptsMax; ++attempt) {
      // Another process may take the free port before the server does.
      const int port = FreePort();
      Spawn(binary, port);
      const int64_t deadline = SystemClock().MonotonicMicros() + kStartMicrosMax;
      while (SystemClock().MonotonicMicros() < deadline) {
        if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
          pid_ = -1;
          break;
        }
        if (Listens(port)) return OptionsFor(port);
        ::poll(nullptr, 0, 5);
      }
    }
    return Unavailable("versitygw does not start: " + ReadFile(directory_ / "log"));
  }

 private:
  void Spawn(const std::string& binary, int port) {
    const std::string address = "127.0.0.1:" + std::to_string(port);
    const std::string objects = (directory_ / "objects").string();
    const std::string sidecar = (directory_ / "sidecar").string();
    const std::string log = (directory_ / "log").string();
    // A file system without extended attributes needs files beside the objects for them.
    const bool has_xattr = ::setxattr(objects.c_str(), "user.tarn", "1", 1, 0) == 0;
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(fd, 1);
    ::dup2(fd, 2);
    ::setenv("ROOT_ACCESS_KEY", "tarn-test-key", 1);
    ::setenv("ROOT_SECRET_KEY", "tarn-test-secret", 1);
    if (has_xattr) {
      ::execl(binary.c_str(), "versitygw", "--quiet", "--port", address.c_str(), "posix",
              objects.c_str(), nullptr);
    } else {
      ::execl(binary.c_str(), "versitygw", "--quiet", "--port", address.c_str(), "posix",
              "--sidecar", sidecar.c_str(), objects.c_str(), nullptr);
    }
    ::_exit(127);
  }

  static S3Options OptionsFor(int port) {
    S3Options options;
    options.endpoint = "http://127.0.0.1:" + std::to_string(port);
    options.bucket = "lake";
    options.region = "us-east-1";
    options.access_key = "tarn-test-key";
    options.secret_key = "tarn-test-secret";
    return options;
  }

  pid_t pid_ = -1;
  fs::path directory_;
};

Result<S3Options> FindOrStart() {
  if (Environment("TARN_TEST_S3_ENDPOINT").empty()) {
    static Server server;
    return server.Start();
  }
  S3Options options;
  options.endpoint = Environment("TARN_TEST_S3_ENDPOINT");
  options.bucket = Environment("TARN_TEST_S3_BUCKET", "lake");
  options.region = Environment("TARN_TEST_S3_REGION", "us-east-1");
  options.access_key = Environment("TARN_TEST_S3_ACCESS_KEY");
  options.secret_key = Environment("TARN_TEST_S3_SECRET_KEY");
  return options;
}

}  // namespace

const Result<S3Options>& TestS3Server() {
  static const Result<S3Options> server = FindOrStart();
  return server;
}

}  // namespace tarn
