#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "table/delta/state.h"

namespace tarn::delta {

/// The files of a checkpoint that is made of an earlier one, whose rows pass by, and of what the
/// entries after it say, which is held ("Action Reconciliation").
///
/// Of tombstones those are kept of after `expired_ms` that are the newest to name a file, a data
/// file or that of a vector, which no file that is alive names. They are there so that nobody
/// removes what somebody may still read, and the others protect nothing more. A file that gets one
/// vector after the other leaves one for each, of which only those count whose vectors stand in
/// files that nothing else names.
///
/// A tombstone of an earlier checkpoint was kept for its data file or for its vector's, which is
/// not told. It goes once later entries name both: the file for which it did not count was named
/// elsewhere, and what names a file leaves only with a newer tombstone that does.
/// Ownership: borrows the tail. Threads: one at a time.
class CheckpointMerge {
 public:
  /// `tail`: what the entries after the earlier checkpoint say; where there is none, all entries.
  CheckpointMerge(const State& tail, int64_t expired_ms);

  /// Whether a row of the earlier checkpoint is one of the later. Every file that is alive has to
  /// be shown before Tombstones() is asked for.
  bool Keeps(const AddFile& earlier);
  bool Keeps(const RemoveFile& earlier) const;

  /// Those of the tail that are kept; pointers into it, the newest first.
  std::vector<const RemoveFile*> Tombstones() const;

 private:
  const State& tail_;
  const int64_t expired_ms_;
  /// The files that the tail names: when something that names them was removed last, kAlive where
  /// something that is alive does.
  std::unordered_map<std::string_view, int64_t> data_files_;  ///< by FileKey(), of the tail's keys
  std::unordered_map<std::string, int64_t> vector_files_;
};

}  // namespace tarn::delta
