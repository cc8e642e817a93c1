#include "source/mysql/my_catalog.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <arrow/type.h>

#include "base/hash.h"
#include "base/nearest.h"
#include "source/mysql/my_names.h"
#include "source/mysql/my_shape.h"
#include "source/table_pattern.h"

namespace tarn::mysql {
namespace {

constexpr char kSystemSchemas[] = "('mysql', 'information_schema', 'performance_schema', 'sys')";

// Names of schemas and tables are compared as the server's file system does; here they are exact.
std::string Exactly(const std::string& column, const std::string& text) {
  return "BINARY " + column + " = BINARY " + TextLiteral(text);
}

std::string AnyOf(const std::vector<Candidate>& candidates) {
  std::string list;
  for (const Candidate& candidate : candidates) {
    if (!list.empty()) list += ", ";
    list +=
        "(" + TextLiteral(candidate.name.schema) + ", " + TextLiteral(candidate.name.name) + ")";
  }
  return "(table_schema, table_name) IN (" + list + ")";
}

struct Found {
  std::vector<MyAttribute> attributes;
  std::vector<std::string> key;
};
using FoundTables = std::map<SourceTableName, Found>;

Status LoadAttributes(Connection& connection, const std::string& which, FoundTables* found) {
  TARN_ASSIGN_OR_RETURN(
      const Rows rows,
      connection.Query(
          "SELECT table_schema, table_name, column_name, LOWER(data_type), column_type, "
          "character_set_name, collation_name, numeric_precision, numeric_scale, "
          "datetime_precision, character_octet_length, is_nullable "
          "FROM information_schema.columns WHERE " +
              which + " ORDER BY table_schema, table_name, ordinal_position",
          "describing tables"));
  for (int i = 0; i < rows.count(); ++i) {
    MyAttribute attribute;
    attribute.name = rows.text(i, 2);
    attribute.data_type = rows.text(i, 3);
    attribute.column_type = rows.text(i, 4);
    attribute.charset = rows.text(i, 5);
    attribute.collation = rows.text(i, 6);
    attribute.precision = static_cast<int>(rows.integer(i, 7));
    attribute.scale = static_cast<int>(rows.integer(i, 8));
    attribute.fraction_digits = static_cast<int>(rows.integer(i, 9));
    attribute.octet_length = rows.integer(i, 10);
    attribute.nullable = rows.text(i, 11) == "YES";
    (*found)[{rows.text(i, 0), rows.text(i, 1)}].attributes.push_back(std::move(attribute));
  }
  return Status::Ok();
}

Status LoadKeys(Connection& connection, const std::string& which, FoundTables* found) {
  TARN_ASSIGN_OR_RETURN(
      const Rows rows,
      connection.Query("SELECT table_schema, table_name, column_name "
                       "FROM information_schema.statistics WHERE index_name = 'PRIMARY' AND " +
                           which + " ORDER BY table_schema, table_name, seq_in_index",
                       "describing keys"));
  for (int i = 0; i < rows.count(); ++i) {
    (*found)[{rows.text(i, 0), rows.text(i, 1)}].key.push_back(rows.text(i, 2));
  }
  return Status::Ok();
}

Result<std::shared_ptr<const MyTable>> Describe(const Candidate& candidate, const Found& found,
                                                const TypeChoices& choices) {
  auto table = std::make_shared<MyTable>();
  table->engine = candidate.engine;
  table->table.name = candidate.name;
  table->table.kind = candidate.kind;
  table->table.key = found.key;
  table->table.estimated_rows = candidate.rows;
  table->table.estimated_bytes = candidate.bytes;
  std::string text;
  arrow::FieldVector fields;
  for (const MyAttribute& attribute : found.attributes) {
    TARN_ASSIGN_OR_RETURN(MyColumn column, MapColumn(candidate.name, attribute, choices));
    const bool in_key =
        std::find(found.key.begin(), found.key.end(), attribute.name) != found.key.end();
    if (in_key && column.store == Store::kVariant) {
      return VariantKeyError(candidate.name, column.name);
    }
    auto field = arrow::field(column.name, column.arrow_type, /*nullable=*/!in_key);
    fields.push_back(field);
    table->table.columns.push_back({column.name, column.native_type, field});
    text += column.name + '\0' + column.native_type + '\0' + column.charset + '\0' +
            column.arrow_type->ToString() + '\0';
    table->columns.push_back(std::move(column));
  }
  for (const std::string& name : choices.ColumnsOf(candidate.name)) {
    if (Result<std::vector<int>> known = table->Positions({name}); !known.ok()) {
      return std::move(known).Wrap("types:").status();
    }
  }
  for (const std::string& name : found.key) text += '\1' + name;
  TARN_ASSIGN_OR_RETURN(table->key, table->Positions(found.key));
  table->table.fingerprint = HexHash(text);
  table->table.rows_mark = CharsetsOf(table->columns);
  table->schema = arrow::schema(std::move(fields));
  return std::shared_ptr<const MyTable>(std::move(table));
}

}  // namespace

Result<std::vector<Candidate>> ListCandidates(Connection& connection, const std::string& schema,
                                              const std::string& name) {
  std::string sql =
      "SELECT table_schema, table_name, table_type, engine, table_rows, data_length "
      "FROM information_schema.tables WHERE table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VIEW', "
      "'SYSTEM VERSIONED')";
  sql += schema.empty() ? " AND table_schema NOT IN " + std::string(kSystemSchemas)
                        : " AND table_schema = " + TextLiteral(schema) + " AND " +
                              Exactly("table_schema", schema);
  if (!name.empty()) {
    sql += " AND table_name = " + TextLiteral(name) + " AND " + Exactly("table_name", name);
  }
  TARN_ASSIGN_OR_RETURN(const Rows rows, connection.Query(sql, "listing tables"));
  std::vector<Candidate> candidates;
  for (int i = 0; i < rows.count(); ++i) {
    Candidate candidate;
    candidate.name = {rows.text(i, 0), rows.text(i, 1)};
    const std::string type = rows.text(i, 2);
    candidate.kind = type.ends_with("VIEW") ? SourceTableKind::kView : SourceTableKind::kTable;
    candidate.engine = rows.text(i, 3);
    if (!rows.null(i, 4)) candidate.rows = rows.integer(i, 4);
    if (!rows.null(i, 5)) candidate.bytes = rows.integer(i, 5);
    candidates.push_back(std::move(candidate));
  }
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.name < b.name; });
  return candidates;
}

