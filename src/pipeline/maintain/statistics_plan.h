#pragma once

#include <cstdint>
#include <string>

#include "pipeline/maintain/policy.h"
#include "table/model/metadata.h"

namespace tarn {

/// Whether a table's statistics are worth making anew, and why.
struct StatisticsPlan {
  bool due = false;
  std::string why;                         ///< a phrase
  const StatisticsFile* newest = nullptr;  ///< of the table; nullptr: it has none
};

/// First ones are due once a table has the policy's number of rows; others when more than the
/// policy's share of its rows changed since the snapshot that they were made of, when a column came
/// that they do not tell of, and when that snapshot has left, so that nobody can tell. Rows that
/// changed are counted by the summaries of the snapshots since: of each what it added or what it
/// removed, whichever is more (an update is both); what was only written anew has not changed.
/// `rows`: that the table has.
StatisticsPlan PlanStatistics(const TableMetadata& table, const MaintainPolicy& policy,
                              int64_t rows);

}  // namespace tarn
