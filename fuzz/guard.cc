#include "guard.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TARN_SANITIZED
#include <sanitizer/common_interface_defs.h>
#endif

namespace tarn::fuzz {
namespace {

/// Above the largest that a header promises, a block of an Avro file (256 MiB), with its growing.
constexpr rlim_t kMemoryBytesMax = rlim_t{1536} << 20;

// What a signal handler reads.
std::string_view running_input;
const char* running_what = "";
char saved_path[512];

void Say(std::string_view text) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

void SaveInput() {
  if (running_input.data() == nullptr) return;
  const int file = open(saved_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  [[maybe_unused]] const ssize_t written = write(file, running_input.data(), running_input.size());
  close(file);
  Say("fuzz: this input did it: ");
  Say(running_what);
  Say("; saved as ");
  Say(saved_path);
  Say("\n");
  running_input = {};
}

#ifndef TARN_SANITIZED
// An endless recursion leaves no stack to handle its signal on.
void UseAlternateStack() {
  static char stack[64 << 10];
  const stack_t alternate{.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof(stack)};
  CheckThat(sigaltstack(&alternate, nullptr) == 0, "an alternate stack");
}
#endif

void OnSignal(int signal) {
  if (signal == SIGPROF) Say("fuzz: does not end\n");
  SaveInput();
  std::signal(signal, SIG_DFL);
  raise(signal);
}

void LimitMemory() {
#ifndef TARN_SANITIZED  // whose shadow is larger than any limit; see __asan_default_options
  std::uintmax_t pages = 0;
  if (FILE* statm = std::fopen("/proc/self/statm", "r"); statm != nullptr) {
    CheckThat(std::fscanf(statm, "%ju", &pages) == 1, "statm can be read");
    std::fclose(statm);
  }
  const rlim_t limit = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + kMemoryBytesMax;
  const rlimit limits{limit, RLIM_INFINITY};
  CheckThat(setrlimit(RLIMIT_AS, &limits) == 0, "memory can be limited");
#endif
}

void StopAfter(double seconds) {
  itimerval timer{};
  timer.it_value.tv_sec = static_cast<time_t>(seconds);
  setitimer(ITIMER_PROF, &timer, nullptr);
}

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

Guard::Guard(const std::string& target_name, Target target) : target_(target) {
  // Arrow's own allocators reserve more address space than they use.
  setenv("ARROW_DEFAULT_MEMORY_POOL", "system", 1);
  const std::string path =
      (std::filesystem::temp_directory_path() / ("tarn-fuzz-" + target_name + ".input")).string();
  CheckThat(path.size() < sizeof(saved_path), "a path of usual length");
  path.copy(saved_path, path.size());
  LimitMemory();
#ifdef TARN_SANITIZED
  __sanitizer_set_death_callback(SaveInput);
  for (const int signal : {SIGABRT, SIGPROF}) std::signal(signal, OnSignal);
#else
  UseAlternateStack();
  struct sigaction action {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_ONSTACK;
  for (const int signal : {SIGABRT, SIGPROF, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    CheckThat(sigaction(signal, &action, nullptr) == 0, "a signal can be caught");
  }
#endif
}

double Guard::Run(std::string_view input, const std::string& what) {
  running_what = what.c_str();
  running_input = input;
  StopAfter(10 * cpu_seconds_max());
  const double began = CpuSeconds();
  [&]() noexcept { target_(input); }();  // what is thrown ends the process here
  const double took = CpuSeconds() - began;
  StopAfter(0);
  running_input = {};
  return took;
}

double Guard::cpu_seconds_max() {
#ifdef TARN_SANITIZED
  return 10;
#else
  return 1;
#endif
}

}  // namespace tarn::fuzz

#ifdef __SANITIZE_ADDRESS__
// In place of those of cmake/sanitizer_defaults.cc.
extern "C" const char* __asan_default_options() {
  return "strict_string_checks=1:max_allocation_size_mb=1024:hard_rss_limit_mb=4096";
}
#endif
