#include "source/postgres/pg_shape_resolver.h"

#include <algorithm>
#include <set>
#include <utility>

#include <arrow/type.h>

#include "source/postgres/pg_catalog.h"
#include "source/postgres/pg_names.h"
#include "source/postgres/pg_published.h"

namespace tarn::postgres {
namespace {

// `{"a","b"}`, as array_in reads it.
std::string ArrayLiteral(const std::vector<std::string>& items) {
  std::string text = "{";
  for (const std::string& item : items) {
    text += text.size() > 1 ? ",\"" : "\"";
    for (const char c : item) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text + "}";
}

int DepthOf(const SourceTable& table, const std::string& column) {
  for (const SourceColumn& one : table.columns) {
    if (one.name != column) continue;
    int depth = 0;
    for (auto type = one.field->type(); type->id() == arrow::Type::LIST; ++depth) {
      type = type->field(0)->type();
    }
    return depth;
  }
  return 0;
}

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool SameSet(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return a.size() == b.size() &&
         std::all_of(a.begin(), a.end(), [&](const std::string& name) { return Has(b, name); });
}

const SourceColumn* Find(const SourceTable& table, const std::string& name) {
  for (const SourceColumn& column : table.columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

}  // namespace

std::vector<TableAltered::Renamed> FindRenamed(const SourceTable& before, const SourceTable& now) {
  std::vector<TableAltered::Renamed> renamed;
  for (size_t i = 0; i < before.columns.size(); ++i) {
    const SourceColumn& was = before.columns[i];
    if (was.id != 0) {
      // A number that another column has now is that column under a new name.
      const auto is = std::find_if(now.columns.begin(), now.columns.end(),
                                   [&](const SourceColumn& one) { return one.id == was.id; });
      if (is != now.columns.end()) {
        if (is->name != was.name) renamed.push_back({was.name, is->name});
        continue;
      }
    }
    if (before.columns.size() != now.columns.size()) continue;
    const SourceColumn& is = now.columns[i];
    const bool both_numbered = was.id != 0 && is.id != 0;
    if (!both_numbered && Find(now, was.name) == nullptr && Find(before, is.name) == nullptr &&
        was.field->type()->Equals(*is.field->type())) {
      renamed.push_back({was.name, is.name});
    }
  }
  return renamed;
}

Result<std::vector<std::string>> KeyOf(const LogRelation& relation,
                                       const std::vector<std::string>& identity,
                                       const std::vector<std::string>& before) {
  std::vector<std::string> flagged;
  std::vector<std::string> all;
  for (const LogRelation::Column& column : relation.columns) {
    if (column.key) flagged.push_back(column.name);
    all.push_back(column.name);
  }
  const auto within = [&](const std::vector<std::string>& names) {
    return !names.empty() && std::all_of(names.begin(), names.end(),
                                         [&](const std::string& name) { return Has(all, name); });
  };
  if (relation.identity == 'f') {
    // FULL flags every column; the primary key tells rows apart.
    if (within(identity)) return identity;
    if (within(before)) return before;
  } else if (!flagged.empty()) {
    if (SameSet(flagged, identity)) return identity;
    if (SameSet(flagged, before)) return before;
    return flagged;
  }
  return InvalidArgument(
      "table " + relation.name.ToString() + " has nothing that names an updated or deleted row",
      "ALTER TABLE " + QuoteName(relation.name) +
          " ADD PRIMARY KEY (…), or REPLICA IDENTITY DEFAULT where it has one; then load it again "
          "with `tarn resync`");
}

CatalogResolver::CatalogResolver(std::shared_ptr<const Context> context,
                                 std::unique_ptr<Connection> connection)
    : context_(std::move(context)), connection_(std::move(connection)) {}

Status CatalogResolver::Connected() {
  if (connection_ != nullptr) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(connection_, Connection::Open(context_->spec, context_->session));
  return Status::Ok();
}

Result<int> CatalogResolver::MoneyDigits() {
  if (money_digits_) return *money_digits_;
  TARN_ASSIGN_OR_RETURN(
      Rows rows, connection_->Query("SELECT pg_catalog.scale(0::pg_catalog.money::numeric)", {},
                                    "asking for the digits of money"));
  money_digits_ = static_cast<int>(rows.integer(0, 0));
  return *money_digits_;
}

Result<std::vector<StreamColumn>> CatalogResolver::ColumnsOf(std::vector<SourceTable>* tables) {
  TARN_RETURN_IF_ERROR(Connected());
  TARN_ASSIGN_OR_RETURN(const std::vector<Candidate> all, ListCandidates(*connection_, "", ""));
  std::vector<StreamColumn> columns;
  for (SourceTable& table : *tables) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Candidate& one) { return one.name == table.name; });
    if (found == all.end()) continue;
    // What cannot be described any more is found out when its changes come.
    Result<std::vector<std::shared_ptr<const PgTable>>> loaded =
        LoadTables(*connection_, {*found}, context_->choices);
    if (!loaded.ok()) {
      if (loaded.error().kind == ErrorKind::kUnavailable) return loaded.status();
      continue;
    }
    for (const auto& one : *loaded) {
      for (const PgColumn& column : one->columns) columns.push_back(MakeStreamColumn(column, 2));
      for (SourceColumn& column : table.columns) {
        const SourceColumn* is = Find(one->table, column.name);
        if (column.id == 0 && is != nullptr) column.id = is->id;
      }
    }
  }
  return columns;
}

Result<std::vector<SourceTableName>> CatalogResolver::TablesOf(const std::string& publication) {
  TARN_RETURN_IF_ERROR(Connected());
  TARN_ASSIGN_OR_RETURN(Rows rows,
                        connection_->Query("SELECT schemaname, tablename FROM "
                                           "pg_catalog.pg_publication_tables WHERE pubname = $1",
                                           {publication}, "reading publication " + publication));
  std::vector<SourceTableName> names;
  for (int i = 0; i < rows.count(); ++i) names.push_back({rows.text(i, 0), rows.text(i, 1)});
  return names;
}

Result<CatalogResolver::Looked> CatalogResolver::Look(const LogRelation& relation) {
  TARN_RETURN_IF_ERROR(Connected());
  std::vector<std::string> names, types, modifiers;
  std::set<uint32_t> used;
  for (const LogRelation::Column& column : relation.columns) {
    names.push_back(column.name);
    types.push_back(std::to_string(column.type));
    modifiers.push_back(std::to_string(column.modifier));
    used.insert(column.type);
  }
  const std::string doing = "looking up the columns of " + relation.name.ToString();
  TARN_ASSIGN_OR_RETURN(Rows rows,
                        connection_->Query(R"(
SELECT pg_catalog.format_type(u.type, u.modifier), coalesce(a.attnum, 0), coalesce(a.attndims, 0),
  coalesce(pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname), ''),
  coalesce(a.atthasmissing OR a.atthasdef OR a.attnotnull, false)
FROM ROWS FROM (pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::oid[]),
                pg_catalog.unnest($4::int4[])) WITH ORDINALITY u(name, type, modifier, place)
LEFT JOIN pg_catalog.pg_attribute a
  ON a.attrelid = $1::oid AND a.attname = u.name AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_type t ON t.oid = u.type
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace ORDER BY u.place)",
                                           {std::to_string(relation.oid), ArrayLiteral(names),
                                            ArrayLiteral(types), ArrayLiteral(modifiers)},
                                           doing));
  Looked looked;
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    const int row = static_cast<int>(i);
    PgAttribute attribute;
    attribute.name = relation.columns[i].name;
    attribute.native_type = rows.text(row, 0);
    attribute.plain_type = rows.text(row, 3);
    attribute.type = relation.columns[i].type;
    attribute.modifier = relation.columns[i].modifier;
    attribute.dimensions = static_cast<int32_t>(rows.integer(row, 2));
    looked.ids.push_back(static_cast<int32_t>(rows.integer(row, 1)));
    looked.filled.push_back(rows.boolean(row, 4));
    looked.attributes.push_back(std::move(attribute));
  }
  TARN_ASSIGN_OR_RETURN(looked.types, LoadTypes(*connection_, used));
  for (const uint32_t oid : used) {
    // A type that was dropped since: its values are read as text.
    looked.types.try_emplace(oid, PgType{.oid = oid, .name = "", .built_in = false, .kind = 'b'});
  }
  TARN_ASSIGN_OR_RETURN(auto published, LoadPublished(*connection_, {relation.oid}, ""));
  looked.identity = published[relation.oid].identity;
  return looked;
}

