#include "catalog/sqlite/lookup.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/nearest.h"
#include "base/text.h"

namespace tarn::sqlite {
namespace {

#define TARN_TABLE_COLUMNS_FROM                                                                  \
  "SELECT uuid, schema_name, name, location, metadata_location, version, owner, begin_sequence," \
  " end_sequence FROM "
#define TARN_TABLE_COLUMNS TARN_TABLE_COLUMNS_FROM "tables "
#define TARN_VIEW_COLUMNS_FROM                                                  \
  "SELECT sql, schema_name, name, columns, description, owner, begin_sequence," \
  " end_sequence FROM "
#define TARN_VIEW_COLUMNS TARN_VIEW_COLUMNS_FROM "views "

constexpr int64_t kHintCandidatesMax = 10000;

TableEntry ReadTable(const Statement& row) {
  TableEntry table;
  table.uuid = row.Text(0);
  table.name = {row.Text(1), row.Text(2)};
  table.location = row.Text(3);
  table.metadata_location = row.Text(4);
  table.version = row.Int(5);
  table.owner = row.Text(6);
  table.sequence = Sequence(row.Int(7));
  return table;
}

Result<ViewEntry> ReadView(const Statement& row) {
  ViewEntry view;
  view.sql = row.Text(0);
  view.name = {row.Text(1), row.Text(2)};
  TARN_ASSIGN_OR_RETURN(const Json columns,
                        ParseJson(row.Text(3), "columns of view " + view.name.ToString()));
  for (const Json& column : columns) {
    if (!column.is_string()) return Corruption("columns of view " + view.name.ToString());
    view.columns.push_back(column.get<std::string>());
  }
  view.description = row.Text(4);
  view.owner = row.Text(5);
  view.sequence = Sequence(row.Int(6));
  return view;
}

Result<NamespaceEntry> ReadNamespace(const Statement& row) {
  NamespaceEntry entry;
  entry.name = row.Text(0);
  const std::string what = "properties of schema " + entry.name;
  TARN_ASSIGN_OR_RETURN(const Json properties, ParseJson(row.Text(1), what));
  for (const auto& [key, value] : properties.items()) {
    if (!value.is_string()) return Corruption(what + ": " + key + " is no text");
    entry.properties[key] = value.get<std::string>();
  }
  return entry;
}

Result<std::optional<TableEntry>> OneTable(Result<Statement> found, int64_t at) {
  TARN_ASSIGN_OR_RETURN(Statement query, std::move(found));
  TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row || query.Int(8) <= at) return std::optional<TableEntry>();
  return std::optional<TableEntry>(ReadTable(query));
}

// Of names that differ only in case: the one whose schema is written exactly so, else the only one.
// nullptr when that leaves several.
template <typename Entry>
const Entry* Unambiguous(const std::vector<Entry>& found, const std::string& schema) {
  const Entry* exact = nullptr;
  int exact_count = 0;
  for (const Entry& entry : found) {
    if (entry.name.schema != schema) continue;
    exact = &entry;
    ++exact_count;
  }
  if (exact_count == 1) return exact;
  return exact_count == 0 && found.size() == 1 ? &found.front() : nullptr;
}

template <typename Entry>
std::string NamesOf(const std::vector<Entry>& found) {
  std::string names;
  for (const Entry& entry : found) {
    names += (names.empty() ? "\"" : ", \"") + entry.name.schema + "\".\"" + entry.name.name + '"';
  }
  return names;
}

Error Ambiguous(const std::string& what, const std::string& meanings) {
  return NotFound(what + " is ambiguous", "write it as one of " + meanings);
}

std::string DidYouMean(const std::string& name) { return "did you mean " + name + "?"; }

// What holds at a sequence is among what ends after it: that index makes the present cheap however
// long the past is. SQLite, which knows no lengths, would take the one by name and walk a schema's
// whole history.
#define TARN_TABLES_IN_FORCE "tables INDEXED BY tables_by_end "
#define TARN_VIEWS_IN_FORCE "views INDEXED BY views_by_end "

// All relation names of a schema, whatever its case: candidates for a hint.
Result<std::vector<std::string>> RelationNames(Connection& connection, const std::string& schema,
                                               int64_t at) {
  TARN_ASSIGN_OR_RETURN(Statement query,
                        connection.Query("SELECT name FROM " TARN_TABLES_IN_FORCE
                                         "WHERE schema_name = ?1 COLLATE NOCASE"
                                         " AND begin_sequence <= ?2 AND end_sequence > ?2"
                                         " UNION ALL SELECT name FROM " TARN_VIEWS_IN_FORCE
                                         "WHERE schema_name = ?1 COLLATE NOCASE"
                                         " AND begin_sequence <= ?2 AND end_sequence > ?2 LIMIT ?3",
                                         schema, at, kHintCandidatesMax));
  std::vector<std::string> names;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return names;
    names.push_back(query.Text(0));
  }
}

