#include "source/postgres/pg_shape_resolver.h"

#include <poll.h>

#include <algorithm>
#include <set>
#include <utility>

#include <arrow/type.h>

#include "source/postgres/pg_catalog.h"
#include "source/postgres/pg_names.h"
#include "source/postgres/pg_published.h"
#include "source/postgres/pg_renames.h"

namespace tarn::postgres {
namespace {

constexpr int kVisiblePollMillis = 20;

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

// The highest number that a column of the table has had.
int32_t LastColumnId(const SourceTable& table) {
  int32_t last = table.last_column_id;
  for (const SourceColumn& column : table.columns) last = std::max(last, column.id);
  return last;
}

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool SameSet(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return a.size() == b.size() &&
         std::all_of(a.begin(), a.end(), [&](const std::string& name) { return Has(b, name); });
}

// What a column of today was called in the description before.
const std::string& NameBefore(const std::vector<TableAltered::Renamed>& renamed,
                              const std::string& name) {
  for (const TableAltered::Renamed& one : renamed) {
    if (one.to == name) return one.from;
  }
  return name;
}

}  // namespace

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
      if (table.rows_mark.empty()) table.rows_mark = one->table.rows_mark;
      // One alone that has none was renamed or dropped: its name may be another's by now.
      if (LastColumnId(table) != 0) continue;
      for (SourceColumn& column : table.columns) {
        const SourceColumn* is = FindColumn(one->table, column.name);
        if (is != nullptr) column.id = is->id;
      }
    }
  }
  return columns;
}

Result<std::map<SourceTableName, int64_t>> CatalogResolver::TablesOf(
    const std::string& publication) {
  const bool fresh = connection_ == nullptr;
  TARN_RETURN_IF_ERROR(Connected());
  const auto ask = [&] {
    return connection_->Query(R"(
SELECT t.schemaname, t.tablename, coalesce(r.oid, 0)
FROM pg_catalog.pg_publication p
JOIN pg_catalog.pg_publication_tables t ON t.pubname = p.pubname
JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = c.oid
WHERE p.pubname = $1 AND p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate)",
                              {publication}, "reading publication " + publication);
  };
  Result<Rows> rows = ask();
  if (!fresh && !rows.ok() && rows.error().kind == ErrorKind::kUnavailable) {
    connection_.reset();  // it may only have been idle for too long
    TARN_RETURN_IF_ERROR(Connected());
    rows = ask();
  }
  if (!rows.ok()) return rows.status();
  std::map<SourceTableName, int64_t> tables;
  for (int i = 0; i < rows->count(); ++i) {
    tables[{rows->text(i, 0), rows->text(i, 1)}] = rows->integer(i, 2);
  }
  return tables;
}

// A walsender tells a transaction as soon as its commit is on the disk. Other sessions see it a
// moment later; with synchronous replication perhaps much later.
Status CatalogResolver::AwaitVisible(uint32_t xid) {
  for (int64_t waited = 0; waited < context_->session.connect_timeout_ms;
       waited += kVisiblePollMillis) {
    TARN_ASSIGN_OR_RETURN(Rows rows, connection_->Query(R"(
SELECT pg_catalog.pg_snapshot_xmax(s)::text::int8 % 4294967296,
  EXISTS (SELECT FROM pg_catalog.pg_snapshot_xip(s) x WHERE x::text::int8 % 4294967296 = $1::int8)
FROM pg_catalog.pg_current_snapshot() s)",
                                                        {std::to_string(xid)},
                                                        "asking whether a transaction is visible"));
    // Numbers of transactions go round.
    const bool begun = static_cast<int32_t>(static_cast<uint32_t>(rows.integer(0, 0)) - xid) > 0;
    if (begun && !rows.boolean(0, 1)) return Status::Ok();
    if (context_->session.cancel != nullptr) {
      TARN_RETURN_IF_ERROR(context_->session.cancel->Check());
    }
    poll(nullptr, 0, kVisiblePollMillis);
  }
  return Unavailable("transaction " + std::to_string(xid) + " of " + context_->spec.address() +
                         " is in the log, and not visible to others yet",
                     "it is read again; look whether a synchronous standby is missing");
}

