#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn {

/// '*' matches any run of characters, '.' included; everything else only itself.
bool MatchesPattern(std::string_view pattern, std::string_view text);

/// `"a""b"`: a name as SQL quotes it, always quoted.
std::string QuoteIdentifier(std::string_view name);
/// `'it''s'`.
std::string QuoteLiteral(std::string_view text);

/// The parts of a dotted name as SQL writes it: `bronze."Odd.Name"` → {bronze, Odd.Name}. Parts
/// without quotes are taken as they stand. InvalidArgument for an empty part or an open quote.
Result<std::vector<std::string>> SplitName(std::string_view text);

/// ASCII letters in lower case.
std::string LowerAscii(std::string_view text);

/// "a, b, c".
std::string Join(const std::vector<std::string>& parts, std::string_view separator);

}  // namespace tarn
