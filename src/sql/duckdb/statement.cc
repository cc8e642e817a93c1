#include "sql/duckdb/statement.h"

#include <string_view>
#include <utility>

#include "duckdb/parser/parsed_data/pragma_info.hpp"
#include "duckdb/parser/parsed_data/transaction_info.hpp"
#include "duckdb/parser/statement/list.hpp"
#include "duckdb/parser/statement/multi_statement.hpp"

namespace tarn::duck {
namespace {

using duckdb::StatementType;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

std::string NameOfKind(duckdb::CatalogType type) {
  switch (type) {
    case duckdb::CatalogType::TABLE_ENTRY:
      return "TABLE";
    case duckdb::CatalogType::VIEW_ENTRY:
      return "VIEW";
    case duckdb::CatalogType::SCHEMA_ENTRY:
      return "SCHEMA";
    case duckdb::CatalogType::SEQUENCE_ENTRY:
      return "SEQUENCE";
    case duckdb::CatalogType::INDEX_ENTRY:
      return "INDEX";
    case duckdb::CatalogType::TYPE_ENTRY:
      return "TYPE";
    default:
      return "FUNCTION";
  }
}

Error Refused(const std::string& statement, const std::string& hint) {
  return PermissionDenied(statement + " is not allowed", hint);
}

}  // namespace

std::vector<StatementText> SplitStatements(const std::string& text) {
  std::vector<StatementText> result;
  size_t begin = 0;
  size_t first_token = 0;
  bool has_token = false;
  const auto take = [&](size_t end) {
    size_t first = begin;
    size_t last = end;
    while (first < last && IsSpace(text[first])) ++first;
    while (last > first && IsSpace(text[last - 1])) --last;
    if (has_token) result.push_back({text.substr(first, last - first), first_token});
    begin = end + 1;
    has_token = false;
  };
  for (const duckdb::SimplifiedToken& token : duckdb::Parser::Tokenize(text)) {
    if (token.type == duckdb::SimplifiedTokenType::SIMPLIFIED_TOKEN_COMMENT) continue;
    if (token.type == duckdb::SimplifiedTokenType::SIMPLIFIED_TOKEN_OPERATOR &&
        text[token.start] == ';') {
      take(token.start);
    } else if (!has_token) {
      has_token = true;
      first_token = token.start;
    }
  }
  take(text.size());
  return result;
}

std::string QuoteTimestampParameter(const std::string& sql) {
  constexpr std::string_view kWord = "timestamp";
  const auto tokens = duckdb::Parser::Tokenize(sql);
  std::string result;
  size_t copied = 0;
  for (size_t i = 1; i + 1 < tokens.size(); ++i) {
    const size_t start = tokens[i].start;
    // AT (TIMESTAMP => …) has a parenthesis before it, and is known to the parser.
    if (sql[tokens[i - 1].start] != ',' || sql.compare(tokens[i + 1].start, 2, "=>") != 0 ||
        !duckdb::StringUtil::CIEquals(sql.substr(start, kWord.size()), std::string(kWord))) {
      continue;
    }
    result += sql.substr(copied, start - copied) + "\"timestamp\"";
    copied = start + kWord.size();
  }
  return result + sql.substr(copied);
}

std::string LineColumn(const std::string& text, size_t offset) {
  int line = 1;
  int column = 1;
  for (size_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++column;
    }
  }
  return std::to_string(line) + ":" + std::to_string(column);
}

bool IsCommit(const duckdb::SQLStatement& statement) {
  if (statement.type != StatementType::TRANSACTION_STATEMENT) return false;
  return statement.Cast<duckdb::TransactionStatement>().info->type ==
         duckdb::TransactionType::COMMIT;
}

