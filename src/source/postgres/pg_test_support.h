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

/// A value as text: numbers in decimal, floats shortest, dates as days and timestamps as
/// microseconds since 1970, binary as \x…, lists in [ ], null as NULL.
std::string TextOf(const arrow::Array& array, int64_t row);
/// "a|b|NULL" per row.
std::vector<std::string> RowTexts(const arrow::RecordBatch& batch);

/// All rows of a reader; fails the test on an error.
std::vector<std::string> Drain(BatchReader& reader);
/// The first error of a reader; fails the test when there is none.
Error DrainToError(BatchReader& reader);
/// All rows of a table through a snapshot in `ranges` streams, sorted.
std::vector<std::string> ReadTable(Source& source, const SourceTableName& table, int ranges = 1);

/// The value of a Result whose success the test takes for granted.
template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) ADD_FAILURE() << result.error().ToString();
  return std::move(result).value();
}

}  // namespace tarn::postgres
