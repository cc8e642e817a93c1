#pragma once

#include <functional>
#include <string>

#include "base/cancel.h"
#include "base/result.h"

namespace tarn {

/// What the shell runs, and what it tells.
struct ShellOptions {
  std::string catalog;  ///< stands in the prompt
  CancelFlag* cancel = nullptr;
  /// Runs statements; errors are printed and the shell goes on.
  std::function<Status(const std::string&)> run;
};

/// Reads statements from the terminal until its end, `\q`, or SIGTERM. SIGINT ends the running
/// statement (by `cancel`, which is taken back afterwards), or throws away what was typed so far;
/// the shell stays. Owns the handling of SIGINT while it runs. One at a time in a process.
void RunShell(const ShellOptions& options);

}  // namespace tarn
