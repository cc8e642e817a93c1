#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "source/change_capture.h"
#include "source/mysql/my_connection.h"
#include "source/mysql/my_snapshot.h"

namespace tarn::mysql {

/// Who reads: unique among all that read the log of a server, the same for every run.
struct ReaderIdentity {
  uint32_t server_id = 0;
  std::string uuid;
};
/// Of a capture's name. Errors: InvalidArgument (publication or slot, which are PostgreSQL's).
Result<ReaderIdentity> IdentityOf(const CaptureSpec& spec);

/// The log is written, in rows that are whole, and may be read: what must be right before any table
/// is looked at. Errors: InvalidArgument and PermissionDenied, with the setting, its value and the
/// statement that mends it.
Status CheckServer(Connection& connection, const Context& context, const CaptureSpec& spec);

enum class Warnings { kTold, kToldBefore };
/// The tables are in the log, and everything that happens to them; those that foreign keys change
/// without a word in it are named in a warning. Errors: InvalidArgument, Unsupported,
/// PermissionDenied.
Status CheckTables(Connection& connection, const std::string& address,
                   const std::vector<SourceTable>& tables, Warnings warnings);

}  // namespace tarn::mysql
