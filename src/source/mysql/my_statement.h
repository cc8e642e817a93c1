#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "source/mysql/my_added_default.h"
#include "source/source_table.h"

namespace tarn::mysql {

/// What an ALTER TABLE does to one column. Names as the statement writes them.
struct ColumnAction {
  enum class Kind { kAdd, kDrop, kChange } kind = Kind::kAdd;  ///< kChange: name or type
  std::string name;
  std::string to;           ///< of kChange: its name afterwards
  bool keeps_type = false;  ///< of kChange: RENAME COLUMN
  bool moves = false;
  std::string after;        ///< where to, with `moves`; "" for the first place
  AddedDefault added;       ///< of kAdd: what rows of before get
  bool if_missing = false;  ///< of kAdd: nothing is done where a column of that name stands
};

/// A statement of the binary log, as far as it concerns rows and columns of tables. Not a parser of
/// SQL: it reads statements that the server has accepted.
struct LogStatement {
  enum class Kind {
    kOther,       ///< of no interest
    kBegin,       ///<
    kCommit,      ///<
    kRollback,    ///< what came before in the transaction is not so
    kRollbackTo,  ///< some of it
    kXaStart,     ///< what follows is prepared
    kXaEnd,       ///< and committed or rolled back
    kAlter,       ///< tables[0]; and another one, of which rows come or to which they go
    kTruncate,    ///< tables[0]
    kDrop,        ///< tables; also those that are replaced
    kCreate,      ///< tables[0], where it does not stand yet
    kDropSchema,  ///< tables[0].schema
    kRename,      ///< tables: under the names before and after
    kRows         ///< it changes rows, of which the log has no images
  } kind = Kind::kOther;
  std::vector<SourceTableName> tables;
  std::vector<ColumnAction> columns;
  /// Of kAlter: columns go or get another name, and nothing else happens.
  bool only_names = false;
  bool rows_untold = false;  ///< of kAlter: rows come or go that the log does not tell
  /// Of kAlter: a generated column is defined again, which gives it other values that the log does
  /// not tell; "" where none is.
  std::string computed_anew;
  std::vector<std::string> dropped_keys;  ///< of kAlter: foreign keys, or constraints of any kind
  std::vector<std::string> words;         ///< of kRows: every name in it
};

LogStatement ReadStatement(std::string_view text, const StatementSettings& settings);

/// A column after an ALTER TABLE.
struct AlteredName {
  std::string before;  ///< "" of an added one
  std::string name;
  AddedDefault added;  ///< of an added one: what rows of before have
};
/// The columns of a table after the statement, in order.
std::vector<AlteredName> ApplyActions(const std::vector<std::string>& columns,
                                      const std::vector<ColumnAction>& actions);

}  // namespace tarn::mysql
