#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "catalog/sqlite/connection.h"

namespace tarn::sqlite {

/// The version of the tables in catalog.db that this program writes.
inline constexpr int64_t kSchemaVersion = 2;

/// The version of the tables in the file; 0 for an empty one. Changes nothing. Errors: Unsupported
/// (made by a newer program, both versions named); Corruption (a SQLite file of something else).
Result<int64_t> ReadSchemaVersion(Connection& connection);

/// Creates or brings forward the tables of catalog.db in one transaction; safe when several
/// processes do it at once. Errors: those of ReadSchemaVersion, of reading and of writing.
Status Migrate(Connection& connection, Clock& clock);

}  // namespace tarn::sqlite
