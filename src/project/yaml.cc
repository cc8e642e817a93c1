#include "project/yaml.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>
#include <sstream>

#include <yaml-cpp/eventhandler.h>

#include "base/nearest.h"

namespace tarn {

std::string FilePosition::ToString() const {
  return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

namespace {

FilePosition PositionOfMark(const YAML::Mark& mark, const std::string& file, int first_line) {
  FilePosition position{file, first_line, 1};
  if (mark.line >= 0) position.line = mark.line + first_line;
  if (mark.column >= 0) position.column = mark.column + 1;
  return position;
}

Error At(const FilePosition& position, const std::string& message, const std::string& hint = {}) {
  return InvalidArgument(position.ToString() + ": " + message, hint);
}

const char* KindOf(const YAML::Node& node) {
  if (node.IsMap()) return "a mapping";
  if (node.IsSequence()) return "a list";
  if (node.IsScalar()) return "a text";
  return "nothing";
}

/// Where the last document began that a parser was asked for.
class DocumentPlace final : public YAML::EventHandler {
 public:
  const YAML::Mark& mark() const { return mark_; }

  void OnDocumentStart(const YAML::Mark& mark) override { mark_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  YAML::Mark mark_;
};

bool NameCharacter(char c, bool first) {
  return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         (!first && c >= '0' && c <= '9');
}

/// A node takes its place from the parser alone.
YAML::Node EmptyMapAt(const YAML::Mark& place) {
  if (place.is_null()) return YAML::Node(YAML::NodeType::Map);
  return YAML::Load(std::string(place.line, '\n') + std::string(place.column, ' ') + "{}");
}

}  // namespace

Result<std::string> ExpandEnvironment(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 >= text.size()) {
      out.push_back(text[i]);
      continue;
    }
    if (text[i + 1] == '$') {
      out.push_back('$');
      ++i;
      continue;
    }
    if (text[i + 1] != '{') {
      out.push_back('$');
      continue;
    }
    const size_t close = text.find('}', i);
    if (close == std::string::npos) {
      return InvalidArgument("\"${\" without \"}\"", "write $$ for a plain dollar sign");
    }
    const std::string inside = text.substr(i + 2, close - i - 2);
    const size_t dash = inside.find(":-");
    const std::string name = inside.substr(0, dash);
    bool valid = !name.empty();
    for (size_t k = 0; k < name.size(); ++k) valid = valid && NameCharacter(name[k], k == 0);
    if (!valid) {
      return InvalidArgument("\"${" + inside + "}\" does not name an environment variable",
                             "write ${NAME} or ${NAME:-default}");
    }
    const char* value = std::getenv(name.c_str());
    if (value != nullptr && (*value != '\0' || dash == std::string::npos)) {
      out += value;
    } else if (dash != std::string::npos) {
      out += inside.substr(dash + 2);
    } else {
      return InvalidArgument("the environment variable " + name + " is not set",
                             "set it, or give a default: ${" + name + ":-…}");
    }
    i = close;
  }
  return out;
}

Result<YAML::Node> ParseYaml(const std::string& text, const std::string& file, int first_line) {
  try {
    // Not LoadAll(): before text that begins no document ("," or "}") it never ends.
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    DocumentPlace document;
    if (!parser.HandleNextDocument(document)) return YAML::Node();
    const YAML::Mark first = document.mark();
    if (parser.HandleNextDocument(document)) {
      const FilePosition position = PositionOfMark(document.mark(), file, first_line);
      if (document.mark().pos == first.pos) return At(position, "no YAML begins like this");
      return At(position, "a second YAML document begins here", "keep one document in the file");
    }
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    return At(PositionOfMark(error.mark, file, first_line), error.msg);
  }
}

YAML::Node OverlayYaml(const YAML::Node& base, const YAML::Node& over) {
  if (!base.IsMap() || !over.IsMap() || over.is(base)) return over;
  // A mapping of its own: aliases may share `base` and what is in it, and a clone has no places.
  YAML::Node merged = EmptyMapAt(base.Mark());
  std::set<std::string> known;
  for (const auto& old : base) {
    const auto entry = std::find_if(over.begin(), over.end(), [&](const auto& candidate) {
      return old.first.IsScalar() && candidate.first.IsScalar() &&
             candidate.first.Scalar() == old.first.Scalar();
    });
    if (entry == over.end()) {
      merged.force_insert(old.first, old.second);
      continue;
    }
    known.insert(old.first.Scalar());
    merged.force_insert(entry->first, OverlayYaml(old.second, entry->second));
  }
  for (const auto& entry : over) {
    if (entry.first.IsScalar() && known.erase(entry.first.Scalar()) != 0) continue;
    merged.force_insert(entry.first, entry.second);
  }
  return merged;
}

Result<YamlMap> YamlMap::Parse(const std::string& text, const std::string& file, int first_line) {
  TARN_ASSIGN_OR_RETURN(const YAML::Node node, ParseYaml(text, file, first_line));
  return From(node, file, file, first_line);
}

Result<YamlMap> YamlMap::From(const YAML::Node& node, const std::string& file,
                              const std::string& what, int first_line) {
  YamlMap map;
  map.file_ = file;
  map.what_ = what;
  map.first_line_ = first_line;
  map.position_ = {file, first_line, 1};
  if (!node.IsDefined() || node.IsNull()) return map;
  map.position_ = map.At(node);
  if (!node.IsMap()) {
    return tarn::At(map.position_,
                    what + " must be a mapping of keys to values, not " + KindOf(node));
  }
  for (const auto& entry : node) {
    const FilePosition position = map.At(entry.first);
    if (!entry.first.IsScalar()) return tarn::At(position, "a key must be a text");
    const std::string key = entry.first.Scalar();
    if (!map.values_.emplace(key, entry.second).second) {
      return tarn::At(position, "the key \"" + key + "\" stands twice in " + what,
                      "the first one is at " + map.key_positions_[key].ToString());
    }
    map.key_positions_[key] = position;
    map.order_.push_back(key);
  }
  return map;
}

FilePosition YamlMap::At(const YAML::Node& node) const {
  FilePosition position = PositionOfMark(node.Mark(), file_, first_line_);
  return position;
}

bool YamlMap::Has(const std::string& key) {
  asked_.insert(key);
  auto it = values_.find(key);
  return it != values_.end() && !it->second.IsNull();
}

YAML::Node YamlMap::Raw(const std::string& key) {
  if (!Has(key)) return YAML::Node(YAML::NodeType::Undefined);
  return values_.at(key);
}

Result<std::string> YamlMap::Scalar(const YAML::Node& node, const std::string& key) const {
  if (!node.IsScalar()) {
    return tarn::At(At(node),
                    "\"" + key + "\" of " + what_ + " must be a text, not " + KindOf(node));
  }
  auto expanded = ExpandEnvironment(node.Scalar());
  if (!expanded.ok()) return std::move(expanded).Wrap(At(node).ToString());
  return expanded;
}

Result<std::optional<std::string>> YamlMap::String(const std::string& key) {
  if (!Has(key)) return std::optional<std::string>();
  TARN_ASSIGN_OR_RETURN(std::string text, Scalar(values_.at(key), key));
  return std::optional<std::string>(std::move(text));
}

Result<std::string> YamlMap::RequiredString(const std::string& key) {
  TARN_ASSIGN_OR_RETURN(auto text, String(key));
  if (!text.has_value() || text->empty()) {
    return tarn::At(Has(key) ? PositionOf(key) : position_, what_ + " has no \"" + key + "\"",
                    "add `" + key + ": …`");
  }
  return *text;
}

Result<std::optional<int64_t>> YamlMap::Int(const std::string& key) {
  TARN_ASSIGN_OR_RETURN(auto text, String(key));
  if (!text.has_value()) return std::optional<int64_t>();
  int64_t value = 0;
  const char* end = text->data() + text->size();
  auto [stop, code] = std::from_chars(text->data(), end, value);
  if (code != std::errc() || stop != end) {
    return ErrorAt(
        key, "\"" + key + "\" of " + what_ + " must be a whole number, not \"" + *text + "\"");
  }
  return std::optional<int64_t>(value);
}

Result<std::vector<std::string>> YamlMap::Strings(const std::string& key) {
  std::vector<std::string> out;
  if (!Has(key)) {
    // All its lines are remarks, say: nobody means by that what leaving it out means.
    if (values_.count(key) == 0) return out;
    return ErrorAt(key, "\"" + key + "\" of " + what_ + " has no value",
                   "give it a list, or take the key out too");
  }
  const YAML::Node& node = values_.at(key);
  if (node.IsMap()) {
    return tarn::At(At(node), "\"" + key + "\" of " + what_ + " must be a list, not a mapping");
  }
  if (node.IsScalar()) {
    TARN_ASSIGN_OR_RETURN(std::string text, Scalar(node, key));
    out.push_back(std::move(text));
    return out;
  }
  for (const auto& item : node) {
    TARN_ASSIGN_OR_RETURN(std::string text, Scalar(item, key));
    out.push_back(std::move(text));
  }
  return out;
}

Result<std::vector<std::string>> YamlMap::Expressions(const std::string& key) {
  TARN_ASSIGN_OR_RETURN(const auto pieces, Strings(key));
  std::vector<std::string> out;
  int open = 0;
  for (const std::string& piece : pieces) {
    if (open > 0) {
      out.back() += ", " + piece;
    } else {
      out.push_back(piece);
    }
    for (char c : piece) open += c == '(' ? 1 : c == ')' ? -1 : 0;
  }
  if (open != 0) return ErrorAt(key, "a parenthesis of \"" + key + "\" is not closed");
  return out;
}

Result<std::map<std::string, std::string>> YamlMap::StringMap(const std::string& key) {
  std::map<std::string, std::string> out;
  TARN_ASSIGN_OR_RETURN(YamlMap map, Map(key, "\"" + key + "\" of " + what_));
  for (const std::string& name : map.Keys()) {
    TARN_ASSIGN_OR_RETURN(auto text, map.String(name));
    out[name] = text.value_or("");
  }
  return out;
}

Result<YamlMap> YamlMap::Map(const std::string& key, const std::string& what) {
  const YAML::Node node = Raw(key);
  TARN_ASSIGN_OR_RETURN(YamlMap map, From(node, file_, what, first_line_));
  if (!node.IsDefined()) map.position_ = position_;
  return map;
}

Result<std::optional<std::string>> YamlMap::Choice(const std::string& key,
                                                   const std::vector<std::string>& choices,
                                                   const std::vector<std::string>& unavailable) {
  TARN_ASSIGN_OR_RETURN(auto text, String(key));
  if (!text.has_value()) return text;
  if (std::find(choices.begin(), choices.end(), *text) != choices.end()) return text;
  std::string list;
  for (const auto& choice : choices) list += (list.empty() ? "" : ", ") + choice;
  if (std::find(unavailable.begin(), unavailable.end(), *text) != unavailable.end()) {
    return Unsupported(PositionOf(key).ToString() + ": `" + key + ": " + *text + "` of " + what_ +
                           " is not available in this version",
                       "use one of: " + list);
  }
  auto nearest = NearestName(*text, choices);
  return ErrorAt(
      key, "\"" + *text + "\" is not a " + key + " of " + what_,
      nearest ? "did you mean \"" + *nearest + "\"? choices: " + list : "choices: " + list);
}

Status YamlMap::Unavailable(const std::string& key, const std::string& why) {
  if (!Has(key)) return Status::Ok();
  return Unsupported(PositionOf(key).ToString() + ": \"" + key + "\" of " + what_ +
                         " is not available in this version",
                     why);
}

std::vector<std::string> YamlMap::Keys() const { return order_; }

FilePosition YamlMap::PositionOf(const std::string& key) const {
  auto it = key_positions_.find(key);
  return it == key_positions_.end() ? position_ : it->second;
}

Error YamlMap::ErrorAt(const std::string& key, const std::string& message,
                       const std::string& hint) const {
  return tarn::At(PositionOf(key), message, hint);
}

Status YamlMap::Done() const {
  for (const std::string& key : order_) {
    if (asked_.count(key) != 0) continue;
    std::vector<std::string> known(asked_.begin(), asked_.end());
    std::string list;
    for (const auto& name : known) list += (list.empty() ? "" : ", ") + name;
    auto nearest = NearestName(key, known);
    return ErrorAt(key, "unknown key \"" + key + "\" in " + what_,
                   nearest ? "did you mean \"" + *nearest + "\"?" : "known keys: " + list);
  }
  return Status::Ok();
}

}  // namespace tarn
