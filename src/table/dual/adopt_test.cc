#include "table/dual/adopt.h"

#include "columnar/file_writer.h"
#include "table/dual/deletes.h"
#include "table/dual/live_rows.h"
#include "table/dual/testing.h"
#include "table/model/adopted_columns.h"

namespace tarn {
namespace {

/// The table of the fixture is somebody else's; Adopt() makes it the one that was made of its
/// files.
class AdoptIcebergTest : public TableTest {
 protected:
  void Adopt() {
    foreign_ = table_;
    auto adopted = AdoptIceberg(context_, *table_, table_->current());
    ASSERT_TRUE(adopted.ok()) << adopted.status().ToString();
    adopted->seed.location = store_.root_uri() + "/silver/sales";
    adopted->seed.table_uuid = "adopted";
    auto transaction = CreateAdopted(context_, adopted->seed);
    ASSERT_TRUE(transaction.ok()) << transaction.status().ToString();
    EXPECT_TRUE((*transaction)->creates());
    ASSERT_TRUE((*transaction)->Append(adopted->files).ok());
    ASSERT_TRUE((*transaction)->DeleteRows(adopted->deletes).ok());
    Commit(**transaction);
  }

  Error AdoptError() {
    auto adopted = AdoptIceberg(context_, *table_, table_->current());
    EXPECT_FALSE(adopted.ok());
    return adopted.ok() ? Error() : adopted.error();
  }

  /// What the rows of the table have in one column of numbers, in the order of files.
  std::vector<int64_t> Numbers(const Field& field) {
    Schema columns;
    columns.fields = {field};
    std::vector<int64_t> numbers;
    for (const ScanFile& file : Plan().files) {
      auto rows = LiveRows::Open(context_, *table_, columns, file);
      EXPECT_TRUE(rows.ok()) << rows.status().ToString();
      while (auto batch = (*rows)->Next().value()) {
        const auto& values = static_cast<const arrow::Int64Array&>(*batch->column(0));
        for (int64_t i = 0; i < values.length(); ++i) numbers.push_back(values.Value(i));
      }
    }
    return numbers;
  }
  /// A delete file for these ids, as Flink writes them.
  void DeleteEqual(const std::vector<int64_t>& ids) {
    arrow::Int64Builder values;
    ASSERT_TRUE(values.AppendValues(ids).ok());
    auto schema = arrow::schema({arrow::field(
        "id", arrow::int64(), true, arrow::key_value_metadata({"PARQUET:field_id"}, {"1"}))});
    const std::string key = "bronze/sales/deletes/" + random_->Uuid() + ".parquet";
    auto writer = OpenParquetWriter(store_, key, schema, FileWriterOptions(), limits_).value();
    const auto rows = static_cast<int64_t>(ids.size());
    const auto batch = arrow::RecordBatch::Make(schema, rows, {values.Finish().ValueOrDie()});
    ASSERT_TRUE(writer->Write(*batch).ok());
    DataFile deletes;
    deletes.content = FileContent::kEqualityDeletes;
    deletes.path = store_.UriOf(key);
    deletes.size_bytes = writer->Finish().value().size_bytes;
    deletes.record_count = rows;
    deletes.equality_ids = {1};
    auto transaction = Begin();
    ASSERT_TRUE(transaction->Append({deletes}).ok());
    Commit(*transaction);
  }
  std::vector<int64_t> Ids() { return Numbers(table_->schema().fields[0]); }

