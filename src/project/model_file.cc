#include "project/model_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/nearest.h"
#include "base/text.h"
#include "project/model_fingerprint.h"
#include "project/sql_comments.h"
#include "project/yaml.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

/// The head's text and where it begins, and the query's.
struct ModelText {
  std::string head;
  int head_line = 1;
  std::string sql;
  int sql_line = 1;
  int sql_column = 1;
};

int CountLines(std::string_view text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

/// In characters, from 1; the byte order mark is none.
int ColumnAt(const std::string& text, size_t offset) {
  size_t begin = text.rfind('\n', offset == 0 ? 0 : offset - 1);
  begin = begin == std::string::npos || begin >= offset ? 0 : begin + 1;
  if (begin == 0 && text.compare(0, 3, "\xEF\xBB\xBF") == 0) begin = 3;
  int column = 1;
  for (size_t i = begin; i < offset; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) ++column;
  }
  return column;
}

bool Blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Whether the comment at `offset` seems to be meant as a head.
bool LooksLikeHead(const std::string& text, size_t offset) {
  size_t word = offset + 2;
  while (word < text.size() && Blank(text[word])) ++word;
  const size_t end = word + 4;
  if (LowerAscii(text.substr(word, 4)) != "tarn") return false;
  return end >= text.size() || Blank(text[end]) || text[end] == '*' || text[end] == ':';
}

/// A head that is overlooked would leave the model without its checks.
Status CheckNoHead(const std::string& path, const std::string& text, size_t from) {
  for (const size_t comment : BlockComments(std::string_view(text).substr(from))) {
    const size_t place = from + comment;
    if (!LooksLikeHead(text, place)) continue;
    const int line = CountLines(std::string_view(text).substr(0, place)) + 1;
    return InvalidArgument(path + ":" + std::to_string(line) + ":" +
                               std::to_string(ColumnAt(text, place)) + ": the head must come first",
                           "begin the file with it: `/* tarn`, in small letters; a remark begins "
                           "with another word");
  }
  return {};
}

Result<ModelText> SplitText(const std::string& path, const std::string& text) {
  ModelText out;
  size_t begin = text.compare(0, 3, "\xEF\xBB\xBF") == 0 ? 3 : 0;
  while (begin < text.size() && Blank(text[begin])) ++begin;
  if (text.compare(begin, 2, "/*") == 0) {
    size_t word = begin + 2;
    while (word < text.size() && (text[word] == ' ' || text[word] == '\t')) ++word;
    const bool ours = text.compare(word, 4, "tarn") == 0 &&
                      (word + 4 >= text.size() || Blank(text[word + 4]) || text[word + 4] == '*');
    const size_t end = text.find("*/", begin);
    if (ours && end == std::string::npos) {
      return InvalidArgument(path + ":" + std::to_string(CountLines(text.substr(0, begin)) + 1) +
                                 ":1: the head \"/* tarn\" has no end",
                             "close it with */");
    }
    if (ours) {
      out.head = text.substr(word + 4, end - word - 4);
      out.head_line = CountLines(std::string_view(text).substr(0, word + 4)) + 1;
      begin = end + 2;
    }
  }
  TARN_RETURN_IF_ERROR(CheckNoHead(path, text, begin));
  while (begin < text.size() && Blank(text[begin])) ++begin;
  size_t last = text.size();
  while (last > begin && (Blank(text[last - 1]) || text[last - 1] == ';')) --last;
  out.sql = text.substr(begin, last - begin);
  out.sql_line = CountLines(std::string_view(text).substr(0, begin)) + 1;
  out.sql_column = ColumnAt(text, begin);
  if (out.sql.empty()) {
    return InvalidArgument(path + ": the model has no query", "write one SELECT below the head");
  }
  return out;
}

Result<TableName> ParseTableName(const std::string& text) {
  const size_t dot = text.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == text.size() ||
      text.find('.', dot + 1) != std::string::npos) {
    return InvalidArgument("\"" + text + "\" is not of the form schema.table");
  }
  return TableName{text.substr(0, dot), text.substr(dot + 1)};
}

