#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "table/delta/actions.h"

namespace tarn::delta {

/// One log entry: a JSON object a line. The same actions always give the same bytes.
std::string WriteLogEntry(const std::vector<Action>& actions);

/// The actions of one log entry; actions and members that are not known are skipped, as the
/// protocol demands. `what` names the entry in errors. Errors: Corruption, with the line;
/// Unsupported (a deletion vector that is stored in a way that is not known).
Result<std::vector<Action>> ParseLogEntry(std::string_view text, std::string_view what);

/// "00000000000000000012".
std::string VersionDigits(int64_t version);
/// Names within `_delta_log/`: "00000000000000000012.json".
std::string LogEntryName(int64_t version);
/// "00000000000000000012.checkpoint.parquet".
std::string CheckpointName(int64_t version);

/// What `_last_checkpoint` says ("Last Checkpoint File Schema"). A short cut: who follows it looks
/// whether the checkpoint is there, so that its checksum need not be proved.
struct LastCheckpoint {
  int64_t version = 0;
  int64_t actions = 0;
  int64_t size_bytes = 0;
  int64_t add_files = 0;
  int64_t parts = 1;  ///< files of a checkpoint in parts; written by other writers
  /// The file at the top of a checkpoint with sidecars. The specification has no such field, but
  /// Spark writes it, and Trino takes a checkpoint without it for one that has no sidecars.
  struct Top {
    std::string name;
    int64_t size_bytes = 0;
    int64_t modified_ms = 0;
  };
  std::optional<Top> top;  ///< written only: readers find the sidecars in the file
};
std::string WriteLastCheckpoint(const LastCheckpoint& checkpoint);
/// Error Corruption.
Result<LastCheckpoint> ParseLastCheckpoint(std::string_view text);

}  // namespace tarn::delta
