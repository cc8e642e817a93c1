#include "source/table_pattern.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace tarn {
namespace {

bool HasWildcard(const NamePart& part) {
  return !part.quoted && part.text.find('*') != std::string::npos;
}

}  // namespace

Result<std::vector<NamePart>> SplitNameParts(std::string_view text) {
  auto bad = [&](std::string_view why) {
    return InvalidArgument(std::string(why) + " in the name `" + std::string(text) + "`",
                           "write it as schema.table, with \"double quotes\" around odd parts");
  };
  std::vector<NamePart> parts;
  size_t at = 0;
  while (true) {
    NamePart part;
    if (at < text.size() && text[at] == '"') {
      part.quoted = true;
      size_t i = at + 1;
      for (;; ++i) {
        if (i >= text.size()) return bad("a double quote is not closed");
        if (text[i] != '"') {
          part.text += text[i];
        } else if (i + 1 < text.size() && text[i + 1] == '"') {
          part.text += text[i++];
        } else {
          break;
        }
      }
      at = i + 1;
      if (at < text.size() && text[at] != '.') return bad("text follows a closing double quote");
    } else {
      const size_t dot = std::min(text.find('.', at), text.size());
      part.text = std::string(text.substr(at, dot - at));
      at = dot;
    }
    if (part.text.empty()) return bad("a part is empty");
    parts.push_back(std::move(part));
    if (at >= text.size()) return parts;
    ++at;
  }
}

Result<TablePattern> TablePattern::Parse(std::string_view text, const std::string& default_schema) {
  TARN_ASSIGN_OR_RETURN(std::vector<NamePart> parts, SplitNameParts(text));
  TablePattern pattern;
  pattern.text_ = std::string(text);
  if (parts.size() == 1 && !default_schema.empty()) {
    parts.insert(parts.begin(), NamePart{default_schema, true});
  }
  if (parts.size() != 2) {
    return InvalidArgument("the table name `" + pattern.text_ + "` has " +
                               std::to_string(parts.size()) + " parts, expected schema.table",
                           "the database is part of the url");
  }
  pattern.schema_ = std::move(parts[0]);
  pattern.name_ = std::move(parts[1]);
  return pattern;
}

bool TablePattern::Matches(const SourceTableName& name) const {
  auto one = [](const NamePart& part, const std::string& text) {
    return HasWildcard(part) ? MatchesPattern(part.text, text) : part.text == text;
  };
  return one(schema_, name.schema) && one(name_, name.name);
}

bool TablePattern::MatchesFolded(const SourceTableName& name) const {
  auto one = [](const NamePart& part, const std::string& text) {
    if (part.quoted) return part.text == text;
    return HasWildcard(part) ? MatchesPattern(LowerAscii(part.text), text)
                             : LowerAscii(part.text) == text;
  };
  return one(schema_, name.schema) && one(name_, name.name);
}

bool TablePattern::has_wildcard() const { return HasWildcard(schema_) || HasWildcard(name_); }
bool TablePattern::schema_has_wildcard() const { return HasWildcard(schema_); }

}  // namespace tarn
