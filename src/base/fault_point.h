#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/result.h"

/// The one registry of fault points: every call of storage and catalog, and every step between
/// them at which a process that dies, or an answer that is lost, leaves something of its own kind
/// behind. Name in the code, name in tests.
#define TARN_FAULT_POINTS(X)                     \
  X(kStoreGet, "store.get")                      \
  X(kStoreGetRange, "store.get_range")           \
  X(kStoreHead, "store.head")                    \
  X(kStorePut, "store.put")                      \
  X(kStorePutIfAbsent, "store.put_if_absent")    \
  X(kStoreOpenWriter, "store.open_writer")       \
  X(kStoreAppend, "store.append")                \
  X(kStoreClose, "store.close")                  \
  X(kStoreList, "store.list")                    \
  X(kStoreDelete, "store.delete")                \
  X(kStoreRemoveFolders, "store.remove_folders") \
  X(kStoreCheckAccess, "store.check_access")     \
  X(kLocalWritten, "local.written")              \
  X(kLocalVisible, "local.visible")              \
  X(kCatalogRead, "catalog.read")                \
  X(kCatalogCommit, "catalog.commit")            \
  X(kCatalogApplied, "catalog.applied")          \
  X(kCatalogOutbox, "catalog.outbox")            \
  X(kCatalogMarkPublished, "catalog.published")  \
  X(kCatalogRecordRun, "catalog.run")            \
  X(kCatalogForget, "catalog.forget")            \
  X(kCatalogLock, "catalog.lock")                \
  X(kCatalogUnlock, "catalog.unlock")            \
  X(kCommitStaged, "commit.staged")              \
  X(kCommitAnswered, "commit.answered")          \
  X(kPublishBegin, "publish.begin")              \
  X(kPublishMetadata, "publish.metadata")        \
  X(kPublishEntry, "publish.entry")              \
  X(kPublishCheckpoint, "publish.checkpoint")    \
  X(kPublishHint, "publish.hint")                \
  X(kLoadBegun, "load.begun")                    \
  X(kLoadPlanned, "load.planned")                \
  X(kLoadWritten, "load.written")                \
  X(kLoadStaged, "load.staged")                  \
  X(kLoadCommitted, "load.committed")            \
  X(kModelWritten, "model.written")              \
  X(kModelChecked, "model.checked")              \
  X(kModelCommitted, "model.committed")          \
  X(kApplyDeclared, "apply.declared")            \
  X(kApplyLoaded, "apply.loaded")                \
  X(kSqlWritten, "sql.written")                  \
  X(kSqlCommitted, "sql.committed")              \
  X(kCompactCopied, "compact.copied")            \
  X(kCompactCommitted, "compact.committed")      \
  X(kManifestsCounted, "manifests.counted")      \
  X(kStatisticsWritten, "statistics.written")    \
  X(kExpirePlanned, "expire.planned")            \
  X(kExpireCommitted, "expire.committed")        \
  X(kSweepFound, "sweep.found")                  \
  X(kSweepRemoved, "sweep.removed")              \
  X(kDeltaLogFound, "delta_log.found")           \
  X(kDroppedRemoved, "dropped.removed")          \
  X(kDestroyDropped, "destroy.dropped")          \
  X(kDestroyRemoved, "destroy.removed")          \
  X(kDestroyForgotten, "destroy.forgotten")      \
  X(kDestroyState, "destroy.state")              \
  X(kReloadMarked, "reload.marked")              \
  X(kReloadWritten, "reload.written")            \
  X(kReloadStaged, "reload.staged")              \
  X(kReloadCaughtUp, "reload.caught_up")         \
  X(kReloadAtPlace, "reload.at_place")           \
  X(kReloadCommitted, "reload.committed")        \
  X(kReloadIndexed, "reload.indexed")

namespace tarn {

enum class FaultPoint : uint8_t {
#define TARN_FAULT_POINT_ENUM(id, name) id,
  TARN_FAULT_POINTS(TARN_FAULT_POINT_ENUM)
#undef TARN_FAULT_POINT_ENUM
};

/// The names, in the order of the enumeration.
std::span<const std::string_view> FaultPointNames();
std::string_view FaultPointName(FaultPoint point);

/// Of a call: before it (an error means that nothing happened) and after it succeeded (an error is
/// a lost answer). A step has the first only: what it stands behind has happened.
enum class FaultMoment : uint8_t { kBefore, kAfter };

/// What a test makes of fault points: an error, a pause, the end of the process.
/// Threads: called from every thread that reaches a point, concurrently.
class FaultHandler {
 public:
  virtual ~FaultHandler() = default;
  virtual Status Reached(FaultPoint point, FaultMoment moment) = 0;
};

/// Only test programs install one, at their start or where no other thread runs; nullptr takes it
/// away. Without one a fault point is the load of one pointer.
void InstallFaultHandler(FaultHandler* handler);

namespace internal {
extern std::atomic<FaultHandler*> g_fault_handler;
}

inline bool FaultHandlerInstalled() {
  return internal::g_fault_handler.load(std::memory_order_acquire) != nullptr;
}

inline Status ReachFaultPoint(FaultPoint point, FaultMoment moment = FaultMoment::kBefore) {
  FaultHandler* const handler = internal::g_fault_handler.load(std::memory_order_acquire);
  return handler == nullptr ? Status() : handler->Reached(point, moment);
}

/// Where nothing may fail, for the truth is told already: a test can stall or kill here.
inline void PassFaultPoint(FaultPoint point) {
  const Status nobody_asked = ReachFaultPoint(point);
  static_cast<void>(nobody_asked.ok());
}

/// A call that may fail, stall, lose its answer or be the last of its process.
template <typename Call>
std::invoke_result_t<Call> CallWithFaults(FaultPoint point, Call&& call) {
  if (Status before = ReachFaultPoint(point); !before.ok()) return before;
  auto answer = std::forward<Call>(call)();
  if (!answer.ok()) return answer;
  if (Status after = ReachFaultPoint(point, FaultMoment::kAfter); !after.ok()) return after;
  return answer;
}

}  // namespace tarn

/// Leaves the function with the error that a test wants here.
#define TARN_FAULT_POINT(id) TARN_RETURN_IF_ERROR(::tarn::ReachFaultPoint(::tarn::FaultPoint::id))
