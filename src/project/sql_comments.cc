#include "project/sql_comments.h"

#include <algorithm>

namespace tarn {
namespace {

bool NameCharacter(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

/// Behind the quoted text that begins at `at`; a doubled quote is two texts side by side.
size_t BehindQuotes(std::string_view sql, size_t at) {
  const char quote = sql[at];
  const char before = at > 0 ? sql[at - 1] : ' ';
  const bool escapes =
      quote == '\'' && (before == 'e' || before == 'E') && (at < 2 || !NameCharacter(sql[at - 2]));
  for (++at; at < sql.size() && sql[at] != quote; ++at) {
    if (escapes && sql[at] == '\\') ++at;
  }
  return at + 1;
}

/// Behind the dollar-quoted text that begins at `at`, or behind the dollar sign where none does.
size_t BehindDollar(std::string_view sql, size_t at) {
  if (at > 0 && NameCharacter(sql[at - 1])) return at + 1;
  size_t end = at + 1;
  while (end < sql.size() && NameCharacter(sql[end])) ++end;
  const bool number = end > at + 1 && sql[at + 1] >= '0' && sql[at + 1] <= '9';
  if (end >= sql.size() || sql[end] != '$' || number) return at + 1;
  const std::string_view tag = sql.substr(at, end + 1 - at);
  const size_t close = sql.find(tag, end + 1);
  return close == std::string_view::npos ? sql.size() : close + tag.size();
}

/// Comments nest.
size_t BehindBlock(std::string_view sql, size_t at) {
  int depth = 0;
  while (at < sql.size()) {
    const std::string_view two = sql.substr(at, 2);
    if (two == "/*") {
      ++depth;
    } else if (two == "*/") {
      --depth;
    }
    at += two == "/*" || two == "*/" ? 2 : 1;
    if (depth == 0) break;
  }
  return at;
}

}  // namespace

std::vector<size_t> BlockComments(std::string_view sql) {
  std::vector<size_t> comments;
  size_t at = 0;
  while (at < sql.size()) {
    const std::string_view two = sql.substr(at, 2);
    if (two == "/*") {
      comments.push_back(at);
      at = BehindBlock(sql, at);
    } else if (two == "--") {
      at = std::min(sql.find('\n', at), sql.size());
    } else if (sql[at] == '\'' || sql[at] == '"') {
      at = BehindQuotes(sql, at);
    } else if (sql[at] == '$') {
      at = BehindDollar(sql, at);
    } else {
      ++at;
    }
  }
  return comments;
}

}  // namespace tarn
