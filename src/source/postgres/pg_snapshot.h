#pragma once

#include <memory>
#include <string>

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
  std::string spool;  ///< folder for what does not fit in memory
};

/// A snapshot that another session exports, to be joined while it does.
struct ForeignSnapshot {
  std::string id;
  std::string position;
  /// The publication that tells which columns and rows there are; "": one without lists.
  std::string publication;
};

/// One REPEATABLE READ transaction that holds an exported snapshot, and streams that join it.
/// Describe locks the table (ACCESS SHARE): it cannot be dropped or altered until the snapshot
/// ends. A table that was truncated or rewritten between the snapshot and its lock would look
/// empty; it is refused as a Conflict.
Result<std::unique_ptr<SourceSnapshot>> BeginSnapshot(std::shared_ptr<const Context> context);

/// The same over a foreign snapshot: it shows what the log tells of tables.
Result<std::unique_ptr<SourceSnapshot>> JoinSnapshot(std::shared_ptr<const Context> context,
                                                     ForeignSnapshot foreign);

}  // namespace tarn::postgres
