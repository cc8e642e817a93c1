#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "base/result.h"
#include "project/spec.h"

namespace tarn {

/// Strict reading of one YAML mapping: every key is asked for by its reader, and Done() refuses
/// what nobody asked for. Scalars have `${NAME}` and `${NAME:-default}` replaced from the
/// environment
/// ("$$" is one '$').
/// All errors are InvalidArgument and begin with file:line:column.
class YamlMap {
 public:
  /// Parses a document whose first line is line `first_line` of `file`. An empty document is an
  /// empty mapping.
  static Result<YamlMap> Parse(const std::string& text, const std::string& file,
                               int first_line = 1);
  /// `what` names the mapping in messages: "source postgres".
  static Result<YamlMap> From(const YAML::Node& node, const std::string& file,
                              const std::string& what, int first_line = 1);

  bool Has(const std::string& key);
  /// Absent keys give nullopt.
  Result<std::optional<std::string>> String(const std::string& key);
  Result<std::string> RequiredString(const std::string& key);
  Result<std::optional<int64_t>> Int(const std::string& key);
  /// A list of scalars, or one scalar as a list of one. Absent: empty; a key without a value is an
  /// error.
  Result<std::vector<std::string>> Strings(const std::string& key);
  /// As Strings(), for texts with parentheses: `[bucket(16, id)]` is one, though YAML sees two.
  Result<std::vector<std::string>> Expressions(const std::string& key);
  /// scalar → scalar.
  Result<std::map<std::string, std::string>> StringMap(const std::string& key);
  /// Absent: an empty mapping.
  Result<YamlMap> Map(const std::string& key, const std::string& what);
  /// The raw value, for shapes of its own; an undefined node where it is absent.
  YAML::Node Raw(const std::string& key);
  /// One of `choices`; `unavailable` ones are known, and refused as Unsupported.
  Result<std::optional<std::string>> Choice(const std::string& key,
                                            const std::vector<std::string>& choices,
                                            const std::vector<std::string>& unavailable = {});
  /// Refuses a key that users may know from the documentation and that this version cannot honour.
  Status Unavailable(const std::string& key, const std::string& why);

  /// Keys in the order of the file.
  std::vector<std::string> Keys() const;
  FilePosition PositionOf(const std::string& key) const;
  FilePosition position() const { return position_; }
  /// An error at a key's value.
  Error ErrorAt(const std::string& key, const std::string& message,
                const std::string& hint = {}) const;
  /// Error when the mapping has a key that nobody asked for; suggests the nearest one that was.
  Status Done() const;

 private:
  Result<std::string> Scalar(const YAML::Node& node, const std::string& key) const;
  FilePosition At(const YAML::Node& node) const;

  std::map<std::string, YAML::Node> values_;
  std::map<std::string, FilePosition> key_positions_;
  std::vector<std::string> order_;
  std::set<std::string> asked_;
  std::string file_;
  std::string what_;
  int first_line_ = 1;
  FilePosition position_;
};

/// Lays the mapping `over` over `base`: mappings are merged key by key, everything else is
/// replaced. Neither of them is changed; what is merged keeps its place in the file.
YAML::Node OverlayYaml(const YAML::Node& base, const YAML::Node& over);

/// Parses the text of `file`; a syntax error has its line and column. Wall for yaml-cpp's
/// exceptions.
Result<YAML::Node> ParseYaml(const std::string& text, const std::string& file, int first_line);

/// Replaces `${NAME}` and `${NAME:-default}`. InvalidArgument for a missing variable.
Result<std::string> ExpandEnvironment(const std::string& text);

}  // namespace tarn
