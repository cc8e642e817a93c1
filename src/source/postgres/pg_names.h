#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "source/source.h"

namespace tarn::postgres {

/// `"schema"."name"`.
std::string QuoteName(const SourceTableName& name);

/// The parts of a dotted name: each exact when it stood in double quotes.
struct NamePart {
  std::string text;
  bool quoted = false;
};
/// Splits `public."Odd.Name"` at dots outside quotes. Errors: InvalidArgument naming `text`.
Result<std::vector<NamePart>> SplitName(std::string_view text);

/// A pattern of `tables:`: schema.name, each part either quoted (exact) or with `*`.
/// A single part is a table of schema public.
class TablePattern {
 public:
  static Result<TablePattern> Parse(std::string_view text);
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

}  // namespace tarn::postgres
