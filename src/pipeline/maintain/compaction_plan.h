#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/maintain/policy.h"
#include "table/dual/table.h"

namespace tarn {

/// Data files that are written anew together.
struct CompactionGroup {
  std::vector<ScanFile> files;  ///< in the order of their rows
  int64_t bytes = 0;            ///< that are read
};

struct CompactionPlan {
  std::vector<CompactionGroup> groups;
  /// \name Why files are in groups: the first reason that holds.
  /// @{
  int64_t old_spec_files = 0;  ///< of an earlier partitioning
  int64_t deleted_files = 0;   ///< with many deleted rows
  int64_t small_files = 0;
  /// @}
  int64_t waiting_files = 0;  ///< small, but writing them anew does not pay yet
  int64_t files_total = 0;
  bool complete = true;  ///< false: there were more candidates than are looked at together

  int64_t files() const { return old_spec_files + deleted_files + small_files; }
  int64_t bytes() const;
  /// "3 small files, 1 file with deleted rows; 2 small files wait for more".
  std::string Explain() const;
};

/// Finds out which data files of one state of a table are worth writing anew, given one by one.
///
/// Small files of one partition are put together in the order in which their rows came, up to the
/// target size. A group pays when no file is more than half of it: so a row is written anew at most
/// as often as sizes double up to the target, however often upkeep runs. Below kCheapBytes any two
/// files pay. Files with deleted rows beyond the policy's share, with equality deletes, and of an
/// earlier partitioning pay alone.
/// Memory: the candidates, at most kCandidatesMax of them.
class CompactionPlanner {
 public:
  static constexpr size_t kCandidatesMax = 100'000;
  static constexpr int64_t kCheapBytes = 8 << 20;

  CompactionPlanner(const TableMetadata& table, const MaintainPolicy& policy)
      : table_(table), policy_(policy) {}

  void Add(ScanFile&& file);
  CompactionPlan Finish() &&;

 private:
  enum class Reason { kOldSpec, kDeleted, kSmall };
  struct Candidate {
    ScanFile file;
    Reason reason;
    int64_t live_bytes;
  };
  using Candidates = std::vector<Candidate>;

  void PlanPartition(Candidates&& candidates, CompactionPlan& plan) const;
  void TakeGroup(Candidates&& candidates, CompactionPlan& plan) const;

  const TableMetadata& table_;
  const MaintainPolicy policy_;
  std::map<std::string, Candidates> partitions_;
  size_t candidates_ = 0;
  int64_t files_total_ = 0;
  bool complete_ = true;
};

}  // namespace tarn
