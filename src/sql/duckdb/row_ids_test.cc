#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>

#include "catalog/committer.h"
#include "sql/duckdb/testing.h"
#include "table/dual/data_writer.h"
#include "table/iceberg/manifest.h"

namespace tarn {
namespace {

class RowIdsTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    Sql("CREATE SCHEMA s");
    Sql("CREATE TABLE s.t AS SELECT i::INTEGER AS i FROM range(4) r(i)");
    Sql("ALTER TABLE s.t SET ('tarn.iceberg' = '3')");
  }

  TableContext Tables() { return {&store_, &SystemClock(), &SystemRandom(), &limits_}; }

  /// Appends a file as other engines write it: with a column of row ids, some of which are null.
  void AppendWithIds(const std::vector<std::pair<int32_t, std::optional<int64_t>>>& rows) {
    const TableEntry entry = *catalog_->LoadTable({"s", "t"}, std::nullopt);
    const auto state = *LoadTableMetadata(store_, entry.metadata_location);
    auto transaction = *TableTransaction::Change(Tables(), state, entry.metadata_location);
    DataWriterOptions options;
    options.location = transaction->location();
    options.schema = transaction->schema();
    options.schema.fields.push_back(
        {FieldId(kRowIdFieldId), "_row_id", Type(Type::Kind::kLong), Nullability::kOptional, ""});
    options.spec = transaction->spec();
    auto writer = *DataWriter::Open(Tables(), options);
    arrow::Int32Builder values;
    arrow::Int64Builder ids;
    for (const auto& [value, id] : rows) {
      ASSERT_TRUE(values.Append(value).ok());
      ASSERT_TRUE((id ? ids.Append(*id) : ids.AppendNull()).ok());
    }
    const auto schema =
        arrow::schema({arrow::field("i", arrow::int32()), arrow::field("_row_id", arrow::int64())});
    const auto batch = arrow::RecordBatch::Make(schema, static_cast<int64_t>(rows.size()),
                                                {*values.Finish(), *ids.Finish()});
    ASSERT_TRUE(writer->Write(*batch).ok());
    ASSERT_TRUE(transaction->Append(*writer->Finish()).ok());
    LakeCommit commit;
    commit.author = "sql";
    TableChange one;
    one.name = entry.name;
    one.uuid = entry.uuid;
    one.transaction = transaction.get();
    commit.tables.push_back(std::move(one));
    const auto committed = CommitToLake(Tables(), *catalog_, commit);
    ASSERT_TRUE(committed.ok()) << committed.error().ToString();
  }
};

TEST_F(RowIdsTest, TheFirstUpdateOfATableRaisedToVersion3LeavesNoRowWithoutId) {
  EXPECT_EQ(Sql("UPDATE s.t SET i = i + 10 WHERE i < 2"), "UPDATE 2");
  EXPECT_EQ(Sql("SELECT count(*), count(_row_id), count(DISTINCT _row_id) FROM s.t"), "4|4|4\n");
  // From here on rows keep them.
  const std::string before = Sql("SELECT _row_id FROM s.t ORDER BY i");
  EXPECT_EQ(Sql("UPDATE s.t SET i = i * 2"), "UPDATE 4");
  EXPECT_EQ(Sql("SELECT _row_id FROM s.t ORDER BY i"), before);
  EXPECT_EQ(Sql("SELECT count(_row_id) FROM s.t$changes WHERE change_type = 'update_postimage'"),
            "4\n");
}

TEST_F(RowIdsTest, SoDoTheFirstUpdateAndTheRaiseInOneTransaction) {
  Sql("CREATE OR REPLACE TABLE s.t AS SELECT i::INTEGER AS i FROM range(4) r(i)");
  Sql("BEGIN");
  Sql("ALTER TABLE s.t SET ('tarn.iceberg' = '3')");
  EXPECT_EQ(Sql("UPDATE s.t SET i = i + 10 WHERE i < 2"), "UPDATE 2");
  EXPECT_EQ(Sql("UPDATE s.t SET i = i + 10 WHERE i >= 2"), "UPDATE 4");
  EXPECT_EQ(Sql("COMMIT"), "COMMIT");
  EXPECT_EQ(Sql("SELECT count(*), count(_row_id), count(DISTINCT _row_id) FROM s.t"), "4|4|4\n");
}

TEST_F(RowIdsTest, NullsBesideStoredIdsCountOnFromTheFilesFirst) {
  Sql("INSERT INTO s.t VALUES (4)");
  ASSERT_EQ(Sql("SELECT count(_row_id) FROM s.t"), "5\n");
  AppendWithIds({{100, 2}, {101, std::nullopt}, {102, 3}, {103, std::nullopt}});
  const std::string first = Sql("SELECT _row_id - 1 FROM s.t WHERE i = 101");
  const int64_t base = std::stoll(first);
  EXPECT_GE(base, 5);
  const std::string fresh = std::to_string(base + 1) + " " + std::to_string(base + 3);
  EXPECT_EQ(Sql("SELECT string_agg(_row_id, ' ' ORDER BY i) FROM s.t WHERE i >= 100"),
            "2 " + std::to_string(base + 1) + " 3 " + std::to_string(base + 3) + "\n");
  EXPECT_EQ(Sql("SELECT string_agg(_row_id, ' ' ORDER BY i) FROM s.t WHERE i IN (101, 103)"),
            fresh + "\n");
  // Conditions and joins on the id, which DuckDB hands to the file's reader.
  EXPECT_EQ(Sql("SELECT i FROM s.t WHERE _row_id = " + std::to_string(base + 3)), "103\n");
  EXPECT_EQ(Sql("SELECT i FROM s.t WHERE _row_id = 3 AND i > 50"), "102\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM s.t WHERE _row_id IS NULL"), "0\n");
  EXPECT_EQ(Sql("SELECT string_agg(a.i, ' ' ORDER BY a.i) FROM s.t a JOIN (SELECT " +
                std::to_string(base + 1) +
                " AS id UNION ALL SELECT 2) b ON a._row_id = b.id "
                "WHERE a.i >= 100"),
            "100 101\n");
  // An update keeps both kinds.
  EXPECT_EQ(Sql("UPDATE s.t SET i = i + 100 WHERE i >= 100"), "UPDATE 4");
  EXPECT_EQ(Sql("SELECT string_agg(_row_id, ' ' ORDER BY i) FROM s.t WHERE i >= 100"),
            "2 " + std::to_string(base + 1) + " 3 " + std::to_string(base + 3) + "\n");
}

}  // namespace
}  // namespace tarn
