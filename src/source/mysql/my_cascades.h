#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "source/mysql/my_connection.h"
#include "source/mysql/my_position.h"
#include "source/source_table.h"

namespace tarn::mysql {

/// A foreign key of `table`. What it changes in `table` when a row of `parent` changes the engine
/// does by itself: the binary log has the change of the parent's row, and nothing of it.
struct ForeignKey {
  SourceTableName table;
  std::string name;
  SourceTableName parent;
  std::vector<std::string> columns;     ///< of `table`
  std::vector<std::string> referenced;  ///< of `parent`, one each
  enum class Rule { kNothing, kCascade, kSetNull };
  Rule on_delete = Rule::kNothing;
  Rule on_update = Rule::kNothing;
  /// Where the log stood when the server had told it: from there on it is known what it is, while
  /// before that another one may have had its name. Absent: not known.
  std::optional<Position> since = std::nullopt;

  bool changes_rows() const { return on_delete != Rule::kNothing || on_update != Rule::kNothing; }
  /// "foreign key fk ON DELETE CASCADE ON UPDATE SET NULL".
  std::string ToString() const;
};

/// What is known of foreign keys.
struct ForeignKeys {
  std::vector<ForeignKey> keys;
  /// Constraints of the same tables that are something else, by their names in lower case.
  std::set<std::pair<SourceTableName, std::string>> others;
  /// The columns, in their order, of the tables that were looked at.
  std::map<SourceTableName, std::vector<std::string>> columns;
  /// Tables that others refer to and of which nothing is seen: they may refer to further ones.
  std::vector<SourceTableName> unseen;
};

/// Takes in what SHOW CREATE TABLE prints of a table.
void ReadForeignKeys(const SourceTableName& table, std::string_view create_statement,
                     ForeignKeys* known);

/// The foreign keys of these tables, and those of all tables that changes may come from through
/// several of them.
Result<ForeignKeys> LoadForeignKeys(Connection& connection,
                                    const std::vector<SourceTableName>& tables);

/// With schema and name in lower case.
SourceTableName Folded(const SourceTableName& name);

/// Which tables change by themselves when a row of a table is deleted, or a column of it updated,
/// through chains of foreign keys, also back into the table itself. Names of tables and columns are
/// taken without regard to case. Immutable.
class Cascades {
 public:
  explicit Cascades(const std::vector<ForeignKey>& keys);

  /// Whether a change of a row of the table may change rows of any.
  bool Knows(const SourceTableName& table) const;
  std::vector<SourceTableName> AfterDelete(const SourceTableName& table) const;
  std::vector<SourceTableName> AfterUpdate(const SourceTableName& table,
                                           const std::string& column) const;
  /// Columns of the table whose update changes rows of others, or of itself.
  std::vector<std::string> UpdatesOf(const SourceTableName& table) const;

 private:
  /// A change of rows: of one column, or "" for their removal.
  struct Change {
    SourceTableName table;
    std::string column;
    friend auto operator<=>(const Change&, const Change&) = default;
  };
  std::vector<SourceTableName> After(Change change) const;

  std::map<Change, std::vector<Change>> leads_to_;
  std::map<SourceTableName, SourceTableName> spelled_;  ///< by the name in lower case
};

}  // namespace tarn::mysql
