#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "table/delta/actions.h"
#include "table/model/metadata.h"

namespace tarn::delta {

/// A top-level column that Delta may take for a partition column: every partitioning that the table
/// ever had holds its identity. Its values stand in the data files too.
struct PartitionColumn {
  FieldId id;
  std::string physical_name;
  std::string name;  ///< as Delta shows it
  Type type;
};

/// How a table looks in Delta's eyes. Depends on the table's state alone, so that every process
/// that publishes the state writes the same bytes.
///
/// - Data files are the Iceberg table's own, so the schema names what stands in them. `time` has no
///   counterpart in Delta and no type that all readers take for it: such columns (and what is
///   nested around them) are left out and listed in the configuration as "tarn.omitted-columns".
/// - Column mapping is turned on (mode "name") when the table has the property
///   kColumnMappingProperty, or ever had columns whose names differ only in case: Delta forbids
///   these, so the later one is shown as "<name>_2". The property kColumnMappingModeProperty turns
///   it on by itself and chooses the mode.
/// - Widened columns keep the plain protocol: the readers that know Delta's type widening read the
///   narrow files without it as well, and the others refuse the feature.
/// - Hidden partitioning (day, bucket, …) does not show, and with column mapping none does, but
/// that
///   of columns which adopted files do not hold: the rows are the same, and files are still skipped
///   by their statistics.
struct Description {
  Protocol protocol;
  std::string schema_string;
  std::vector<PartitionColumn> partition_candidates;
  std::map<std::string, std::string> configuration;
  std::string description;  ///< the table property "comment"
  /// Top-level fields as they stand in the data files and in statistics: parallel to the schema's.
  std::vector<std::string> physical_names;
  /// Those of fields within structs by id, where they are not the fields' own.
  std::map<int32_t, std::string> nested_names;

  /// Everything equal but the partition columns.
  bool SameShape(const Description& other) const;
};

/// Whether files of the table have or had deletion vectors in the Delta log.
enum class VectorUse { kNo, kYes };

/// Properties "delta.…" that Delta's log does not know or that have a value it cannot have (see
/// CheckDeltaProperty) are passed over. Errors: Corruption (the column mapping property).
Result<Description> Describe(const TableMetadata& table, VectorUse vectors);

/// The protocol that allows what either allows: features are never taken back.
Protocol MergeProtocols(const Protocol& a, const Protocol& b);

/// Whether Delta's log can tell the value: it cannot tell an empty string from null, nor a date
/// outside of the years 1 to 9999.
bool CanTellPartitionValue(const Type& type, const Scalar& value);
/// Delta's text of a value that it can tell; nullopt for null. Only types of PartitionColumn.
std::optional<std::string> PartitionValueText(const Type& type, const Scalar& value);

}  // namespace tarn::delta
