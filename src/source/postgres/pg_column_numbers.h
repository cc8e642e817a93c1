#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "source/postgres/pg_missing_value.h"

namespace tarn::postgres {

/// A column of a Relation message. Messages have no numbers; today's catalog has them, by names
/// that may be of other columns by now.
struct ToldColumn {
  /// Whether the description before has it, under this name or, where it was renamed, another one;
  /// with what number, 0 where that was never certain.
  bool known = false;
  int32_t number = 0;
  int32_t today = 0;  ///< of today's column of that name; 0 where there is none
};

/// What the columns of a message are.
struct ColumnNumbers {
  struct One {
    int32_t number = 0;  ///< 0: not certain, a column that was renamed or dropped since
    /// Why it is not certain whether it is the column that the description before, or today's
    /// catalog, has; "" where it is, and where it has no number and its rows of before need none.
    std::string doubt;
  };
  std::vector<One> columns;
  int32_t last = 0;  ///< every column that a later message has and this one has not is above
};

/// Tells a column from another one of its name. `told`: in the message's order, which is that of
/// their numbers. `last`: all with a higher one came after the description before, and those of it
/// without a number are such. `left`: how many of these the message has no more: they were dropped.
/// `later`: today's with higher numbers.
///
/// A column whose name has number n today is n, unless it was dropped since and the name given to
/// another one. Then it is a dropped column below n; and so it is n when all of those are others:
/// columns that the log has told, and that are gone today. A column below n that still stands and
/// is not in the message must have had another name then: it may be any.
ColumnNumbers NumberColumns(const std::vector<ToldColumn>& told, int64_t left, int32_t last,
                            const std::vector<LaterColumn>& later);

}  // namespace tarn::postgres