Error NoSuchRelation(Connection& connection, const std::string& kind, const TableName& name,
                     int64_t at) {
  const Result<NamespaceEntry> schema = FindNamespace(connection, name.schema, at);
  if (!schema.ok()) return schema.error();
  Error error = NotFound(kind + " " + name.ToString() + " does not exist");
  const Result<std::vector<std::string>> names = RelationNames(connection, name.schema, at);
  if (!names.ok()) return names.error();
  if (const auto nearest = NearestName(name.name, *names)) {
    error.hint = *nearest == name.name ? schema->name + "." + *nearest + " is a " +
                                             (kind == "view" ? "table" : "view")
                                       : DidYouMean(schema->name + "." + *nearest);
  }
  return error;
}

}  // namespace

Result<std::optional<TableEntry>> FindTableByUuid(Connection& connection, const std::string& uuid,
                                                  int64_t at) {
  return OneTable(connection.Query(TARN_TABLE_COLUMNS "WHERE uuid = ? AND begin_sequence <= ?"
                                                      " ORDER BY begin_sequence DESC LIMIT 1",
                                   uuid, at),
                  at);
}

Result<std::optional<TableEntry>> FindExactTable(Connection& connection, const TableName& name,
                                                 int64_t at) {
  return OneTable(connection.Query(TARN_TABLE_COLUMNS
                                   "WHERE schema_name = ? AND name = ? AND begin_sequence <= ?"
                                   " ORDER BY begin_sequence DESC LIMIT 1",
                                   name.schema, name.name, at),
                  at);
}

Result<std::optional<ViewEntry>> FindExactView(Connection& connection, const TableName& name,
                                               int64_t at) {
  TARN_ASSIGN_OR_RETURN(Statement query,
                        connection.Query(TARN_VIEW_COLUMNS "WHERE schema_name = ? AND name = ?"
                                                           " AND begin_sequence <= ?"
                                                           " ORDER BY begin_sequence DESC LIMIT 1",
                                         name.schema, name.name, at));
  TARN_ASSIGN_OR_RETURN(const bool found, query.Step());
  if (!found || query.Int(7) <= at) return std::optional<ViewEntry>();
  TARN_ASSIGN_OR_RETURN(ViewEntry view, ReadView(query));
  return std::optional<ViewEntry>(std::move(view));
}

Result<std::optional<NamespaceEntry>> FindExactNamespace(Connection& connection,
                                                         const std::string& name, int64_t at) {
  TARN_ASSIGN_OR_RETURN(Statement query,
                        connection.Query("SELECT name, properties FROM namespaces WHERE name = ?1"
                                         " AND begin_sequence <= ?2 AND end_sequence > ?2",
                                         name, at));
  TARN_ASSIGN_OR_RETURN(const bool found, query.Step());
  if (!found) return std::optional<NamespaceEntry>();
  TARN_ASSIGN_OR_RETURN(NamespaceEntry entry, ReadNamespace(query));
  return std::optional<NamespaceEntry>(std::move(entry));
}

Result<TableEntry> FindTable(Connection& connection, const TableName& name, int64_t at) {
  TARN_ASSIGN_OR_RETURN(std::optional<TableEntry> exact, FindExactTable(connection, name, at));
  if (exact) return std::move(*exact);
  std::vector<TableEntry> found;
  {
    TARN_ASSIGN_OR_RETURN(
        Statement query,
        connection.Query(TARN_TABLE_COLUMNS
                         "WHERE schema_name = ?1 COLLATE NOCASE AND name = ?2 COLLATE NOCASE"
                         " AND begin_sequence <= ?3 AND end_sequence > ?3",
                         name.schema, name.name, at));
    for (;;) {
      TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
      if (!row) break;
      found.push_back(ReadTable(query));
    }
  }
  if (found.empty()) return NoSuchRelation(connection, "table", name, at);
  if (const TableEntry* one = Unambiguous(found, name.schema)) return *one;
  return Ambiguous("table " + name.ToString(), NamesOf(found));
}

Result<ViewEntry> FindView(Connection& connection, const TableName& name, int64_t at) {
  TARN_ASSIGN_OR_RETURN(std::optional<ViewEntry> exact, FindExactView(connection, name, at));
  if (exact) return std::move(*exact);
  std::vector<ViewEntry> found;
  {
    TARN_ASSIGN_OR_RETURN(
        Statement query,
        connection.Query(TARN_VIEW_COLUMNS
                         "WHERE schema_name = ?1 COLLATE NOCASE AND name = ?2 COLLATE NOCASE"
                         " AND begin_sequence <= ?3 AND end_sequence > ?3",
                         name.schema, name.name, at));
    for (;;) {
      TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
      if (!row) break;
      TARN_ASSIGN_OR_RETURN(ViewEntry view, ReadView(query));
      found.push_back(std::move(view));
    }
  }
  if (found.empty()) return NoSuchRelation(connection, "view", name, at);
  if (const ViewEntry* one = Unambiguous(found, name.schema)) return *one;
  return Ambiguous("view " + name.ToString(), NamesOf(found));
}

