#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/limits.h"
#include "source/mysql/my_connection.h"
#include "source/mysql/my_table.h"
#include "source/source.h"

namespace tarn::mysql {

/// Takes a connection back that is idle again; one that is not is closed instead.
using ReturnConnection = std::function<void(std::unique_ptr<Connection>)>;

struct RowReaderOptions {
  SourceTableName table;
  Projection projection;
  std::string select;
  Limits limits;
};

/// Starts the statement, so that its errors are this call's.
Result<std::unique_ptr<BatchReader>> OpenRowReader(std::unique_ptr<Connection> connection,
                                                   RowReaderOptions options,
                                                   ReturnConnection return_connection);

/// `rows` rows without columns.
std::unique_ptr<BatchReader> MakeCountReader(int64_t rows, const Limits& limits);

}  // namespace tarn::mysql