Result<CatalogResolver::Looked> CatalogResolver::Look(const LogRelation& relation,
                                                      const SourceTable& before, uint32_t xid) {
  TARN_RETURN_IF_ERROR(Connected());
  TARN_RETURN_IF_ERROR(AwaitVisible(xid));
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
  looked.rules = {context_->limits.value_bytes_max, !connection_->sends_valid_utf8()};
  TARN_ASSIGN_OR_RETURN(looked.types, LoadTypes(*connection_, used));
  for (const uint32_t oid : used) {
    // A type that was dropped since: its values are read as text.
    looked.types.try_emplace(oid, PgType{.oid = oid, .name = "", .built_in = false, .kind = 'b'});
  }
  if (LastColumnId(before) != 0) {
    TARN_ASSIGN_OR_RETURN(looked.later,
                          LoadLaterColumns(*connection_, relation.oid, LastColumnId(before)));
  }
  TARN_ASSIGN_OR_RETURN(auto published, LoadPublished(*connection_, {relation.oid}, ""));
  const Published& is = published[relation.oid];
  if (is.deferrable_key && is.identity.empty()) {
    Error error = DeferrableKey(before.name);
    error.hint += "; then load it again with `tarn resync`";
    return error;
  }
  looked.identity = is.identity;
  TARN_ASSIGN_OR_RETURN(auto marks,
                        LoadRowsMarks(*connection_, ArrayLiteral({std::to_string(relation.oid)})));
  looked.rows_mark = std::move(marks[relation.oid]);
  TARN_RETURN_IF_ERROR(CheckValuesKept(looked.rows_mark, relation, before));
  return looked;
}

Status CatalogResolver::CheckValuesKept(const RowsMark& now, const LogRelation& relation,
                                        const SourceTable& before) {
  for (const DoubtedColumn& one : DoubtedColumns(RowsMark::Parse(before.rows_mark), now)) {
    const auto column = std::find_if(before.columns.begin(), before.columns.end(),
                                     [&](const SourceColumn& c) { return c.id == one.number; });
    if (column == before.columns.end()) continue;
    TARN_ASSIGN_OR_RETURN(const bool stand, HasRewrittenRows(*connection_, relation.oid, one));
    if (!stand) continue;
    return InvalidArgument(
        "column " + column->name + " of table " + before.name.ToString() +
            " was altered in a way that wrote all rows anew: what they have in it since is not in "
            "the log",
        "load it again with `tarn resync`");
  }
  return Status::Ok();
}

