#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "source/change_capture.h"
#include "source/postgres/pg_connection.h"
#include "source/postgres/pg_published.h"
#include "source/postgres/pg_table.h"

namespace tarn::postgres {

/// `spec.name` as the name of a slot and a publication. Errors: InvalidArgument.
Result<std::string> CaptureName(const CaptureSpec& spec);

/// Whether the server's version can be captured at all. Errors: Unsupported.
Status CheckCaptureVersion(Connection& connection, const std::string& address);

/// wal_level, slots, walsenders, rights: what must be right before any table is looked at.
/// Errors: InvalidArgument and PermissionDenied, with the setting, its value and the statement.
Status CheckServer(Connection& connection, const CaptureSpec& spec, const std::string& address);

/// A named publication and a named slot stand there and fit.
Status CheckNamed(Connection& connection, const CaptureSpec& spec);

}  // namespace tarn::postgres
