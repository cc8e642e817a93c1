#include <optional>
#include <set>
#include <string>

#include "sql/duckdb/testing.h"
#include "table/dual/sort_orders.h"
#include "table/dual/table.h"

namespace tarn {
namespace {

class LakeSortTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
  }
  std::shared_ptr<const TableMetadata> State() {
    const auto entry = catalog_->LoadTable({"s", "t"}, std::nullopt);
    EXPECT_TRUE(entry.ok()) << entry.status().ToString();
    return *LoadTableMetadata(store_, entry->metadata_location);
  }
  /// The order ids that the table's files have, each once.
  std::string OrdersOfFiles() {
    const TableContext context{&store_, &SystemClock(), &SystemRandom(), &limits_};
    auto plan = PlanScan(context, *State(), std::nullopt, Predicate::True());
    std::set<std::string> ids;
    for (const ScanFile& file : plan->files) {
      ids.insert(file.file.sort_order_id ? std::to_string(*file.file.sort_order_id) : "-");
    }
    std::string text;
    for (const std::string& id : ids) text += (text.empty() ? "" : " ") + id;
    return text;
  }
  /// How many rows stand before a smaller one in their file.
  std::string Disorder(const std::string& key, const std::string& order = "ASC NULLS LAST") {
    return Sql(
        "SELECT count(*) FROM (SELECT *, row_number() OVER (PARTITION BY filename ORDER BY " + key +
        " " + order +
        ", file_row_number) - 1 AS place, file_row_number AS n "
        "FROM s.t) WHERE place <> n");
  }
};

TEST_F(LakeSortTest, InsertsWriteSortedRows) {
  Sql("CREATE TABLE s.t (k INTEGER, v VARCHAR)");
  EXPECT_EQ(Sql("ALTER TABLE s.t SET SORTED BY (k DESC NULLS LAST, v)"), "ALTER TABLE");
  EXPECT_EQ(State()->default_sort_order, 1);
  const SortOrder order = CurrentSortOrder(*State());
  ASSERT_EQ(order.fields.size(), 2u);
  EXPECT_EQ(order.fields[0].direction, SortField::Direction::kDescending);
  EXPECT_EQ(order.fields[0].nulls, SortField::Nulls::kLast);
  EXPECT_EQ(order.fields[1].direction, SortField::Direction::kAscending);
  EXPECT_EQ(order.fields[1].nulls, SortField::Nulls::kLast);
  EXPECT_EQ(Sql("INSERT INTO s.t SELECT CASE WHEN i % 10 = 3 THEN NULL ELSE hash(i) % 1000 END, "
                "'v' || i FROM range(20000) r(i)"),
            "INSERT 0 20000");
  EXPECT_EQ(Disorder("k", "DESC NULLS LAST, v"), "0\n");
  EXPECT_EQ(OrdersOfFiles(), "1");
  // Updated rows are appended as they come, and say so.
  Sql("UPDATE s.t SET v = 'x' WHERE k > 990");
  EXPECT_EQ(OrdersOfFiles(), "- 1");
  EXPECT_EQ(Sql("ALTER TABLE s.t RESET SORTED BY"), "ALTER TABLE");
  EXPECT_EQ(State()->default_sort_order, 0);
  EXPECT_EQ(Sql("ALTER TABLE s.t SET SORTED BY (k DESC NULLS LAST, v)"), "ALTER TABLE");
  EXPECT_EQ(State()->default_sort_order, 1);  // the same again
}

TEST_F(LakeSortTest, TablesAreCreatedWithAnOrder) {
  Sql("CREATE TABLE s.t (k INTEGER, p INTEGER) PARTITIONED BY (p) SORTED BY (k)");
  Sql("INSERT INTO s.t SELECT hash(i) % 1000, i % 7 FROM range(5000) r(i)");
  EXPECT_EQ(Disorder("k"), "0\n");
  EXPECT_EQ(OrdersOfFiles(), "1");
  EXPECT_EQ(Sql("SELECT count(DISTINCT filename) FROM s.t"), "7\n");
  Sql("CREATE OR REPLACE TABLE s.t SORTED BY (b) AS SELECT i AS a, hash(i) % 100 AS b "
      "FROM range(3000) r(i)");
  EXPECT_EQ(Disorder("b"), "0\n");
  EXPECT_EQ(State()->default_sort_order, 2);
  EXPECT_EQ(OrdersOfFiles(), "2");
  Sql("CREATE OR REPLACE TABLE s.t AS SELECT 1 AS a");
  EXPECT_EQ(State()->default_sort_order, 0);
}

