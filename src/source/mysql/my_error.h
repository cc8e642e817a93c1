#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::mysql {

/// What a server or the client library reports: its number, SQLSTATE and words.
struct ServerError {
  unsigned number = 0;
  std::string sqlstate;
  std::string message;
};

/// Errors from 2000 to 2999 are the client library's own: the connection is of no use then.
ErrorKind KindOfNumber(unsigned number, std::string_view sqlstate);

/// `doing: message (error 1045, SQLSTATE 28000)`, with the repair where there is one.
Error ErrorFromServer(const ServerError& error, std::string_view doing);

}  // namespace tarn::mysql
