// The definition of an added column, as a statement has it.
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>

#include "source/mysql/my_added_default.h"

namespace tarn::mysql {
namespace {

using Kind = AddedDefault::Kind;

constexpr char kExpression[] = "its default is an expression";

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// The name by which the server describes a type; "" for what is not looked at.
std::string TypeName(const std::string& word) {
  static const std::map<std::string, std::string> kSynonyms = {{"int1", "tinyint"},
                                                               {"bool", "tinyint"},
                                                               {"boolean", "tinyint"},
                                                               {"int2", "smallint"},
                                                               {"int3", "mediumint"},
                                                               {"middleint", "mediumint"},
                                                               {"int4", "int"},
                                                               {"integer", "int"},
                                                               {"int8", "bigint"},
                                                               {"float4", "float"},
                                                               {"float8", "double"},
                                                               {"dec", "decimal"},
                                                               {"numeric", "decimal"},
                                                               {"fixed", "decimal"},
                                                               {"character", "char"},
                                                               {"nchar", "char"},
                                                               {"nvarchar", "varchar"},
                                                               {"varcharacter", "varchar"},
                                                               {"json", "json"},
                                                               {"tinyint", "tinyint"},
                                                               {"smallint", "smallint"},
                                                               {"mediumint", "mediumint"},
                                                               {"int", "int"},
                                                               {"bigint", "bigint"},
                                                               {"float", "float"},
                                                               {"double", "double"},
                                                               {"decimal", "decimal"},
                                                               {"char", "char"},
                                                               {"varchar", "varchar"},
                                                               {"binary", "binary"},
                                                               {"varbinary", "varbinary"},
                                                               {"tinytext", "tinytext"},
                                                               {"text", "text"},
                                                               {"mediumtext", "mediumtext"},
                                                               {"longtext", "longtext"},
                                                               {"tinyblob", "tinyblob"},
                                                               {"blob", "blob"},
                                                               {"mediumblob", "mediumblob"},
                                                               {"longblob", "longblob"},
                                                               {"date", "date"},
                                                               {"datetime", "datetime"},
                                                               {"time", "time"},
                                                               {"timestamp", "timestamp"},
                                                               {"year", "year"},
                                                               {"bit", "bit"},
                                                               {"enum", "enum"},
                                                               {"set", "set"}};
  const auto found = kSynonyms.find(word);
  return found == kSynonyms.end() ? "" : found->second;
}

/// Reads a column's definition.
class DefinitionReader {
 public:
  DefinitionReader(std::span<const Token> tokens, StatementSettings::Encoding encoding)
      : tokens_(tokens), encoding_(encoding) {}

  AddedDefault Read() {
    AddedDefault added;
    Type(&added);
    bool required = false;
    std::optional<AddedDefault> given;
    while (!AtEnd()) {
      if (Now().IsMark('(')) {
        SkipParentheses();
      } else if (Eat("column_format") || Eat("storage")) {
        Step();  // DEFAULT, which is none of the column's
      } else if (Eat("not")) {
        required = required || Eat("null");
      } else if (Eat("default")) {
        given = Literal();
      } else if (Now().Is("auto_increment") || Now().Is("serial")) {
        return AddedDefault::Unknown("the server numbers it (AUTO_INCREMENT)");
      } else if (Now().Is("generated") || Now().Is("as")) {
        return AddedDefault::Unknown("it is generated");
      } else {
        Step();
      }
    }
    if (given) {
      added.kind = given->kind;
      added.text = given->text;
    } else if (required) {
      added.kind = Kind::kZero;
    }
    return added;
  }

 private:
  const Token& Now() const { return at_ < tokens_.size() ? tokens_[at_] : end_; }
  bool AtEnd() const { return at_ >= tokens_.size(); }
  void Step() { ++at_; }
  bool Eat(std::string_view word) {
    if (!Now().Is(word)) return false;
    Step();
    return true;
  }
  bool EatMark(char mark) {
    if (!Now().IsMark(mark)) return false;
    Step();
    return true;
  }
  void SkipParentheses() {
    int depth = 0;
    do {
      if (Now().IsMark('(')) ++depth;
      if (Now().IsMark(')')) --depth;
      Step();
    } while (!AtEnd() && depth > 0);
  }

  void Type(AddedDefault* added) {
    if (Now().kind != Token::Kind::kWord || Now().lower == "serial") return;
    added->type = TypeName(Now().lower);
    Step();
    if (added->type == "double") Eat("precision");
    if (Now().Is("varying") || Now().Is("byte")) added->type.clear();
    if (Now().IsMark('(')) {
      while (!AtEnd() && !Now().IsMark(')')) {
        if (Now().kind != Token::Kind::kMark) added->parameters.push_back(Now().text);
        Step();
      }
      Step();
    }
    while (Now().Is("unsigned") || Now().Is("signed") || Now().Is("zerofill")) {
      added->is_unsigned = added->is_unsigned || !Now().Is("signed");
      Step();
    }
  }

