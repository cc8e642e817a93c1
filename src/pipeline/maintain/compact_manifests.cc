#include <map>
#include <utility>

#include "base/fault_point.h"
#include "pipeline/maintain/compact.h"
#include "pipeline/maintain/table_state.h"
#include "table/dual/manifest_io.h"
#include "table/dual/manifest_roller.h"

namespace tarn {

namespace {

/// So many small manifests are worth a snapshot; every commit merges them from 100 on by itself.
constexpr int64_t kSmallManifestsMin = 10;

/// How many manifests a rewrite would put together, and how many would come of them.
struct SmallManifests {
  int64_t taken = 0, made = 0, bytes = 0;
};

Result<SmallManifests> CountSmall(const PipelineContext& context, const TableMetadata& table) {
  SmallManifests result;
  if (table.current() == nullptr) return result;
  ManifestIo io(*context.tables.store, context.tables.cache, table);
  TARN_ASSIGN_OR_RETURN(const auto manifests, io.List(*table.current()));
  std::map<std::pair<SpecId, ManifestFile::Content>, SmallManifests> places;
  for (const ManifestFile& manifest : manifests) {
    if (manifest.length >= kManifestBytesSmall || !manifest.key_metadata.empty()) continue;
    SmallManifests& place = places[{manifest.spec_id, manifest.content}];
    ++place.taken;
    place.bytes += manifest.length;
  }
  for (const auto& [key, place] : places) {
    if (place.taken < 2) continue;
    result.taken += place.taken;
    result.made += place.bytes / kManifestBytesMax + 1;
    result.bytes += place.bytes;
  }
  return result;
}

}  // namespace

Result<MaintainStep> CompactManifests(const PipelineContext& context, const std::string& uuid,
                                      MaintainMode mode) {
  MaintainStep step;
  step.part = "manifests";
  TARN_ASSIGN_OR_RETURN(TableState state, LoadTableState(context, uuid));
  TARN_ASSIGN_OR_RETURN(const SmallManifests small, CountSmall(context, *state.metadata));
  step.why = std::to_string(small.taken) + " small ones";
  if (small.taken < kSmallManifestsMin) return step;
  step.taken = small.taken;
  step.made = small.made;
  step.bytes = small.bytes;
  if (mode == MaintainMode::kDryRun) {
    step.outcome = MaintainStep::Outcome::kWould;
    return step;
  }
  TARN_FAULT_POINT(kManifestsCounted);
  TARN_ASSIGN_OR_RETURN(auto transaction, TableTransaction::Change(context.tables, state.metadata,
                                                                   state.entry.metadata_location));
  TARN_RETURN_IF_ERROR(transaction->RewriteManifests());
  LakeCommit commit =
      context.NewCommit("maintain", "rewrite manifests of " + state.entry.name.ToString());
  commit.tables.push_back({state.entry.name, "", uuid, transaction.get()});
  const auto info = CommitToLake(context.tables, *context.catalog, commit);
  if (!info.ok() && info.error().kind == ErrorKind::kConflict) {
    step.outcome = MaintainStep::Outcome::kHeld;
    step.why += "; writers were faster: " + info.error().message;
    return step;
  }
  TARN_RETURN_IF_ERROR(info.status());
  step.outcome = MaintainStep::Outcome::kDone;
  return step;
}

}  // namespace tarn
