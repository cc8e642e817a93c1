#pragma once

#include <memory>
#include <string>
#include <vector>

#include "source/change_capture.h"
#include "source/mysql/my_half_transaction.h"
#include "source/mysql/my_position.h"
#include "source/mysql/my_snapshot.h"

namespace tarn::mysql {

struct ChangeStreamOptions {
  Position position;
  std::vector<SourceTable> tables;
  uint32_t server_id = 0;
  std::string uuid;
  std::shared_ptr<HalfTransaction> half;
};

/// `connection` is for questions about tables and types. Errors: those of ChangeStream.
Result<std::unique_ptr<ChangeStream>> OpenChangeStream(std::shared_ptr<const Context> context,
                                                       ChangeStreamOptions options,
                                                       std::unique_ptr<Connection> connection);

}  // namespace tarn::mysql
