#include "source/mysql/my_statement.h"

#include <algorithm>
#include <initializer_list>

#include "base/text.h"
#include "source/mysql/my_lexer.h"

namespace tarn::mysql {
namespace {

bool SameName(const std::string& a, const std::string& b) { return LowerAscii(a) == LowerAscii(b); }

class StatementReader {
 public:
  StatementReader(std::string_view text, const StatementSettings& settings)
      : settings_(settings), schema_(settings.schema), tokens_(ReadTokens(text, settings)) {}

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
  bool Is(const char* word) const { return Now().Is(word); }
  bool IsAny(std::initializer_list<const char*> words) const {
    return std::any_of(words.begin(), words.end(), [&](const char* word) { return Is(word); });
  }
  bool IsMark(char mark) const { return Now().IsMark(mark); }
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
  bool EatIfExists() {
    if (!Eat("if")) return false;
    Eat("not");
    Eat("exists");
    return true;
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
    if (Is("temporary") || !Eat("table")) return statement_;
    EatIfExists();
    statement_.tables.push_back(TableName());
    return Of(replaces ? LogStatement::Kind::kDrop : LogStatement::Kind::kCreate);
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
    const bool ignores = Eat("ignore");
    if (!Eat("table")) return statement_;
    EatIfExists();
    statement_.tables.push_back(TableName());
    if (Eat("wait")) Step();
    Eat("nowait");
    statement_.kind = LogStatement::Kind::kAlter;
    while (!AtEnd()) {
      const size_t before = statement_.columns.size();
      Action();
      only_columns_ = only_columns_ && statement_.columns.size() > before;
      SkipAction();
      EatMark(',');
    }
    statement_.only_names =
        only_columns_ && !statement_.columns.empty() &&
        std::all_of(statement_.columns.begin(), statement_.columns.end(), [](const auto& one) {
          return one.kind == ColumnAction::Kind::kDrop || one.keeps_type;
        });
    // Rows that do not fit are cut to fit, or deleted, without a word.
    if (ignores && !OnlyAddsColumns()) statement_.rows_untold = true;
    for (ColumnAction& one : statement_.columns) {
      if (one.kind != ColumnAction::Kind::kAdd) continue;
      const bool again = std::any_of(set_.begin(), set_.end(),
                                     [&](const auto& name) { return SameName(name, one.name); });
      if (again) one.added = AddedDefault::Unknown("the statement sets its default once more");
    }
    return std::move(statement_);
  }

  bool OnlyAddsColumns() const {
    const auto adds = [](const ColumnAction& one) { return one.kind == ColumnAction::Kind::kAdd; };
    const auto keys = [](const Token& token) { return token.Is("unique") || token.Is("primary"); };
    return only_columns_ &&
           std::all_of(statement_.columns.begin(), statement_.columns.end(), adds) &&
           std::none_of(tokens_.begin(), tokens_.end(), keys);
  }

  // To the comma behind it.
  void SkipAction() {
    int depth = 0;
    while (!AtEnd() && (depth > 0 || !IsMark(','))) {
      if (IsMark('(')) ++depth;
      if (IsMark(')')) --depth;
      Step();
    }
  }

  // The table behind a word of an action; of none, nothing.
  void OtherTable(const char* word) {
    int depth = 0;
    for (; !AtEnd() && (depth > 0 || !IsMark(',')); Step()) {
      if (IsMark('(')) ++depth;
      if (IsMark(')')) --depth;
      if (depth != 0 || !Is(word) || !Ahead(1).Is("table")) continue;
      Step();
      Step();
      statement_.tables.push_back(TableName());
      return;
    }
  }

