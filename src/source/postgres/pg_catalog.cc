#include "source/postgres/pg_catalog.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/nearest.h"
#include "source/postgres/pg_names.h"

namespace tarn::postgres {
namespace {

uint32_t ToOid(int64_t value) { return static_cast<uint32_t>(value); }

SourceTableKind KindOf(const std::string& relkind) {
  switch (relkind.empty() ? 'r' : relkind[0]) {
    case 'p':
      return SourceTableKind::kPartitioned;
    case 'v':
      return SourceTableKind::kView;
    case 'm':
      return SourceTableKind::kMaterializedView;
    case 'f':
      return SourceTableKind::kForeign;
    default:
      return SourceTableKind::kTable;
  }
}

// Only what a pattern names without wildcard: reading them costs or reaches elsewhere.
bool OnlyByName(SourceTableKind kind) {
  return kind == SourceTableKind::kView || kind == SourceTableKind::kForeign;
}

}  // namespace

Result<std::vector<Candidate>> ListCandidates(Connection& connection, const std::string& schema,
                                              const std::string& name) {
  std::string sql = R"(
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relispartition,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
       (c.relkind IN ('r', 'p') AND pg_catalog.row_security_active(c.oid)),
       c.relispopulated
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't')";
  std::vector<std::string> parameters;
  if (schema.empty()) {
    sql +=
        " AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
        "AND n.nspname !~ '^pg_(toast|temp)'";
  } else {
    parameters.push_back(schema);
    sql += " AND n.nspname = $1";
  }
  if (!name.empty()) {
    parameters.push_back(name);
    sql += " AND c.relname = $" + std::to_string(parameters.size());
  }
  sql += " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";
  TARN_ASSIGN_OR_RETURN(Rows rows, connection.Query(sql, parameters, "listing tables"));
  std::vector<Candidate> candidates;
  for (int i = 0; i < rows.count(); ++i) {
    Candidate candidate;
    candidate.oid = ToOid(rows.integer(i, 0));
    candidate.name = {rows.text(i, 1), rows.text(i, 2)};
    candidate.kind = KindOf(rows.text(i, 3));
    candidate.is_partition = rows.boolean(i, 4);
    candidate.schema_usable = rows.boolean(i, 5);
    candidate.rows_hidden = rows.boolean(i, 6);
    candidate.populated = rows.boolean(i, 7);
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

Result<std::vector<std::string>> ListSchemaNames(Connection& connection) {
  TARN_ASSIGN_OR_RETURN(Rows rows, connection.Query(R"(
SELECT nspname FROM pg_catalog.pg_namespace
WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)'
  AND pg_catalog.has_schema_privilege(oid, 'USAGE')
ORDER BY nspname COLLATE "C")",
                                                    {}, "listing schemas"));
  std::vector<std::string> names;
  for (int i = 0; i < rows.count(); ++i) names.push_back(rows.text(i, 0));
  return names;
}

Result<std::vector<Candidate>> ChooseTables(const std::vector<Candidate>& all,
                                            const std::vector<std::string>& patterns) {
  std::set<SourceTableName> chosen;
  const auto take = [&](auto&& matches, bool wildcard) {
    bool any = false;
    for (const Candidate& candidate : all) {
      const bool skipped =
          candidate.is_partition || OnlyByName(candidate.kind) || !candidate.populated;
      if (wildcard && skipped) continue;
      if (!matches(candidate.name)) continue;
      chosen.insert(candidate.name);
      any = true;
    }
    return any;
  };
  if (patterns.empty()) take([](const SourceTableName&) { return true; }, true);
  for (const std::string& text : patterns) {
    TARN_ASSIGN_OR_RETURN(const TablePattern pattern, ParsePattern(text));
    const bool wildcard = pattern.has_wildcard();
    if (take([&](const SourceTableName& name) { return pattern.Matches(name); }, wildcard) ||
        take([&](const SourceTableName& name) { return pattern.MatchesFolded(name); }, wildcard)) {
      continue;
    }
    std::vector<std::string> names;
    for (const Candidate& candidate : all) names.push_back(candidate.name.ToString());
    const std::optional<std::string> nearest = NearestName(text, names);
    std::string hint = nearest ? "did you mean " + *nearest + "?" : "";
    if (wildcard)
      hint += (hint.empty() ? "" : " ") + std::string("views are taken only when named");
    return NotFound((wildcard ? "no table matches " : "there is no table ") + text, hint);
  }
  std::vector<Candidate> result;
  for (const Candidate& candidate : all) {
    if (chosen.contains(candidate.name)) result.push_back(candidate);
  }
  return result;
}

Status CheckReadable(Connection& connection, const Candidate& candidate) {
  if (!candidate.populated) {
    return InvalidArgument(
        "materialized view " + candidate.name.ToString() + " has not been populated",
        "REFRESH MATERIALIZED VIEW " + QuoteName(candidate.name));
  }
  if (candidate.schema_usable && !candidate.rows_hidden) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(Rows rows,
                        connection.Query("SELECT current_user", {}, "asking who we are"));
  const std::string user = QuoteIdentifier(rows.text(0, 0));
  if (!candidate.schema_usable) {
    return PermissionDenied(
        "role " + user + " may not look into schema " + candidate.name.schema + " of table " +
            candidate.name.ToString(),
        "GRANT USAGE ON SCHEMA " + QuoteIdentifier(candidate.name.schema) + " TO " + user);
  }
  return PermissionDenied(
      "row-level security would hide rows of " + candidate.name.ToString() + " from role " + user,
      "use a role that sees every row: ALTER ROLE " + user + " BYPASSRLS");
}

Result<std::vector<Storage>> LoadStorage(Connection& connection, const PgTable& table) {
  std::vector<Storage> storages;
  if (table.table.kind == SourceTableKind::kView || table.table.kind == SourceTableKind::kForeign) {
    return storages;
  }
  // A leaf is read by its own name only if the role may; else the root is read in one range.
  TARN_ASSIGN_OR_RETURN(
      Rows rows,
      connection.Query(R"(
SELECT c.oid, n.nspname, c.relname, c.relkind, coalesce(am.amname, '') = 'heap',
       CASE WHEN c.relkind IN ('r', 'm') THEN
         (pg_catalog.pg_relation_size(c.oid) + s.block - 1) / s.block ELSE 0 END,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
         AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
         AND NOT (c.relkind = 'r' AND pg_catalog.row_security_active(c.oid))
FROM (SELECT relid FROM pg_catalog.pg_partition_tree($1::oid) WHERE isleaf
      UNION SELECT $1::oid WHERE $2::bool) t
JOIN pg_catalog.pg_class c ON c.oid = t.relid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::int8 AS block) s
WHERE c.relkind <> 'p' ORDER BY c.oid)",
                       {std::to_string(table.oid),
                        table.table.kind != SourceTableKind::kPartitioned ? "true" : "false"},
                       "measuring " + table.table.name.ToString()));
  for (int i = 0; i < rows.count(); ++i) {
    if (!rows.boolean(i, 6) && table.table.kind == SourceTableKind::kPartitioned)
      return std::vector<Storage>();
    Storage storage;
    storage.oid = ToOid(rows.integer(i, 0));
    storage.quoted_name = QuoteName({rows.text(i, 1), rows.text(i, 2)});
    storage.by_blocks = rows.text(i, 3) != "f" && rows.boolean(i, 4);
    storage.blocks = rows.null(i, 5) ? 0 : rows.integer(i, 5);
    storages.push_back(std::move(storage));
  }
  return storages;
}

}  // namespace tarn::postgres
