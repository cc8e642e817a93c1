#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "source/mysql/my_connection.h"
#include "source/mysql/my_table.h"
#include "source/source.h"

namespace tarn::mysql {

/// Cuts a table into at most `ranges_max` ranges of its primary key's first column, of about equal
/// numbers of rows as the optimiser estimates them from the index, without reading rows. One range
/// where that column is no integer, or the table is small.
/// A range's text is the condition itself; every row is in exactly one.
Result<std::vector<ScanRange>> SplitByKey(Connection& connection, const MyTable& table,
                                          int ranges_max);

}  // namespace tarn::mysql
