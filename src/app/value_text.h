#pragma once

#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "base/time_zone.h"

namespace tarn {

/// Values of Arrow arrays as people and programs read them.
/// Numbers in shortest exact form; timestamps "2026-11-21 04:05:06.5", where they have a zone in
/// `zone` (null: UTC) with its offset, "+00" or "+05:30"; ±infinity where DuckDB has it; years
/// before Christ with " (BC)"; intervals "1 day 02:00:00"; binary as "\x0a…"; lists [a, b], structs
/// {'a': 1}; variants as JSON.
/// @{
/// The text of one value that is not null.
void AppendText(const arrow::Array& array, int64_t row, const TimeZone* zone, std::string* out);
/// One JSON value: null, numbers exact, NaN and infinities as strings, everything else a string, a
/// list or an object.
void AppendJson(const arrow::Array& array, int64_t row, const TimeZone* zone, std::string* out);
/// A JSON string with its quotes.
void AppendJsonString(std::string_view text, std::string* out);
/// @}

/// Whether a terminal should align the column to the right.
bool IsNumeric(const arrow::DataType& type);

/// Columns that `text` takes on a terminal: wide characters count two, combining marks none.
int DisplayWidth(std::string_view text);

}  // namespace tarn
