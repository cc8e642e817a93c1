#pragma once

#include <string>
#include <string_view>

#include "target.h"

namespace tarn::fuzz {

/// Runs targets under limits: CPU time and memory, of the process. Whatever ends the process while
/// a target runs (a signal, a sanitizer's finding, a check) leaves its input in a file and says
/// which. One per process. Threads: one.
class Guard {
 public:
  Guard(const std::string& target_name, Target target);
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  /// Runs the target; gives the CPU time that it took. `what` tells where the input comes from.
  double Run(std::string_view input, const std::string& what);

  /// More is a failure; beyond ten times of it the process is ended.
  static double cpu_seconds_max();

 private:
  Target target_;
};

}  // namespace tarn::fuzz
