#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/mysql/my_connection.h"

namespace tarn::mysql {

/// Transactions that see one state of the server.
struct Begun {
  /// One more than there are streams (it describes the tables), or a single one.
  std::vector<std::unique_ptr<Connection>> connections;
  std::string position;
  /// Whether `position` is that very state, not one before it.
  bool exact = false;
};

/// See my_snapshot.h. Errors: those of Connection.
Result<Begun> BeginTransactions(const ConnectionSpec& spec, const SessionSettings& settings,
                                int streams);

}  // namespace tarn::mysql
