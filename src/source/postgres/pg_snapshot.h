#pragma once

#include <memory>

#include "base/limits.h"
#include "source/postgres/pg_connection.h"
#include "source/postgres/pg_types.h"
#include "source/source.h"

namespace tarn::postgres {

/// What every connection of a source shares. Immutable.
struct Context {
  std::string name;
  ConnectionSpec spec;
  SessionSettings session;
  TypeChoices choices;
  Limits limits;
};

/// One REPEATABLE READ transaction that holds an exported snapshot, and streams that join it.
/// Describe locks the table (ACCESS SHARE): it cannot be dropped or altered until the snapshot
/// ends. A table that was truncated or rewritten between the snapshot and its lock would look
/// empty; it is refused as a Conflict.
Result<std::unique_ptr<SourceSnapshot>> BeginSnapshot(std::shared_ptr<const Context> context);

}  // namespace tarn::postgres