Result<ShapeResolver::Resolved> CatalogResolver::Resolve(const LogRelation& relation,
                                                         const SourceTable& before, uint32_t xid) {
  const bool fresh = connection_ == nullptr;
  Result<Looked> looked = Look(relation, before, xid);
  if (!fresh && !looked.ok() && looked.error().kind == ErrorKind::kUnavailable) {
    connection_.reset();  // it may only have been idle for too long
    looked = Look(relation, before, xid);
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
  table->table.rows_mark = looked.rows_mark.ToString();
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
  resolved.filled = UncertainRenames(before, table->table, looked.later, resolved.renamed);
  const ColumnNumbers numbers = Number(looked, relation, before, resolved.renamed);
  std::vector<int32_t> ids;
  std::vector<size_t> added;
  int32_t highest = 0;
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    ColumnNumbers::One is = numbers.columns[i];
    // A message has columns in the order of their numbers.
    if (looked.ids[i] != 0 && looked.ids[i] < highest) is.doubt = "columns were renamed since";
    highest = std::max(highest, looked.ids[i]);
    const std::string& name = relation.columns[i].name;
    const SourceColumn* known = FindColumn(before, NameBefore(resolved.renamed, name));
    ids.push_back(is.number);
    const bool doubted = std::any_of(resolved.filled.begin(), resolved.filled.end(),
                                     [&](const auto& one) { return one.column == name; });
    if (doubted) continue;
    if (!is.doubt.empty()) {
      resolved.filled.push_back({name, nullptr, is.doubt});
    } else if (known != nullptr && known->id != 0 && looked.ids[i] != 0 &&
               known->id != looked.ids[i]) {
      resolved.filled.push_back(
          {name, nullptr, "a column of that name was dropped since, and another one added"});
      ids.back() = looked.ids[i];
    } else if (known == nullptr) {
      added.push_back(i);
    }
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
  for (const size_t i : added) {
    auto filled = FillOf(looked, relation, before, i, Later(looked, ids[i]), shape->columns[i]);
    if (filled) resolved.filled.push_back(*std::move(filled));
  }
  table->table.last_column_id = numbers.last;
  for (const int32_t id : ids) {
    table->table.last_column_id = std::max(table->table.last_column_id, id);
  }
  shape->table = std::move(table);
  resolved.shape = std::move(shape);
  return resolved;
}

const LaterColumn* CatalogResolver::Later(const Looked& looked, int32_t number) {
  if (!looked.later) return nullptr;
  const auto found = std::find_if(looked.later->begin(), looked.later->end(),
                                  [&](const LaterColumn& one) { return one.id == number; });
  return found == looked.later->end() ? nullptr : &*found;
}

ColumnNumbers CatalogResolver::Number(const Looked& looked, const LogRelation& relation,
                                      const SourceTable& before,
                                      const std::vector<TableAltered::Renamed>& renamed) {
  const int32_t last = LastColumnId(before);
  std::vector<ToldColumn> told;
  std::set<std::string> kept;
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    const std::string name = NameBefore(renamed, relation.columns[i].name);
    const SourceColumn* known = FindColumn(before, name);
    if (known != nullptr) kept.insert(name);
    told.push_back({known != nullptr, known != nullptr ? known->id : 0, looked.ids[i]});
  }
  if (last == 0 || !looked.later) {
    ColumnNumbers as_today;
    as_today.last = last;
    for (const ToldColumn& one : told) {
      const bool is_known = one.known && (one.number != 0 || one.today == 0);
      as_today.columns.push_back({is_known ? one.number : one.today, ""});
      if (last != 0 && !one.known) as_today.columns.back().doubt = "the table was dropped since";
    }
    return as_today;
  }
  const auto left = std::count_if(
      before.columns.begin(), before.columns.end(),
      [&](const SourceColumn& one) { return one.id == 0 && !kept.contains(one.name); });
  return NumberColumns(told, left, last, *looked.later);
}

std::optional<TableAltered::Filled> CatalogResolver::FillOf(const Looked& looked,
                                                            const LogRelation& relation,
                                                            const SourceTable& before,
                                                            size_t column, const LaterColumn* later,
                                                            const StreamColumn& how) const {
  const LogRelation::Column& told = relation.columns[column];
  TableAltered::Filled filled;
  filled.column = told.name;
  const auto unknown = [&](std::string why) {
    filled.unknown = std::move(why);
    return filled;
  };
  if (later == nullptr) {
    if (LastColumnId(before) != 0 || !looked.filled[column]) return std::nullopt;
    return unknown("which of the source's columns it is is not known");
  }
  if (later->dropped || !later->may_fill) return std::nullopt;
  if (later->type != told.type || later->modifier != told.modifier) {
    return unknown("it was given another type since");
  }
  if (!later->missing) {
    return unknown(
        "its default is a volatile expression or came after the column, or the table is "
        "partitioned or was written anew since (VACUUM FULL, CLUSTER, another type of a column)");
  }
  Result<std::shared_ptr<arrow::Array>> value =
      DecodeMissingValue(before.name, how, looked.rules, *later->missing);
  if (!value.ok()) return unknown(value.error().message);
  filled.value = *std::move(value);
  return filled;
}

}  // namespace tarn::postgres
