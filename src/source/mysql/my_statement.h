#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "source/source_table.h"

namespace tarn::mysql {

/// What an ALTER TABLE does to one column. Names as the statement writes them.
struct ColumnAction {
  enum class Kind { kAdd, kDrop, kChange } kind = Kind::kAdd;  ///< kChange: name or type
  std::string name;
  std::string to;  ///< of kChange: its name afterwards
  bool moves = false;
  std::string after;    ///< where to, with `moves`; "" for the first place
  bool filled = false;  ///< of kAdd: rows of before get a value
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
    kAlter,       ///< tables[0]
    kTruncate,    ///< tables[0]
    kDrop,        ///< tables; also those that are replaced
    kDropSchema,  ///< tables[0].schema
    kRename,      ///< tables: under the names before and after
    kRows         ///< it changes rows, of which the log has no images
  } kind = Kind::kOther;
  std::vector<SourceTableName> tables;
  std::vector<ColumnAction> columns;
  bool rows_untold = false;  ///< of kAlter: rows come or go that the log does not tell
  bool cascades = false;     ///< of kAlter: a foreign key whose cascades the log does not tell
  std::vector<std::string> words;  ///< of kRows: every name in it
};

/// `schema`: in which it ran. `ansi_quotes`: double quotes are about names.
LogStatement ReadStatement(std::string_view text, std::string_view schema, bool ansi_quotes);

/// A column after an ALTER TABLE.
struct AlteredName {
  std::string before;  ///< "" of an added one
  std::string name;
  bool filled = false;
};
/// The columns of a table after the statement, in order.
std::vector<AlteredName> ApplyActions(const std::vector<std::string>& columns,
                                      const std::vector<ColumnAction>& actions);

}  // namespace tarn::mysql
