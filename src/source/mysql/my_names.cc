#include "source/mysql/my_names.h"

namespace tarn::mysql {

std::string QuoteIdentifier(std::string_view name) {
  std::string quoted = "`";
  for (const char c : name) {
    if (c == '`') quoted += '`';
    quoted += c;
  }
  return quoted + "`";
}

std::string QuoteName(const SourceTableName& name) {
  return QuoteIdentifier(name.schema) + "." + QuoteIdentifier(name.name);
}

std::string BytesLiteral(std::string_view bytes) {
  std::string literal = "x'";
  for (const char c : bytes) {
    literal += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    literal += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return literal + "'";
}

std::string TextLiteral(std::string_view text) { return "_utf8mb4 " + BytesLiteral(text); }

}  // namespace tarn::mysql
