#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "pipeline/ingest/capture.h"

namespace tarn {

/// Folder of the state's folder in which the records stand.
inline constexpr char kCaptureRecordFolder[] = "capture";

/// How the following of one source goes, told by the process that does it to those that ask beside
/// it. A file of its own in the state's folder, replaced as a whole: who reads it sees the one or
/// the other, and one that a dead process left behind says so by itself.
struct CaptureRecord {
  std::string process;           ///< see base/process_identity.h; "" when it has ended
  int64_t updated_micros = 0;    ///< all times by this machine's clock
  int64_t caught_up_micros = 0;  ///< when the lake last had all that the source had committed
  int64_t committed_micros = 0;  ///< of the last commit that brought changes; 0: none yet
  int64_t rows = 0;              ///< changes since the process began
  int64_t transactions = 0;
  double rows_per_second = 0;  ///< of the last minute
  std::string trouble;         ///< why it does not go on just now; "" when it does

  std::string ToJson() const;
  static Result<CaptureRecord> FromJson(const std::string& json);
};

/// nullopt where nobody followed the source yet. Errors: Corruption; those of the disk.
Result<std::optional<CaptureRecord>> ReadCaptureRecord(const std::string& state,
                                                       const std::string& source);

/// Keeps the record level with what Capture() tells. A record that cannot be written is a warning:
/// whether rows are there does not depend on what is told about them.
/// Threads: those of the callbacks, one at a time. Outlives the options that it watches.
class CaptureRecorder {
 public:
  CaptureRecorder(const std::string& state, const std::string& source, Clock& clock);
  /// Says that nobody follows the source any more.
  ~CaptureRecorder();
  CaptureRecorder(const CaptureRecorder&) = delete;
  CaptureRecorder& operator=(const CaptureRecorder&) = delete;
  /// Listens beside the callbacks that are set.
  void Watch(CaptureOptions* options);

 private:
  void Committed(const CaptureCommit& commit);
  void CaughtUp();
  void Trouble(const Status& reason);
  void Write();

  const std::string path_;
  Clock& clock_;
  const int64_t began_micros_;
  CaptureRecord record_;
  std::deque<std::pair<int64_t, int64_t>> recent_;  ///< when, and how many changes
  bool warned_ = false;
};

}  // namespace tarn
