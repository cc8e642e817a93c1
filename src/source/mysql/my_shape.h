#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/mysql/my_binlog_event.h"
#include "source/mysql/my_cascades.h"
#include "source/mysql/my_statement.h"
#include "source/mysql/my_table_builder.h"

namespace tarn::mysql {

/// What the log leaves out and the server knows.
class ShapeResolver {
 public:
  virtual ~ShapeResolver() = default;
  /// The table of this moment, which may be later than the place of the log. Errors: NotFound;
  /// Unavailable and Cancelled end the stream; every other one stops the table.
  virtual Result<std::shared_ptr<const MyTable>> Today(const SourceTableName& table) = 0;
  /// A column of a table map that names its columns, of which no description is at hand.
  virtual Result<MyColumn> ColumnOf(const SourceTableName& table,
                                    const LogTableMap::Column& column) = 0;
  /// The character set of a collation; "" where it is not known.
  virtual Result<std::string> CharsetOf(uint32_t collation) {
    static_cast<void>(collation);
    return std::string();
  }
  /// nullptr: it cannot be read from the log.
  virtual Result<std::shared_ptr<const Charset>> FindCharset(const std::string& name) = 0;
  /// The foreign keys of this moment that may change rows of these tables.
  virtual Result<ForeignKeys> KeysOf(const std::vector<SourceTableName>& tables) {
    static_cast<void>(tables);
    return ForeignKeys();
  }
};

/// How rows events with this map are read into the described table; nullopt where its columns are
/// others than the map's. Errors: those of FindCharset().
Result<std::optional<LogShape>> FitShape(const LogTableMap& map,
                                         const std::shared_ptr<const MyTable>& table,
                                         ShapeResolver* resolver);

/// The table after columns went or got the names that `names` gives them; nullptr where a column of
/// its key went. Errors: those of columns that cannot be described.
Result<std::shared_ptr<const MyTable>> TableOfNames(const MyTable& before,
                                                    const std::vector<AlteredName>& names);

/// The table as a map with names has it. Columns that `before` has too, under the names that
/// `names` gives them, stay described as they were.
Result<std::shared_ptr<const MyTable>> TableOfMap(const LogTableMap& map, const MyTable& before,
                                                  const std::vector<AlteredName>& names,
                                                  ShapeResolver* resolver);

/// What the description of a table remembers beside types: the character set of each column, which
/// is none of its type and decides what bytes of the log mean. SourceTable::rows_mark has it.
std::string CharsetsOf(const std::vector<MyColumn>& columns);
/// One a column; nothing of a description that does not tell them.
std::vector<std::string> CharsetsIn(const SourceTable& table);

/// A table of columns and a key: fills in what follows from them. Errors: NotFound (a column of the
/// key).
Result<std::shared_ptr<const MyTable>> AssembleTable(const MyTable& like,
                                                     std::vector<MyColumn> columns,
                                                     std::vector<std::string> key);

/// Why values of rows of before may have changed with the column, so that they have to be loaded
/// again; "" where they have not. `strict`: the statement failed where a value did not fit.
std::string WhyValuesChanged(const MyColumn& before, const MyColumn& after, bool strict);

/// The names of its columns.
std::vector<std::string> NamesOf(const MyTable& table);

}  // namespace tarn::mysql
