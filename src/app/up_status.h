#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "pipeline/ingest/capture.h"
#include "pipeline/transform/runner.h"
#include "source/change_capture.h"

namespace tarn {

/// What a running `up` has done, in numbers that only grow and in what stands now. Times are
/// microseconds since 1970 UTC, 0 for never.
struct UpFigures {
  struct Source {
    /// "following", "retrying", "paused" (made way), "ended" (with an error)
    std::string state = "following";
    std::string error;                                  ///< why it retries, or ended
    std::map<std::string, std::string> stopped_tables;  ///< table → why
    int64_t changes = 0, transactions = 0, commits = 0, retries = 0;
    std::string position;
    int64_t last_commit_micros = 0;
    int64_t last_transaction_micros = 0;          ///< committed at the source
    int64_t last_delay_micros = 0;                ///< from there to being visible in the lake
    int64_t lag_bytes = -1, retained_bytes = -1;  ///< -1: unknown
  };
  struct Model {
    std::map<std::string, int64_t> runs;  ///< status → how many
    std::string last_status;
    int64_t last_rows = 0;
    int64_t last_finished_micros = 0, last_duration_micros = 0;
  };
  struct Schedule {
    int64_t runs = 0, failures = 0;
    int64_t last_started_micros = 0, next_micros = 0;
  };
  int64_t started_micros = 0;
  int64_t lake_sequence = 0;
  int64_t outbox_pending = 0;
  int64_t upkeep_rounds = 0, upkeep_errors = 0;
  std::map<std::string, Source> sources;
  std::map<std::string, Model> models;
  std::map<std::string, Schedule> schedules;
};

/// The same, told by the threads of `up` and read by its doors.
/// Threads: every method may be called concurrently.
class UpStatus {
 public:
  explicit UpStatus(int64_t started_micros) { figures_.started_micros = started_micros; }

  /// \name What there is: figures of what is there no more are forgotten.
  /// @{
  void KeepSources(const std::set<std::string>& names);
  void KeepModels(const std::set<std::string>& names);
  void KeepSchedules(const std::set<std::string>& names);
  /// @}
  void Begun(const std::string& source);
  /// The lake has all that the source had committed.
  void CaughtUp(const std::string& source);
  void Committed(const std::string& source, const CaptureCommit& commit);
  void TableStopped(const std::string& source, const std::string& table, const Status& reason);
  void Retrying(const std::string& source, const Status& reason);
  void Ended(const std::string& source, const Status& status);
  /// Nothing, where the source did not answer.
  void Inspected(const std::string& source, const std::optional<CaptureStatus>& status);
  void ModelRan(const ModelOutcome& outcome, int64_t finished_micros);
  /// A run that another process may have had.
  void ModelRanElsewhere(const RunRecord& run);
  void ScheduleDue(const std::string& schedule, int64_t next_micros);
  void ScheduleRan(const std::string& schedule, int64_t started_micros, bool succeeded);
  void UpkeepRan(bool succeeded);
  void Lake(int64_t sequence, int64_t outbox_pending);

  UpFigures Read() const;

 private:
  mutable std::mutex mutex_;
  UpFigures figures_;
};

}  // namespace tarn