Result<NamespaceEntry> FindNamespace(Connection& connection, const std::string& name, int64_t at) {
  TARN_ASSIGN_OR_RETURN(std::optional<NamespaceEntry> exact,
                        FindExactNamespace(connection, name, at));
  if (exact) return std::move(*exact);
  TARN_ASSIGN_OR_RETURN(const std::vector<NamespaceEntry> all, AllNamespaces(connection, at));
  std::vector<std::string> names;
  for (const NamespaceEntry& entry : all) names.push_back(entry.name);
  const std::string folded = LowerAscii(name);
  std::string meanings;
  const NamespaceEntry* one = nullptr;
  int count = 0;
  for (const NamespaceEntry& entry : all) {
    if (LowerAscii(entry.name) != folded) continue;
    one = &entry;
    ++count;
    meanings += (meanings.empty() ? "\"" : ", \"") + entry.name + '"';
  }
  if (count == 1) return *one;
  if (count > 1) return Ambiguous("schema " + name, meanings);
  Error error = NotFound("schema " + name + " does not exist");
  if (const auto nearest = NearestName(name, names)) error.hint = DidYouMean(*nearest);
  return error;
}

Result<std::vector<NamespaceEntry>> AllNamespaces(Connection& connection, int64_t at) {
  TARN_ASSIGN_OR_RETURN(Statement query,
                        connection.Query("SELECT name, properties FROM namespaces"
                                         " WHERE begin_sequence <= ?1 AND end_sequence > ?1"
                                         " ORDER BY name",
                                         at));
  std::vector<NamespaceEntry> entries;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return entries;
    TARN_ASSIGN_OR_RETURN(NamespaceEntry entry, ReadNamespace(query));
    entries.push_back(std::move(entry));
  }
}

Result<std::vector<TableEntry>> AllTables(Connection& connection,
                                          const std::optional<std::string>& schema, int64_t at) {
  std::string exact_schema;
  if (schema) {
    TARN_ASSIGN_OR_RETURN(const NamespaceEntry entry, FindNamespace(connection, *schema, at));
    exact_schema = entry.name;
  }
  TARN_ASSIGN_OR_RETURN(Statement query,
                        schema ? connection.Query(TARN_TABLE_COLUMNS_FROM TARN_TABLES_IN_FORCE
                                                  "WHERE end_sequence > ?1 AND begin_sequence <= ?1"
                                                  " AND schema_name = ?2 ORDER BY name",
                                                  at, exact_schema)
                               : connection.Query(TARN_TABLE_COLUMNS_FROM TARN_TABLES_IN_FORCE
                                                  "WHERE end_sequence > ?1 AND begin_sequence <= ?1"
                                                  " ORDER BY schema_name, name",
                                                  at));
  std::vector<TableEntry> entries;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return entries;
    entries.push_back(ReadTable(query));
  }
}

Result<std::vector<ViewEntry>> AllViews(Connection& connection,
                                        const std::optional<std::string>& schema, int64_t at) {
  std::string exact_schema;
  if (schema) {
    TARN_ASSIGN_OR_RETURN(const NamespaceEntry entry, FindNamespace(connection, *schema, at));
    exact_schema = entry.name;
  }
  TARN_ASSIGN_OR_RETURN(Statement query,
                        schema ? connection.Query(TARN_VIEW_COLUMNS_FROM TARN_VIEWS_IN_FORCE
                                                  "WHERE end_sequence > ?1 AND begin_sequence <= ?1"
                                                  " AND schema_name = ?2 ORDER BY name",
                                                  at, exact_schema)
                               : connection.Query(TARN_VIEW_COLUMNS_FROM TARN_VIEWS_IN_FORCE
                                                  "WHERE end_sequence > ?1 AND begin_sequence <= ?1"
                                                  " ORDER BY schema_name, name",
                                                  at));
  std::vector<ViewEntry> entries;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return entries;
    TARN_ASSIGN_OR_RETURN(ViewEntry view, ReadView(query));
    entries.push_back(std::move(view));
  }
}

Result<std::vector<TableEntry>> AllStatesOfTable(Connection& connection, const std::string& uuid) {
  TARN_ASSIGN_OR_RETURN(
      Statement query,
      connection.Query(TARN_TABLE_COLUMNS "WHERE uuid = ? ORDER BY begin_sequence", uuid));
  std::vector<TableEntry> entries;
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return entries;
    entries.push_back(ReadTable(query));
  }
}

std::string PropertiesToJson(const std::map<std::string, std::string>& properties) {
  Json object = Json::object();
  for (const auto& [key, value] : properties) object[key] = value;
  return DumpJson(object);
}

std::string ListToJson(const std::vector<std::string>& list) {
  Json array = Json::array();
  for (const std::string& item : list) array.push_back(item);
  return DumpJson(array);
}

}  // namespace tarn::sqlite
