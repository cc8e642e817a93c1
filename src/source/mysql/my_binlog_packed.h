#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::mysql {

/// Bytes that MariaDB's log_bin_compress packed: of a statement, or of rows.
/// Errors: Corruption; ResourceExhausted.
Status UnpackZlib(std::string_view packed, std::string* bytes);

/// Bytes that MySQL's binlog_transaction_compression packed, `size` of them.
/// Errors: Corruption; ResourceExhausted.
Status UnpackZstd(std::string_view packed, int64_t size, std::string* bytes);

}  // namespace tarn::mysql
