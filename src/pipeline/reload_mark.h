#pragma once

#include <string>

#include "base/result.h"
#include "catalog/catalog.h"
#include "pipeline/context.h"

namespace tarn {

/// Kind of the objects that say of a table, by its uuid, that a process writes files for it under
/// no lock of the project, for as long as that takes: upkeep leaves alone what nothing refers to
/// there, however old it is. One that a dead process left means nothing.
inline constexpr char kReloadObject[] = "reload";
/// The lock that such a process holds all the time: one at a time.
inline constexpr char kResyncLock[] = "resync";

/// By this process. One that another process put in its place meanwhile stays.
/// @{
CommitOp MarkReload(const std::string& table_uuid);
CommitOp UnmarkReload(const std::string& table_uuid);
/// @}

enum class Reloading {
  kNo,
  kYes,    ///< by a process that lives
  kMaybe,  ///< by one of another boot, machine or container: somebody holds the lock, maybe that
           ///< one
};

/// What is done with a lock that may be nobody's any more.
enum class LookAtLock {
  kTake,  ///< from whoever held it: he will commit nothing
  kOnly,  ///< it is left alone, for nothing follows from the answer
};

/// Whether a process does so. Where nobody can tell whether the marked one lives, the lock tells: a
/// lease that ran out is taken from its holder, whose commits are refused from then on. So what is
/// told to be nobody's is never committed, unless it was only looked at. Errors: those of the
/// catalog.
Result<Reloading> IsBeingReloaded(const PipelineContext& context, const std::string& table_uuid,
                                  LookAtLock look);

}  // namespace tarn
