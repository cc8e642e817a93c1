#include "source/mysql/my_statement.h"

#include <algorithm>
#include <initializer_list>

#include "base/text.h"

namespace tarn::mysql {
namespace {

struct Token {
  enum class Kind { kWord, kName, kString, kMark, kEnd } kind = Kind::kEnd;
  std::string text;   ///< of a name and a string without quotes
  std::string lower;  ///< of a word
};

bool IsWordByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z') || byte == '_' || byte == '$' || byte >= 0x80;
}

class Lexer {
 public:
  Lexer(std::string_view text, bool ansi_quotes) : text_(text), ansi_quotes_(ansi_quotes) {}

  Token Next() {
    SkipBlank();
    Token token;
    if (at_ >= text_.size()) return token;
    const char c = text_[at_];
    if (c == '`' || (c == '"' && ansi_quotes_)) {
      token.kind = Token::Kind::kName;
      token.text = Quoted(c, false);
    } else if (c == '\'' || c == '"') {
      token.kind = Token::Kind::kString;
      token.text = Quoted(c, true);
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

  std::string Quoted(char quote, bool escapes) {
    std::string inner;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (escapes && c == '\\' && at_ + 1 < text_.size()) {
        inner += text_[++at_];
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
  const bool ansi_quotes_;
  size_t at_ = 0;
  bool inside_ = false;
};

class StatementReader {
 public:
  StatementReader(std::string_view text, std::string_view schema, bool ansi_quotes)
      : schema_(schema) {
    Lexer lexer(text, ansi_quotes);
    do {
      tokens_.push_back(lexer.Next());
    } while (tokens_.back().kind != Token::Kind::kEnd);
  }

  LogStatement Read() {
    using Kind = LogStatement::Kind;
    if (Eat("begin")) return Of(Kind::kBegin);
    if (Eat("start")) return Of(Is("transaction") ? Kind::kBegin : Kind::kOther);
    if (Eat("commit")) return Of(Kind::kCommit);
    if (Eat("rollback")) {
      Eat("work");
      return Of(Is("to") ? Kind::kRollbackTo : Kind::kRollback);
    }
    if (Eat("xa")) {
      if (IsAny({"start", "begin"})) return Of(Kind::kXaStart);
      return Of(IsAny({"commit", "rollback"}) ? Kind::kXaEnd : Kind::kOther);
    }
    if (Eat("truncate")) return Truncate();
    if (Eat("alter")) return Alter();
    if (Eat("drop")) return Drop();
    if (Eat("rename")) return Rename();
    if (Eat("create")) return Create();
    for (const char* word : {"insert", "update", "delete", "replace", "load", "merge", "with",
                             "call", "do", "select", "import"}) {
      if (Eat(word)) return Rows();
    }
    return statement_;
  }

 private:
  const Token& Now() const { return tokens_[at_]; }
  const Token& Ahead(size_t by) const { return tokens_[std::min(at_ + by, tokens_.size() - 1)]; }
  bool Is(const char* word) const {
    return Now().kind == Token::Kind::kWord && Now().lower == word;
  }
  bool IsAny(std::initializer_list<const char*> words) const {
    return std::any_of(words.begin(), words.end(), [&](const char* word) { return Is(word); });
  }
  bool IsMark(char mark) const { return Now().kind == Token::Kind::kMark && Now().text[0] == mark; }
  bool AtEnd() const { return Now().kind == Token::Kind::kEnd; }
  void Step() {
    if (!AtEnd()) ++at_;
  }
  bool Eat(const char* word) {
    if (!Is(word)) return false;
    Step();
    return true;
  }
  bool EatMark(char mark) {
    if (!IsMark(mark)) return false;
    Step();
    return true;
  }
  void EatIfExists() {
    if (!Eat("if")) return;
    Eat("not");
    Eat("exists");
  }
  std::string Name() {
    std::string name = Now().text;
    Step();
    return name;
  }
  SourceTableName TableName() {
    if (IsMark('.')) {  // of ODBC: the schema in which it runs
      Step();
      return {schema_, Name()};
    }
    std::string first = Name();
    if (!EatMark('.')) return {schema_, std::move(first)};
    return {std::move(first), Name()};
  }
  LogStatement Of(LogStatement::Kind kind) {
    statement_.kind = kind;
    return std::move(statement_);
  }

  LogStatement Truncate() {
    Eat("table");
    statement_.tables.push_back(TableName());
    return Of(LogStatement::Kind::kTruncate);
  }

  LogStatement Drop() {
    if (Eat("temporary")) return statement_;
    if (Eat("database") || Eat("schema")) {
      EatIfExists();
      statement_.tables.push_back({Name(), ""});
      return Of(LogStatement::Kind::kDropSchema);
    }
    if (Eat("index")) {
      // Perhaps the primary key.
      EatIfExists();
      Name();
      if (!Eat("on")) return statement_;
      statement_.tables.push_back(TableName());
      return Of(LogStatement::Kind::kAlter);
    }
    if (!Eat("table") && !Eat("tables")) return statement_;
    EatIfExists();
    do {
      statement_.tables.push_back(TableName());
    } while (EatMark(','));
    return Of(LogStatement::Kind::kDrop);
  }

  LogStatement Create() {
    const bool replaces = Eat("or") && Eat("replace");
    if (Is("temporary") || !Eat("table") || !replaces) return statement_;
    EatIfExists();
    statement_.tables.push_back(TableName());
    return Of(LogStatement::Kind::kDrop);
  }

  LogStatement Rename() {
    if (!Eat("table") && !Eat("tables")) return statement_;
    EatIfExists();
    do {
      statement_.tables.push_back(TableName());
      while (!AtEnd() && !Is("to")) Step();  // WAIT 5
      Eat("to");
      statement_.tables.push_back(TableName());
    } while (EatMark(','));
    return Of(LogStatement::Kind::kRename);
  }

  LogStatement Rows() {
    for (const Token& token : tokens_) {
      if (token.kind == Token::Kind::kWord || token.kind == Token::Kind::kName) {
        statement_.words.push_back(token.text);
      }
    }
    return Of(LogStatement::Kind::kRows);
  }

  LogStatement Alter() {
    Eat("online");
    Eat("ignore");
    if (!Eat("table")) return statement_;
    EatIfExists();
    statement_.tables.push_back(TableName());
    if (Eat("wait")) Step();
    Eat("nowait");
    statement_.kind = LogStatement::Kind::kAlter;
    while (!AtEnd()) {
      Action();
      SkipAction();
      EatMark(',');
    }
    return std::move(statement_);
  }

  // To the comma behind it.
  void SkipAction() {
    int depth = 0;
    while (!AtEnd() && (depth > 0 || !IsMark(','))) {
      if (IsMark('(')) ++depth;
      if (IsMark(')')) --depth;
      Look();
      Step();
    }
  }

  // At what may stand anywhere in an action.
  void Look() {
    if (Is("references")) references_ = true;
    const bool sets_null = Is("set") && Ahead(1).lower == "null";
    if (references_ && (Is("cascade") || sets_null)) statement_.cascades = true;
  }

  void Action() {
    if (Eat("add")) return Add();
    if (Eat("drop")) return DropColumn();
    if (Eat("change")) return Change(true);
    if (Eat("modify")) return Change(false);
    if (Eat("rename")) {
      if (Eat("column")) {
        EatIfExists();
        ColumnAction action;
        action.kind = ColumnAction::Kind::kChange;
        action.name = Name();
        Eat("to");
        action.to = Name();
        statement_.columns.push_back(std::move(action));
      } else if (!IsAny({"index", "key"})) {
        if (!Eat("to")) Eat("as");
        EatMark('=');
        statement_.kind = LogStatement::Kind::kRename;
        statement_.tables.push_back(TableName());
      }
      return;
    }
    if (IsAny({"discard", "import", "exchange", "truncate"})) statement_.rows_untold = true;
  }

  void Add() {
    const bool column = Eat("column");
    EatIfExists();
    if (EatMark('(')) {
      while (!AtEnd() && !IsMark(')')) {
        if (!IsConstraint()) AddColumn();
        SkipDefinition();
        if (!EatMark(',')) break;
      }
      return;
    }
    if (!column && Is("system")) statement_.rows_untold = true;  // versions of rows
    if (!column && IsConstraint()) return;
    AddColumn();
  }

  bool IsConstraint() const {
    return IsAny({"index", "key", "unique", "primary", "fulltext", "spatial", "constraint",
                  "foreign", "check", "partition", "period", "system", "vector"});
  }

  void AddColumn() {
    ColumnAction action;
    action.name = Name();
    action.to = action.name;
    Definition(&action);
    statement_.columns.push_back(std::move(action));
  }

  // What stands from here to the end of the action, without moving.
  void Definition(ColumnAction* action) {
    const size_t begin = at_;
    int depth = 0;
    for (; !AtEnd() && depth >= 0; Step()) {
      if (IsMark('(')) ++depth;
      if (IsMark(')')) --depth;
      if (depth == 0 && IsMark(',')) break;
      if (depth != 0) continue;
      const std::string& next = Ahead(1).lower;
      if ((Is("default") && next != "null") || (Is("not") && next == "null") ||
          IsAny({"auto_increment", "serial", "generated", "as"})) {
        action->filled = true;
      }
      if (Is("first")) action->moves = true;
      if (Is("after") && Ahead(1).kind != Token::Kind::kEnd) {
        action->moves = true;
        action->after = Ahead(1).text;
        Step();
      }
    }
    at_ = begin;
  }

  // In a list in parentheses: to the comma or the parenthesis behind a definition.
  void SkipDefinition() {
    int depth = 0;
    while (!AtEnd() && (depth > 0 || (!IsMark(',') && !IsMark(')')))) {
      if (IsMark('(')) ++depth;
      if (IsMark(')')) --depth;
      Look();
      Step();
    }
  }

  void DropColumn() {
    const bool column = Eat("column");
    EatIfExists();
    if (!column && IsAny({"partition", "system"})) statement_.rows_untold = true;
    if (!column && (IsConstraint() || Is("index"))) return;
    ColumnAction action;
    action.kind = ColumnAction::Kind::kDrop;
    action.name = Name();
    statement_.columns.push_back(std::move(action));
  }

  void Change(bool renames) {
    Eat("column");
    EatIfExists();
    ColumnAction action;
    action.kind = ColumnAction::Kind::kChange;
    action.name = Name();
    action.to = renames ? Name() : action.name;
    Definition(&action);
    statement_.columns.push_back(std::move(action));
  }

  const std::string schema_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  bool references_ = false;
  LogStatement statement_;
};

bool SameName(const std::string& a, const std::string& b) { return LowerAscii(a) == LowerAscii(b); }

}  // namespace

LogStatement ReadStatement(std::string_view text, std::string_view schema, bool ansi_quotes) {
  LogStatement statement;
  // Nearly all of them, without a closer look.
  if (text == "BEGIN") {
    statement.kind = LogStatement::Kind::kBegin;
    return statement;
  }
  if (text == "COMMIT") {
    statement.kind = LogStatement::Kind::kCommit;
    return statement;
  }
  return StatementReader(text, schema, ansi_quotes).Read();
}

std::vector<AlteredName> ApplyActions(const std::vector<std::string>& columns,
                                      const std::vector<ColumnAction>& actions) {
  using Kind = ColumnAction::Kind;
  std::vector<AlteredName> result;
  for (const std::string& name : columns) result.push_back({name, name, false});
  const auto place = [&](AlteredName column, const ColumnAction& action) {
    auto at = action.after.empty() ? result.begin() : result.end();
    for (auto it = result.begin(); it != result.end() && !action.after.empty(); ++it) {
      if (SameName(it->name, action.after) || SameName(it->before, action.after)) at = it + 1;
    }
    result.insert(at, std::move(column));
  };
  // Names are those of before, all at once: two columns may change names with each other.
  for (const ColumnAction& action : actions) {
    if (action.kind != Kind::kAdd) continue;
    AlteredName added{"", action.name, action.filled};
    if (action.moves) {
      place(std::move(added), action);
    } else {
      result.push_back(std::move(added));
    }
  }
  for (const ColumnAction& action : actions) {
    if (action.kind == Kind::kAdd) continue;
    const auto found = std::find_if(result.begin(), result.end(), [&](const AlteredName& one) {
      return !one.before.empty() && SameName(one.before, action.name);
    });
    if (found == result.end()) continue;  // IF EXISTS
    AlteredName column = *found;
    if (action.kind == Kind::kDrop) {
      result.erase(found);
      continue;
    }
    if (action.name != action.to) column.name = action.to;
    if (action.moves) {
      result.erase(found);
      place(std::move(column), action);
    } else {
      *found = std::move(column);
    }
  }
  return result;
}

}  // namespace tarn::mysql