Result<ShapeResolver::Resolved> CatalogResolver::Resolve(const LogRelation& relation,
                                                         const SourceTable& before) {
  Result<Looked> looked = Look(relation);
  if (!looked.ok() && looked.error().kind == ErrorKind::kUnavailable) {
    connection_.reset();  // it may only have been idle for too long
    looked = Look(relation);
  }
  TARN_RETURN_IF_ERROR(looked);
  return ResolveWith(*looked, relation, before);
}

Result<ShapeResolver::Resolved> CatalogResolver::ResolveWith(const Looked& looked,
                                                             const LogRelation& relation,
                                                             const SourceTable& before) {
  auto table = std::make_shared<PgTable>();
  table->oid = relation.oid;
  table->table.name = before.name;
  table->table.kind = before.kind;
  table->table.estimated_rows = before.estimated_rows;
  table->table.estimated_bytes = before.estimated_bytes;
  table->table.id = relation.oid;
  for (const PgAttribute& found : looked.attributes) {
    PgAttribute attribute = found;
    if (attribute.dimensions == 0) attribute.dimensions = DepthOf(before, attribute.name);
    TARN_ASSIGN_OR_RETURN(PgColumn column,
                          MapColumn(before.name, attribute, looked.types, context_->choices));
    table->cursor_types.push_back(attribute.plain_type);
    table->columns.push_back(std::move(column));
  }
  TARN_RETURN_IF_ERROR(table->Assemble(looked.ids));
  Resolved resolved;
  resolved.renamed = FindRenamed(before, table->table);
  std::vector<int32_t> ids = looked.ids;
  for (size_t i = 0; i < ids.size(); ++i) {
    // What today's catalog does not have under this name keeps the number that it had before.
    std::string was = table->columns[i].name;
    for (const TableAltered::Renamed& one : resolved.renamed) {
      if (one.to == was) {
        was = one.from;
        break;
      }
    }
    const SourceColumn* known = Find(before, was);
    if (ids[i] == 0 && known != nullptr) ids[i] = known->id;
    const bool same = known != nullptr && (known->id == 0 || known->id == ids[i]);
    if (!same && (looked.filled[i] || known != nullptr))
      resolved.filled.push_back(table->columns[i].name);
  }
  std::vector<std::string> key = before.key;
  for (std::string& name : key) {
    for (const TableAltered::Renamed& one : resolved.renamed) {
      if (one.from == name) {
        name = one.to;
        break;
      }
    }
  }
  TARN_ASSIGN_OR_RETURN(table->table.key, KeyOf(relation, looked.identity, key));
  TARN_RETURN_IF_ERROR(table->Assemble(ids));
  auto shape = std::make_shared<FollowedShape>();
  for (const PgColumn& column : table->columns) {
    int digits = 2;
    if (column.value_oid == 790) {
      TARN_ASSIGN_OR_RETURN(digits, MoneyDigits());
    }
    shape->columns.push_back(MakeStreamColumn(column, digits));
    shape->columns.back().is_key = Has(table->table.key, column.name);
  }
  shape->table = std::move(table);
  resolved.shape = std::move(shape);
  return resolved;
}

}  // namespace tarn::postgres
