#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "source/source.h"
#include "source/table_pattern.h"

namespace tarn::postgres {

/// `"schema"."name"`.
std::string QuoteName(const SourceTableName& name);

/// A pattern of `tables:`; a single part is a table of schema public.
inline Result<TablePattern> ParsePattern(std::string_view text) {
  return TablePattern::Parse(text, "public");
}

}  // namespace tarn::postgres
