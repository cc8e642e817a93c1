#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::mysql {

/// How a statement of the log was written, and in which schema it ran.
struct StatementSettings {
  std::string_view schema = {};
  enum class DoubleQuotes : uint8_t { kString, kName } double_quotes = DoubleQuotes::kString;
  enum class Backslash : uint8_t { kEscapes, kItself } backslash = Backslash::kEscapes;
  enum class Encoding : uint8_t { kUtf8, kOther } encoding = Encoding::kUtf8;
};

struct Token {
  enum class Kind : uint8_t { kWord, kName, kString, kMark, kEnd } kind = Kind::kEnd;
  std::string text;   ///< of a name and a string without quotes and escapes
  std::string lower;  ///< of a word

  bool Is(std::string_view word) const { return kind == Kind::kWord && lower == word; }
  bool IsMark(char mark) const { return kind == Kind::kMark && text[0] == mark; }
};

/// Takes a statement apart that the server has accepted; numbers are words. The last token is kEnd.
std::vector<Token> ReadTokens(std::string_view text, const StatementSettings& settings);

}  // namespace tarn::mysql
