#pragma once

#include <memory>
#include <string>

#include "catalog/query_log.h"

namespace tarn {

struct SqliteQueryLogOptions {
  std::string folder;                          ///< of the state; empty: kept in memory
  int64_t queries_kept_max = kQueriesKeptMax;  ///< 0: none
  int64_t lock_timeout_ms = 200;  ///< how long a statement waits for other processes' at most
};

/// `<folder>/queries.db`, a SQLite file that several processes may have open at once; opened at the
/// first record or question. Where it cannot be written (a folder that is read only), this process
/// remembers its own statements in memory.
std::unique_ptr<QueryLog> OpenSqliteQueryLog(SqliteQueryLogOptions options);

}  // namespace tarn
