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

struct MysqlOptions {
  std::string name;  ///< of the source, for messages
  std::string url;   ///< mysql://…; may hold a password, which no message repeats
  /// What a decimal of more than 38 digits becomes: "" (refused), "string" or "decimal(p,s)".
  std::string numeric;
  /// Columns that become something else than docs/types.md says: "shop.t.amount" → "string",
  /// "double", "long" or "decimal(p,s)". Parts with dots or spaces are quoted as in SQL.
  std::map<std::string, std::string> types;
  int64_t connect_timeout_ms = 0;      ///< 0: the limit source_connect_timeout_ms
  int64_t lock_timeout_ms = 60000;     ///< longest wait for a table that somebody else has locked
  int live_connections_max = 16;       ///< connections that live scans hold at once
  const CancelFlag* cancel = nullptr;  ///< ends every wait for the server; borrowed, may be null
  int64_t describe_cache_ms = 2000;    ///< how long the live side trusts a table's description
};

/// A MySQL server from 8.0 on or a MariaDB server from 10.5 on as a Source; its schemas are what
/// the server calls databases. Does not connect: the first call that needs the server does, so that
/// an unreachable server is that call's error.
/// Errors: InvalidArgument (the url, `numeric` or `types` cannot be read).
Result<std::unique_ptr<Source>> OpenMysqlSource(MysqlOptions options, const Limits& limits);

}  // namespace tarn