  // What stands behind DEFAULT, perhaps in parentheses.
  AddedDefault Literal() {
    const bool enclosed = EatMark('(');
    AddedDefault value = Value();
    if (enclosed && !EatMark(')')) value = AddedDefault::Unknown(kExpression);
    return EndsHere() ? value : AddedDefault::Unknown(kExpression);
  }

  // What may follow a literal without making it a part of an expression.
  bool EndsHere() const {
    if (AtEnd()) return true;
    static constexpr const char* kWords[] = {
        "null",    "comment",       "unique",  "primary",          "key",        "on",
        "first",   "after",         "check",   "collate",          "invisible",  "visible",
        "storage", "column_format", "virtual", "engine_attribute", "constraint", "references"};
    if (Now().Is("not")) return at_ + 1 < tokens_.size() && tokens_[at_ + 1].Is("null");
    return std::any_of(std::begin(kWords), std::end(kWords),
                       [&](const char* word) { return Now().Is(word); });
  }

  AddedDefault Value() {
    std::string sign;
    while (Now().IsMark('-') || Now().IsMark('+')) {
      if (!sign.empty()) return AddedDefault::Unknown(kExpression);
      sign = Now().text;
      Step();
    }
    const bool digit =
        Now().kind == Token::Kind::kWord && Now().text[0] >= '0' && Now().text[0] <= '9';
    if (digit || Now().IsMark('.')) return Number(sign == "-" ? sign : "");
    if (!sign.empty()) return AddedDefault::Unknown(kExpression);
    if (Now().kind == Token::Kind::kString) return String();
    if (Now().kind != Token::Kind::kWord) return AddedDefault::Unknown(kExpression);
    const std::string word = Now().lower;
    Step();
    if (word == "null") return {};
    if (word == "true" || word == "false") return {Kind::kNumber, word == "true" ? "1" : "0"};
    if ((word == "x" || word == "b") && Now().kind == Token::Kind::kString) {
      const std::string digits = Now().text;
      Step();
      return word == "x" ? Hexadecimal(digits) : Bits(digits);
    }
    return AddedDefault::Unknown(word.starts_with("current_timestamp") || word == "now" ||
                                         word.starts_with("localtime")
                                     ? "its default is the time of the statement"
                                     : kExpression);
  }

  AddedDefault Number(std::string text) {
    if (!Now().IsMark('.')) {
      const std::string word = Now().lower;
      Step();
      if (word.starts_with("0x")) {
        return text.empty() ? Hexadecimal(word.substr(2)) : AddedDefault::Unknown(kExpression);
      }
      if (word.starts_with("0b")) {
        return text.empty() ? Bits(word.substr(2)) : AddedDefault::Unknown(kExpression);
      }
      text += word;
    }
    if (EatMark('.')) {
      text += '.';
      if (Now().kind == Token::Kind::kWord && Now().text[0] >= '0' && Now().text[0] <= '9') {
        text += Now().lower;
        Step();
      }
    }
    if (text.back() == 'e' && (Now().IsMark('-') || Now().IsMark('+'))) {
      text += Now().text;
      Step();
      text += Now().lower;
      Step();
    }
    return {Kind::kNumber, text};
  }

  AddedDefault String() {
    std::string text = Now().text;
    Step();
    if (Now().kind == Token::Kind::kString) return AddedDefault::Unknown(kExpression);
    if (encoding_ != StatementSettings::Encoding::kUtf8 && !IsAscii(text)) {
      return AddedDefault::Unknown("its default was written in another character set than utf8mb4");
    }
    return {Kind::kString, std::move(text)};
  }

  static AddedDefault Hexadecimal(const std::string& digits) {
    std::string bytes;
    for (size_t i = 0; i + 1 < digits.size() && digits.size() % 2 == 0; i += 2) {
      unsigned value = 0;
      const char* const p = digits.data() + i;
      if (std::from_chars(p, p + 2, value, 16).ptr != p + 2) break;
      bytes += static_cast<char>(value);
    }
    if (bytes.size() * 2 != digits.size()) return AddedDefault::Unknown(kExpression);
    return {Kind::kBytes, std::move(bytes)};
  }

  static AddedDefault Bits(const std::string& digits) {
    if (digits.size() > 64 || digits.find_first_not_of("01") != std::string::npos) {
      return AddedDefault::Unknown(kExpression);
    }
    return {Kind::kBits, digits};
  }

  const std::span<const Token> tokens_;
  const StatementSettings::Encoding encoding_;
  size_t at_ = 0;
  const Token end_;
};

}  // namespace

AddedDefault ReadAddedDefault(std::span<const Token> tokens, StatementSettings::Encoding encoding) {
  return DefinitionReader(tokens, encoding).Read();
}

}  // namespace tarn::mysql