  std::shared_ptr<const TableMetadata> foreign_;
};

using Numbers64 = std::vector<int64_t>;

TEST_F(AdoptIcebergTest, FilesStayWhereTheyAre) {
  Create({"bucket(2, id)"});
  Append(0, 6);
  const auto before = Keys("bronze/");
  Adopt();
  auto ids = Ids();
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(ids, (Numbers64{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(Keys("bronze/"), before);
  EXPECT_EQ(Keys("silver/sales/data/").size(), 0u);
  EXPECT_EQ(table_->schema(), foreign_->schema());
  EXPECT_EQ(table_->spec(), foreign_->spec());
  EXPECT_EQ(table_->format_version, 2);
  EXPECT_EQ(Summary("added-records"), "6");
}

TEST_F(AdoptIcebergTest, EqualityDeletesBecomePositions) {
  Create();
  Append(0, 6);
  DeleteEqual({1, 4});
  Adopt();
  EXPECT_EQ(Ids(), (Numbers64{0, 2, 3, 5}));
  for (const ScanFile& file : Plan().files) {
    ASSERT_EQ(file.deletes.size(), 1u);
    EXPECT_TRUE(file.deletes[0].is_deletion_vector());
    EXPECT_TRUE(file.deletes[0].path.starts_with(table_->location));
  }
}

TEST_F(AdoptIcebergTest, EqualityDeletesAreReadOnceAndAppliedInOnePass) {
  Create();
  Append(0, 6);
  Append(6, 12);
  DeleteEqual({1, 8});
  DeleteEqual({4, 9});
  std::vector<ScanFile> files = Plan().files;
  ASSERT_EQ(files.size(), 2u);
  int of_deletes = 0, of_data = 0;
  store_.SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
    const bool deletes = call.key.find("/deletes/") != std::string_view::npos;
    (deletes ? of_deletes : of_data) += call.moment == StorageCall::Moment::kBefore ? 1 : 0;
    return std::nullopt;
  });
  ScanFile with_one = files[0];
  with_one.deletes.pop_back();
  EXPECT_EQ((*LoadDeletes(context_, *table_, with_one))->cardinality(), 1);
  const int one_pass = std::exchange(of_data, 0);
  for (const ScanFile& file : files) {
    ASSERT_EQ(file.deletes.size(), 2u);
    EXPECT_EQ((*LoadDeletes(context_, *table_, file))->cardinality(), 2);
    EXPECT_EQ(std::exchange(of_data, 0), one_pass);
    // The first file found one of the two in the cache.
    EXPECT_EQ(of_deletes == 0, &file != &files[0]);
    of_deletes = 0;
  }
  store_.SetFaultInjector(nullptr);
}

TEST_F(AdoptIcebergTest, RowsGetIdsThatTheOtherTableDidNotGiveAway) {
  Create();
  auto raise = Begin();
  ASSERT_TRUE(raise->SetProperty(kIcebergVersionProperty, "3").ok());
  Commit(*raise);
  Append(0, 6);
  const Field row_id = WithLineage(*table_).fields[table_->schema().fields.size()];
  EXPECT_EQ(Numbers(row_id), (Numbers64{0, 1, 2, 3, 4, 5}));
  Adopt();
  EXPECT_EQ(table_->format_version, 3);
  // Files may hold ids of rows that moved: those are below.
  EXPECT_EQ(foreign_->next_row_id, 6);
  EXPECT_EQ(Numbers(row_id), (Numbers64{6, 7, 8, 9, 10, 11}));
  EXPECT_GT(table_->current()->sequence_number, foreign_->last_sequence_number);
}

TEST_F(AdoptIcebergTest, ATableWithoutRowsIsAdoptedToo) {
  Create();
  auto adopted = AdoptIceberg(context_, *table_, nullptr);
  ASSERT_TRUE(adopted.ok());
  EXPECT_TRUE(adopted->files.empty());
  EXPECT_EQ(adopted->seed.schema(), table_->schema());
}

TEST_F(AdoptIcebergTest, FilesThatAreNoParquetAreNamed) {
  Create();
  DataFile file;
  file.path = store_.root_uri() + "/bronze/sales/data/a.orc";
  file.format = "ORC";
  file.record_count = 1;
  file.size_bytes = 1;
  auto transaction = Begin();
  ASSERT_TRUE(transaction->Append({file}).ok());
  Commit(*transaction);
  const Error error = AdoptError();
  EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
  EXPECT_NE(error.message.find("a.orc is ORC"), std::string::npos);
  EXPECT_NE(error.hint.find("AS SELECT"), std::string::npos);
}

TEST(AdoptedColumnsTest, PartitionColumnsThatFilesDoNotHoldHaveToStay) {
  TableMetadata table;
  Schema schema;
  schema.fields = {{FieldId(3), "region", Type(Type::Kind::kString), Nullability::kOptional, ""}};
  table.schemas = {schema};
  PartitionSpec spec;
  EXPECT_TRUE(CheckAdoptedPartitions(table, {}, spec).ok());
  table.properties[kAdoptedPartitionsProperty] = WriteAdoptedPartitions({3});
  EXPECT_EQ(ReadAdoptedPartitions(table.properties), (std::set<int32_t>{3}));
  const Status refused = CheckAdoptedPartitions(table, {3}, spec);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("region"), std::string::npos);
  spec.fields = {{FieldId(3), 1000, "r", {Transform::Kind::kBucket, 4, ""}}};
  EXPECT_FALSE(CheckAdoptedPartitions(table, {3}, spec).ok());
  spec.fields[0].transform = {Transform::Kind::kIdentity, 0, ""};
  EXPECT_TRUE(CheckAdoptedPartitions(table, {3}, spec).ok());
  EXPECT_EQ(ReadAdoptedPartitions({{kAdoptedPartitionsProperty, "x,,12,y"}}),
            (std::set<int32_t>{12}));
}

}  // namespace
}  // namespace tarn
