#include "source/mysql/my_lexer.h"

#include "base/text.h"

namespace tarn::mysql {
namespace {

bool IsWordByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z') || byte == '_' || byte == '$' || byte >= 0x80;
}

class Lexer {
 public:
  Lexer(std::string_view text, const StatementSettings& settings)
      : text_(text), settings_(settings) {}

  Token Next() {
    SkipBlank();
    Token token;
    if (at_ >= text_.size()) return token;
    const char c = text_[at_];
    const bool names = settings_.double_quotes == StatementSettings::DoubleQuotes::kName;
    if (c == '`' || (c == '"' && names)) {
      token.kind = Token::Kind::kName;
      token.text = Quoted(c, false);
    } else if (c == '\'' || c == '"') {
      token.kind = Token::Kind::kString;
      token.text = Quoted(c, settings_.backslash == StatementSettings::Backslash::kEscapes);
    } else if (IsWordByte(c)) {
      const size_t begin = at_;
      while (at_ < text_.size() && IsWordByte(text_[at_])) ++at_;
      token.kind = Token::Kind::kWord;
      token.text = text_.substr(begin, at_ - begin);
      token.lower = LowerAscii(token.text);
    } else {
      token.kind = Token::Kind::kMark;
      token.text = c;
      ++at_;
    }
    return token;
  }

 private:
  bool Starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  void SkipTo(std::string_view stop) {
    const size_t found = text_.find(stop, at_);
    at_ = found == std::string_view::npos ? text_.size() : found + stop.size();
  }

  // Blanks and comments; what is inside of /*! … */ is no comment.
  void SkipBlank() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v' || c == '\0') {
        ++at_;
      } else if (Starts("/*!") || Starts("/*M!")) {
        at_ += Starts("/*!") ? 3 : 4;
        while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
        inside_ = true;
      } else if (Starts("*/") && inside_) {
        at_ += 2;
        inside_ = false;
      } else if (Starts("/*")) {
        SkipTo("*/");
      } else if (c == '#' ||
                 (Starts("--") &&
                  (at_ + 2 >= text_.size() || static_cast<unsigned char>(text_[at_ + 2]) <= ' '))) {
        SkipTo("\n");
      } else {
        return;
      }
    }
  }

  // What a backslash and this letter stand for.
  static std::string Escaped(char c) {
    switch (c) {
      case '0':
        return std::string(1, '\0');
      case 'b':
        return "\b";
      case 'n':
        return "\n";
      case 'r':
        return "\r";
      case 't':
        return "\t";
      case 'Z':
        return "\x1a";
      case '%':
      case '_':
        return std::string("\\") + c;
      default:
        return std::string(1, c);
    }
  }

  std::string Quoted(char quote, bool escapes) {
    std::string inner;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (escapes && c == '\\' && at_ + 1 < text_.size()) {
        inner += Escaped(text_[++at_]);
      } else if (c != quote) {
        inner += c;
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
        inner += c;
        ++at_;
      } else {
        ++at_;
        break;
      }
    }
    return inner;
  }

  const std::string_view text_;
  const StatementSettings& settings_;
  size_t at_ = 0;
  bool inside_ = false;
};

}  // namespace

std::vector<Token> ReadTokens(std::string_view text, const StatementSettings& settings) {
  Lexer lexer(text, settings);
  std::vector<Token> tokens;
  do {
    tokens.push_back(lexer.Next());
  } while (tokens.back().kind != Token::Kind::kEnd);
  return tokens;
}

}  // namespace tarn::mysql
