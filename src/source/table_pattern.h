#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "source/source_table.h"

namespace tarn {

/// A part of a dotted name: exact when it stood in quotes.
struct NamePart {
  std::string text;
  bool quoted = false;
};
/// Splits `public."Odd.Name"` at dots outside double quotes, keeping which parts were quoted.
/// Errors: InvalidArgument naming `text`.
Result<std::vector<NamePart>> SplitNameParts(std::string_view text);

/// A pattern of `tables:`: schema.name, each part either quoted (exact) or with `*`.
class TablePattern {
 public:
  /// A single part is a table of `default_schema`; where that is empty, InvalidArgument.
  static Result<TablePattern> Parse(std::string_view text, const std::string& default_schema);
  /// Exact, case counts.
  bool Matches(const SourceTableName& name) const;
  /// As SQL folds what is not quoted: to lower case.
  bool MatchesFolded(const SourceTableName& name) const;
  bool has_wildcard() const;
  bool schema_has_wildcard() const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  NamePart schema_;
  NamePart name_;
};

}  // namespace tarn
