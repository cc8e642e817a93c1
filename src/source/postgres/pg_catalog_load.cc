// LoadTables: columns, keys, types and estimates of many tables in a fixed number of queries.
#include <algorithm>
#include <map>
#include <set>

#include "source/postgres/pg_catalog.h"
#include "source/postgres/pg_names.h"
#include "source/postgres/pg_rewrites.h"

namespace tarn::postgres {
namespace {

struct Found {
  std::vector<PgAttribute> attributes;
  std::vector<int32_t> ids;             // attnum, of each
  std::vector<std::string> unreadable;  // columns without SELECT
  std::vector<std::string> key;
  int64_t rows = -1;
  int64_t bytes = 0;
  int32_t last_column_id = 0;
  std::string rows_mark;
  bool exists = false;
};
using FoundTables = std::map<uint32_t, Found>;

uint32_t ToOid(int64_t value) { return static_cast<uint32_t>(value); }

Status LoadAttributes(Connection& connection, const std::string& oids, FoundTables* found) {
  TARN_ASSIGN_OR_RETURN(Rows rows, connection.Query(R"(
SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypid,
       a.atttypmod, a.attndims, coalesce(l.collisdeterministic, true),
       coalesce(pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT'), true),
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname), a.attnum
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum)",
                                                    {oids}, "reading the columns of tables"));
  for (int i = 0; i < rows.count(); ++i) {
    Found& table = (*found)[ToOid(rows.integer(i, 0))];
    PgAttribute attribute;
    attribute.name = rows.text(i, 1);
    attribute.native_type = rows.text(i, 2);
    attribute.type = ToOid(rows.integer(i, 3));
    attribute.modifier = static_cast<int32_t>(rows.integer(i, 4));
    attribute.dimensions = static_cast<int32_t>(rows.integer(i, 5));
    attribute.deterministic_collation = rows.boolean(i, 6);
    if (!rows.boolean(i, 7)) table.unreadable.push_back(attribute.name);
    attribute.plain_type = rows.text(i, 8);
    table.ids.push_back(static_cast<int32_t>(rows.integer(i, 9)));
    table.attributes.push_back(std::move(attribute));
  }
  return Status::Ok();
}

// Tables that inherit keep no key of their parent: reading it shows the same key more than once.
Status LoadKeys(Connection& connection, const std::string& oids, FoundTables* found) {
  TARN_ASSIGN_OR_RETURN(Rows rows, connection.Query(R"(
SELECT k.conrelid, a.attname
FROM pg_catalog.pg_constraint k
CROSS JOIN LATERAL pg_catalog.unnest(k.conkey) WITH ORDINALITY c(attnum, ordinal)
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.attnum
WHERE k.contype = 'p' AND k.conrelid = ANY ($1::oid[])
  AND NOT EXISTS (
    SELECT 1 FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
    WHERE i.inhparent = k.conrelid AND p.relkind <> 'p')
ORDER BY k.conrelid, c.ordinal)",
                                                    {oids}, "reading the keys of tables"));
  for (int i = 0; i < rows.count(); ++i) {
    (*found)[ToOid(rows.integer(i, 0))].key.push_back(rows.text(i, 1));
  }
  return Status::Ok();
}

// reltuples is -1 (before 14: 0 without pages) until a first VACUUM or ANALYZE.
Status LoadEstimates(Connection& connection, const std::string& oids, FoundTables* found) {
  TARN_ASSIGN_OR_RETURN(Rows rows, connection.Query(R"(
SELECT c.oid,
       CASE WHEN c.relkind = 'v' THEN -1 ELSE
         (SELECT CASE WHEN bool_or(h.reltuples < 0 OR (h.reltuples = 0 AND h.relpages = 0
                                   AND pg_catalog.pg_relation_size(h.oid) > 0)) THEN -1
                 ELSE coalesce(sum(h.reltuples), 0) END::int8
          FROM pg_catalog.pg_class h WHERE h.oid = ANY (p.heaps)) END,
       CASE WHEN c.relkind IN ('v', 'f') THEN 0 ELSE
         (SELECT coalesce(sum(pg_catalog.pg_table_size(h.oid)), 0)::int8
          FROM pg_catalog.pg_class h WHERE h.oid = ANY (p.heaps)) END,
       c.relnatts
FROM pg_catalog.pg_class c
CROSS JOIN LATERAL (
  SELECT CASE WHEN c.relkind = 'p' THEN
    ARRAY(SELECT t.relid::oid FROM pg_catalog.pg_partition_tree(c.oid) t WHERE t.isleaf)
    ELSE ARRAY[c.oid] END AS heaps) p
WHERE c.oid = ANY ($1::oid[]))",
                                                    {oids}, "measuring tables"));
  for (int i = 0; i < rows.count(); ++i) {
    Found& table = (*found)[ToOid(rows.integer(i, 0))];
    table.exists = true;
    table.rows = rows.integer(i, 1);
    table.bytes = rows.null(i, 2) ? 0 : rows.integer(i, 2);
    table.last_column_id = static_cast<int32_t>(rows.integer(i, 3));
  }
  return Status::Ok();
}

