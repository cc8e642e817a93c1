#include "source/mysql/my_resolver.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "source/mysql/my_binlog_types.h"
#include "source/mysql/my_catalog.h"
#include "source/mysql/my_snapshot.h"

namespace tarn::mysql {
namespace {

constexpr uint32_t kBinaryCollation = 63;

std::string Quoted(const std::vector<std::string>& labels) {
  std::string text;
  for (const std::string& label : labels) {
    text += text.empty() ? "'" : ",'";
    for (const char c : label) {
      if (c == '\'') text += c;
      text += c;
    }
    text += '\'';
  }
  return "(" + text + ")";
}

std::string Digits(const std::string& type, int digits) {
  return digits > 0 ? type + "(" + std::to_string(digits) + ")" : type;
}

}  // namespace

MyAttribute AttributeOf(const std::string& name, const std::string& column_type) {
  MyAttribute attribute;
  attribute.name = name;
  attribute.column_type = column_type;
  const size_t word = column_type.find_first_of("( ");
  attribute.data_type = column_type.substr(0, word);
  int first = -1;
  int second = 0;
  if (word != std::string::npos && column_type[word] == '(') {
    const char* p = column_type.c_str() + word + 1;
    char* end = nullptr;
    first = static_cast<int>(std::strtol(p, &end, 10));
    if (*end == ',') second = static_cast<int>(std::strtol(end + 1, nullptr, 10));
  }
  const std::string& type = attribute.data_type;
  if (type == "decimal") {
    attribute.precision = first < 0 ? 10 : first;
    attribute.scale = second;
  } else if (type == "bit") {
    attribute.precision = first < 0 ? 1 : first;
  } else if (type == "time" || type == "datetime" || type == "timestamp") {
    attribute.fraction_digits = std::max(first, 0);
  } else if (type == "binary" || type == "varbinary" || type == "char" || type == "varchar") {
    attribute.octet_length = std::max(first, 1);
  }
  return attribute;
}

std::string ColumnTypeOf(const LogTableMap::Column& column, bool binary) {
  const std::string sign = column.is_unsigned ? " unsigned" : "";
  switch (column.type) {
    case kLogTiny:
      return "tinyint" + sign;
    case kLogShort:
      return "smallint" + sign;
    case kLogInt24:
      return "mediumint" + sign;
    case kLogLong:
      return "int" + sign;
    case kLogLongLong:
      return "bigint" + sign;
    case kLogFloat:
      return "float" + sign;
    case kLogDouble:
      return "double" + sign;
    case kLogDecimal:
      return "decimal(" + std::to_string(column.meta & 0xff) + "," +
             std::to_string(column.meta >> 8) + ")" + sign;
    case kLogDate:
    case kLogNewDate:
      return "date";
    case kLogTime:
      return Digits("time", column.meta);
    case kLogDatetime:
      return Digits("datetime", column.meta);
    case kLogTimestamp:
      return Digits("timestamp", column.meta);
    case kLogTimeOld:
      return "time";
    case kLogDatetimeOld:
      return "datetime";
    case kLogTimestampOld:
      return "timestamp";
    case kLogYear:
      return "year";
    case kLogBit:
      return Digits("bit", (column.meta >> 8) * 8 + (column.meta & 0xff));
    case kLogEnum:
      return column.labels.empty() ? "" : "enum" + Quoted(column.labels);
    case kLogSet:
      return column.labels.empty() ? "" : "set" + Quoted(column.labels);
    case kLogJson:
      return "json";
    case kLogGeometry:
      return "geometry";
    case kLogString:
      return Digits(binary ? "binary" : "char", column.meta);
    case kLogVarchar:
    case kLogVarString:
      return Digits(binary ? "varbinary" : "varchar", column.meta);
    case kLogBlob:
      return binary ? "longblob" : "longtext";
    default:
      return "";
  }
}

CatalogResolver::CatalogResolver(std::shared_ptr<const Context> context,
                                 std::unique_ptr<Connection> connection)
    : context_(std::move(context)), connection_(std::move(connection)) {}

template <typename T, typename Ask>
Result<T> CatalogResolver::With(Ask&& ask) {
  const bool fresh = connection_ == nullptr;
  if (fresh) {
    TARN_ASSIGN_OR_RETURN(connection_, Connection::Open(context_->spec, context_->session));
  }
  Result<T> answer = ask(*connection_);
  if (answer.ok() || answer.error().kind != ErrorKind::kUnavailable) return answer;
  connection_.reset();  // it may only have been idle for too long
  if (fresh) return answer;
  TARN_ASSIGN_OR_RETURN(connection_, Connection::Open(context_->spec, context_->session));
  return ask(*connection_);
}

Result<std::shared_ptr<const MyTable>> CatalogResolver::Today(const SourceTableName& name) {
  using Table = std::shared_ptr<const MyTable>;
  return With<Table>([&](Connection& connection) -> Result<Table> {
    TARN_ASSIGN_OR_RETURN(const std::vector<Candidate> candidates,
                          ListCandidates(connection, name.schema, name.name));
    TARN_ASSIGN_OR_RETURN(const auto tables, LoadTables(connection, candidates, context_->choices));
    if (tables.empty()) {
      return NotFound("table " + name.ToString() + " does not exist in " +
                          context_->spec.address() + " any more",
                      "take it out of tables:, or load it again with `tarn resync`");
    }
    return tables[0];
  });
}

Result<std::string> CatalogResolver::CharsetOf(uint32_t collation) {
  if (collations_.empty()) {
    TARN_ASSIGN_OR_RETURN(
        const Rows rows, With<Rows>([&](Connection& connection) {
          // MariaDB lists a collation once for each character set that it serves.
          return connection.Query(
              connection.version().is_mariadb
                  ? "SELECT id, character_set_name FROM "
                    "information_schema.collation_character_set_applicability"
                  : "SELECT id, character_set_name FROM information_schema.collations",
              "reading collations");
        }));
    for (int i = 0; i < rows.count(); ++i) {
      collations_[static_cast<uint32_t>(rows.integer(i, 0))] = rows.text(i, 1);
    }
  }
  const auto found = collations_.find(collation);
  return found != collations_.end() ? found->second : std::string();
}

Result<MyColumn> CatalogResolver::ColumnOf(const SourceTableName& table,
                                           const LogTableMap::Column& column) {
  const bool binary = column.collation == kBinaryCollation;
  MyAttribute attribute = AttributeOf(column.name, ColumnTypeOf(column, binary));
  if (attribute.data_type.empty()) {
    return Unsupported("table " + table.ToString() + ", column " + column.name +
                           ": its type cannot be told from the log (" +
                           std::to_string(column.type) + ")",
                       "load the table again with `tarn resync`");
  }
  attribute.nullable = column.nullable;
  if (IsLogText(column.type) && !binary) {
    TARN_ASSIGN_OR_RETURN(attribute.charset, CharsetOf(column.collation));
  }
  return MapColumn(table, attribute, context_->choices);
}

Result<std::shared_ptr<const Charset>> CatalogResolver::FindCharset(const std::string& name) {
  using Found = std::shared_ptr<const Charset>;
  return With<Found>([&](Connection& connection) { return charsets_.Find(connection, name); });
}

Result<ForeignKeys> CatalogResolver::KeysOf(const std::vector<SourceTableName>& tables) {
  if (tables.empty()) return ForeignKeys();
  return With<ForeignKeys>([&](Connection& connection) -> Result<ForeignKeys> {
    TARN_ASSIGN_OR_RETURN(ForeignKeys known, LoadForeignKeys(connection, tables));
    // Asked afterwards: what the log says from here on came after what was told.
    TARN_ASSIGN_OR_RETURN(const std::string position, CurrentPosition(connection));
    if (position.empty()) return known;
    TARN_ASSIGN_OR_RETURN(const Position since, Position::Parse(position));
    for (ForeignKey& key : known.keys) key.since = since;
    return known;
  });
}

Result<std::shared_ptr<const MyTable>> CatalogResolver::Remembered(const SourceTable& table) {
  Result<std::shared_ptr<const MyTable>> today = Today(table.name);
  if (!today.ok() && (today.error().kind == ErrorKind::kUnavailable ||
                      today.error().kind == ErrorKind::kCancelled)) {
    return today;
  }
  std::vector<MyColumn> columns;
  const std::vector<std::string> charsets = CharsetsIn(table);
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const SourceColumn& remembered = table.columns[i];
    const MyColumn* is = nullptr;
    if (today.ok()) {
      for (const MyColumn& one : (*today)->columns) {
        if (one.name == remembered.name) is = &one;
      }
    }
    // A column may have got another character set since: the log of before is in the one it had.
    const bool same_set = charsets.empty() || (is != nullptr && is->charset == charsets[i]);
    if (is != nullptr && is->native_type == remembered.native_type && same_set) {
      columns.push_back(*is);
      continue;
    }
    MyAttribute attribute = AttributeOf(remembered.name, remembered.native_type);
    attribute.charset = !charsets.empty() ? charsets[i] : is != nullptr ? is->charset : "";
    TARN_ASSIGN_OR_RETURN(MyColumn column, MapColumn(table.name, attribute, context_->choices));
    if (column.type == MyType::kChars && column.charset.empty()) column.charset = "utf8mb4";
    columns.push_back(std::move(column));
  }
  MyTable like;
  like.table = table;
  return AssembleTable(like, std::move(columns), table.key);
}

}  // namespace tarn::mysql
