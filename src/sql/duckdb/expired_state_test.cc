// Statements whose state's files are removed because others followed it.
#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "catalog/forwarding_catalog.h"
#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

using testing::StartsWith;

/// Does something after s.t was looked up.
class WatchedCatalog final : public ForwardingCatalog {
 public:
  using ForwardingCatalog::ForwardingCatalog;
  Result<TableEntry> LoadTable(const TableName& name, std::optional<Sequence> at) override {
    auto entry = ForwardingCatalog::LoadTable(name, at);
    if (name.name == "t") {
      ++looks;
      if (const auto now = std::exchange(after_look, nullptr)) {
        now();
        if (again) after_look = now;
      }
    }
    return entry;
  }
  std::function<void()> after_look;
  bool again = false;
  int looks = 0;
};

class ExpiredStateTest : public LakeTest {
 protected:
  void SetUp() override {
    inner_ = OpenSqliteCatalogInMemory(SystemClock()).value();
    auto watched = std::make_unique<WatchedCatalog>(*inner_);
    watched_ = watched.get();
    catalog_ = std::move(watched);
    limits_.commit_retries_max = 3;
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
    Fresh();
  }
  void TearDown() override {
    session_.reset();
    engine_.reset();
    catalog_.reset();
  }

  void Fresh() {
    Sql("CREATE OR REPLACE TABLE s.t AS SELECT i::INTEGER AS i FROM range(10) r(i)");
    Sql("CREATE OR REPLACE TABLE s.u AS SELECT 3 AS i");
  }

  /// s.t gets other files, and those of before go whose keys have `part`.
  void Expire(const std::string& part) {
    std::vector<std::string> before;
    const Status listed = store_.List("s/t", [&](const ObjectInfo& object) -> Status {
      if (object.key.find(part) != std::string::npos) before.push_back(object.key);
      return {};
    });
    ASSERT_TRUE(listed.ok());
    const auto other = NewSession();
    // Nothing of before is read, and so kept in memory.
    ASSERT_EQ(
        Sql(*other, "CREATE OR REPLACE TABLE s.t AS SELECT i::INTEGER AS i FROM range(5) r(i)"),
        "SELECT 5");
    for (const std::string& key : before) ASSERT_TRUE(store_.Delete(key).ok());
  }

  std::unique_ptr<Catalog> inner_;
  WatchedCatalog* watched_ = nullptr;
};

TEST_F(ExpiredStateTest, AStatementOfItsOwnLooksAtTheStateThatFollowed) {
  const std::pair<const char*, const char*> statements[] = {
      {"SELECT sum(i) FROM s.t", "10\n"},
      {"SELECT i FROM s.t WHERE i > 3", "4\n"},
      {"UPDATE s.t SET i = 30 WHERE i = 3", "UPDATE 1"},
      {"DELETE FROM s.t WHERE i > 2", "DELETE 2"},
      {"MERGE INTO s.t USING s.u ON t.i = u.i WHEN MATCHED THEN DELETE", "MERGE 1"},
      {"INSERT INTO s.u SELECT i FROM s.t", "INSERT 0 5"},
      {"CREATE TABLE s.w AS SELECT i FROM s.t", "SELECT 5"},
      {"UPDATE s.t SET i = 30 WHERE i = 3 RETURNING i", "30\n"},
  };
  for (const char* part : {"/data/", ".avro"}) {
    for (const auto& [statement, answer] : statements) {
      Fresh();
      Sql("DROP TABLE IF EXISTS s.w");
      watched_->after_look = [&] { Expire(part); };
      EXPECT_EQ(Sql(statement), answer) << statement << ", without " << part;
      EXPECT_EQ(watched_->after_look, nullptr);
    }
  }
}

TEST_F(ExpiredStateTest, AnOpenTransactionIsToldInstead) {
  Sql("BEGIN");
  watched_->after_look = [&] { Expire("/data/"); };
  EXPECT_THAT(Sql("SELECT sum(i) FROM s.t"), StartsWith("not found: "));
  Sql("ROLLBACK");
  EXPECT_EQ(Sql("SELECT sum(i) FROM s.t"), "10\n");
}

TEST_F(ExpiredStateTest, FilesThatAreMissingForGoodAreNotLookedForAgainAndAgain) {
  const Status listed = store_.List("s/t", [&](const ObjectInfo& object) -> Status {
    return object.key.find("/data/") == std::string::npos ? Status() : store_.Delete(object.key);
  });
  ASSERT_TRUE(listed.ok()) << listed.ToString();
  watched_->looks = 0;
  EXPECT_THAT(Sql("SELECT sum(i) FROM s.t"), StartsWith("not found: "));
  const int once = watched_->looks;
  // While others go on committing, it cannot be told from files that were removed meanwhile.
  const auto other = NewSession();
  watched_->again = true;
  watched_->after_look = [&] { Sql(*other, "INSERT INTO s.u VALUES (1)"); };
  watched_->looks = 0;
  EXPECT_THAT(Sql("SELECT sum(i) FROM s.t"), StartsWith("not found: "));
  EXPECT_EQ(watched_->looks, once * 3);
}

}  // namespace
}  // namespace tarn
