#pragma once

#include "base/result.h"
#include "catalog/catalog.h"
#include "catalog/sqlite/connection.h"

namespace tarn::sqlite {

/// Does the operations of one commit at `info.sequence`, inside the transaction that the caller
/// began and commits or rolls back. Errors: NotFound, AlreadyExists, Conflict, InvalidArgument,
/// each naming the thing.
Status ApplyOps(Connection& connection, const CommitRequest& request, const CommitInfo& info);

}  // namespace tarn::sqlite
