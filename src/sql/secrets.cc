#include "sql/secrets.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"

namespace tarn {
namespace {

constexpr std::string_view kHidden = "***";

/// Words that name a secret when they end an identifier, a parameter or an option.
constexpr std::array<std::string_view, 14> kWords = {
    "password",          "passwd",      "pwd",           "secret", "secret_key",
    "secret_access_key", "access_key",  "access_key_id", "key_id", "token",
    "credential",        "credentials", "signature",     "sig"};

bool IsWordChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}
bool IsSpace(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool EndsAddress(char c) {
  return IsSpace(c) || c == '\'' || c == '"' || c == ')' || c == '(' || c == ',' || c == ';';
}

/// Whether an identifier, without regard to case, is or ends in one of the words: "secret",
/// "s3_secret_access_key", "X-Amz-Signature".
bool NamesSecret(std::string_view identifier) {
  const std::string lower = LowerAscii(std::string(identifier));
  for (const std::string_view word : kWords) {
    if (!lower.ends_with(word)) continue;
    if (lower.size() == word.size()) return true;
    const char before = lower[lower.size() - word.size() - 1];
    if (before == '_' || before == '-') return true;
  }
  return false;
}

class Hider {
 public:
  explicit Hider(std::string_view text) : text_(text) {}

  std::string Run() {
    while (at_ < text_.size()) {
      SkipOver();
      if (text_.substr(at_).starts_with("://")) {
        Address();
      } else if (IsWordChar(text_[at_])) {
        Word();
      } else {
        CopyTo(at_ + 1);
      }
    }
    return std::move(result_);
  }

 private:
  /// Takes the text over up to `end`, and keeps account of whether that is within a literal.
  void CopyTo(size_t end) {
    for (; at_ < end; ++at_) {
      if (text_[at_] == '\'' && at_ >= quotes_from_) in_literal_ = !in_literal_;
      result_ += text_[at_];
    }
  }

  void HideTo(size_t end) {
    result_ += kHidden;
    at_ = end;
  }

  /// Quotes in comments and in quoted names begin no literal.
  void SkipOver() {
    if (in_literal_ || at_ < quotes_from_) return;
    const std::string_view rest = text_.substr(at_);
    std::string_view close;
    size_t open_bytes = 2;
    if (rest.starts_with("--")) {
      close = "\n";
    } else if (rest.starts_with("/*")) {
      close = "*/";
    } else if (rest.starts_with('"')) {
      close = "\"";
      open_bytes = 1;
    } else {
      return;
    }
    const size_t end = text_.find(close, at_ + open_bytes);
    quotes_from_ = end == std::string_view::npos ? text_.size() : end + close.size();
  }

  /// From "://" on: what stands between the first ':' and the last '@' is a password. A '/' may be
  /// one of its characters where nobody encoded it.
  void Address() {
    CopyTo(at_ + 3);
    size_t sign = std::string_view::npos;
    for (size_t end = at_; end < text_.size() && !EndsAddress(text_[end]); ++end) {
      if (text_[end] == '@') sign = end;
    }
    if (sign == std::string_view::npos) return;
    const size_t colon = text_.find(':', at_);
    if (colon >= sign) return;
    CopyTo(colon + 1);
    HideTo(sign);
  }

  void Word() {
    size_t end = at_;
    while (end < text_.size() && IsWordChar(text_[end])) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    CopyTo(end);
    if (NamesSecret(word)) Value();
  }

  /// What follows a word that names a secret, if it is given a value there.
  void Value() {
    size_t next = at_;
    bool outside = !in_literal_;
    // 'auth.token' = 'abc'
    if (!outside && next < text_.size() && text_[next] == '\'') {
      outside = true;
      ++next;
    }
    bool assigned = false;
    for (; next < text_.size(); ++next) {
      const char c = text_[next];
      if (c == '=' || c == ':' || c == '>') {
        assigned = true;
      } else if (!IsSpace(c) && c != '"' && c != ')') {
        break;
      }
    }
    if (next >= text_.size() || (!assigned && next > at_ && text_[at_] == '\'')) return;
    const std::string_view rest = text_.substr(next);
    if (outside && (rest.starts_with('\'') || rest.starts_with("E'") || rest.starts_with("e'"))) {
      Literal(next + rest.find('\''));
    } else if (outside && rest.starts_with('$')) {
      DollarLiteral(next);
    } else if (text_[at_] == '=') {
      CopyTo(next);
      while (next < text_.size() && !EndsAddress(text_[next]) && text_[next] != '&') ++next;
      HideTo(next);
    }
  }

  void Literal(size_t open) {
    const bool escapes = text_[open - 1] == 'E' || text_[open - 1] == 'e';
    CopyTo(open + 1);
    size_t end = open + 1;
    for (; end < text_.size(); ++end) {
      if (escapes && text_[end] == '\\') {
        ++end;
      } else if (text_[end] == '\'') {
        if (end + 1 >= text_.size() || text_[end + 1] != '\'') break;
        ++end;
      }
    }
    HideTo(std::min(end, text_.size()));
  }

  /// $$abc$$ or $tag$abc$tag$; not the parameter $1.
  void DollarLiteral(size_t open) {
    size_t tag_end = open + 1;
    while (tag_end < text_.size() && IsWordChar(text_[tag_end])) ++tag_end;
    if (tag_end >= text_.size() || text_[tag_end] != '$') return;
    const std::string_view tag = text_.substr(open, tag_end + 1 - open);
    const size_t close = text_.find(tag, tag_end + 1);
    CopyTo(tag_end + 1);
    HideTo(close == std::string_view::npos ? text_.size() : close);
  }

  const std::string_view text_;
  size_t at_ = 0;
  size_t quotes_from_ = 0;  ///< before it, quotes are part of a comment or a name
  bool in_literal_ = false;
  std::string result_;
};

}  // namespace

std::string WithoutSecrets(std::string_view text) { return Hider(text).Run(); }

}  // namespace tarn
