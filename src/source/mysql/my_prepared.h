#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/mysql/my_connection.h"

namespace tarn::mysql {

/// The names of transactions that XA PREPARE has prepared and nobody has ended: their rows are in
/// the binary log already, and no snapshot sees them. Nothing where the server does not tell
/// (MySQL: the right XA_RECOVER_ADMIN). Errors: Unavailable, Cancelled.
Result<std::optional<std::vector<std::string>>> PreparedTransactions(Connection& connection,
                                                                     const std::string& doing);

/// The end of the binary log: a file and the offset in it.
struct LogEnd {
  std::string file;
  uint64_t offset = 0;
};

/// Nothing where there is no binary log, or it may not be seen. Errors: those of Connection.
Result<std::optional<LogEnd>> EndOfLog(Connection& connection, const std::string& doing);

/// Whether an XA PREPARE was logged since `from`; also where the server has begun another file
/// since, whose beginning is not looked at. Errors: those of Connection.
Result<bool> WasPreparedSince(Connection& connection, const LogEnd& from, const std::string& doing);

}  // namespace tarn::mysql
