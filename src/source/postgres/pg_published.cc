#include "source/postgres/pg_published.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "source/postgres/pg_names.h"

namespace tarn::postgres {
namespace {

constexpr int kGeneratedPublished = 180000;  // publish_generated_columns
constexpr int kColumnLists = 150000;         // and row filters

using PublishedTables = std::map<uint32_t, Published>;

Status LoadIdentities(Connection& connection, const std::string& oids, PublishedTables* tables) {
  TARN_ASSIGN_OR_RETURN(Rows rows, connection.Query(R"(
SELECT c.oid, c.relreplident, c.relpersistence,
       pg_catalog.pg_has_role(c.relowner, 'USAGE'), pg_catalog.pg_get_userbyid(c.relowner),
       c.relkind <> 'p' AND EXISTS (
         SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid),
       coalesce((SELECT min(l.oid::regclass::text)
         FROM pg_catalog.pg_partition_tree(c.oid) t JOIN pg_catalog.pg_class l ON l.oid = t.relid
         WHERE c.relkind = 'p' AND t.isleaf AND l.relkind = 'r' AND
           CASE l.relreplident WHEN 'n' THEN true WHEN 'd' THEN NOT EXISTS (
             SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = l.oid AND x.indisprimary
               AND x.indimmediate AND x.indisvalid)
           ELSE false END), ''),
       EXISTS (SELECT FROM pg_catalog.pg_index x
               WHERE x.indrelid = c.oid AND x.indisprimary AND NOT x.indimmediate)
FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::oid[]))",
                                                    {oids}, "reading how rows are named"));
  for (int i = 0; i < rows.count(); ++i) {
    Published& table = (*tables)[static_cast<uint32_t>(rows.integer(i, 0))];
    table.replica_identity = rows.text(i, 1)[0];
    table.persistence = rows.text(i, 2)[0];
    table.owned = rows.boolean(i, 3);
    table.owner = rows.text(i, 4);
    table.has_children = rows.boolean(i, 5);
    table.bad_partition = rows.text(i, 6);
    table.deferrable_key = rows.boolean(i, 7);
  }
  // With FULL the log has whole rows; the primary key is what tells them apart, unless two may have
  // the same one in the midst of a statement. The server itself takes no such key for an identity.
  TARN_ASSIGN_OR_RETURN(Rows keys, connection.Query(R"(
SELECT c.oid, a.attname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_index x ON x.indrelid = c.oid
  AND CASE c.relreplident WHEN 'i' THEN x.indisreplident WHEN 'n' THEN false
      ELSE x.indisprimary AND x.indimmediate AND x.indisvalid END
CROSS JOIN LATERAL pg_catalog.unnest(x.indkey::int2[]) WITH ORDINALITY k(attnum, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
WHERE c.oid = ANY ($1::oid[]) AND k.place <= x.indnkeyatts ORDER BY c.oid, k.place)",
                                                    {oids}, "reading how rows are named"));
  for (int i = 0; i < keys.count(); ++i) {
    (*tables)[static_cast<uint32_t>(keys.integer(i, 0))].identity.push_back(keys.text(i, 1));
  }
  return Status::Ok();
}

Status LoadColumns(Connection& connection, const std::string& oids, PublishedTables* tables) {
  // Virtual columns are never in the log, stored ones where the publication can say so.
  const std::string generated =
      connection.server_version() >= kGeneratedPublished ? "<> 'v'" : "= ''";
  TARN_ASSIGN_OR_RETURN(
      Rows rows, connection.Query("SELECT a.attrelid, a.attname FROM pg_catalog.pg_attribute a "
                                  "WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 "
                                  "AND NOT a.attisdropped AND a.attgenerated " +
                                      generated + " ORDER BY a.attrelid, a.attnum",
                                  {oids}, "reading the columns of tables"));
  for (int i = 0; i < rows.count(); ++i) {
    (*tables)[static_cast<uint32_t>(rows.integer(i, 0))].columns.push_back(rows.text(i, 1));
  }
  return Status::Ok();
}

Status LoadPublication(Connection& connection, const std::string& oids,
                       const std::string& publication, PublishedTables* tables) {
  for (auto& [oid, table] : *tables) table.in_publication = false;
  const bool lists = connection.server_version() >= kColumnLists;
  const std::string named = "reading publication " + publication;
  TARN_ASSIGN_OR_RETURN(Rows rows,
                        connection.Query("SELECT c.oid, " +
                                             std::string(lists ? "t.rowfilter, t.attnames::text[]"
                                                               : "NULL::text, NULL::text[]") +
                                             R"( FROM pg_catalog.pg_publication_tables t
JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
WHERE t.pubname = $2 AND c.oid = ANY ($1::oid[]))",
                                         {oids, publication}, named));
  for (int i = 0; i < rows.count(); ++i) {
    Published& table = (*tables)[static_cast<uint32_t>(rows.integer(i, 0))];
    table.in_publication = true;
    if (!rows.null(i, 1)) table.row_filter = rows.text(i, 1);
    if (rows.null(i, 2)) continue;
    table.columns.clear();
    TARN_ASSIGN_OR_RETURN(
        Rows names,
        connection.Query("SELECT * FROM pg_catalog.unnest($1::text[])", {rows.text(i, 2)}, named));
    for (int j = 0; j < names.count(); ++j) table.columns.push_back(names.text(j, 0));
  }
  return Status::Ok();
}

}  // namespace

