#include "source/postgres/pg_renames.h"

#include <algorithm>

#include <arrow/type.h>

namespace tarn::postgres {

const SourceColumn* FindColumn(const SourceTable& table, const std::string& name) {
  for (const SourceColumn& column : table.columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

std::vector<TableAltered::Renamed> FindRenamed(const SourceTable& before, const SourceTable& now) {
  std::vector<TableAltered::Renamed> renamed;
  for (size_t i = 0; i < before.columns.size(); ++i) {
    const SourceColumn& was = before.columns[i];
    if (was.id != 0) {
      // A number that another column has now is that column under a new name.
      const auto is = std::find_if(now.columns.begin(), now.columns.end(),
                                   [&](const SourceColumn& one) { return one.id == was.id; });
      if (is != now.columns.end()) {
        if (is->name != was.name) renamed.push_back({was.name, is->name});
        continue;
      }
    }
    if (before.columns.size() != now.columns.size()) continue;
    const SourceColumn& is = now.columns[i];
    const bool both_numbered = was.id != 0 && is.id != 0;
    if (!both_numbered && FindColumn(now, was.name) == nullptr &&
        FindColumn(before, is.name) == nullptr && was.field->type()->Equals(*is.field->type())) {
      renamed.push_back({was.name, is.name});
    }
  }
  return renamed;
}

namespace {

/// Both have their columns in the order of their numbers, which are given out in that order: what
/// stands before a column that is still the same, at the same place, was there before it, and none
/// of it is new.
bool IsBeforeOneThatStayed(const SourceTable& before, const SourceTable& now, size_t place) {
  const size_t both = std::min(before.columns.size(), now.columns.size());
  for (size_t i = place + 1; i < both; ++i) {
    const SourceColumn& was = before.columns[i];
    const SourceColumn& is = now.columns[i];
    if (was.id != 0 && was.id == is.id && was.name == is.name) return true;
  }
  return false;
}

}  // namespace

std::vector<TableAltered::Filled> UncertainRenames(
    const SourceTable& before, const SourceTable& now,
    const std::optional<std::vector<LaterColumn>>& later,
    const std::vector<TableAltered::Renamed>& renamed) {
  std::vector<TableAltered::Filled> uncertain;
  if (!later) return uncertain;
  const auto unseen = std::count_if(later->begin(), later->end(), [&](const LaterColumn& one) {
    return !one.untold && (one.dropped || FindColumn(now, one.name) == nullptr);
  });
  int64_t unnumbered = 0;
  for (const TableAltered::Renamed& one : renamed) {
    const SourceColumn& was = *FindColumn(before, one.from);
    const SourceColumn& is = *FindColumn(now, one.to);
    if (was.id != 0 && was.id == is.id) continue;
    const auto place = static_cast<size_t>(&was - before.columns.data());
    const bool same_place = place < now.columns.size() && now.columns[place].name == one.to;
    if (same_place && IsBeforeOneThatStayed(before, now, place)) continue;
    // One that was added and renamed since, twice, is the one that is not seen.
    const bool both = was.id == 0 && is.id == 0;
    if (both) ++unnumbered;
    if (unseen == 0 || (both && unseen == 1 && unnumbered == 1)) continue;
    uncertain.push_back({one.to, nullptr,
                         "whether it is column " + one.from +
                             " under another name or another one "
                             "was dropped since"});
  }
  return uncertain;
}

}  // namespace tarn::postgres
