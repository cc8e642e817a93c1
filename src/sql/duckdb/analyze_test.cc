#include <string>

#include "columnar/puffin.h"
#include "columnar/theta_sketch.h"
#include "sql/duckdb/testing.h"
#include "table/dual/table.h"

namespace tarn {
namespace {

class AnalyzeTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
    Sql("CREATE TABLE s.t AS SELECT i, i % 100 AS k, 'v' || (i % 3) AS \"odd name\", "
        "(i % 7)::DECIMAL(9,2) AS d, CASE WHEN i % 2 = 0 THEN i / 10.0 END AS f, [i] AS l, "
        "DATE '2020-01-01' + (i % 30)::INTEGER AS day, i % 2 = 0 AS flag FROM range(20000) r(i)");
  }
  std::shared_ptr<const TableMetadata> State() {
    const auto entry = catalog_->LoadTable({"s", "t"}, std::nullopt);
    EXPECT_TRUE(entry.ok()) << entry.status().ToString();
    return *LoadTableMetadata(store_, entry->metadata_location);
  }
  std::map<int32_t, int64_t> Ndv() {
    std::map<int32_t, int64_t> result;
    const auto state = State();
    for (const StatisticsFile& file : state->statistics) {
      for (const StatisticsBlob& blob : file.blobs) {
        result[blob.fields.at(0)] = std::stoll(blob.properties.at("ndv"));
      }
    }
    return result;
  }
};

TEST_F(AnalyzeTest, ASketchForEachColumnStandsInAPuffinFile) {
  Sql("DELETE FROM s.t WHERE i >= 10000");
  EXPECT_EQ(Sql("ANALYZE s.t"), "s|t|distinct values of 7 columns\n");
  auto ndv = Ndv();
  EXPECT_NEAR(static_cast<double>(ndv[1]), 10000, 500);
  EXPECT_EQ(ndv[2], 100);
  EXPECT_EQ(ndv[3], 3);
  EXPECT_EQ(ndv[4], 7);
  EXPECT_NEAR(static_cast<double>(ndv[5]), 5000, 250);
  EXPECT_FALSE(ndv.contains(6));  // a list
  EXPECT_EQ(ndv[7], 30);
  EXPECT_EQ(ndv[8], 2);

  ASSERT_EQ(State()->statistics.size(), 1u);
  const StatisticsFile file = State()->statistics[0];
  EXPECT_EQ(file.snapshot, *State()->current_snapshot);
  const std::string bytes = *store_.Get(*store_.KeyOf(file.path));
  EXPECT_EQ(static_cast<int64_t>(bytes.size()), file.size_bytes);
  const auto footer = ReadPuffinFooter(bytes, file.size_bytes, "file", nullptr);
  ASSERT_TRUE(footer.ok()) << footer.status().ToString();
  EXPECT_EQ(footer->footer_bytes, file.footer_bytes);
  ASSERT_EQ(footer->blobs.size(), 7u);
  const PuffinBlob& blob = footer->blobs[1];
  EXPECT_EQ(blob.type, kThetaSketchBlob);
  const auto sketch =
      ThetaSketch::Parse(std::string_view(bytes).substr(static_cast<size_t>(blob.offset),
                                                        static_cast<size_t>(blob.length)),
                         "blob");
  EXPECT_EQ(sketch->Estimate(), 100);
}

TEST_F(AnalyzeTest, ItIsDoneAgainAndSurvivesLaterSnapshots) {
  Sql("USE lake.s");
  EXPECT_EQ(Sql("ANALYZE t"), "s|t|distinct values of 7 columns\n");
  EXPECT_EQ(Sql("CALL analyze_table('s.t')"), "s|t|distinct values of 7 columns\n");
  EXPECT_EQ(State()->statistics.size(), 1u);
  Sql("INSERT INTO s.t SELECT i, 1000 + i, 'x', 1, 2, [], DATE '2020-01-01', true "
      "FROM range(50) r(i)");
  EXPECT_EQ(Sql("ANALYZE s.t"), "s|t|distinct values of 7 columns\n");
  EXPECT_EQ(State()->statistics.size(), 2u);
}

TEST_F(AnalyzeTest, TheOptimizerHearsOfIt) {
  // 100 values in no order, each row with nine bits of it: their size alone tells too many.
  Sql("CREATE TABLE s.u AS SELECT hash(i % 50)::VARCHAR || 'suffix' AS k, uuid()::VARCHAR AS other "
      "FROM range(50000) r(i)");
  const auto rows_of = [this](const std::string& sql) {
    const std::string plan = Sql("EXPLAIN " + sql);
    return plan;
  };
  const std::string before = rows_of("SELECT k, count(*) FROM s.u GROUP BY k");
  EXPECT_EQ(Sql("ANALYZE s.u"), "s|u|distinct values of 2 columns\n");
  const std::string after = rows_of("SELECT k, count(*) FROM s.u GROUP BY k");
  EXPECT_NE(before, after);
  EXPECT_NE(after.find("~50 rows"), std::string::npos) << after;
}

TEST_F(AnalyzeTest, WhatCannotBeAnalyzedIsRefusedByName) {
  EXPECT_EQ(Sql("ANALYZE s.nix").substr(0, 10), "not found:");
  EXPECT_EQ(Sql("ANALYZE"), "unsupported: ANALYZE needs the name of a table");
  EXPECT_EQ(Sql("ANALYZE s.t(i)"), "unsupported: ANALYZE of single columns is not supported");
  Sql("CREATE TABLE s.empty (i INTEGER)");
  EXPECT_EQ(Sql("ANALYZE s.empty").substr(0, 10), "not found:");
  Sql("BEGIN");
  Sql("INSERT INTO s.t SELECT * FROM s.t LIMIT 1");
  EXPECT_EQ(Sql("ANALYZE s.t"), "invalid argument: table s.t has rows of this transaction");
  Sql("ROLLBACK");
}

}  // namespace
}  // namespace tarn
