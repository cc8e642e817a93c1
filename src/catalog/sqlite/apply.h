#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "catalog/catalog.h"
#include "catalog/sqlite/connection.h"

namespace tarn::sqlite {

/// Does the operations of one commit at `info.sequence`, inside the transaction that the caller
/// began and commits or rolls back. Errors: NotFound, AlreadyExists, Conflict, InvalidArgument,
/// each naming the thing.
Status ApplyOps(Connection& connection, const CommitRequest& request, const CommitInfo& info);

/// Catalog::ForgetStates(), likewise inside a transaction.
Status ForgetStates(Connection& connection, const std::string& uuid, int64_t before_version);

}  // namespace tarn::sqlite
