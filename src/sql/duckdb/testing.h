#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"
#include "catalog/catalog.h"
#include "catalog/sqlite/sqlite_catalog.h"
#include "sql/duckdb/duckdb_engine.h"
#include "storage/memory/memory_store.h"

namespace tarn {

/// A lake in memory with an engine on it, and the few words that tests of SQL need.
class LakeTest : public testing::Test {
 protected:
  void SetUp() override { Open({}); }

  /// Starts the engine anew, with these sources.
  void Open(std::map<std::string, Source*> sources);
  std::unique_ptr<Session> NewSession(const SessionOptions& options = {});

  /// Runs one statement; the rows as text, one a line, columns split by '|', NULL as "NULL".
  /// Without rows, the command tag. An error as "kind: message".
  std::string Sql(const std::string& sql);
  static std::string Sql(Session& session, const std::string& sql);
  static std::string ErrorText(const Error& error);

  /// How many objects the store holds below a prefix.
  int64_t CountObjects(const std::string& prefix);

  MemoryStore store_;
  Limits limits_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<SqlEngine> engine_;
  std::unique_ptr<Session> session_;
};

}  // namespace tarn
