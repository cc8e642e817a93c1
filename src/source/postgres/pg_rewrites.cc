#include "source/postgres/pg_rewrites.h"

#include <algorithm>
#include <array>
#include <set>
#include <sstream>
#include <utility>

namespace tarn::postgres {
namespace {

/// From and to: casts that write the table anew and keep each value, as far as the lake has it.
constexpr std::array<std::pair<uint32_t, uint32_t>, 5> kWider = {{
    {21, 23},      // smallint → integer
    {21, 20},      // smallint → bigint
    {23, 20},      // integer → bigint
    {700, 701},    // real → double precision
    {1082, 1114},  // date → timestamp
}};

constexpr uint32_t kText = 25;
constexpr uint32_t kVarchar = 1043;
constexpr uint32_t kNumeric = 1700;
/// Times, whose modifier is the number of digits.
constexpr std::array<uint32_t, 4> kTimes = {1083, 1114, 1184, 1266};

bool Contains(const std::array<uint32_t, 4>& types, uint32_t type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

bool HasTypeOf(const RowsMark::Column& a, const RowsMark::Column& b) {
  return a.type == b.type && a.modifier == b.modifier;
}

bool IsWider(const RowsMark::Column& before, const RowsMark::Column& now) {
  return now.modifier == -1 &&
         std::find(kWider.begin(), kWider.end(), std::pair(before.type, now.type)) != kWider.end();
}

/// Whether the plain change of the type leaves the rows where they are.
bool IsInPlace(const RowsMark::Column& before, const RowsMark::Column& now) {
  const bool text = now.type == kText || now.type == kVarchar;
  if (text && (before.type == kText || before.type == kVarchar)) {
    return now.modifier == -1 || (before.modifier != -1 && now.modifier >= before.modifier);
  }
  if (before.type != now.type) return false;
  if (now.modifier == -1) return now.type == kNumeric || Contains(kTimes, now.type);
  if (before.modifier == -1) return false;
  if (now.type == kNumeric) {
    constexpr int32_t kScale = 0xffff;  // behind a header of four
    const int32_t was = before.modifier - 4;
    const int32_t is = now.modifier - 4;
    return (was & kScale) == (is & kScale) && is >> 16 >= was >> 16;
  }
  return Contains(kTimes, now.type) && now.modifier >= before.modifier;
}

}  // namespace

RowsMark RowsMark::Parse(const std::string& text) {
  std::istringstream in(text);
  RowsMark mark;
  in >> mark.files;
  int32_t number = 0;
  Column column;
  while (in >> number >> column.described_by >> column.type >> column.modifier >> column.name >>
         column.rules) {
    mark.columns[number] = column;
  }
  return mark;
}

std::string RowsMark::ToString() const {
  std::string text = files;
  for (const auto& [number, column] : columns) {
    text += " " + std::to_string(number) + " " + std::to_string(column.described_by) + " " +
            std::to_string(column.type) + " " + std::to_string(column.modifier) + " " +
            std::to_string(column.name) + " " + std::to_string(column.rules);
  }
  return text;
}

Result<std::map<uint32_t, RowsMark>> LoadRowsMarks(Connection& connection,
                                                   const std::string& oids) {
  TARN_ASSIGN_OR_RETURN(Rows rows, connection.Query(R"(
SELECT c.oid,
  CASE WHEN c.relkind <> 'p' THEN c.relfilenode::text ELSE coalesce((
    SELECT pg_catalog.md5(pg_catalog.string_agg(l.relfilenode::text, ',' ORDER BY l.oid))
    FROM pg_catalog.pg_partition_tree(c.oid) t JOIN pg_catalog.pg_class l ON l.oid = t.relid
    WHERE t.isleaf), '0') END,
  a.attnum, a.xmin::text::int8, a.atttypid, a.atttypmod,
  pg_catalog.hashtext(a.attname::text),
  pg_catalog.hashtext(pg_catalog.concat(a.attnotnull, a.atthasdef, a.atthasmissing))
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.oid = ANY ($1::oid[]))",
                                                    {oids}, "asking where the rows of tables are"));
  std::map<uint32_t, RowsMark> marks;
  for (int i = 0; i < rows.count(); ++i) {
    RowsMark& mark = marks[static_cast<uint32_t>(rows.integer(i, 0))];
    mark.files = rows.text(i, 1);
    mark.columns[static_cast<int32_t>(rows.integer(i, 2))] = {
        static_cast<uint32_t>(rows.integer(i, 3)), static_cast<uint32_t>(rows.integer(i, 4)),
        static_cast<int32_t>(rows.integer(i, 5)), static_cast<int32_t>(rows.integer(i, 6)),
        static_cast<int32_t>(rows.integer(i, 7))};
  }
  return marks;
}

std::vector<DoubtedColumn> DoubtedColumns(const RowsMark& before, const RowsMark& now) {
  std::vector<DoubtedColumn> doubted;
  if (before.files.empty() || now.files.empty() || before.files == now.files) return doubted;
  std::set<uint32_t> described;  // since then, by whom
  std::set<uint32_t> retyped;    // of these, who gave a column another type, or added one
  // Whether something else may be why the table was written anew.
  bool explained = std::any_of(before.columns.begin(), before.columns.end(),
                               [&](const auto& was) { return !now.columns.contains(was.first); });
  for (const auto& [number, is] : now.columns) {
    const auto was = before.columns.find(number);
    const bool known = was != before.columns.end();
    if (known && was->second.described_by == is.described_by) continue;
    described.insert(is.described_by);
    if (!known || !HasTypeOf(was->second, is)) retyped.insert(is.described_by);
    explained = explained || !known || IsWider(was->second, is);
  }
  for (const auto& [number, is] : now.columns) {
    const auto found = before.columns.find(number);
    if (found == before.columns.end()) continue;
    const RowsMark::Column& was = found->second;
    if (was.described_by == is.described_by || IsWider(was, is)) continue;
    const bool same_type = HasTypeOf(was, is);
    const bool in_place = !same_type && IsInPlace(was, is);
    const bool renamed = same_type && was.name != is.name;
    const bool ruled = same_type && was.rules != is.rules;
    if ((renamed || ruled) && retyped.contains(is.described_by)) continue;
    if ((renamed || in_place) && explained) continue;
    if (same_type || in_place) {
      doubted.push_back({number, DoubtedColumn::Why::kDescribed, {is.described_by}});
    } else {
      doubted.push_back({number, DoubtedColumn::Why::kOtherType,
                         std::vector<uint32_t>(described.begin(), described.end())});
    }
  }
  return doubted;
}

Result<bool> HasRewrittenRows(Connection& connection, uint32_t relation,
                              const DoubtedColumn& column) {
  const std::string doing = "looking for rows that were written anew";
  TARN_ASSIGN_OR_RETURN(const Rows name, connection.Query("SELECT $1::oid::pg_catalog.regclass",
                                                          {std::to_string(relation)}, doing));
  std::string list;
  for (const uint32_t one : column.by) list += (list.empty() ? "{" : ",") + std::to_string(one);
  const std::string from = "EXISTS (SELECT FROM " + name.text(0, 0) + " WHERE ";
  const std::string age = "(SELECT min(pg_catalog.age(x)) FROM pg_catalog.unnest($1::xid[]) x(x))";
  const std::string sql = column.why == DoubtedColumn::Why::kOtherType
                              ? "SELECT " + from + "pg_catalog.age(xmin) >= " + age + ")"
                              : "SELECT " + from + "xmin = ANY ($1::xid[])) AND NOT " + from +
                                    "pg_catalog.age(xmin) > " + age + ")";
  TARN_ASSIGN_OR_RETURN(const Rows rows, connection.Query(sql, {list + "}"}, doing));
  return rows.boolean(0, 0);
}

}  // namespace tarn::postgres