Status CheckColumnGrants(Connection& connection, const Candidate& candidate, const Found& found) {
  if (found.unreadable.empty()) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(Rows rows,
                        connection.Query("SELECT current_user", {}, "asking who we are"));
  const std::string user = QuoteIdentifier(rows.text(0, 0));
  const bool all = found.unreadable.size() == found.attributes.size();
  return PermissionDenied(
      "role " + user + " may not read " +
          (all ? "table " : "column " + found.unreadable.front() + " of table ") +
          candidate.name.ToString(),
      "GRANT SELECT ON " + QuoteName(candidate.name) + " TO " + user);
}

Result<std::shared_ptr<const PgTable>> Describe(const Candidate& candidate, const Found& found,
                                                const PgTypes& types, const TypeChoices& choices) {
  auto table = std::make_shared<PgTable>();
  table->oid = candidate.oid;
  table->table.name = candidate.name;
  table->table.kind = candidate.kind;
  table->table.key = found.key;
  table->table.estimated_rows = found.rows;
  table->table.estimated_bytes = found.bytes;
  table->table.id = candidate.oid;
  table->table.last_column_id = found.last_column_id;
  table->table.rows_mark = found.rows_mark;
  for (const PgAttribute& attribute : found.attributes) {
    TARN_ASSIGN_OR_RETURN(PgColumn column, MapColumn(candidate.name, attribute, types, choices));
    table->cursor_types.push_back(attribute.plain_type);
    table->columns.push_back(std::move(column));
  }
  for (const std::string& name : choices.ColumnsOf(candidate.name)) {
    if (Result<std::vector<int>> known = table->Positions({name}); !known.ok()) {
      return std::move(known).Wrap("types:").status();
    }
  }
  TARN_RETURN_IF_ERROR(table->Assemble(found.ids));
  return std::shared_ptr<const PgTable>(std::move(table));
}

}  // namespace

Result<PgTypes> LoadTypes(Connection& connection, const std::set<uint32_t>& used) {
  std::string oids;
  for (const uint32_t oid : used) oids += (oids.empty() ? "" : ",") + std::to_string(oid);
  TARN_ASSIGN_OR_RETURN(Rows rows,
                        connection.Query(R"(
WITH RECURSIVE used(oid) AS (
  SELECT u.oid FROM pg_catalog.unnest($1::oid[]) u(oid)
  UNION
  SELECT v.oid FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid
  CROSS JOIN LATERAL (VALUES (t.typbasetype), (t.typelem)) v(oid) WHERE v.oid <> 0
)
SELECT t.oid, t.typname, n.nspname = 'pg_catalog', t.typtype, t.typbasetype, t.typtypmod,
       t.typndims, CASE WHEN e.typarray = t.oid THEN e.oid ELSE 0 END
FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem)",
                                         {"{" + oids + "}"}, "reading the types of columns"));
  PgTypes types;
  for (int i = 0; i < rows.count(); ++i) {
    PgType type;
    type.oid = ToOid(rows.integer(i, 0));
    type.name = rows.text(i, 1);
    type.built_in = rows.boolean(i, 2);
    type.kind = rows.text(i, 3)[0];
    type.base = ToOid(rows.integer(i, 4));
    type.base_modifier = static_cast<int32_t>(rows.integer(i, 5));
    type.base_dimensions = static_cast<int32_t>(rows.integer(i, 6));
    type.element = ToOid(rows.integer(i, 7));
    types.emplace(type.oid, type);
  }
  return types;
}

Result<std::vector<std::shared_ptr<const PgTable>>> LoadTables(
    Connection& connection, const std::vector<Candidate>& candidates, const TypeChoices& choices) {
  std::string oids = "{";
  for (const Candidate& candidate : candidates) {
    oids += (oids.size() > 1 ? "," : "") + std::to_string(candidate.oid);
  }
  oids += "}";
  FoundTables found;
  TARN_RETURN_IF_ERROR(LoadAttributes(connection, oids, &found));
  TARN_RETURN_IF_ERROR(LoadKeys(connection, oids, &found));
  TARN_RETURN_IF_ERROR(LoadEstimates(connection, oids, &found));
  TARN_ASSIGN_OR_RETURN(const auto marks, LoadRowsMarks(connection, oids));
  for (const auto& [oid, mark] : marks) found[oid].rows_mark = mark.ToString();
  std::set<uint32_t> used;
  for (const auto& [oid, table] : found) {
    for (const PgAttribute& attribute : table.attributes) used.insert(attribute.type);
  }
  TARN_ASSIGN_OR_RETURN(const PgTypes types, LoadTypes(connection, used));
  std::vector<std::shared_ptr<const PgTable>> tables;
  for (const Candidate& candidate : candidates) {
    const Found& what = found[candidate.oid];
    if (!what.exists) continue;
    TARN_RETURN_IF_ERROR(CheckColumnGrants(connection, candidate, what));
    TARN_ASSIGN_OR_RETURN(auto table, Describe(candidate, what, types, choices));
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace tarn::postgres
