#include "sql/duckdb/show.h"

#include <cctype>
#include <vector>

#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {
namespace {

struct Word {
  std::string text;   ///< an identifier without its quotes, or the token as written
  std::string upper;  ///< "" for quoted identifiers and strings
  size_t begin = 0;
};

/// Where a token ends: DuckDB's tokenizer tells only where it begins.
size_t TokenEnd(const std::string& sql, size_t begin) {
  const auto is_word = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) != 0 || c == '_' || c == '$' || byte >= 0x80;
  };
  size_t end = begin + 1;
  const char first = sql[begin];
  if (first == '"' || first == '\'') {
    while (end < sql.size()) {
      if (sql[end++] != first) continue;
      if (end >= sql.size() || sql[end] != first) break;
      ++end;
    }
  } else if (is_word(first)) {
    while (end < sql.size() && is_word(sql[end])) ++end;
  }
  return end;
}

/// The tokens of a short statement; empty when it is not a SHOW.
std::vector<Word> Words(const std::string& sql) {
  std::vector<Word> words;
  const auto tokens = duckdb::Parser::Tokenize(sql);
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].type == duckdb::SimplifiedTokenType::SIMPLIFIED_TOKEN_COMMENT) continue;
    const size_t begin = tokens[i].start;
    Word word;
    word.text = sql.substr(begin, TokenEnd(sql, begin) - begin);
    word.begin = begin;
    if (word.text == ";") continue;
    if (word.text.size() >= 2 && word.text.front() == '"' && word.text.back() == '"') {
      word.text =
          duckdb::StringUtil::Replace(word.text.substr(1, word.text.size() - 2), "\"\"", "\"");
    } else if (word.text.front() != '\'') {
      word.upper = duckdb::StringUtil::Upper(word.text);
    }
    words.push_back(std::move(word));
    if (words.size() == 1 && words[0].upper != "SHOW") return {};
    if (words.size() > 16) return {};
  }
  return words;
}

std::string Quote(const std::string& text) {
  return "'" + duckdb::StringUtil::Replace(text, "'", "''") + "'";
}

/// `a.b.c` from words[at…]; moves `at` behind it. Empty when there is no name.
std::vector<std::string> QualifiedName(const std::vector<Word>& words, size_t& at) {
  std::vector<std::string> parts;
  while (at < words.size()) {
    parts.push_back(words[at++].text);
    if (at >= words.size() || words[at].text != ".") break;
    ++at;
  }
  return parts;
}

/// " WHERE name LIKE 'x'" for a trailing LIKE, "" for the end, nullopt for anything else.
std::optional<std::string> LikeTail(const std::vector<Word>& words, size_t at,
                                    const std::string& column) {
  if (at == words.size()) return std::string();
  const bool like = words[at].upper == "LIKE" || words[at].upper == "ILIKE";
  if (!like || at + 2 != words.size() || words[at + 1].text.front() != '\'') return std::nullopt;
  return " WHERE " + column + " " + words[at].upper + " " + words[at + 1].text;
}

}  // namespace

std::optional<std::string> RewriteShow(const std::string& sql, const std::string& catalog) {
  const std::vector<Word> words = Words(sql);
  if (words.size() < 2) return std::nullopt;
  const std::string& what = words[1].upper;
  size_t at = 2;
  std::vector<std::string> from;
  const bool has_from = words.size() > 3 && (words[2].upper == "FROM" || words[2].upper == "IN");
  if (has_from) {
    at = 3;
    from = QualifiedName(words, at);
  }
  if (what == "CATALOGS") {
    const auto like = LikeTail(words, at, "catalog_name");
    if (!like || has_from) return std::nullopt;
    return "SELECT * FROM tarn_catalogs()" + *like;
  }
  if (what == "SCHEMAS") {
    const auto like = LikeTail(words, at, "schema_name");
    if (!like || from.size() > 1) return std::nullopt;
    return "SELECT * FROM tarn_schemas(" + Quote(has_from ? from[0] : catalog) + ")" + *like;
  }
  if (what == "TABLES") {
    const auto like = LikeTail(words, at, "name");
    if (!like || from.size() > 2) return std::nullopt;
    std::string arguments = Quote(catalog) + ", ''";
    if (from.size() == 1) arguments = Quote(from[0]) + ", NULL";
    if (from.size() == 2) arguments = Quote(from[0]) + ", " + Quote(from[1]);
    return "SELECT * FROM tarn_relations(" + arguments + ")" + *like;
  }
  if (what == "COLUMNS" && has_from && at == words.size()) {
    return "DESCRIBE " + sql.substr(words[3].begin);
  }
  if (what == "CREATE" && words.size() > 3 &&
      (words[2].upper == "TABLE" || words[2].upper == "VIEW")) {
    at = 3;
    std::vector<std::string> name = QualifiedName(words, at);
    if (at != words.size() || name.size() > 3) return std::nullopt;
    while (name.size() < 3) name.insert(name.begin(), "");
    return "SELECT * FROM tarn_show_create(" + Quote(name[0]) + ", " + Quote(name[1]) + ", " +
           Quote(name[2]) + ")";
  }
  return std::nullopt;
}

}  // namespace tarn::duck
