#pragma once

#include <cstdint>
#include <string>

namespace tarn {

/// Who hears of long work: a terminal's line, a log, nobody.
/// Threads: every method may be called concurrently.
class Progress {
 public:
  virtual ~Progress() = default;
  /// A piece of work begins; `rows_expected` is -1 where nobody knows.
  virtual void Begin(const std::string& name, int64_t rows_expected) = 0;
  /// More of it is done, since the last call.
  virtual void Advance(const std::string& name, int64_t rows, int64_t bytes) = 0;
  /// It ended; `outcome` is a short phrase: "16,049 rows", "failed".
  virtual void End(const std::string& name, const std::string& outcome) = 0;
};

/// Hears nothing; lives for ever.
Progress& NoProgress();

}  // namespace tarn
