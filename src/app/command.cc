#include "app/command.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "app/terminal_progress.h"

namespace tarn {

WireOptions CommandContext::Wire(StateUse state) const {
  static TerminalProgress progress(SystemClock());
  WireOptions options;
  options.project = project;
  options.environment = environment;
  options.state = state;
  options.progress = &progress;
  options.cancel = cancel;
  return options;
}

Status Confirm(const std::string& question, const CancelFlag& cancel) {
  if (isatty(STDIN_FILENO) != 1) {
    return InvalidArgument("nobody is there to confirm", "give -y to go on without asking");
  }
  std::fprintf(stderr, "%s [y/N] ", question.c_str());
  std::fflush(stderr);
  char answer[16] = {};
  // A signal handler can wake nobody: the flag is looked at every 50 ms.
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (poll(&input, 1, 50) <= 0) {
    if (cancel.requested()) return Cancelled("not confirmed, nothing was done");
  }
  if (std::fgets(answer, sizeof(answer), stdin) == nullptr ||
      (answer[0] != 'y' && answer[0] != 'Y')) {
    return Cancelled("not confirmed, nothing was done");
  }
  return Status::Ok();
}

void OrFail(const Status& status) {
  if (!status.ok()) throw CommandFailed{status.error()};
}

}  // namespace tarn
