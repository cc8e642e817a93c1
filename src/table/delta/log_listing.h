#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::delta {

/// The files of one checkpoint within `_delta_log/`.
struct CheckpointFiles {
  enum class Form {
    kParquet,  ///< one file, or the parts of one ("Classic", "Multi-part", "UUID-named checkpoint")
    kJson      ///< a UUID-named one
  };
  int64_t version = 0;
  Form form = Form::kParquet;
  std::vector<std::string> names;
};

/// What a listing of `_delta_log/` shows ("Delta Log Entries", "Checkpoint Naming Scheme"). Log
/// compactions, checksums and staged commits are passed over: nothing in them is not said
/// elsewhere.
class LogListing {
 public:
  /// `name` is relative to the folder.
  void Add(std::string_view name, int64_t modified_micros);

  /// Entries by version, with the time of their last modification in microseconds.
  const std::map<int64_t, int64_t>& entries() const { return entries_; }
  /// The whole checkpoints, one of each version: of a checkpoint in parts, all parts are there.
  std::map<int64_t, CheckpointFiles> Checkpoints() const;
  /// The newest of them of a version up to `version`.
  std::optional<CheckpointFiles> NewestCheckpoint(int64_t version) const;

  /// \name For those who clean up: names of checkpoints and of other files that belong to a
  /// version.
  /// @{
  struct Named {
    int64_t version = 0;
    std::string name;
    int64_t modified_micros = 0;
  };
  /// Every file of a checkpoint, parts of one that is not whole included.
  const std::vector<Named>& checkpoint_files() const { return checkpoint_files_; }
  /// Checksums (by version) and compactions (by their first version).
  const std::vector<Named>& other_files() const { return other_files_; }
  /// @}

 private:
  std::map<int64_t, int64_t> entries_;
  std::vector<Named> checkpoint_files_;
  std::vector<Named> other_files_;
};

}  // namespace tarn::delta
