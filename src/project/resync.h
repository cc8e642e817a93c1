#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/ingest/load.h"
#include "pipeline/ingest/reload.h"
#include "project/plan.h"

namespace tarn {

/// Tables of mode cdc that are to be loaded again, each in one of two ways.
struct ResyncPlan {
  /// By source: while `up` goes on.
  std::map<std::string, std::vector<PlannedTable>> beside;
  /// While `up` makes way: what the log does not lead up to, and tables that stopped and have a
  /// history, which lacks what the log said since.
  std::vector<std::string> held;
};

/// `names`: of the lake's tables. Errors: those of MakePlan; NotFound for a table that nothing is
/// followed into; InvalidArgument when the project was changed and not applied.
Result<ResyncPlan> PlanResync(OpenProject& project, const std::vector<std::string>& names);

/// InvalidArgument when the plan does anything but load followed tables anew, or build the models
/// that are due since.
Status CheckApplied(const Plan& plan);

/// The tables of one source, from reading their rows to putting them in their place. Everything is
/// borrowed. Threads: one at a time.
class SourceResync {
 public:
  SourceResync(OpenProject& project, const PipelineContext& context, const std::string& source,
               const ResyncPlan& plan);
  ~SourceResync();
  SourceResync(const SourceResync&) = delete;
  SourceResync& operator=(const SourceResync&) = delete;

  /// Lets the log tell the source's tables, one that was dropped and made again too. Call with the
  /// locks of resync and project held: nobody adds or removes tables meanwhile. Errors: those of
  /// ChangeCapture; Conflict when a table is not followed any more.
  Status Publish();
  /// Takes a snapshot. Call with the resync lock held, and without the capture lock: `up` may go
  /// on, here and in Load(). Errors: those of Reload.
  Status Begin();
  /// Whether Follow() must come before Load(): a history wants the lake to stand where the rows are
  /// read. While somebody follows the log, it is waited for.
  Result<bool> MustFollow() const;
  /// Follows the log up to where the rows are read. Call with the capture lock held. Errors: those
  /// of Capture.
  Status Follow();
  /// Reads the rows into files that nobody sees, and what the log said of them meanwhile, until
  /// that is little. Errors: those of Reload.
  Status Load();
  /// Whether Follow() must come between Load() and Swap(): nobody has followed the log that far.
  Result<bool> IsBehind() const;
  /// Takes in what the log said since, up to where the lake stands: as Load() does in the end,
  /// after a wait that may have been a long one. Errors: those of Reload.
  Status CatchUp();
  /// Puts them in the place of the tables' rows, in one commit at the place in the log at which the
  /// lake stands. Call with the locks of project and capture held beside that of resync; `held` are
  /// those that the commit expects beside the context's. Errors: those of Reload; Conflict when the
  /// log was not followed up to where the rows were read, or `apply` changed what the tables are.
  Result<LoadReport> Swap(const std::vector<ExpectLockOp>& held);

 private:
  /// Whether the lake came to stand where the rows are read, or further.
  Result<bool> Await() const;
  Status FollowLog();
  Status CatchUpWithLake();
  Result<std::string> Place() const;
  /// Whether the lake has what the log says up to where the rows were read.
  Result<bool> Passed(const std::string& place) const;
  Result<std::vector<CommitOp>> Declared() const;
  Result<std::vector<CommitOp>> DueModels(const AliveObjects& alive,
                                          const std::vector<TableName>& loaded) const;
  Status Recorded(Status status);

  OpenProject& project_;
  const PipelineContext& context_;
  const SourceSpec& spec_;
  ChangeCapture& capture_;
  const std::vector<PlannedTable>& tables_;
  CaptureSpec capture_spec_;
  std::unique_ptr<Reload> reload_;
  RunRecord run_;
};

}  // namespace tarn
