#include "source/mysql/my_cascades.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "source/mysql/my_lexer.h"
#include "source/mysql/my_names.h"

namespace tarn::mysql {
namespace {

/// Reads what SHOW CREATE TABLE prints.
class CreateReader {
 public:
  CreateReader(const SourceTableName& table, std::string_view text, ForeignKeys* known)
      : table_(table), tokens_(ReadTokens(text, {})), known_(*known) {}

  void Read() {
    std::vector<std::string>& columns = known_.columns[table_];
    while (!AtEnd() && !Now().IsMark('(')) Step();
    Step();
    while (!AtEnd() && !Now().IsMark(')')) {
      if (Now().kind == Token::Kind::kName || Now().kind == Token::Kind::kString) {
        columns.push_back(Now().text);
      } else if (Now().Is("constraint")) {
        Step();
        Constraint();
      } else if (Now().Is("unique")) {
        Step();
        Step();  // KEY
        known_.others.emplace(Folded(table_), LowerAscii(Now().text));
      }
      SkipElement();
    }
  }

 private:
  const Token& Now() const { return tokens_[at_]; }
  bool AtEnd() const { return Now().kind == Token::Kind::kEnd; }
  void Step() {
    if (!AtEnd()) ++at_;
  }
  bool Eat(std::string_view word) {
    if (!Now().Is(word)) return false;
    Step();
    return true;
  }
  std::string Name() {
    std::string name = Now().text;
    Step();
    return name;
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    if (Now().IsMark('(')) Step();
    while (!AtEnd() && !Now().IsMark(')')) {
      names.push_back(Name());
      if (Now().IsMark(',')) Step();
    }
    Step();
    return names;
  }
  // To the element behind the next comma, or the parenthesis that ends them.
  void SkipElement() {
    int depth = 0;
    for (; !AtEnd(); Step()) {
      if (depth == 0 && Now().IsMark(')')) return;
      if (Now().IsMark('(')) ++depth;
      if (Now().IsMark(')')) --depth;
      if (depth == 0 && Now().IsMark(',')) {
        Step();
        return;
      }
    }
  }

  ForeignKey::Rule Rule() {
    if (Eat("cascade")) return ForeignKey::Rule::kCascade;
    // InnoDB refuses SET DEFAULT; a server that knew it would change rows too.
    if (Eat("set")) return ForeignKey::Rule::kSetNull;
    return ForeignKey::Rule::kNothing;
  }

  void Constraint() {
    ForeignKey key;
    key.table = table_;
    key.name = Name();
    if (!Eat("foreign")) {
      known_.others.emplace(Folded(table_), LowerAscii(key.name));
      return;
    }
    Eat("key");
    key.columns = Names();
    Eat("references");
    key.parent = {table_.schema, Name()};
    if (Now().IsMark('.')) {
      Step();
      key.parent = {key.parent.name, Name()};
    }
    key.referenced = Names();
    while (Eat("on")) {
      const bool deletes = Now().Is("delete");
      Step();
      (deletes ? key.on_delete : key.on_update) = Rule();
      while (!AtEnd() && !Now().Is("on") && !Now().IsMark(',') && !Now().IsMark(')')) Step();
    }
    known_.keys.push_back(std::move(key));
  }

