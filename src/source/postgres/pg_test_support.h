#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include "harness/cc/pg_server.h"
#include "source/postgres/postgres_source.h"
#include "source/source_test_support.h"

namespace tarn::postgres {

/// A database of its own on the shared server, and a source on it.
struct TestDatabase {
  explicit TestDatabase(const std::string& sql = "", const std::string& options = "")
      : database(server.CreateDatabase(options)) {
    if (!sql.empty()) Run(sql);
  }
  std::string Run(const std::string& sql) const { return server.Run(sql, database); }
  std::unique_ptr<Source> Open(std::map<std::string, std::string> types = {},
                               const std::string& numeric = "",
                               const std::string& user = "postgres", Limits limits = {}) const;

  testing::PgServer& server = testing::PgServer::Shared();
  std::string database;
  int64_t describe_cache_ms = 0;
};

using testing::Drain;
using testing::DrainToError;
using testing::Must;
using testing::ReadTable;
using testing::RowTexts;
using testing::TextOf;

}  // namespace tarn::postgres
