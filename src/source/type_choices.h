#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/source_table.h"

namespace tarn {

constexpr int kDecimalDigitsMax = 38;

/// The user's wishes, checked once.
class TypeChoices {
 public:
  TypeChoices() = default;
  /// Errors: InvalidArgument naming the key of `types` or the value that cannot be read.
  static Result<TypeChoices> Parse(const std::string& numeric,
                                   const std::map<std::string, std::string>& types);

  struct Choice {
    enum class Kind { kDefault, kString, kDouble, kLong, kDecimal, kVariant } kind = Kind::kDefault;
    int precision = 0;
    int scale = 0;
  };
  const Choice& numeric() const { return numeric_; }
  Choice ForColumn(const SourceTableName& table, const std::string& column) const;
  /// The columns of `table` that are named. To tell those that the table does not have.
  std::vector<std::string> ColumnsOf(const SourceTableName& table) const;

 private:
  Choice numeric_;
  std::map<SourceTableName, std::map<std::string, Choice>> columns_;
};

/// `types: {public.t.c: string}`, the repair that error messages offer.
std::string OverrideHint(const SourceTableName& table, const std::string& column);

/// A column of the key that was to become a variant, which tells no rows apart.
Error VariantKeyError(const SourceTableName& table, const std::string& column);

}  // namespace tarn