const std::vector<std::pair<std::string, Check::Kind>>& CheckKinds() {
  static const std::vector<std::pair<std::string, Check::Kind>> kinds = {
      {"not_null", Check::Kind::kNotNull},
      {"unique", Check::Kind::kUnique},
      {"accepted_values", Check::Kind::kAcceptedValues},
      {"relationships", Check::Kind::kRelationships},
      {"expect", Check::Kind::kExpect},
      {"row_count", Check::Kind::kRowCount},
      {"freshness", Check::Kind::kFreshness}};
  return kinds;
}

Status ParseCheckArguments(YamlMap& map, const std::string& key, Check* check) {
  switch (check->kind) {
    case Check::Kind::kNotNull:
    case Check::Kind::kUnique: {
      TARN_ASSIGN_OR_RETURN(check->columns, map.Strings(key));
      if (check->columns.empty()) return map.ErrorAt(key, key + " names no column");
      return Status::Ok();
    }
    case Check::Kind::kExpect: {
      TARN_ASSIGN_OR_RETURN(check->condition, map.RequiredString(key));
      return Status::Ok();
    }
    default:
      break;
  }
  TARN_ASSIGN_OR_RETURN(YamlMap inner, map.Map(key, "the check " + key));
  if (check->kind == Check::Kind::kRowCount) {
    TARN_ASSIGN_OR_RETURN(check->min_rows, inner.Int("min"));
    TARN_ASSIGN_OR_RETURN(check->max_rows, inner.Int("max"));
    if (!check->min_rows && !check->max_rows) {
      return map.ErrorAt(key, "row_count needs min or max");
    }
    return inner.Done();
  }
  TARN_ASSIGN_OR_RETURN(std::string column, inner.RequiredString("column"));
  check->columns = {column};
  if (check->kind == Check::Kind::kAcceptedValues) {
    TARN_ASSIGN_OR_RETURN(check->values, inner.Strings("values"));
    if (check->values.empty()) return map.ErrorAt(key, "accepted_values needs values");
  } else if (check->kind == Check::Kind::kRelationships) {
    TARN_ASSIGN_OR_RETURN(std::string to, inner.RequiredString("to"));
    auto name = ParseTableName(to);
    if (!name.ok()) return inner.ErrorAt("to", name.error().message);
    check->to = *name;
    TARN_ASSIGN_OR_RETURN(check->field, inner.RequiredString("field"));
  } else {
    TARN_ASSIGN_OR_RETURN(std::string within, inner.RequiredString("within"));
    auto seconds = ParseDurationSeconds(within);
    if (!seconds.ok())
      return inner.ErrorAt("within", seconds.error().message, seconds.error().hint);
    check->within_seconds = *seconds;
  }
  return inner.Done();
}

Result<std::vector<Check>> ParseChecks(YamlMap& head, const std::string& path, int first_line) {
  std::vector<Check> checks;
  const YAML::Node node = head.Raw("checks");
  if (!node.IsDefined()) return checks;
  if (!node.IsSequence()) return head.ErrorAt("checks", "checks must be a list: [not_null: id]");
  for (const auto& item : node) {
    TARN_ASSIGN_OR_RETURN(YamlMap map, YamlMap::From(item, path, "a check", first_line));
    const std::vector<std::string> keys = map.Keys();
    if (keys.size() != 1) {
      return InvalidArgument(map.position().ToString() + ": a check is one `kind: arguments`",
                             "begin each check with its own dash or comma");
    }
    Check check;
    bool known = false;
    std::vector<std::string> names;
    for (const auto& [name, kind] : CheckKinds()) {
      names.push_back(name);
      if (map.Has(name)) {
        known = true;
        check.kind = kind;
      }
    }
    if (!known) {
      auto nearest = NearestName(keys[0], names);
      return map.ErrorAt(
          keys[0], "unknown check \"" + keys[0] + "\"",
          nearest ? "did you mean \"" + *nearest + "\"?" : "checks: " + Join(names, ", "));
    }
    check.where = map.PositionOf(keys[0]).ToString();
    TARN_RETURN_IF_ERROR(ParseCheckArguments(map, keys[0], &check));
    checks.push_back(std::move(check));
  }
  return checks;
}

