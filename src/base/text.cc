#include "base/text.h"

namespace tarn {
namespace {

std::string Quote(std::string_view text, char quote) {
  std::string out(1, quote);
  for (char c : text) {
    if (c == quote) out.push_back(quote);
    out.push_back(c);
  }
  out.push_back(quote);
  return out;
}

}  // namespace

bool MatchesPattern(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string QuoteIdentifier(std::string_view name) { return Quote(name, '"'); }

std::string QuoteLiteral(std::string_view text) { return Quote(text, '\''); }

Result<std::vector<std::string>> SplitName(std::string_view text) {
  std::vector<std::string> parts;
  const Error bad = InvalidArgument("\"" + std::string(text) + "\" is not a name",
                                    "write schema.table, and \"Odd Name\" in double quotes");
  size_t i = 0;
  while (true) {
    std::string part;
    if (i < text.size() && text[i] == '"') {
      for (++i;; ++i) {
        if (i >= text.size()) return bad;
        if (text[i] != '"') {
          part.push_back(text[i]);
        } else if (i + 1 < text.size() && text[i + 1] == '"') {
          part.push_back('"');
          ++i;
        } else {
          ++i;
          break;
        }
      }
      if (i < text.size() && text[i] != '.') return bad;
    } else {
      while (i < text.size() && text[i] != '.') part.push_back(text[i++]);
    }
    if (part.empty()) return bad;
    parts.push_back(std::move(part));
    if (i >= text.size()) return parts;
    ++i;
  }
}

std::string LowerAscii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out.append(separator);
    out.append(part);
  }
  return out;
}

}  // namespace tarn
