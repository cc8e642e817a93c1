#include "pipeline/reload_mark.h"

#include "base/json.h"
#include "base/process_identity.h"

namespace tarn {
namespace {

constexpr char kWhat[] = "the mark of a table that is being loaded anew";
/// Of the lock, for who only wants to know whether it is free: should he die with it.
constexpr int64_t kLookLeaseMs = 1000;

std::string MarkOfThisProcess() {
  const Json json = {{"process", ProcessIdentity()}};
  return DumpJson(json);
}

Result<bool> IsResyncLockHeld(const PipelineContext& context, LookAtLock look) {
  if (look == LookAtLock::kOnly) {
    TARN_ASSIGN_OR_RETURN(const auto holder, context.catalog->FindLock(kResyncLock));
    return holder.has_value();
  }
  const auto lock = context.catalog->AcquireLock(kResyncLock, "maintain",
                                                 context.tables.random->Uuid(), kLookLeaseMs);
  if (!lock.ok() && lock.error().kind == ErrorKind::kConflict) return true;
  TARN_RETURN_IF_ERROR(lock.status());
  TARN_RETURN_IF_ERROR(context.catalog->ReleaseLock(*lock));
  return false;
}

}  // namespace

CommitOp MarkReload(const std::string& table_uuid) {
  return PutObjectOp{kReloadObject, table_uuid, MarkOfThisProcess()};
}

CommitOp UnmarkReload(const std::string& table_uuid) {
  return DropObjectOp{kReloadObject, table_uuid, MarkOfThisProcess()};
}

Result<Reloading> IsBeingReloaded(const PipelineContext& context, const std::string& table_uuid,
                                  LookAtLock look) {
  TARN_ASSIGN_OR_RETURN(const auto objects, context.catalog->ListObjects(kReloadObject));
  for (const ObjectEntry& object : objects) {
    if (object.name != table_uuid) continue;
    TARN_ASSIGN_OR_RETURN(const Json json, ParseJson(object.json, kWhat));
    TARN_ASSIGN_OR_RETURN(const std::string process, JsonString(json, "process", kWhat));
    const Liveness liveness = LivenessOf(process);
    if (liveness == Liveness::kAlive) return Reloading::kYes;
    if (liveness == Liveness::kDead) return Reloading::kNo;
    TARN_ASSIGN_OR_RETURN(const bool held, IsResyncLockHeld(context, look));
    return held ? Reloading::kMaybe : Reloading::kNo;
  }
  return Reloading::kNo;
}

}  // namespace tarn
