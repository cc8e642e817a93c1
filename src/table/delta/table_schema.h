#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "table/delta/actions.h"
#include "table/delta/schema_json.h"
#include "table/model/schema.h"

namespace tarn::delta {

/// What a writer must keep to; readers may pass it over.
struct TableRule {
  enum class Kind {
    kAppendOnly,  ///< rows only come
    kInvariant,   ///< of a column: the expression is true
    kCheck,       ///< of the table: the expression is true
    kGenerated,   ///< of a column: its value is the expression
    kIdentity,    ///< of a column: its values are counted up
    kDefault      ///< of a column: the expression, where no value is given
  };
  Kind kind = Kind::kAppendOnly;
  std::string name;        ///< of the column or constraint
  std::string expression;  ///< Spark SQL, as the log has it
  bool operator==(const TableRule&) const = default;
};

/// The columns of a Delta table of any writer.
struct TableSchema {
  /// Names as Delta shows them. Ids are those of the column mapping where it has them (the files
  /// carry them then), else fresh ones. byte and short are int, timestamp is timestamptz,
  /// timestamp_ntz is timestamp, void is unknown.
  Schema schema;
  ColumnMapping mapping = ColumnMapping::kOff;
  /// How each struct field, nested ones too, is called in data files, statistics and partition
  /// values, by its id.
  std::map<int32_t, std::string> physical_names;
  /// Columns that data files need not have: their values stand in the log.
  std::vector<FieldId> partition_columns;
  /// "Clustered Table": physical names of columns, nested ones after a dot; empty where it is none.
  std::vector<std::string> clustering_columns;
  std::vector<TableRule> rules;
};

/// The columns that a metaData action describes. Errors: Corruption (no schema, a partition column
/// that is none); Unsupported, naming the column: a type that is not known, a change of type that
/// the reader cannot follow ("Type Widening").
Result<TableSchema> ReadTableSchema(const Protocol& protocol, const Metadata& metadata);

/// The columns that the domain "delta.clustering" names; none for another text.
std::vector<std::string> ClusteringColumns(const std::string& configuration);

}  // namespace tarn::delta
