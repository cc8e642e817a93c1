#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/postgres/pg_catalog.h"
#include "source/postgres/pg_connection.h"
#include "source/postgres/pg_table.h"

namespace tarn::postgres {

/// What the log tells of a table, and what stands in the way of following it.
struct Published {
  /// Columns that the log tells, in their order.
  std::vector<std::string> columns;
  /// The publication's row filter as a condition of SQL; "" for every row.
  std::string row_filter;
  /// What updates and deletes name their row by, in the order of the primary key or the index.
  std::vector<std::string> identity;
  char replica_identity = 'd';  ///< pg_class.relreplident
  char persistence = 'p';       ///< pg_class.relpersistence
  bool in_publication = true;   ///< of the publication asked for
  bool owned = true;            ///< this role may put it into a publication
  bool has_children = false;    ///< tables inherit from it, without being its partitions
  bool deferrable_key = false;  ///< the primary key is checked late: no identity
  std::string owner;
  /// A partition whose updates and deletes name no row; "" when there is none.
  std::string bad_partition;
};

/// By oid. `publication` "": one that is made for these tables.
Result<std::map<uint32_t, Published>> LoadPublished(Connection& connection,
                                                    const std::vector<uint32_t>& oids,
                                                    const std::string& publication);

/// Whether the publication lists just these tables, each with all its columns and rows. A table
/// that was dropped and made again is another one.
Result<bool> ListsJust(Connection& connection, const std::string& publication,
                       const std::vector<uint32_t>& oids);

/// Why a table whose primary key is DEFERRABLE cannot be followed by it.
Error DeferrableKey(const SourceTableName& table);

/// The first reason not to follow the table. The hint is the statement that removes it.
Status CheckPublished(const PgTable& table, const Published& published,
                      const std::string& publication);

}  // namespace tarn::postgres
