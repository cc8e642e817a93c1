#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/command.h"
#include "app/up_status.h"
#include "app/wiring.h"
#include "base/cancel.h"
#include "pipeline/ingest/capture.h"
#include "pipeline/ingest/stop_grace.h"
#include "project/lock.h"

namespace tarn {

/// A project as `up` follows it from taking the capture lock to giving it up: its sources of mode
/// cdc, each in a thread, and beside them upkeep and a look around now and then.
class Following {
 public:
  using Say = std::function<void(const std::string&)>;

  /// Opens the project and takes the capture lock. `once`: up to where the sources stand now.
  /// Errors: those of WireProject, of the lock and of CaptureOptionsOf.
  static Result<std::unique_ptr<Following>> Begin(const CommandContext& context, bool once, Say say,
                                                  UpStatus& status);
  ~Following();
  Following(const Following&) = delete;
  Following& operator=(const Following&) = delete;

  /// Until every source has ended and there is nothing else to do, somebody wants the way, or the
  /// command's flag is set; then what is whole is committed. `has_other_work` is asked once the
  /// sources have ended, again and again. Errors: of a source, when all have ended.
  Status Run(const std::function<bool()>& has_other_work);

  const ProjectSpec& spec() const { return wired_->open.spec; }
  size_t sources() const { return sources_.size(); }
  size_t tables() const { return tables_.size(); }
  /// Who wanted the way, when that ended Run().
  const std::optional<std::string>& made_way_for() const { return made_way_for_; }

 private:
  Following(const CommandContext& context, bool once, Say say, UpStatus& status);
  Status Open();
  Status FollowSource(CaptureOptions options);
  Status FollowAll(const std::function<bool()>& has_other_work);
  Status Begin(Status (Following::*work)());
  Status Watch();
  Status KeepUp();
  Status KeepLooking();
  void RunUpkeep(const PipelineContext& context);
  void LookAround();

  const CommandContext& context_;
  const bool once_;
  const Say say_;
  UpStatus& status_;
  CancelFlag cancel_;  ///< of this following: the command's, a lost lock, or somebody's way
  CancelFlag done_;    ///< of what goes on beside
  std::unique_ptr<StopGrace> grace_;  ///< after which nothing waits for storage or the catalog
  std::unique_ptr<Wired> wired_;
  std::vector<CaptureOptions> sources_;
  std::vector<TableName> tables_;
  std::unique_ptr<ProjectLock> lock_;
  std::optional<std::string> made_way_for_;
  std::atomic<bool> running_{false};
  std::vector<std::thread> beside_;
};

}  // namespace tarn
