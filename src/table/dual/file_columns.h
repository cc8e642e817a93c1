#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "storage/object_store.h"
#include "table/model/metadata.h"

namespace tarn {

/// How a foreign table finds its columns in data files.
struct ColumnLookup {
  Schema schema;
  /// What files call fields, nested ones too, by id: of files without field ids, and of all files
  /// with Ids::kMeanNothing. A field that is not here is in none of these.
  std::map<int32_t, std::set<std::string>> names;
  /// kMeanNothing: names count alone, also where files have ids (Delta without column mapping).
  enum class Ids { kCount, kMeanNothing } ids = Ids::kCount;
  /// kAnyCase: where names decide, one that differs in case is taken where no other field has it,
  /// as Delta's readers do.
  enum class Match { kExact, kAnyCase } match = Match::kExact;
};

/// The highest row id and sequence number that rows of files bring with them (Iceberg "Row
/// Lineage"); absent where none does.
struct StoredLineage {
  std::optional<int64_t> row_id, sequence_number;
  std::string unknown_in;  ///< a file that has some and does not say how high they are
};

/// How a table of the lake finds them, so that readers of both formats do.
struct FoundColumns {
  /// Of top-level columns, by id: the one name that all files have for it; of columns that no file
  /// has, a name that none has for anything else.
  std::map<int32_t, std::string> physical_names;
  /// Whether the names have to be written down: one differs from the column's, or files hold what
  /// is no column of the table and could be taken for one that is added.
  bool mapped = false;
  bool some_files_lack_ids = false;
  /// Whether files hold shredded variants, which Delta's log allows to a table by name.
  bool shredded_variants = false;
  /// What files without field ids call the elements of lists and maps, by the field's id.
  std::map<int32_t, std::set<std::string>> element_names;
  /// Columns that a file does not hold, with the places of these files.
  std::map<int32_t, std::vector<size_t>> absent;
  StoredLineage lineage;
};

/// Reads the footers of all files, several at once, and gives each its number of rows. Errors:
/// those of ParquetReader; Unsupported, naming column and file, where readers of Delta and Iceberg
/// would not find the same values: a column with two names, or a name that is also another one's.
Result<FoundColumns> FindColumnsInFiles(ObjectStore& store, const Limits& limits,
                                        const ColumnLookup& lookup, std::vector<DataFile>& files);

/// Iceberg's "Name Mapping Serialization" for files without field ids.
std::string WriteNameMapping(const Schema& schema, const FoundColumns& found);

/// The names of every field, nested ones too, by id. Error Corruption.
Result<std::map<int32_t, std::set<std::string>>> ReadNameMapping(const std::string& json);

/// Iceberg's table property that holds it.
inline constexpr char kNameMappingProperty[] = "schema.name-mapping.default";

}  // namespace tarn
