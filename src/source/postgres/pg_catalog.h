#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/postgres/pg_connection.h"
#include "source/postgres/pg_table.h"
#include "source/postgres/pg_types.h"

namespace tarn::postgres {

/// A relation that can be read like a table, before anything else is known of it.
struct Candidate {
  uint32_t oid = 0;
  SourceTableName name;
  SourceTableKind kind = SourceTableKind::kTable;
  bool is_partition = false;  ///< of a partitioned table
  bool schema_usable = true;  ///< USAGE on the schema
  bool rows_hidden = false;   ///< row-level security applies to this role
  bool populated = true;      ///< false: a materialised view that was never refreshed
};

/// Every table, partitioned table, view, materialised view and foreign table outside the system's
/// schemas and not temporary; `schema` and `name` narrow that when not empty (then system schemas
/// count too).
Result<std::vector<Candidate>> ListCandidates(Connection& connection, const std::string& schema,
                                              const std::string& name);

Result<std::vector<std::string>> ListSchemaNames(Connection& connection);

/// The candidates that the patterns choose, as Source::Discover says.
/// Errors: NotFound with the nearest name.
Result<std::vector<Candidate>> ChooseTables(const std::vector<Candidate>& all,
                                            const std::vector<std::string>& patterns);

/// Refuses what the role cannot read wholly. Errors: PermissionDenied with the grant;
/// InvalidArgument (a materialised view without rows).
Status CheckReadable(Connection& connection, const Candidate& candidate);

/// Full descriptions, in the order of `candidates`; what vanished meanwhile is left out.
/// Errors: those of MapColumn; PermissionDenied naming a column; InvalidArgument (`types:` names a
/// column that is not there).
Result<std::vector<std::shared_ptr<const PgTable>>> LoadTables(
    Connection& connection, const std::vector<Candidate>& candidates, const TypeChoices& choices);

/// The types of these oids, with their bases and elements; what vanished meanwhile is left out.
Result<PgTypes> LoadTypes(Connection& connection, const std::set<uint32_t>& used);

/// The heaps that make up a table, with their sizes of this moment; empty for views.
Result<std::vector<Storage>> LoadStorage(Connection& connection, const PgTable& table);

}  // namespace tarn::postgres
