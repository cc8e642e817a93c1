#include "source/postgres/pg_missing_value.h"

#include <utility>

#include <arrow/array/array_base.h>
#include <arrow/array/util.h>
#include <arrow/memory_pool.h>

#include "source/postgres/pg_column_buffer.h"
#include "source/postgres/pg_decode.h"

namespace tarn::postgres {
namespace {

constexpr int kGeneratedPublished = 180000;  // stored ones may be in the log
constexpr uint32_t kMoneyOid = 790;

}  // namespace

Result<std::optional<std::vector<LaterColumn>>> LoadLaterColumns(Connection& connection,
                                                                 uint32_t relation, int32_t after) {
  const bool stored_told = connection.server_version() >= kGeneratedPublished;
  TARN_ASSIGN_OR_RETURN(
      Rows rows,
      connection.Query(std::string(R"(
SELECT a.attnum, a.attname, a.attisdropped, )") +
                           (stored_told ? "a.attgenerated = 'v'" : "a.attgenerated <> ''") + R"(,
  a.atttypid, a.atttypmod,
  CASE WHEN a.atthasmissing THEN (a.attmissingval::pg_catalog.text::pg_catalog.text[])[1] END,
  a.atthasmissing OR a.atthasdef OR a.attnotnull
FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > $2::int4
WHERE c.oid = $1::oid ORDER BY a.attnum)",
                       {std::to_string(relation), std::to_string(after)},
                       "looking up columns that came later"));
  if (rows.count() == 0) return std::optional<std::vector<LaterColumn>>();
  std::vector<LaterColumn> later;
  for (int i = 0; i < rows.count(); ++i) {
    if (rows.null(i, 0)) break;
    LaterColumn column;
    column.id = static_cast<int32_t>(rows.integer(i, 0));
    column.name = rows.text(i, 1);
    column.dropped = rows.boolean(i, 2);
    column.untold = rows.boolean(i, 3);
    column.type = static_cast<uint32_t>(rows.integer(i, 4));
    column.modifier = static_cast<int32_t>(rows.integer(i, 5));
    if (!rows.null(i, 6)) column.missing = rows.text(i, 6);
    column.may_fill = rows.boolean(i, 7);
    later.push_back(std::move(column));
  }
  return std::optional<std::vector<LaterColumn>>(std::move(later));
}

Result<std::shared_ptr<arrow::Array>> DecodeMissingValue(const SourceTableName& table,
                                                         const StreamColumn& column,
                                                         const ValueRules& rules,
                                                         const std::string& text) {
  if (column.column.value_oid == kMoneyOid || column.delimiter != ',') {
    return Unsupported("a default of type " + column.column.native_type + " is not read here");
  }
  ColumnBuffer buffer(column.column, column.column.dimensions, arrow::default_memory_pool());
  TARN_RETURN_IF_ERROR(buffer.Reset(1));
  const auto bytes = static_cast<int64_t>(text.size());
  const ValueTrouble trouble = DecodeStreamText(
      column, rules, buffer, 0, reinterpret_cast<const uint8_t*>(text.data()), bytes);
  if (trouble != ValueTrouble::kNone) {
    const std::string shown = trouble == ValueTrouble::kJson ? buffer.refusal() : "'" + text + "'";
    return ValueFault(trouble, table, column.column, "the default of older rows", shown, bytes,
                      rules);
  }
  TARN_ASSIGN_OR_RETURN(std::shared_ptr<arrow::ArrayData> data, buffer.Finish(1));
  return arrow::MakeArray(std::move(data));
}

}  // namespace tarn::postgres
