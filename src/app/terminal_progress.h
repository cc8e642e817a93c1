#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/progress.h"

namespace tarn {

/// Progress on standard error: one line that renews itself on a terminal, a line a finished piece
/// of work elsewhere (and one every ten seconds while it lasts).
class TerminalProgress final : public Progress {
 public:
  explicit TerminalProgress(Clock& clock);
  ~TerminalProgress() override;
  void Begin(const std::string& name, int64_t rows_expected) override;
  void Advance(const std::string& name, int64_t rows, int64_t bytes) override;
  void End(const std::string& name, const std::string& outcome) override;

 private:
  struct Work {
    int64_t rows_expected = -1;
    int64_t rows = 0;
    int64_t started_micros = 0;
    int64_t shown_micros = 0;
  };
  std::string Line(const std::string& name, const Work& work) const;
  void Show(const std::string& line);
  void Clear();

  Clock& clock_;
  const bool terminal_;
  std::mutex mutex_;
  std::map<std::string, Work> works_;
  int64_t shown_micros_ = 0;
  bool line_shown_ = false;
};

/// "16,049".
std::string WithThousands(int64_t number);
/// "1.5 MB".
std::string ByteText(int64_t bytes);
/// "850 ms", "3.2 s", "2 min 5 s".
std::string DurationText(int64_t micros);

}  // namespace tarn