  void Action() {
    if (Eat("add")) return Add();
    if (Eat("drop")) return DropColumn();
    if (Eat("change")) return Change(true);
    if (Eat("modify")) return Change(false);
    if (Eat("alter")) {
      Eat("column");
      EatIfExists();
      set_.push_back(Name());
      return;
    }
    if (Eat("rename")) {
      if (Eat("column")) {
        EatIfExists();
        ColumnAction action;
        action.kind = ColumnAction::Kind::kChange;
        action.keeps_type = true;
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
    if (IsAny({"discard", "import", "truncate"})) statement_.rows_untold = true;
    if (Eat("exchange")) {
      statement_.rows_untold = true;
      OtherTable("with");
    }
    if (Is("convert") && (Ahead(1).Is("partition") || Ahead(1).Is("table"))) {
      statement_.rows_untold = true;
      if (Ahead(1).Is("table")) {
        Step();
        Step();
        statement_.tables.push_back(TableName());
      } else {
        OtherTable("to");
      }
    }
  }

  void Add() {
    const bool column = Eat("column");
    const bool if_missing = EatIfExists();
    if (EatMark('(')) {
      while (!AtEnd() && !IsMark(')')) {
        if (!IsConstraint()) AddColumn().if_missing = if_missing;
        SkipDefinition();
        if (!EatMark(',')) break;
      }
      return;
    }
    if (!column && Is("system")) statement_.rows_untold = true;  // versions of rows
    if (!column && IsConstraint()) return;
    AddColumn().if_missing = if_missing;
  }

  bool IsConstraint() const {
    return IsAny({"index", "key", "unique", "primary", "fulltext", "spatial", "constraint",
                  "foreign", "check", "partition", "period", "system", "vector"});
  }

  ColumnAction& AddColumn() {
    ColumnAction action;
    action.name = Name();
    action.to = action.name;
    Definition(&action);
    return statement_.columns.emplace_back(std::move(action));
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
      if (action->kind == ColumnAction::Kind::kChange && IsAny({"as", "generated"})) {
        statement_.computed_anew = action->to;
      }
      if (Is("first")) action->moves = true;
      if (Is("after") && Ahead(1).kind != Token::Kind::kEnd) {
        action->moves = true;
        action->after = Ahead(1).text;
        Step();
      }
    }
    const size_t end = depth < 0 ? at_ - 1 : at_;
    at_ = begin;
    if (action->kind != ColumnAction::Kind::kAdd) return;
    action->added = ReadAddedDefault({tokens_.data() + begin, end - begin}, settings_.encoding);
  }

  // In a list in parentheses: to the comma or the parenthesis behind a definition.
  void SkipDefinition() {
    int depth = 0;
    while (!AtEnd() && (depth > 0 || (!IsMark(',') && !IsMark(')')))) {
      if (IsMark('(')) ++depth;
      if (IsMark(')')) --depth;
      Step();
    }
  }

  void DropColumn() {
    const bool column = Eat("column");
    EatIfExists();
    if (!column && IsAny({"partition", "system"})) statement_.rows_untold = true;
    if (!column && (IsAny({"foreign", "constraint"}))) {
      if (Eat("foreign")) {
        Eat("key");
      } else {
        Step();
      }
      EatIfExists();
      statement_.dropped_keys.push_back(Name());
      return;
    }
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

  const StatementSettings settings_;
  const std::string schema_;
  const std::vector<Token> tokens_;
  size_t at_ = 0;
  bool only_columns_ = true;      ///< every action of an ALTER is one of a column
  std::vector<std::string> set_;  ///< columns that get another default
  LogStatement statement_;
};

}  // namespace

LogStatement ReadStatement(std::string_view text, const StatementSettings& settings) {
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
  return StatementReader(text, settings).Read();
}

std::vector<AlteredName> ApplyActions(const std::vector<std::string>& columns,
                                      const std::vector<ColumnAction>& actions) {
  using Kind = ColumnAction::Kind;
  std::vector<AlteredName> result;
  for (const std::string& name : columns) result.push_back({name, name, {}});
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
    const bool stands = std::any_of(result.begin(), result.end(), [&](const AlteredName& one) {
      return SameName(one.name, action.name);
    });
    if (action.if_missing && stands) continue;
    AlteredName added{"", action.name, action.added};
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
