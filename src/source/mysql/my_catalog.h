#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/mysql/my_connection.h"
#include "source/mysql/my_table.h"

namespace tarn::mysql {

/// A table or view, before anything else is known of it.
struct Candidate {
  SourceTableName name;
  SourceTableKind kind = SourceTableKind::kTable;
  std::string engine;
  int64_t rows = -1;   ///< the engine's estimate
  int64_t bytes = -1;  ///< the same
};

/// Every table and view that the user may see outside of the system's schemas; `schema` and `name`
/// narrow that when not empty (then system schemas count too).
Result<std::vector<Candidate>> ListCandidates(Connection& connection, const std::string& schema,
                                              const std::string& name);

Result<std::vector<std::string>> ListSchemaNames(Connection& connection);

/// The candidates that the patterns choose, as Source::Discover says. A pattern of one part is a
/// table of `default_schema`. Errors: NotFound with the nearest name.
Result<std::vector<Candidate>> ChooseTables(const std::vector<Candidate>& all,
                                            const std::vector<std::string>& patterns,
                                            const std::string& default_schema);

/// Full descriptions, in the order of `candidates`; what vanished meanwhile is left out.
/// Errors: those of MapColumn; InvalidArgument (`types:` names a column that is not there).
Result<std::vector<std::shared_ptr<const MyTable>>> LoadTables(
    Connection& connection, const std::vector<Candidate>& candidates, const TypeChoices& choices);

/// Refuses what the user cannot read. Errors: PermissionDenied naming the grant; NotFound;
/// Conflict where the table was altered after the transaction's snapshot.
/// In a transaction it also holds off DROP, ALTER and TRUNCATE until the transaction's end.
Status Touch(Connection& connection, const SourceTableName& name, const std::string& select_list);

}  // namespace tarn::mysql
