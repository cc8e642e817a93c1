#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "sql/duckdb/duckdb_headers.h"
#include "table/model/schema.h"

namespace tarn::duck {

using ScanColumns = duckdb::vector<duckdb::MultiFileColumnDefinition>;

/// How the columns of a table's data files are told apart.
struct FileFields {
  enum class Ids {
    kOfFiles,  ///< by the field ids of files; by names in those without any
    kIgnored   ///< by names, whatever ids files have
  };
  Ids ids = Ids::kOfFiles;
  enum class Match {
    kAnyCase,  ///< a name that differs in case is taken where no other field has it
    kExact
  };
  Match match = Match::kAnyCase;
  /// What files call fields, nested ones too, by id; a field without an entry is in no file that
  /// goes by names. Elements, keys and values have other names with every writer and go by their
  /// place.
  std::map<int32_t, std::set<std::string>> names;
};

/// The names of all fields of a schema: `physical_names` by id, or their own.
std::map<int32_t, std::set<std::string>> NamesInFiles(
    const Schema& schema, const std::map<int32_t, std::string>& physical_names);

/// Gives the columns of a file the identifiers of the table's that they are; others get one that no
/// field has. A timestamp of a file that does not say whether it is in UTC, as INT96 never does, is
/// what the table's column is: it gets a type of its own, which RegisterFileCasts() casts to that
/// without a look at the session's time zone, or refuses where nanoseconds would be lost; and so is
/// a group of a file that does not say that it is a variant (variant_import.h). `file`: its name,
/// for errors. Throws: Corruption where a file has another kind of nested type.
void IdentifyFileColumns(const FileFields& fields, const ScanColumns& columns,
                         const std::string& file, ScanColumns& file_columns);

/// Throws: Unsupported for a column of timestamptz_ns among the selected ones, which DuckDB reads
/// in microseconds. One within another column is refused by its cast.
void CheckNanoseconds(const duckdb::BaseFileReader& reader, const ScanColumns& columns,
                      const duckdb::vector<duckdb::ColumnIndex>& column_ids);

void RegisterFileCasts(duckdb::DatabaseInstance& database);

/// `column` with names for identifiers, which are those of files where `fields` goes by names.
duckdb::MultiFileColumnDefinition IdentifiedByNames(const FileFields& fields,
                                                    duckdb::MultiFileColumnDefinition column);

}  // namespace tarn::duck
