#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::postgres {

/// What the server said, as the protocol's ErrorResponse has it.
struct ServerError {
  std::string sqlstate;
  std::string message;
  std::string detail;
  std::string hint;
};

/// The kind that a caller can act on: class 08, 25P03, 40, 53300, 55P03, 57P0x → Unavailable; 28,
/// 42501 → PermissionDenied; 42P01, 42703, 3D000, 3F000 → NotFound; 57014 → Cancelled; …
ErrorKind KindOfSqlState(std::string_view sqlstate);

/// "server: relation … does not exist", with detail and hint kept, and a hint added where
/// PostgreSQL has none and the repair is known.
Error ErrorFromServer(const ServerError& error, std::string_view doing);

/// Parses an ErrorResponse's body (after type and length).
ServerError ParseErrorResponse(std::string_view body);

}  // namespace tarn::postgres