Result<std::map<uint32_t, Published>> LoadPublished(Connection& connection,
                                                    const std::vector<uint32_t>& oids,
                                                    const std::string& publication) {
  std::string list = "{";
  for (const uint32_t oid : oids) list += (list.size() > 1 ? "," : "") + std::to_string(oid);
  list += "}";
  PublishedTables tables;
  TARN_RETURN_IF_ERROR(LoadIdentities(connection, list, &tables));
  TARN_RETURN_IF_ERROR(LoadColumns(connection, list, &tables));
  if (!publication.empty()) {
    TARN_RETURN_IF_ERROR(LoadPublication(connection, list, publication, &tables));
  }
  return tables;
}

Result<bool> ListsJust(Connection& connection, const std::string& publication,
                       const std::vector<uint32_t>& oids) {
  // Schemas, column lists and row filters: what is listed otherwise than as a whole table.
  const bool lists = connection.server_version() >= kColumnLists;
  const std::string otherwise = lists ? "t.prqual IS NOT NULL OR t.prattrs IS NOT NULL" : "false";
  std::string sql = "SELECT t.prrelid::int8, " + otherwise +
                    R"( FROM pg_catalog.pg_publication_rel t
JOIN pg_catalog.pg_publication p ON p.oid = t.prpubid WHERE p.pubname = $1)";
  if (lists) {
    sql += R"( UNION ALL SELECT n.pnnspid::int8, true FROM pg_catalog.pg_publication_namespace n
JOIN pg_catalog.pg_publication p ON p.oid = n.pnpubid WHERE p.pubname = $1)";
  }
  TARN_ASSIGN_OR_RETURN(Rows rows,
                        connection.Query(sql, {publication}, "reading publication " + publication));
  std::set<uint32_t> listed;
  for (int i = 0; i < rows.count(); ++i) {
    if (rows.boolean(i, 1)) return false;
    listed.insert(static_cast<uint32_t>(rows.integer(i, 0)));
  }
  return listed == std::set<uint32_t>(oids.begin(), oids.end());
}

Error DeferrableKey(const SourceTableName& table) {
  const std::string quoted = QuoteName(table);
  return InvalidArgument(
      "the primary key of table " + table.ToString() +
          " is DEFERRABLE: it names no updated or deleted row, for two may have the same",
      "make it one that is not deferrable (ALTER TABLE " + quoted +
          " DROP CONSTRAINT …, ADD PRIMARY KEY (…)), or ALTER TABLE " + quoted +
          " REPLICA IDENTITY USING INDEX … of a unique index over NOT NULL columns");
}

Status CheckPublished(const PgTable& table, const Published& published,
                      const std::string& publication) {
  const std::string name = table.table.name.ToString();
  const std::string quoted = QuoteName(table.table.name);
  if (table.table.kind != SourceTableKind::kTable &&
      table.table.kind != SourceTableKind::kPartitioned) {
    return InvalidArgument(name + " is not a table: the log tells nothing of views",
                           "capture the tables that it reads, or load it with mode: snapshot");
  }
  if (published.persistence != 'p') {
    return InvalidArgument("table " + name + " is unlogged: its changes are not in the log",
                           "ALTER TABLE " + quoted + " SET LOGGED");
  }
  if (published.has_children) {
    return InvalidArgument("other tables inherit from table " + name +
                               ": reading it shows their rows, its log does not",
                           "name the inheriting tables themselves, or make it a partitioned table");
  }
  if (!publication.empty() && !published.in_publication) {
    if (table.table.kind == SourceTableKind::kPartitioned) {
      return InvalidArgument("table " + name + " is not in publication " + publication +
                                 " as a whole, only its partitions may be",
                             "ALTER PUBLICATION " + QuoteIdentifier(publication) +
                                 " SET (publish_via_partition_root = true)");
    }
    return InvalidArgument(
        "table " + name + " is not in publication " + publication,
        "ALTER PUBLICATION " + QuoteIdentifier(publication) + " ADD TABLE " + quoted);
  }
  if (publication.empty() && !published.owned) {
    return PermissionDenied(
        "only the owner of table " + name + " (" + published.owner + ") may publish its changes",
        "GRANT " + QuoteIdentifier(published.owner) +
            " to the user of the source's url, or let the owner make the publication and name it");
  }
  if (published.identity.empty() && published.deferrable_key) {
    return DeferrableKey(table.table.name);
  }
  if (published.identity.empty() || published.replica_identity == 'n') {
    const bool keyed = !table.table.key.empty();
    const std::string why = published.replica_identity == 'n' ? "its replica identity is NOTHING"
                            : published.replica_identity == 'f'
                                ? "it has no primary key to tell rows apart"
                                : "it has no primary key";
    return InvalidArgument(
        "table " + name + " has nothing that names an updated or deleted row: " + why,
        "ALTER TABLE " + quoted +
            (keyed ? " REPLICA IDENTITY DEFAULT"
                   : " ADD PRIMARY KEY (…), or REPLICA IDENTITY USING INDEX … of a unique index "
                     "over NOT NULL columns"));
  }
  if (!published.bad_partition.empty()) {
    return InvalidArgument(
        "partition " + published.bad_partition + " of table " + name +
            " has nothing that names an updated or deleted row",
        "ALTER TABLE " + published.bad_partition +
            " ADD PRIMARY KEY (…), or REPLICA IDENTITY DEFAULT where it has one");
  }
  for (const std::string& column : published.identity) {
    if (std::find(published.columns.begin(), published.columns.end(), column) ==
        published.columns.end()) {
      return InvalidArgument(
          "column " + column + " names the rows of table " + name + ", and the log leaves it out",
          "add it to the publication's column list");
    }
  }
  return Status::Ok();
}

}  // namespace tarn::postgres
