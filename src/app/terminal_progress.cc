#include "app/terminal_progress.h"

#include <unistd.h>

#include <cstdio>

namespace tarn {
namespace {

constexpr int64_t kTerminalEveryMicros = 100'000;
constexpr int64_t kLogEveryMicros = 10'000'000;

}  // namespace

std::string WithThousands(int64_t number) {
  std::string digits = std::to_string(number);
  const size_t first = number < 0 ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string ByteText(int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1000 && unit < 5) {
    value /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string DurationText(int64_t micros) {
  char text[48];
  if (micros < 1'000'000) {
    std::snprintf(text, sizeof(text), "%lld ms", static_cast<long long>(micros / 1000));
  } else if (micros < 60'000'000) {
    std::snprintf(text, sizeof(text), "%.1f s", static_cast<double>(micros) / 1e6);
  } else {
    const long long seconds = micros / 1'000'000;
    std::snprintf(text, sizeof(text), "%lld min %lld s", seconds / 60, seconds % 60);
  }
  return text;
}

TerminalProgress::TerminalProgress(Clock& clock)
    : clock_(clock), terminal_(isatty(STDERR_FILENO) == 1) {}

TerminalProgress::~TerminalProgress() { Clear(); }

void TerminalProgress::Begin(const std::string& name, int64_t rows_expected) {
  std::lock_guard lock(mutex_);
  const int64_t now = clock_.MonotonicMicros();
  works_[name] = {rows_expected, 0, now, now};
}

void TerminalProgress::Advance(const std::string& name, int64_t rows, int64_t /*bytes*/) {
  std::lock_guard lock(mutex_);
  auto it = works_.find(name);
  if (it == works_.end()) return;
  Work& work = it->second;
  work.rows += rows;
  const int64_t now = clock_.MonotonicMicros();
  if (terminal_) {
    if (now - shown_micros_ < kTerminalEveryMicros) return;
    shown_micros_ = now;
    Show(Line(name, work));
  } else if (now - work.shown_micros >= kLogEveryMicros) {
    work.shown_micros = now;
    std::fprintf(stderr, "%s\n", Line(name, work).c_str());
  }
}

void TerminalProgress::End(const std::string& name, const std::string& outcome) {
  std::lock_guard lock(mutex_);
  auto it = works_.find(name);
  if (it == works_.end()) return;
  Clear();
  const int64_t took = clock_.MonotonicMicros() - it->second.started_micros;
  std::fprintf(stderr, "  %s: %s in %s\n", name.c_str(), outcome.c_str(),
               DurationText(took).c_str());
  works_.erase(it);
}

std::string TerminalProgress::Line(const std::string& name, const Work& work) const {
  const int64_t took = std::max<int64_t>(clock_.MonotonicMicros() - work.started_micros, 1);
  const double rate = static_cast<double>(work.rows) * 1e6 / static_cast<double>(took);
  std::string line = "  " + name + ": " + WithThousands(work.rows);
  if (work.rows_expected > 0) line += " of about " + WithThousands(work.rows_expected);
  line += " rows, " + WithThousands(static_cast<int64_t>(rate)) + " rows/s";
  if (work.rows_expected > work.rows && rate > 0) {
    const double left = static_cast<double>(work.rows_expected - work.rows) / rate;
    line += ", " + DurationText(static_cast<int64_t>(left * 1e6)) + " left";
  }
  return line;
}

void TerminalProgress::Show(const std::string& line) {
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  line_shown_ = true;
}

void TerminalProgress::Clear() {
  if (!line_shown_) return;
  std::fprintf(stderr, "\r\033[K");
  std::fflush(stderr);
  line_shown_ = false;
}

}  // namespace tarn
