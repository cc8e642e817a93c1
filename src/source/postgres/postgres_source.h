#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/limits.h"
#include "base/result.h"
#include "source/source.h"

namespace tarn {

struct PostgresOptions {
  std::string name;  ///< of the source, for messages
  std::string url;  ///< libpq URI or "key=value …"; may hold a password, which no message repeats
  /// What `numeric` without precision becomes: "" (decimal(38,18)), "string" or "decimal(p,s)".
  std::string numeric;
  /// Columns that become something else than docs/types.md says: "public.t.amount" → "string",
  /// "double", "long" or "decimal(p,s)". Parts with dots, capitals or spaces are quoted as in SQL.
  std::map<std::string, std::string> types;
  int64_t connect_timeout_ms = 0;      ///< 0: the limit source_connect_timeout_ms
  int64_t lock_timeout_ms = 60000;     ///< longest wait for a table that somebody else has locked
  int live_connections_max = 16;       ///< connections that live scans hold at once
  const CancelFlag* cancel = nullptr;  ///< ends every wait for the server; borrowed, may be null
  /// Folder for transactions in progress that are larger than memory should hold; "": the system's
  /// folder for temporary files. Made when it is needed.
  std::string spool;
  int64_t describe_cache_ms = 2000;  ///< how long the live side trusts a table's description
};

/// A PostgreSQL database, 12 to 18, as a Source. Does not connect: the first call that needs the
/// server does, so that an unreachable server is that call's error.
/// Errors: InvalidArgument (the url, `numeric` or `types` cannot be read).
Result<std::unique_ptr<Source>> OpenPostgresSource(PostgresOptions options, const Limits& limits);

}  // namespace tarn