TEST_F(LakeSortTest, EveryTypeIsSortedAsSqlSortsIt) {
  for (const char* type : {"BIGINT", "DOUBLE", "VARCHAR", "DECIMAL(9,2)", "DATE", "BOOLEAN"}) {
    SCOPED_TRACE(type);
    Sql("CREATE OR REPLACE TABLE s.t (k " + std::string(type) + ") SORTED BY (k)");
    const std::string value = type == std::string("DATE")
                                  ? "DATE '2020-01-01' + (hash(i) % 900)::INTEGER"
                              : type == std::string("BOOLEAN") ? "hash(i) % 2 = 0"
                              : type == std::string("DOUBLE")
                                  ? "CASE WHEN i % 50 = 0 THEN 'nan'::DOUBLE ELSE hash(i) % 99 END"
                                  : "hash(i) % 1000";
    EXPECT_EQ(Sql("INSERT INTO s.t SELECT CASE WHEN i % 20 <> 0 THEN " + value +
                  " END FROM range(3000) r(i)"),
              "INSERT 0 3000");
    EXPECT_EQ(Disorder("k"), "0\n");
  }
}

TEST_F(LakeSortTest, WhatIsNoColumnIsRefusedAndUsedColumnsStay) {
  Sql("CREATE TABLE s.t (k INTEGER, v VARCHAR, l INTEGER[])");
  const auto alter = [this](const std::string& what) { return Sql("ALTER TABLE s.t " + what); };
  EXPECT_EQ(alter("SET SORTED BY (nix)"),
            "invalid argument: SORTED BY: there is no column \"nix\"");
  EXPECT_EQ(alter("SET SORTED BY (k + 1)").substr(0, 17), "invalid argument:");
  EXPECT_EQ(alter("SET SORTED BY (l)").substr(0, 17), "invalid argument:");
  EXPECT_EQ(alter("SET SORTED BY (k, K)"),
            "invalid argument: SORTED BY: column \"K\" is named twice");
  EXPECT_EQ(alter("SET SORTED BY (v)"), "ALTER TABLE");
  EXPECT_EQ(alter("DROP COLUMN v"),
            "invalid argument: the table is sorted by a column that would be gone");
  EXPECT_EQ(alter("RENAME COLUMN v TO w"), "ALTER TABLE");
  Sql("INSERT INTO s.t (w) VALUES ('b'), ('a')");
  EXPECT_EQ(Disorder("w"), "0\n");
}

TEST_F(LakeSortTest, TwoWhoChangeTheOrderAtOnceConflict) {
  Sql("CREATE TABLE s.t (k INTEGER, v VARCHAR)");
  const auto other = NewSession();
  Sql("BEGIN");
  Sql("ALTER TABLE s.t SET SORTED BY (k)");
  EXPECT_EQ(Sql(*other, "ALTER TABLE s.t SET SORTED BY (v)"), "ALTER TABLE");
  EXPECT_EQ(Sql("COMMIT").substr(0, 9), "conflict:");
  EXPECT_EQ(CurrentSortOrder(*State()).fields.size(), 1u);
  // An insert that meets a changed order has its rows in the one that it says.
  Sql("BEGIN");
  Sql("INSERT INTO s.t VALUES (1, 'b'), (2, 'a')");
  Sql(*other, "ALTER TABLE s.t SET SORTED BY (k DESC)");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(OrdersOfFiles(), "1");
  EXPECT_EQ(State()->default_sort_order, 2);
}

}  // namespace
}  // namespace tarn
