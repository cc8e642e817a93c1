#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/maintain/policy.h"
#include "table/model/metadata.h"

namespace tarn {

/// What may leave a table's history.
struct ExpiryPlan {
  std::vector<SnapshotId> snapshots;
  std::vector<std::string> refs;  ///< branches and tags that are older than they say
};

/// Iceberg "Snapshot Retention Policy", with ages that are counted from when a snapshot was
/// followed by another: so every moment within the policy's age can be asked for, also of a table
/// that seldom changes. Stays: what a tag names; of each branch its newest snapshots, and those not
/// older than the branch's own or the policy's age; what nothing leads to, until that age. Of a
/// branch that has more than the policy's number the oldest leave although they are young, but
/// never within the readers' grace: a table that changes every second would carry them all in each
/// of its metadata files.
/// References leave by their own or the table's age, "main" and those without any never.
ExpiryPlan PlanExpiry(const TableMetadata& table, const MaintainPolicy& policy, int64_t now_ms);

}  // namespace tarn
