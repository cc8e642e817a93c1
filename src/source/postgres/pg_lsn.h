#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace tarn::postgres {

/// A place in the server's log.
struct Lsn {
  uint64_t value = 0;
  friend auto operator<=>(const Lsn&, const Lsn&) = default;
  /// "16/B374D848".
  std::string ToString() const;
  /// Errors: InvalidArgument.
  static Result<Lsn> Parse(const std::string& text);
};

}  // namespace tarn::postgres
