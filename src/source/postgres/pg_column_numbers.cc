#include "source/postgres/pg_column_numbers.h"

#include <algorithm>

namespace tarn::postgres {
namespace {

/// Generated ones that still stand were in no message.
bool IsUntold(const LaterColumn& column) { return column.untold && !column.dropped; }

/// The number of the last of so many columns that were dropped: at least that.
int32_t PassDropped(int64_t count, int32_t last, const std::vector<LaterColumn>& later) {
  for (const LaterColumn& one : later) {
    if (count == 0) break;
    if (one.id <= last || IsUntold(one)) continue;
    if (!one.dropped) break;
    last = one.id;
    --count;
  }
  return last;
}

/// Whether rows of before have a value in one of the first `count` columns that have another name
/// today: where a message has so many without a name of today, it has none of the others.
bool MayFill(const std::vector<ToldColumn>& told, size_t count, int32_t last,
             const std::vector<LaterColumn>& later) {
  for (const LaterColumn& one : later) {
    if (one.id <= last || one.dropped || one.untold) continue;
    if (std::any_of(told.begin(), told.end(), [&](const auto& t) { return t.today == one.id; })) {
      continue;
    }
    if (count-- == 0) return false;
    if (one.may_fill) return true;
  }
  return false;
}

}  // namespace

ColumnNumbers NumberColumns(const std::vector<ToldColumn>& told, int64_t left, int32_t last,
                            const std::vector<LaterColumn>& later) {
  ColumnNumbers result;
  result.columns.resize(told.size());
  result.last = PassDropped(left, last, later);
  std::vector<size_t> open;  // have no number yet, and are above `result.last`
  for (size_t i = 0; i < told.size(); ++i) {
    ColumnNumbers::One& one = result.columns[i];
    const int32_t today = told[i].today;
    one.number = told[i].number;
    if (told[i].known && one.number != 0) continue;
    if (today == 0) {
      open.push_back(i);
      if (MayFill(told, open.size(), result.last, later) && !told[i].known) {
        one.doubt = "columns were renamed since";
      }
      continue;
    }
    if (today <= last) {
      one.doubt = "it stood in the table before, and the log did not tell it";
      continue;
    }
    std::vector<int32_t> dropped;
    bool renamed = false;
    bool found = false;
    for (const LaterColumn& column : later) {
      if (column.id == today) found = !column.dropped && !column.untold;
      if (column.id <= result.last || column.id >= today || IsUntold(column)) continue;
      if (column.dropped) {
        dropped.push_back(column.id);
      } else {
        renamed = true;
      }
    }
    if (!found || today <= result.last) {
      one.doubt = "the table was altered again meanwhile";
    } else if (renamed) {
      one.doubt = "columns were renamed since";
    } else if (dropped.size() != open.size()) {
      one.doubt = "a column was dropped since, which it may have been";
    } else {
      for (size_t k = 0; k < open.size(); ++k) result.columns[open[k]].number = dropped[k];
      open.clear();
      one.number = today;
      result.last = today;
    }
  }
  return result;
}

}  // namespace tarn::postgres
