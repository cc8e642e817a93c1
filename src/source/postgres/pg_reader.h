#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "source/postgres/pg_connection.h"
#include "source/postgres/pg_table.h"
#include "source/source.h"

namespace tarn::postgres {

/// Takes a connection back that is idle again; one that is not is closed instead.
using ReturnConnection = std::function<void(std::unique_ptr<Connection>)>;

struct CopyReaderOptions {
  SourceTableName table;
  Projection projection;
  /// SELECTs whose rows are read one statement after the other.
  std::vector<std::string> selects;
  bool ctid_follows = false;  ///< the select lists end with a ctid
  Limits limits;
};

/// Reads the first statement's beginning, so that its errors are this call's.
Result<std::unique_ptr<BatchReader>> OpenCopyReader(std::unique_ptr<Connection> connection,
                                                    CopyReaderOptions options,
                                                    ReturnConnection return_connection);

/// `rows` rows without columns.
std::unique_ptr<BatchReader> MakeCountReader(int64_t rows, const Limits& limits);

}  // namespace tarn::postgres
