#include "sql/duckdb/tokens.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "sql/duckdb/errors.h"

namespace tarn::duck {
namespace {

/// A token's text, up to where a comment behind it begins: the tokenizer tells of no comment
/// between tokens. Only what is quoted may look like one.
std::string WithoutComment(const std::string& text) {
  size_t at = 0;
  if (!text.empty() && (text[0] == '\'' || text[0] == '"')) {
    at = text.find(text[0], 1);
    // Twice it is a part of the text.
    while (at != std::string::npos && at + 1 < text.size() && text[at + 1] == text[0]) {
      at = text.find(text[0], at + 2);
    }
    if (at == std::string::npos) return text;
  }
  const size_t comment = std::min(text.find("--", at), text.find("/*", at));
  return comment == std::string::npos ? text : text.substr(0, comment);
}

bool IsWordByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '_' || c == '$' || byte >= 0x80;
}

}  // namespace

Tokens::Tokens(const std::string& sql) : sql_(sql) {
  const auto tokens = duckdb::Parser::Tokenize(sql);
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].type == duckdb::SimplifiedTokenType::SIMPLIFIED_TOKEN_COMMENT) continue;
    starts_.push_back(tokens[i].start);
    ends_.push_back(i + 1 < tokens.size() ? tokens[i + 1].start : sql.size());
  }
}

bool Tokens::Is(size_t i, std::string_view word) const {
  if (i >= starts_.size()) return false;
  const size_t begin = starts_[i];
  if (sql_.size() - begin < word.size()) return false;
  for (size_t k = 0; k < word.size(); ++k) {
    const auto byte = static_cast<unsigned char>(sql_[begin + k]);
    if (std::toupper(byte) != static_cast<unsigned char>(word[k])) return false;
  }
  const size_t end = begin + word.size();
  return !IsWordByte(word.back()) || end == sql_.size() || !IsWordByte(sql_[end]);
}

bool Tokens::Take(size_t& i, std::initializer_list<std::string_view> words) const {
  size_t at = i;
  for (const std::string_view word : words) {
    if (!Is(at++, word)) return false;
  }
  i = at;
  return true;
}

std::string Tokens::TakeName(size_t& i, int parts_max) const {
  std::string name;
  for (int part = 0; part < parts_max; ++part) {
    std::string text = sql_.substr(start(i), start(i + 1) - start(i));
    // What follows may be blanks or a comment.
    const bool quoted = !text.empty() && text[0] == '"';
    size_t end = quoted ? 1 : 0;
    while (end < text.size()) {
      const bool twice = quoted && text.compare(end, 2, "\"\"") == 0;  // a part of the name
      if (!twice && (quoted ? text[end] == '"' : !IsWordByte(text[end]))) break;
      end += twice ? 2 : 1;
    }
    name += text.substr(0, quoted ? end + 1 : end);
    ++i;
    if (part + 1 == parts_max || !Take(i, {"."})) break;
    name += ".";
  }
  return name;
}

std::optional<std::string> Tokens::TakeUntilClosed(size_t& i) const {
  std::string text;
  int open = 1;
  for (; i < size(); ++i) {
    if (Is(i, "(")) ++open;
    if (Is(i, ")")) --open;
    if (open == 0) {
      ++i;
      return text;
    }
    text += WithoutComment(sql_.substr(starts_[i], ends_[i] - starts_[i]));
  }
  return std::nullopt;
}

std::string QuotedText(const std::string& text) {
  return "'" + duckdb::StringUtil::Replace(text, "'", "''") + "'";
}

TableName ResolveTable(duckdb::ClientContext& context, EngineState& engine,
                       const std::string& name) {
  std::vector<std::string> parts = ValueOrThrow(SplitName(name));
  const std::string& lake = engine.options.catalog_name;
  constexpr size_t kPartsMax = 3;
  if (parts.size() == kPartsMax) {
    if (!duckdb::StringUtil::CIEquals(parts[0], lake)) {
      Throw(InvalidArgument("table " + name + " is not in the lake", "its catalog is " + lake));
    }
    parts.erase(parts.begin());
  }
  if (parts.size() == 1) {
    const auto& standard = duckdb::ClientData::Get(context).catalog_search_path->GetDefault();
    parts.insert(parts.begin(), standard.schema.empty() ? DEFAULT_SCHEMA : standard.schema);
  }
  if (parts.size() != 2) Throw(InvalidArgument("\"" + name + "\" names no table"));
  return {parts[0], parts[1]};
}

}  // namespace tarn::duck