std::string TagOf(const duckdb::SQLStatement& statement) {
  switch (statement.type) {
    case StatementType::SELECT_STATEMENT:
      return "SELECT";
    case StatementType::INSERT_STATEMENT:
      return "INSERT";
    case StatementType::UPDATE_STATEMENT:
      return "UPDATE";
    case StatementType::DELETE_STATEMENT:
      return "DELETE";
    case StatementType::MERGE_INTO_STATEMENT:
      return "MERGE";
    case StatementType::PREPARE_STATEMENT:
      return "PREPARE";
    case StatementType::EXECUTE_STATEMENT:
      return "EXECUTE";
    case StatementType::EXPLAIN_STATEMENT:
      return "EXPLAIN";
    case StatementType::CALL_STATEMENT:
      return "CALL";
    case StatementType::SET_STATEMENT:
    case StatementType::VARIABLE_SET_STATEMENT:
      return "SET";
    case StatementType::CREATE_STATEMENT: {
      const auto& info = *statement.Cast<duckdb::CreateStatement>().info;
      const bool from_query = info.type == duckdb::CatalogType::TABLE_ENTRY &&
                              info.Cast<duckdb::CreateTableInfo>().query != nullptr;
      return from_query ? "SELECT" : "CREATE " + NameOfKind(info.type);
    }
    case StatementType::DROP_STATEMENT: {
      const auto& info = *statement.Cast<duckdb::DropStatement>().info;
      return info.type == duckdb::CatalogType::PREPARED_STATEMENT ? "DEALLOCATE"
                                                                  : "DROP " + NameOfKind(info.type);
    }
    case StatementType::ALTER_STATEMENT: {
      const auto& info = *statement.Cast<duckdb::AlterStatement>().info;
      if (info.type == duckdb::AlterType::SET_COMMENT ||
          info.type == duckdb::AlterType::SET_COLUMN_COMMENT) {
        return "COMMENT";
      }
      return info.type == duckdb::AlterType::ALTER_VIEW ? "ALTER VIEW" : "ALTER TABLE";
    }
    case StatementType::TRANSACTION_STATEMENT:
      switch (statement.Cast<duckdb::TransactionStatement>().info->type) {
        case duckdb::TransactionType::BEGIN_TRANSACTION:
          return "BEGIN";
        case duckdb::TransactionType::COMMIT:
          return "COMMIT";
        default:
          return "ROLLBACK";
      }
    default:
      return duckdb::StatementTypeToString(statement.type);
  }
}

Status CheckStatement(const duckdb::SQLStatement& statement) {
  switch (statement.type) {
    case StatementType::EXPLAIN_STATEMENT:
      return CheckStatement(*statement.Cast<duckdb::ExplainStatement>().stmt);
    case StatementType::PREPARE_STATEMENT:
      return CheckStatement(*statement.Cast<duckdb::PrepareStatement>().statement);
    case StatementType::MULTI_STATEMENT:
      for (const auto& child : statement.Cast<duckdb::MultiStatement>().statements) {
        TARN_RETURN_IF_ERROR(CheckStatement(*child));
      }
      return Status::Ok();
    case StatementType::COPY_STATEMENT:
      return Refused("COPY", "write a result to a file with `tarn sql --format parquet`");
    case StatementType::ATTACH_STATEMENT:
    case StatementType::DETACH_STATEMENT:
      return Refused("ATTACH and DETACH", "declare databases as `sources:` in tarn.yaml");
    case StatementType::EXPORT_STATEMENT:
    case StatementType::COPY_DATABASE_STATEMENT:
      return Refused("EXPORT and IMPORT", "the lake's tables are open files already");
    case StatementType::LOAD_STATEMENT:
    case StatementType::UPDATE_EXTENSIONS_STATEMENT:
    case StatementType::EXTENSION_STATEMENT:
      return Refused("INSTALL and LOAD", "");
    case StatementType::CREATE_STATEMENT:
      // Secrets belong to the whole engine, not to a session.
      if (statement.Cast<duckdb::CreateStatement>().info->type ==
          duckdb::CatalogType::SECRET_ENTRY) {
        return Refused("CREATE SECRET", "credentials stand in tarn.yaml");
      }
      return Status::Ok();
    case StatementType::DROP_STATEMENT:
      if (statement.Cast<duckdb::DropStatement>().info->type == duckdb::CatalogType::SECRET_ENTRY) {
        return Refused("DROP SECRET", "credentials stand in tarn.yaml");
      }
      return Status::Ok();
    case StatementType::PRAGMA_STATEMENT: {
      const auto& info = *statement.Cast<duckdb::PragmaStatement>().info;
      const std::string name = duckdb::StringUtil::Lower(info.name);
      static const duckdb::unordered_set<std::string> kHarmless = {
          "table_info", "show_tables", "show_tables_expanded", "database_list",
          "version",    "platform",    "collations",           "functions"};
      if (kHarmless.count(name) > 0) return Status::Ok();
      return Refused("PRAGMA " + info.name, "");
    }
    default:
      return Status::Ok();
  }
}

}  // namespace tarn::duck
