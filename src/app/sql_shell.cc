#include "app/sql_shell.h"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>

namespace tarn {
namespace {

constexpr int kPollMillis = 50;

std::atomic<CancelFlag*> g_running{nullptr};  ///< of the statement that runs
std::atomic<bool> g_interrupted{false};       ///< SIGINT came; SIGTERM leaves it as it is

void OnInterrupt(int) {
  g_interrupted.store(true);
  if (CancelFlag* cancel = g_running.load(); cancel != nullptr) cancel->Request();
}

/// The shell's own answer to SIGINT, as long as this lives.
class ShellSignals {
 public:
  ShellSignals() : before_(std::signal(SIGINT, OnInterrupt)) {}
  ~ShellSignals() { std::signal(SIGINT, before_); }
  ShellSignals(const ShellSignals&) = delete;
  ShellSignals& operator=(const ShellSignals&) = delete;

 private:
  void (*const before_)(int);
};

enum class Input { kLine, kInterrupted, kEnd };

/// Lines of standard input. A signal handler can wake nobody: the flags are looked at every 50 ms.
class LineReader {
 public:
  explicit LineReader(const CancelFlag& cancel) : cancel_(cancel) {}

  Input Next(std::string* line) {
    while (true) {
      if (g_interrupted.exchange(false)) {
        buffer_.clear();
        return Input::kInterrupted;
      }
      if (cancel_.requested()) return Input::kEnd;
      if (const size_t end = buffer_.find('\n'); end != std::string::npos) {
        *line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return Input::kLine;
      }
      pollfd input{STDIN_FILENO, POLLIN, 0};
      if (poll(&input, 1, kPollMillis) <= 0) continue;
      char bytes[4096];
      const ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));
      if (count > 0) {
        buffer_.append(bytes, static_cast<size_t>(count));
      } else if (count < 0 && errno == EINTR) {
        continue;
      } else if (buffer_.empty()) {
        return Input::kEnd;
      } else {
        buffer_.push_back('\n');
      }
    }
  }

 private:
  const CancelFlag& cancel_;
  std::string buffer_;
};

/// Whether the text ends a statement: the last token is ';'.
bool Complete(const std::string& text) {
  const size_t last = text.find_last_not_of(" \t\r\n");
  return last != std::string::npos && text[last] == ';';
}

Status RunInterruptibly(const ShellOptions& options, const std::string& text) {
  g_interrupted.store(false);
  g_running.store(options.cancel);
  Status status = options.run(text);
  g_running.store(nullptr);
  // SIGINT stopped this statement and no later one; SIGTERM stays and ends the shell.
  if (g_interrupted.exchange(false)) options.cancel->Reset();
  return status;
}

}  // namespace

void RunShell(const ShellOptions& options) {
  const ShellSignals signals;
  std::fprintf(stderr,
               "tarn %s, lake \"%s\". End a statement with ';', stop one with Ctrl-C, leave with "
               "\\q.\n",
               TARN_VERSION, options.catalog.c_str());
  LineReader reader(*options.cancel);
  std::string pending, line;
  while (true) {
    std::fprintf(stderr, "%s%s ", options.catalog.c_str(), pending.empty() ? "=>" : "->");
    const Input input = reader.Next(&line);
    if (input == Input::kEnd) break;
    if (input == Input::kInterrupted) {
      std::fprintf(stderr, "\n");
      pending.clear();
      continue;
    }
    if (pending.empty() && (line == "\\q" || line == "exit" || line == "quit")) break;
    if (pending.empty() && line == "\\d") line = "SHOW ALL TABLES;";
    pending += line + "\n";
    if (!Complete(pending)) continue;
    const Status status = RunInterruptibly(options, pending);
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
    pending.clear();
  }
}

}  // namespace tarn