Result<std::vector<std::string>> ListSchemaNames(Connection& connection) {
  TARN_ASSIGN_OR_RETURN(
      const Rows rows,
      connection.Query("SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT "
                       "IN " +
                           std::string(kSystemSchemas),
                       "listing schemas"));
  std::vector<std::string> names;
  for (int i = 0; i < rows.count(); ++i) names.push_back(rows.text(i, 0));
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<Candidate>> ChooseTables(const std::vector<Candidate>& all,
                                            const std::vector<std::string>& patterns,
                                            const std::string& default_schema) {
  std::set<SourceTableName> chosen;
  const auto take = [&](auto&& matches, bool wildcard) {
    bool any = false;
    for (const Candidate& candidate : all) {
      if (wildcard && candidate.kind == SourceTableKind::kView) continue;
      if (!matches(candidate.name)) continue;
      chosen.insert(candidate.name);
      any = true;
    }
    return any;
  };
  if (patterns.empty()) {
    take(
        [&](const SourceTableName& name) {
          return default_schema.empty() || name.schema == default_schema;
        },
        true);
  }
  for (const std::string& text : patterns) {
    TARN_ASSIGN_OR_RETURN(const TablePattern pattern, TablePattern::Parse(text, default_schema));
    const bool wildcard = pattern.has_wildcard();
    if (take([&](const SourceTableName& name) { return pattern.Matches(name); }, wildcard) ||
        take([&](const SourceTableName& name) { return pattern.MatchesFolded(name); }, wildcard)) {
      continue;
    }
    std::vector<std::string> names;
    for (const Candidate& candidate : all) names.push_back(candidate.name.ToString());
    const bool short_name = text.find('.') == std::string::npos;
    const std::optional<std::string> nearest =
        NearestName(short_name ? default_schema + "." + text : text, names);
    std::string hint = nearest ? "did you mean " + *nearest + "?" : "";
    if (wildcard) {
      hint += (hint.empty() ? "" : " ") + std::string("views are taken only when named");
    } else {
      hint += (hint.empty() ? "" : " ") +
              std::string("a table without any grant to the user is not seen");
    }
    return NotFound((wildcard ? "no table matches " : "there is no table ") + text, hint);
  }
  std::vector<Candidate> result;
  for (const Candidate& candidate : all) {
    if (chosen.contains(candidate.name)) result.push_back(candidate);
  }
  return result;
}

Result<std::vector<std::shared_ptr<const MyTable>>> LoadTables(
    Connection& connection, const std::vector<Candidate>& candidates, const TypeChoices& choices) {
  std::vector<std::shared_ptr<const MyTable>> tables;
  if (candidates.empty()) return tables;
  FoundTables found;
  const std::string which = AnyOf(candidates);
  TARN_RETURN_IF_ERROR(LoadAttributes(connection, which, &found));
  TARN_RETURN_IF_ERROR(LoadKeys(connection, which, &found));
  for (const Candidate& candidate : candidates) {
    const auto what = found.find(candidate.name);
    if (what == found.end() || what->second.attributes.empty()) continue;
    TARN_ASSIGN_OR_RETURN(auto table, Describe(candidate, what->second, choices));
    tables.push_back(std::move(table));
  }
  return tables;
}

Status Touch(Connection& connection, const SourceTableName& name, const std::string& select_list) {
  const std::string doing = "reading " + name.ToString();
  Result<Rows> touched =
      connection.Query("SELECT " + select_list + " FROM " + QuoteName(name) + " LIMIT 1", doing);
  if (touched.ok() || touched.error().kind != ErrorKind::kPermissionDenied) {
    return touched.status();
  }
  TARN_ASSIGN_OR_RETURN(const Rows who,
                        connection.Query("SELECT CURRENT_USER()", "asking who we are"));
  return touched.status().Hint("GRANT SELECT ON " + QuoteName(name) + " TO " + who.text(0, 0));
}

}  // namespace tarn::mysql
