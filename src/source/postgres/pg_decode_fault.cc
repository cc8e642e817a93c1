// The unhappy half of RowDecoder: what a value that cannot be stored looks like to a person.
#include <cmath>
#include <cstring>

#include <arrow/type.h>

#include "source/postgres/pg_decode.h"
#include "source/postgres/pg_numeric.h"

namespace tarn::postgres {
namespace {

constexpr size_t kShownMax = 64;

std::string Shortened(std::string text) {
  if (text.size() <= kShownMax) return text;
  const size_t whole = text.size();
  size_t cut = kShownMax;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return text.substr(0, cut) + "… (" + std::to_string(whole) + " bytes)";
}

std::string Hex(const uint8_t* p, int64_t bytes) {
  std::string out = "\\x";
  for (int64_t i = 0; i < bytes && i < 32; ++i) {
    out += "0123456789abcdef"[p[i] >> 4];
    out += "0123456789abcdef"[p[i] & 15];
  }
  return out + (bytes > 32 ? "…" : "");
}

}  // namespace

std::string WireValueToText(const PgColumn& column, const uint8_t* p, int64_t bytes) {
  if (column.dimensions > 0) {
    if (bytes < 12) return "?";
    return "an array of " + std::to_string(ReadBig32(p)) + " dimensions";
  }
  switch (column.wire) {
    case WireKind::kInt16:
      return bytes == 2 ? std::to_string(static_cast<int16_t>(ReadBig16(p))) : Hex(p, bytes);
    case WireKind::kInt32:
      return bytes == 4 ? std::to_string(static_cast<int32_t>(ReadBig32(p))) : Hex(p, bytes);
    case WireKind::kInt64:
      return bytes == 8 ? std::to_string(static_cast<int64_t>(ReadBig64(p))) : Hex(p, bytes);
    case WireKind::kOid:
      return bytes == 4 ? std::to_string(ReadBig32(p)) : Hex(p, bytes);
    case WireKind::kBool:
      return bytes == 1 && *p != 0 ? "true" : "false";
    case WireKind::kDecimal:
      return Shortened(NumericToText(p, bytes));
    case WireKind::kText:
      return "'" + Shortened(std::string(reinterpret_cast<const char*>(p), bytes)) + "'";
    case WireKind::kDate:
      if (bytes != 4) break;
      return "day " + std::to_string(static_cast<int32_t>(ReadBig32(p))) + " from 2000-01-01";
    case WireKind::kTimestamp:
      if (bytes != 8) break;
      return std::to_string(static_cast<int64_t>(ReadBig64(p)) / 1000000) +
             " seconds from 2000-01-01";
    default:
      break;
  }
  return Hex(p, bytes);
}

std::string RowDecoder::WhichRow(const uint8_t* p, const uint8_t* end) const {
  std::string text = "row " + std::to_string(rows_in_all() + 1);
  if (options_.key.empty() && !options_.ctid_follows) return text;
  std::vector<std::pair<const uint8_t*, int64_t>> fields;
  for (p += 2; end - p >= 4 && static_cast<int>(fields.size()) < fields_;) {
    const int64_t bytes = static_cast<int32_t>(ReadBig32(p));
    p += 4;
    if (bytes > end - p) return text;
    fields.emplace_back(p, bytes);
    if (bytes > 0) p += bytes;
  }
  std::string where;
  for (int position : options_.key) {
    const size_t i = static_cast<size_t>(position);
    if (i >= fields.size() || fields[i].second < 0) return text;
    where += (where.empty() ? "" : ", ") + options_.columns[i].name + " = " +
             WireValueToText(options_.columns[i], fields[i].first, fields[i].second);
  }
  if (options_.ctid_follows && fields.size() == static_cast<size_t>(fields_) &&
      fields.back().second == 6) {
    where = "ctid = (" + std::to_string(ReadBig32(fields.back().first)) + "," +
            std::to_string(ReadBig16(fields.back().first + 4)) + ")";
  }
  return where.empty() ? text : text + " of its stream (" + where + ")";
}

Error ValueFault(ValueTrouble trouble, const SourceTableName& table, const PgColumn& column,
                 const std::string& row, const std::string& shown, int64_t bytes,
                 const ValueRules& rules) {
  const std::string where =
      "table " + table.ToString() + ", " + row + ", column " + column.name + ": ";
  const std::string repair = "read the column as text: " + OverrideHint(table, column.name);
  switch (trouble) {
    case ValueTrouble::kDecimal:
      return InvalidArgument(where + (column.dimensions > 0 ? "an element" : shown) +
                                 " does not fit decimal(" + std::to_string(column.precision) + "," +
                                 std::to_string(column.scale) + ") exactly",
                             repair);
    case ValueTrouble::kTimestamp:
      return InvalidArgument(where + "the time is beyond the 64-bit microseconds of a timestamp",
                             repair);
    case ValueTrouble::kDimensions:
      return InvalidArgument(where + shown + ", but the column is " + column.native_type +
                                 " and becomes a list of depth " +
                                 std::to_string(column.dimensions),
                             repair);
    case ValueTrouble::kTooLong:
      return ResourceExhausted(where + "a value of " + std::to_string(bytes) +
                                   " bytes is over the limit of " +
                                   std::to_string(rules.value_bytes_max),
                               "raise value_bytes_max under limits:");
    case ValueTrouble::kUtf8:
      return InvalidArgument(where + "the text is not UTF-8, and the database is SQL_ASCII",
                             "correct the value, or read the bytes through a view with "
                             "convert_to(column, 'SQL_ASCII')");
    case ValueTrouble::kJson:
      return InvalidArgument(where + "no variant can be made of the value: " + shown, repair);
    case ValueTrouble::kMemory:
      return ResourceExhausted(where + "no memory for " + std::to_string(bytes) + " bytes",
                               "lower batch_bytes_max or load_streams under limits:");
    default:
      return Corruption(where + "the server's form of the value is not as expected",
                        "the table may have been altered while it was read: run again");
  }
}

bool RowDecoder::Fail(ValueTrouble trouble, const uint8_t* row, const uint8_t* end, size_t column,
                      const uint8_t* value, int64_t bytes) {
  const std::string which = WhichRow(row, end);
  if (column >= columns_.size()) {
    fault_ = std::make_unique<Error>(
        Corruption("table " + options_.table.ToString() + ", " + which +
                       ": the server's binary form of the row is not as expected",
                   "the table may have been altered while it was read: run again"));
    return false;
  }
  const PgColumn& what = options_.columns[column];
  const bool shows = trouble == ValueTrouble::kDecimal || trouble == ValueTrouble::kDimensions;
  const std::string shown = trouble == ValueTrouble::kJson ? columns_[column]->refusal()
                            : shows                        ? WireValueToText(what, value, bytes)
                                                           : "";
  fault_ = std::make_unique<Error>(
      ValueFault(trouble, options_.table, what, which, shown, bytes, rules_));
  return false;
}

}  // namespace tarn::postgres
