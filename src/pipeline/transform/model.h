#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"

namespace tarn {

enum class Materialize {
  kView,         ///< a view of the catalog
  kTable,        ///< every run replaces all rows
  kIncremental,  ///< every run appends the query's rows
  kMerge,        ///< every run replaces the rows that have the same key, and adds the others
  /// Every run makes of the changes that the query selects, from the history of a mirrored table,
  /// the versions of each key and when they were valid.
  kHistory,
};
std::string_view MaterializeName(Materialize materialize);

/// What makes `up` run a model by itself.
enum class Trigger {
  kNone,
  kOnChange,  ///< rows of what it reads have changed since it read them
};
std::string_view TriggerName(Trigger trigger);

enum class OnFailure { kFail, kWarn, kQuarantine };
std::string_view OnFailureName(OnFailure on_failure);

/// A condition on a model's result, run before the result becomes visible.
struct Check {
  enum class Kind {
    kNotNull,         ///< `not_null: column`
    kUnique,          ///< `unique: column` or `unique: [a, b]`
    kAcceptedValues,  ///< `accepted_values: {column: c, values: [a, b]}`
    kRelationships,   ///< `relationships: {column: c, to: schema.table, field: f}`
    kExpect,          ///< `expect: "SQL condition on a row"`
    kRowCount,        ///< `row_count: {min: 1, max: 1000}`
    kFreshness,       ///< `freshness: {column: c, within: 24h}`
  };
  Kind kind = Kind::kNotNull;
  std::vector<std::string> columns;
  std::vector<std::string> values;  ///< of kAcceptedValues
  std::string condition;            ///< of kExpect
  TableName to;                     ///< of kRelationships
  std::string field;                ///< of kRelationships
  std::optional<int64_t> min_rows, max_rows;
  int64_t within_seconds = 0;  ///< of kFreshness
  std::string where;           ///< "models/silver/x.sql:7:5"

  /// As a person would write it: `not_null(customer_id)`.
  std::string ToString() const;
};

/// One file of models/: a query and what its head says.
struct Model {
  TableName name;
  std::string path;    ///< relative to the project, for messages
  std::string sql;     ///< the query without head and trailing ';'
  int sql_line = 1;    ///< line of the file at which `sql` begins
  int sql_column = 1;  ///< and the column, in characters
  std::string description;
  Materialize materialize = Materialize::kTable;
  std::vector<std::string> key;
  std::string
      cursor;  ///< of incremental and merge: only rows past the table's highest value are taken
  std::vector<std::string> partition;
  std::map<std::string, std::string> tags;
  std::string iceberg;  ///< version of the table: "auto", "2", "3"; empty: as it is
  std::vector<Check> checks;
  OnFailure on_failure = OnFailure::kFail;
  Trigger trigger = Trigger::kNone;
  std::vector<TableName>
      inputs;  ///< tables and models of the lake, from parsing; set by the project
  std::vector<TableName> check_inputs;  ///< what besides only its checks read; as `inputs`
  /// Changes with everything that the rows or their checks depend on; comments and blanks of the
  /// query count, description, tags, trigger and Iceberg's version do not.
  std::string fingerprint;
  /// Changes with what the rows that stand already were made by: query, kind, key, cursor.
  std::string query_fingerprint;
};

/// The table that takes a model's rejected rows: `<name>__rejected` in the same schema.
TableName RejectedTable(const Model& model);

/// As a query names it.
std::string QuotedName(const TableName& name);

}  // namespace tarn