Status ParseHead(const ModelText& text, const std::string& path, Model* model) {
  TARN_ASSIGN_OR_RETURN(YamlMap head, YamlMap::Parse(text.head, path, text.head_line));
  TARN_ASSIGN_OR_RETURN(auto description, head.String("description"));
  model->description = description.value_or("");
  TARN_ASSIGN_OR_RETURN(
      auto materialize,
      head.Choice("materialize", {"view", "table", "incremental", "merge", "history"}));
  const std::string kind = materialize.value_or("table");
  if (kind == "view") model->materialize = Materialize::kView;
  if (kind == "incremental") model->materialize = Materialize::kIncremental;
  if (kind == "merge") model->materialize = Materialize::kMerge;
  if (kind == "history") model->materialize = Materialize::kHistory;
  TARN_ASSIGN_OR_RETURN(model->key, head.Strings("key"));
  TARN_ASSIGN_OR_RETURN(auto cursor, head.String("cursor"));
  model->cursor = cursor.value_or("");
  TARN_ASSIGN_OR_RETURN(model->partition, head.Expressions("partition"));
  TARN_ASSIGN_OR_RETURN(model->tags, head.StringMap("tags"));
  TARN_ASSIGN_OR_RETURN(auto on_failure, head.Choice("on_failure", {"fail", "warn", "quarantine"}));
  if (on_failure == "warn") model->on_failure = OnFailure::kWarn;
  if (on_failure == "quarantine") model->on_failure = OnFailure::kQuarantine;
  TARN_RETURN_IF_ERROR(head.Choice("engine", {"duckdb"}, {"trino", "spark"}).status());
  TARN_ASSIGN_OR_RETURN(auto trigger, head.Choice("trigger", {"on_change"}));
  if (trigger.has_value()) model->trigger = Trigger::kOnChange;
  TARN_ASSIGN_OR_RETURN(model->checks, ParseChecks(head, path, text.head_line));
  TARN_RETURN_IF_ERROR(head.Done());

  const bool keyed =
      model->materialize == Materialize::kMerge || model->materialize == Materialize::kHistory;
  if (keyed && model->key.empty()) {
    return InvalidArgument(path + ": `materialize: " + kind + "` needs a key",
                           "add `key: column` to the model's head");
  }
  if (model->materialize == Materialize::kView && !model->partition.empty()) {
    return head.ErrorAt("partition", "a view has no partitions");
  }
  if (model->materialize == Materialize::kView && model->trigger != Trigger::kNone) {
    return head.ErrorAt("trigger", "a view has no rows to be made anew: it is always up to date");
  }
  if (model->materialize == Materialize::kView && !model->key.empty()) {
    return head.ErrorAt("key", "a view has no key");
  }
  if (model->materialize == Materialize::kView && model->on_failure == OnFailure::kQuarantine) {
    return head.ErrorAt("on_failure", "a view has no rows to be put into quarantine");
  }
  if (model->materialize == Materialize::kIncremental && model->cursor.empty()) {
    return InvalidArgument(path + ": `materialize: incremental` needs a cursor",
                           "add `cursor: column`, a column that only grows, to the model's head");
  }
  if (!model->cursor.empty() && model->materialize != Materialize::kIncremental &&
      model->materialize != Materialize::kMerge) {
    return head.ErrorAt("cursor", "only `materialize: incremental` and `merge` take a cursor");
  }
  return Status::Ok();
}

