#pragma once

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

}  // namespace tarn::mysql
