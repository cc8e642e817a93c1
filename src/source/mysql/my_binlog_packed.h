#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <arrow/util/type_fwd.h>

#include "base/result.h"

namespace tarn::mysql {

/// Bytes that MariaDB's log_bin_compress packed: of a statement, or of rows.
/// Errors: Corruption; ResourceExhausted.
Status UnpackZlib(std::string_view packed, std::string* bytes);

/// The events of a transaction that MySQL's binlog_transaction_compression packed, one after the
/// other. Threads: one at a time. Memory: the packed bytes, and the largest event.
class PackedEvents {
 public:
  enum class Packing { kNone, kZstd };
  /// `bytes`: of all events, as the log claims.
  static Result<std::unique_ptr<PackedEvents>> Open(std::string packed, Packing packing,
                                                    int64_t bytes);
  ~PackedEvents();

  /// The next event with its header, valid until the next call; nullopt at the end.
  /// Errors: Corruption; ResourceExhausted (an event larger than a server writes).
  Result<std::optional<std::string_view>> Next();

 private:
  PackedEvents(std::string packed, int64_t bytes);
  /// Some more bytes behind those that are left.
  Status Unpack();

  const std::string packed_;
  size_t packed_at_ = 0;
  int64_t left_;  ///< bytes of events that have not been unpacked
  std::shared_ptr<arrow::util::Decompressor> decompressor_;  ///< nullptr: they are not packed
  std::string events_;
  size_t at_ = 0;
};

}  // namespace tarn::mysql
