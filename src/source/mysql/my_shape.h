#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/mysql/my_binlog_event.h"
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
  /// nullptr: it cannot be read from the log.
  virtual Result<std::shared_ptr<const Charset>> FindCharset(const std::string& name) = 0;
};

/// How rows events with this map are read into the described table; nullopt where its columns are
/// others than the map's. Errors: those of FindCharset().
Result<std::optional<LogShape>> FitShape(const LogTableMap& map,
                                         const std::shared_ptr<const MyTable>& table,
                                         ShapeResolver* resolver);

/// The table as a map with names has it. Columns that `before` has too, under the names that
/// `names` gives them, stay described as they were.
Result<std::shared_ptr<const MyTable>> TableOfMap(const LogTableMap& map, const MyTable& before,
                                                  const std::vector<AlteredName>& names,
                                                  ShapeResolver* resolver);

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
