#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/time_zone.h"
#include "sql/engine.h"

namespace tarn {

enum class OutputFormat { kTable, kCsv, kJson, kParquet, kArrow };

/// Why a result did not come out whole, by the errno of the write (0: not known), with what to do:
/// ResourceExhausted for a full disk, Unavailable for a closed pipe and all else.
Error WriteError(int error);

/// Prints all rows of a result to `out`. Memory is bounded but for kTable, which measures its
/// columns on the first kTableRowsMax rows and cuts the middle of what is longer, as it says.
/// `zone`: of timestamps with time zone as texts; null is UTC. Parquet and Arrow hold instants.
/// Errors: the rows'; WriteError() when `out` cannot be written.
Status PrintRows(Rows& rows, OutputFormat format, const Limits& limits, const TimeZone* zone,
                 std::FILE* out);

/// A plain table of texts, aligned; to a terminal with a head, to a pipe as tab-separated rows.
void PrintTexts(const std::vector<std::string>& head,
                const std::vector<std::vector<std::string>>& rows, std::FILE* out);

/// Whether `file` is a terminal.
bool IsTerminal(std::FILE* file);

}  // namespace tarn
