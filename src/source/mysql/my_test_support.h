#pragma once

#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "harness/cc/mysql_server.h"
#include "source/mysql/mysql_source.h"
#include "source/source_test_support.h"

namespace tarn::mysql {

using Flavour = testing::MysqlServer::Flavour;
using testing::Drain;
using testing::DrainToError;
using testing::Must;
using testing::ReadTable;
using testing::RowTexts;

/// A database of its own on a shared server, and a source on it.
struct TestDatabase {
  explicit TestDatabase(Flavour flavour, const std::string& sql = "")
      : server(testing::MysqlServer::Shared(flavour)), database(server.CreateDatabase()) {
    if (!sql.empty()) Run(sql);
  }
  ~TestDatabase() { server.Run("DROP DATABASE IF EXISTS " + database); }
  std::string Run(const std::string& sql) const { return server.Run(sql, database); }
  SourceTableName Name(const std::string& table) const { return {database, table}; }
  std::unique_ptr<Source> Open(std::map<std::string, std::string> types = {},
                               const std::string& numeric = "", const std::string& user = "root",
                               Limits limits = {}) const {
    MysqlOptions options;
    options.name = "test";
    options.url = server.Url(database, user);
    for (auto& [column, type] : types) options.types[database + "." + column] = type;
    options.numeric = numeric;
    options.describe_cache_ms = 0;
    return Must(OpenMysqlSource(std::move(options), limits));
  }

  testing::MysqlServer& server;
  std::string database;
};

/// Tests that run on both servers.
class OnBothServers : public ::testing::TestWithParam<Flavour> {
 protected:
  bool is_mariadb() const { return GetParam() == Flavour::kMariaDb; }
};

inline std::string FlavourName(const ::testing::TestParamInfo<Flavour>& info) {
  return info.param == Flavour::kMySql ? "MySql" : "MariaDb";
}

}  // namespace tarn::mysql

#define TARN_ON_BOTH_SERVERS(fixture)                                                      \
  INSTANTIATE_TEST_SUITE_P(                                                                \
      Servers, fixture,                                                                    \
      ::testing::Values(::tarn::mysql::Flavour::kMySql, ::tarn::mysql::Flavour::kMariaDb), \
      ::tarn::mysql::FlavourName)
