#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"
#include "catalog/catalog.h"

namespace tarn::testing {

/// Where one catalog's state lives while a test runs; gone afterwards. It may be opened several
/// times at once, also by forked children.
class CatalogHome {
 public:
  virtual ~CatalogHome() = default;
  virtual Result<std::unique_ptr<Catalog>> Open(Clock& clock) = 0;
};

/// One implementation of Catalog: what every suite below is run on. A module's own test
/// instantiates the suites: INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogCommit, …).
struct CatalogKind {
  std::string name;
  std::function<std::unique_ptr<CatalogHome>()> make_home;
};
inline std::string CatalogKindName(const ::testing::TestParamInfo<CatalogKind>& info) {
  return info.param.name;
}

/// A fresh catalog and short ways to change it.
class CatalogSuite : public ::testing::TestWithParam<CatalogKind> {
 protected:
  void SetUp() override {
    home_ = GetParam().make_home();
    auto opened = home_->Open(clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    catalog_ = std::move(opened).value();
  }

  Catalog& catalog() { return *catalog_; }

  CommitRequest Request(std::vector<CommitOp> ops) {
    return {random_->Uuid(), "test", "", std::move(ops)};
  }
  Result<CommitInfo> Commit(std::vector<CommitOp> ops) {
    return catalog_->Commit(Request(std::move(ops)));
  }
  /// Commits what must succeed; its sequence.
  Sequence MustCommit(std::vector<CommitOp> ops) {
    Result<CommitInfo> info = Commit(std::move(ops));
    EXPECT_TRUE(info.ok()) << info.status().ToString();
    return info.ok() ? info->sequence : Sequence(-1);
  }
  /// The first state of a table; its identity is its name.
  static CreateTableOp NewTable(const std::string& schema, const std::string& name,
                                const std::string& uuid = "") {
    TableEntry table;
    table.uuid = uuid.empty() ? "uuid-" + schema + "-" + name : uuid;
    table.name = {schema, name};
    table.location = "file:///lake/" + schema + "/" + name;
    table.metadata_location = table.location + "/metadata/1";
    table.owner = "source:shop";
    return {table, Sequence(INT64_MAX)};  // whatever stood in its folder
  }
  Error MustFail(std::vector<CommitOp> ops) {
    Result<CommitInfo> info = Commit(std::move(ops));
    EXPECT_FALSE(info.ok());
    return info.ok() ? Error{} : info.error();
  }
  std::vector<std::string> TableNames(std::optional<Sequence> at = {}) {
    std::vector<std::string> names;
    auto tables = catalog_->ListTables({}, at);
    EXPECT_TRUE(tables.ok()) << tables.status().ToString();
    if (tables.ok()) {
      for (const TableEntry& table : *tables) names.push_back(table.name.ToString());
    }
    return names;
  }

  /// A lease of a second.
  Result<LockInfo> Acquire(const std::string& name, const std::string& owner,
                           const std::string& token) {
    return catalog_->AcquireLock(name, owner, token, 1000);
  }

  ManualClock clock_{1'700'000'000'000'000};
  std::unique_ptr<Random> random_ = SeededRandom(7);
  std::unique_ptr<CatalogHome> home_;
  std::unique_ptr<Catalog> catalog_;
};

class CatalogCommit : public CatalogSuite {};     ///< names and commits
class CatalogHistory : public CatalogSuite {};    ///< reads of the past
class CatalogLedger : public CatalogSuite {};     ///< positions, objects, outbox, runs, locks
class CatalogProcesses : public CatalogSuite {};  ///< several processes, kill -9

}  // namespace tarn::testing