Result<std::string> ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return PermissionDenied("cannot read " + path.string(), "check the file's permissions");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Adds paths relative to `models`. Links are followed: a folder of models that is left out would
/// count as taken out of the project. `above`: the folders on the way, without links, so that one
/// that leads back to them is seen.
Status FindModelFiles(const fs::path& models, const fs::path& below, std::set<fs::path> above,
                      std::vector<fs::path>* files) {
  const std::string told = (fs::path("models") / below).lexically_normal().generic_string();
  std::error_code error;
  const fs::path real = fs::canonical(models / below, error);
  if (!error && !above.insert(real).second) {
    return InvalidArgument(told + ": the link leads back to a folder that it stands in",
                           "remove the link");
  }
  for (fs::directory_iterator it(models / below, error), end; !error && it != end;
       it.increment(error)) {
    const fs::path name = it->path().filename();
    if (name.string().front() == '.') continue;
    std::error_code unknown;
    const fs::file_status status = fs::status(it->path(), unknown);
    const std::string entry = (fs::path("models") / below / name).generic_string();
    if (status.type() == fs::file_type::not_found) {
      return InvalidArgument(entry + ": the link leads nowhere", "mend or remove the link");
    }
    if (!fs::status_known(status)) {
      return InvalidArgument(entry + ": cannot be looked at: " + unknown.message(),
                             "mend or remove it; a name that begins with '.' is left out");
    }
    if (fs::is_directory(status)) {
      TARN_RETURN_IF_ERROR(FindModelFiles(models, below / name, above, files));
    } else if (name.extension() == ".sql") {
      files->push_back(below / name);
    }
  }
  if (error) {
    return PermissionDenied(told + ": the folder cannot be listed: " + error.message(),
                            "let this user read it");
  }
  return {};
}

}  // namespace

Result<int64_t> ParseDurationSeconds(const std::string& text) {
  static const std::map<char, int64_t> units = {
      {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
  const std::string hint = "write a number and a unit: 90s, 30m, 24h, 7d, 2w";
  if (text.size() < 2 || text.size() > 12) {
    return InvalidArgument("\"" + text + "\" is not a duration", hint);
  }
  auto unit = units.find(text.back());
  if (unit == units.end()) return InvalidArgument("\"" + text + "\" is not a duration", hint);
  int64_t number = 0;
  for (char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return InvalidArgument("\"" + text + "\" is not a duration", hint);
    number = number * 10 + (c - '0');
  }
  return number * unit->second;
}

Result<Model> ParseModelFile(const std::string& path, const std::string& text) {
  const fs::path relative(path);
  Model model;
  model.path = "models/" + path;
  const auto depth = std::distance(relative.begin(), relative.end());
  if (depth != 2 || relative.extension() != ".sql") {
    return InvalidArgument(model.path + ": a model stands at models/<schema>/<table>.sql",
                           "move or rename the file");
  }
  model.name = {relative.parent_path().string(), relative.stem().string()};
  if (model.name.schema.find('.') != std::string::npos ||
      model.name.name.find('.') != std::string::npos) {
    return InvalidArgument(model.path + ": a model's schema and name cannot hold a '.'",
                           "rename the file");
  }
  if (model.name.name.find('$') != std::string::npos) {
    return InvalidArgument(model.path + ": a table's name cannot hold a '$'");
  }
  TARN_ASSIGN_OR_RETURN(ModelText parts, SplitText(model.path, text));
  model.sql = parts.sql;
  model.sql_line = parts.sql_line;
  model.sql_column = parts.sql_column;
  TARN_RETURN_IF_ERROR(ParseHead(parts, model.path, &model));
  SetFingerprints(&model);
  return model;
}

Result<std::vector<Model>> LoadModels(const std::string& root) {
  std::vector<Model> models;
  const fs::path folder = fs::path(root) / "models";
  std::error_code error;
  if (!fs::exists(folder, error)) {
    std::error_code none;
    if (!error && fs::is_symlink(fs::symlink_status(folder, none))) {
      return InvalidArgument("models: the link leads nowhere", "mend or remove the link");
    }
    if (!error) return models;
    return PermissionDenied("models: the folder cannot be looked into: " + error.message(),
                            "let this user read it");
  }
  std::vector<fs::path> files;
  TARN_RETURN_IF_ERROR(FindModelFiles(folder, "", {}, &files));
  std::sort(files.begin(), files.end());
  std::map<std::string, std::string> seen;
  for (const fs::path& file : files) {
    TARN_ASSIGN_OR_RETURN(const std::string text, ReadFile(folder / file));
    TARN_ASSIGN_OR_RETURN(Model model, ParseModelFile(file.generic_string(), text));
    auto [it, fresh] = seen.emplace(LowerAscii(model.name.ToString()), model.path);
    if (!fresh) {
      return InvalidArgument(model.path + ": the model " + model.name.ToString() +
                                 " is there twice: " + it->second + " makes the same name",
                             "rename one of them");
    }
    models.push_back(std::move(model));
  }
  return models;
}

}  // namespace tarn