  const SourceTableName table_;
  const std::vector<Token> tokens_;
  size_t at_ = 0;
  ForeignKeys& known_;
};

}  // namespace

SourceTableName Folded(const SourceTableName& name) {
  return {LowerAscii(name.schema), LowerAscii(name.name)};
}

std::string ForeignKey::ToString() const {
  static constexpr const char* kRules[] = {"", "CASCADE", "SET NULL"};
  std::string text = "foreign key " + name;
  if (on_delete != Rule::kNothing) {
    text += std::string(" ON DELETE ") + kRules[static_cast<int>(on_delete)];
  }
  if (on_update != Rule::kNothing) {
    text += std::string(" ON UPDATE ") + kRules[static_cast<int>(on_update)];
  }
  return text;
}

void ReadForeignKeys(const SourceTableName& table, std::string_view create_statement,
                     ForeignKeys* known) {
  CreateReader(table, create_statement, known).Read();
}

Result<ForeignKeys> LoadForeignKeys(Connection& connection,
                                    const std::vector<SourceTableName>& tables) {
  ForeignKeys known;
  std::set<SourceTableName> looked_at;
  std::vector<SourceTableName> next = tables;
  while (!next.empty()) {
    const SourceTableName table = std::move(next.back());
    next.pop_back();
    if (!looked_at.insert(Folded(table)).second) continue;
    // information_schema shows rules on MariaDB only to those who may change the table.
    const Result<Rows> created = connection.Query("SHOW CREATE TABLE " + QuoteName(table),
                                                  "looking at the foreign keys of a table");
    if (!created.ok()) {
      const ErrorKind kind = created.error().kind;
      if (kind == ErrorKind::kPermissionDenied) {
        known.unseen.push_back(table);
      } else if (kind != ErrorKind::kNotFound) {
        return created.status();
      }
      continue;
    }
    const size_t before = known.keys.size();
    if (created->count() > 0) ReadForeignKeys(table, created->text(0, 1), &known);
    for (size_t i = before; i < known.keys.size(); ++i) {
      if (known.keys[i].changes_rows()) next.push_back(known.keys[i].parent);
    }
  }
  return known;
}

Cascades::Cascades(const std::vector<ForeignKey>& keys) {
  using Rule = ForeignKey::Rule;
  for (const ForeignKey& key : keys) {
    spelled_[Folded(key.table)] = key.table;
    const SourceTableName table = Folded(key.table);
    const SourceTableName parent = Folded(key.parent);
    const auto lead_to_columns = [&](std::vector<Change>* changes) {
      for (const std::string& column : key.columns) {
        changes->push_back({table, LowerAscii(column)});
      }
    };
    if (key.on_delete != Rule::kNothing) {
      std::vector<Change>& after = leads_to_[{parent, ""}];
      // The table changes, whether or not others refer to what changes in it.
      if (key.on_delete == Rule::kCascade) after.push_back({table, ""});
      if (key.on_delete == Rule::kSetNull) lead_to_columns(&after);
    }
    if (key.on_update == Rule::kNothing) continue;
    for (const std::string& column : key.referenced) {
      lead_to_columns(&leads_to_[{parent, LowerAscii(column)}]);
    }
  }
}

std::vector<SourceTableName> Cascades::After(Change change) const {
  std::set<Change> seen;
  std::set<SourceTableName> tables;
  std::vector<Change> open = {std::move(change)};
  while (!open.empty()) {
    const Change now = std::move(open.back());
    open.pop_back();
    const auto found = leads_to_.find(now);
    if (found == leads_to_.end()) continue;
    for (const Change& next : found->second) {
      tables.insert(spelled_.at(next.table));
      if (seen.insert(next).second) open.push_back(next);
    }
  }
  return {tables.begin(), tables.end()};
}

bool Cascades::Knows(const SourceTableName& table) const {
  const auto first = leads_to_.lower_bound({Folded(table), ""});
  return first != leads_to_.end() && first->first.table == Folded(table);
}

std::vector<SourceTableName> Cascades::AfterDelete(const SourceTableName& table) const {
  return After({Folded(table), ""});
}

std::vector<SourceTableName> Cascades::AfterUpdate(const SourceTableName& table,
                                                   const std::string& column) const {
  return After({Folded(table), LowerAscii(column)});
}

std::vector<std::string> Cascades::UpdatesOf(const SourceTableName& table) const {
  std::vector<std::string> columns;
  for (auto at = leads_to_.lower_bound({Folded(table), ""});
       at != leads_to_.end() && at->first.table == Folded(table); ++at) {
    if (!at->first.column.empty()) columns.push_back(at->first.column);
  }
  return columns;
}

}  // namespace tarn::mysql
