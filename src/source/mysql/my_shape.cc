#include "source/mysql/my_shape.h"

#include <algorithm>

#include <arrow/type.h>

#include "base/hash.h"
#include "source/mysql/my_binlog_types.h"

namespace tarn::mysql {
namespace {

// Of indexes over expressions: the server's own, of which no description tells.
bool IsHidden(const LogTableMap::Column& column) { return column.name.starts_with("!hidden!"); }

bool Fits(const LogTableMap& map, const LogTableMap::Column& logged, const MyColumn& column) {
  if (map.has_names && logged.name != column.name) return false;
  const bool is_integer = IsLogNumber(logged.type) && logged.type != kLogDecimal &&
                          logged.type != kLogFloat && logged.type != kLogDouble;
  if (is_integer && logged.knows_sign && logged.is_unsigned != column.is_unsigned) return false;
  return LogTypeFits(logged.type, logged.meta, column);
}

const MyColumn* Find(const MyTable& table, const std::string& name) {
  for (const MyColumn& column : table.columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

bool IsPrefix(const std::vector<std::string>& shorter, const std::vector<std::string>& longer) {
  return shorter.size() <= longer.size() &&
         std::equal(shorter.begin(), shorter.end(), longer.begin());
}

}  // namespace

std::vector<std::string> NamesOf(const MyTable& table) {
  std::vector<std::string> names;
  for (const MyColumn& column : table.columns) names.push_back(column.name);
  return names;
}

Result<std::optional<LogShape>> FitShape(const LogTableMap& map,
                                         const std::shared_ptr<const MyTable>& table,
                                         ShapeResolver* resolver) {
  LogShape shape;
  shape.table = table;
  size_t next = 0;
  for (const LogTableMap::Column& logged : map.columns) {
    LogColumn how;
    how.type = logged.type;
    how.meta = logged.meta;
    if (!IsHidden(logged)) {
      if (next == table->columns.size() || !Fits(map, logged, table->columns[next])) {
        return std::optional<LogShape>();
      }
      how.column = static_cast<int>(next);
      how.is_key = std::find(table->key.begin(), table->key.end(), how.column) != table->key.end();
      const MyColumn& column = table->columns[next++];
      if (column.type == MyType::kChars) {
        // Where the log tells it, it is that of its place; else the one that was described.
        std::string charset;
        if (logged.collation != 0) {
          TARN_ASSIGN_OR_RETURN(charset, resolver->CharsetOf(logged.collation));
        }
        TARN_ASSIGN_OR_RETURN(how.charset,
                              resolver->FindCharset(charset.empty() ? column.charset : charset));
      }
    }
    shape.columns.push_back(std::move(how));
  }
  if (next != table->columns.size() || next == 0) return std::optional<LogShape>();
  return std::optional<LogShape>(std::move(shape));
}

std::string CharsetsOf(const std::vector<MyColumn>& columns) {
  std::string text;
  for (const MyColumn& column : columns) text += column.charset + ",";
  return text;
}

std::vector<std::string> CharsetsIn(const SourceTable& table) {
  std::vector<std::string> charsets;
  std::string_view rest = table.rows_mark;
  for (size_t end = rest.find(','); end != std::string_view::npos; end = rest.find(',')) {
    charsets.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  if (charsets.size() != table.columns.size()) charsets.clear();
  return charsets;
}

Result<std::shared_ptr<const MyTable>> AssembleTable(const MyTable& like,
                                                     std::vector<MyColumn> columns,
                                                     std::vector<std::string> key) {
  auto table = std::make_shared<MyTable>();
  table->table = like.table;
  table->engine = like.engine;
  table->table.columns.clear();
  table->table.key = std::move(key);
  table->columns = std::move(columns);
  TARN_ASSIGN_OR_RETURN(table->key, table->Positions(table->table.key));
  arrow::FieldVector fields;
  std::string text;
  for (size_t i = 0; i < table->columns.size(); ++i) {
    const MyColumn& column = table->columns[i];
    const bool in_key =
        std::find(table->key.begin(), table->key.end(), static_cast<int>(i)) != table->key.end();
    if (in_key && column.store == Store::kVariant) {
      return VariantKeyError(table->table.name, column.name);
    }
    fields.push_back(arrow::field(column.name, column.arrow_type, /*nullable=*/!in_key));
    table->table.columns.push_back({column.name, column.native_type, fields.back()});
    text += column.name + '\0' + column.native_type + '\0' + column.charset + '\0' +
            column.arrow_type->ToString() + '\0';
  }
  for (const std::string& name : table->table.key) text += '\1' + name;
  table->table.fingerprint = HexHash(text);
  table->table.rows_mark = CharsetsOf(table->columns);
  table->schema = arrow::schema(std::move(fields));
  return std::shared_ptr<const MyTable>(std::move(table));
}

Result<std::shared_ptr<const MyTable>> TableOfNames(const MyTable& before,
                                                    const std::vector<AlteredName>& names) {
  std::vector<MyColumn> columns;
  for (const AlteredName& one : names) {
    const MyColumn* known = Find(before, one.before);
    if (known == nullptr) return std::shared_ptr<const MyTable>();
    columns.push_back(*known);
    columns.back().name = one.name;
  }
  std::vector<std::string> key;
  for (const std::string& was : before.table.key) {
    const auto named = std::find_if(names.begin(), names.end(),
                                    [&](const AlteredName& one) { return one.before == was; });
    if (named == names.end()) return std::shared_ptr<const MyTable>();
    key.push_back(named->name);
  }
  return AssembleTable(before, std::move(columns), std::move(key));
}

Result<std::shared_ptr<const MyTable>> TableOfMap(const LogTableMap& map, const MyTable& before,
                                                  const std::vector<AlteredName>& names,
                                                  ShapeResolver* resolver) {
  std::vector<MyColumn> columns;
  std::vector<std::string> all;
  for (const LogTableMap::Column& logged : map.columns) {
    all.push_back(logged.name);
    if (IsHidden(logged)) continue;
    const auto named = std::find_if(names.begin(), names.end(), [&](const AlteredName& one) {
      return one.name == logged.name;
    });
    const MyColumn* known =
        named != names.end() && !named->before.empty() ? Find(before, named->before) : nullptr;
    MyColumn column;
    if (known != nullptr) {
      column = *known;
      column.name = logged.name;
    }
    if (known == nullptr || !Fits(map, logged, column)) {
      TARN_ASSIGN_OR_RETURN(column, resolver->ColumnOf(map.table, logged));
    }
    columns.push_back(std::move(column));
  }
  std::vector<std::string> key;
  for (const size_t at : map.key) key.push_back(all[at]);
  if (key.empty()) {
    for (const std::string& was : before.table.key) {
      const auto named = std::find_if(names.begin(), names.end(),
                                      [&](const AlteredName& one) { return one.before == was; });
      key.push_back(named != names.end() ? named->name : was);
    }
  }
  return AssembleTable(before, std::move(columns), std::move(key));
}

std::string WhyValuesChanged(const MyColumn& before, const MyColumn& after, bool strict) {
  const auto changed = [&] {
    const bool same_type = before.native_type == after.native_type;
    const auto text = [&](const MyColumn& column) {
      return column.native_type + (same_type && before.charset != after.charset
                                       ? " CHARACTER SET " + column.charset
                                       : "");
    };
    return "column " + before.name + " became " + text(after) + " instead of " + text(before);
  };
  if (before.nullable && !after.nullable && !strict) return changed();
  if (before.native_type == after.native_type && before.charset == after.charset) return "";
  const auto is_integer = [](MyType type) { return type <= MyType::kInt64; };
  if (is_integer(before.type) && is_integer(after.type)) {
    const bool wider = after.type >= before.type && after.is_unsigned == before.is_unsigned;
    const bool much_wider = after.type > before.type && before.is_unsigned;
    return wider || much_wider || strict ? "" : changed();
  }
  if (before.type == MyType::kFloat32 && after.type == MyType::kFloat64) return "";
  if (before.type != after.type) return changed();
  switch (before.type) {
    case MyType::kChars: {
      const bool to_unicode = after.charset == "utf8mb4" || after.charset == before.charset;
      return to_unicode && (strict || after.length >= before.length) &&
                     (!after.fixed_length || before.fixed_length)
                 ? ""
                 : changed();
    }
    case MyType::kBytes:
      return !after.fixed_length && !before.fixed_length &&
                     (strict || after.length >= before.length)
                 ? ""
                 : changed();
    case MyType::kDecimal:
      return after.fraction_digits == before.fraction_digits &&
                     (strict || after.digits >= before.digits)
                 ? ""
                 : changed();
    case MyType::kTime:
    case MyType::kDatetime:
    case MyType::kTimestamp:
      return after.fraction_digits >= before.fraction_digits ? "" : changed();
    case MyType::kEnum:
    case MyType::kSet:
      return IsPrefix(before.labels, after.labels) ? "" : changed();
    case MyType::kBit:
      return after.length >= before.length ? "" : changed();
    case MyType::kFloat32:
    case MyType::kFloat64:  // FLOAT(7,2) rounds
      return changed();
    default:
      return "";
  }
}

}  // namespace tarn::mysql
