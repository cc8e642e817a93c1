#include "table/dual/deletes.h"

#include <arrow/api.h>

#include "columnar/file_writer.h"
#include "columnar/parquet_testing.h"
#include "table/dual/testing.h"

namespace tarn {
namespace {

DeletionVector Positions(std::initializer_list<int64_t> positions) {
  DeletionVector vector;
  for (const int64_t position : positions) vector.Add(position);
  return vector;
}

class RowDeletesTest : public TableTest {
 protected:
  /// The only data file of the table.
  ScanFile OnlyFile() {
    ScanPlan plan = Plan();
    EXPECT_EQ(plan.files.size(), 1u);
    return plan.files.at(0);
  }

  std::unique_ptr<TableTransaction> Deleting(std::initializer_list<int64_t> positions) {
    auto transaction = Begin();
    EXPECT_TRUE(transaction->DeleteRows({{OnlyFile().file, Positions(positions)}}).ok());
    return transaction;
  }

  void Delete(std::initializer_list<int64_t> positions) { Commit(*Deleting(positions)); }

  std::vector<int64_t> DeletedRows() {
    auto deleted = LoadDeletes(context_, *table_, OnlyFile());
    EXPECT_TRUE(deleted.ok()) << deleted.status().ToString();
    return *deleted == nullptr ? std::vector<int64_t>() : (*deleted)->ToVector();
  }

  void SetVersion(const std::string& version) {
    auto transaction = Begin();
    ASSERT_TRUE(transaction->SetProperty(kIcebergVersionProperty, version).ok());
    Commit(*transaction);
  }

  std::string StageError(TableTransaction& transaction) {
    auto staged = transaction.Stage(random_->Uuid());
    return staged.ok() ? "" : staged.status().ToString();
  }

  using Rows64 = std::vector<int64_t>;
};

TEST_F(RowDeletesTest, TheFirstDeletedRowRaisesAnAutomaticTableToVersion3) {
  Create();
  Append(0, 10);
  EXPECT_EQ(table_->format_version, 2);
  Delete({3, 7});
  EXPECT_EQ(table_->format_version, 3);
  EXPECT_EQ(DeletedRows(), (Rows64{3, 7}));
  ASSERT_EQ(OnlyFile().deletes.size(), 1u);
  const DataFile deletes = OnlyFile().deletes[0];
  EXPECT_TRUE(deletes.is_deletion_vector());
  EXPECT_EQ(deletes.format, "PUFFIN");
  EXPECT_EQ(deletes.record_count, 2);
  EXPECT_EQ(deletes.referenced_data_file, OnlyFile().file.path);
  EXPECT_EQ(Summary("operation"), "delete");
  EXPECT_EQ(Summary("added-dvs"), "1");
  EXPECT_EQ(Summary("added-position-deletes"), "2");
  EXPECT_EQ(Summary("total-delete-files"), "1");
}

TEST_F(RowDeletesTest, ASecondDeleteIsPutTogetherWithTheFirst) {
  Create();
  Append(0, 10);
  Delete({1});
  Delete({2});
  Delete({9});
  EXPECT_EQ(DeletedRows(), (Rows64{1, 2, 9}));
  EXPECT_EQ(OnlyFile().deletes.size(), 1u);
  EXPECT_EQ(Summary("total-delete-files"), "1");
  EXPECT_EQ(Summary("total-position-deletes"), "3");
  EXPECT_EQ(Summary("removed-dvs"), "1");
}

TEST_F(RowDeletesTest, AFileWhoseRowsAreAllDeletedIsRemoved) {
  Create();
  Append(0, 3);
  Delete({0});
  Delete({1, 2});
  EXPECT_TRUE(Plan().files.empty());
  EXPECT_EQ(Summary("total-data-files"), "0");
  EXPECT_EQ(Summary("total-records"), "0");
  EXPECT_EQ(Summary("total-delete-files"), "0");
  Append(5, 6);
  EXPECT_EQ(LiveRows(), 1);
}

TEST_F(RowDeletesTest, DeletingAllRowsAtOnceLeavesVersion2) {
  Create();
  Append(0, 3);
  Delete({0, 1, 2});
  EXPECT_TRUE(Plan().files.empty());
  EXPECT_EQ(table_->format_version, 2);
}

TEST_F(RowDeletesTest, Version2WritesOneFileOfPositionsForADataFile) {
  Create();
  Append(0, 10);
  SetVersion("2");
  Delete({3});
  Delete({5});
  EXPECT_EQ(table_->format_version, 2);
  ASSERT_EQ(OnlyFile().deletes.size(), 1u);
  EXPECT_FALSE(OnlyFile().deletes[0].is_deletion_vector());
  EXPECT_EQ(DeletedRows(), (Rows64{3, 5}));
  EXPECT_EQ(Summary("removed-position-delete-files"), "1");
}

TEST_F(RowDeletesTest, VectorsTakeOverThePositionsOfVersion2) {
  Create();
  Append(0, 10);
  SetVersion("2");
  Delete({3});
  SetVersion("3");
  Delete({5});
  EXPECT_EQ(table_->format_version, 3);
  ASSERT_EQ(OnlyFile().deletes.size(), 1u);
  EXPECT_TRUE(OnlyFile().deletes[0].is_deletion_vector());
  EXPECT_EQ(DeletedRows(), (Rows64{3, 5}));
}

TEST_F(RowDeletesTest, RowsOfPartitionsKeepTheirPartition) {
  Create({"day(sold_at)"});
  Append(0, 72);
  std::vector<RowDeletes> deletes;
  for (const ScanFile& file : Plan().files) deletes.push_back({file.file, Positions({4})});
  ASSERT_EQ(deletes.size(), 3u);
  auto transaction = Begin();
  ASSERT_TRUE(transaction->DeleteRows(std::move(deletes)).ok());
  Commit(*transaction);
  for (const ScanFile& file : Plan().files) {
    ASSERT_EQ(file.deletes.size(), 1u);
    EXPECT_EQ(file.deletes[0].partition, file.file.partition);
  }
  EXPECT_EQ(Summary("changed-partition-count"), "3");
}

TEST_F(RowDeletesTest, RowsThatCameWithTheTransactionCanBeDeleted) {
  Create();
  auto transaction = Begin();
  std::vector<DataFile> files = Write(*transaction, {Rows(0, 4)});
  ASSERT_TRUE(transaction->Append(files).ok());
  ASSERT_TRUE(transaction->DeleteRows({{files[0], Positions({2})}}).ok());
  Commit(*transaction);
  EXPECT_EQ(DeletedRows(), (Rows64{2}));
}

TEST_F(RowDeletesTest, WhoDeletesOtherRowsOfTheFileMeanwhileIsNoConflict) {
  Create();
  Append(0, 10);
  auto slow = Deleting({1});
  Delete({2});
  ASSERT_TRUE(slow->Rebase(table_, location_).ok());
  Commit(*slow);
  EXPECT_EQ(DeletedRows(), (Rows64{1, 2}));
  EXPECT_EQ(OnlyFile().deletes.size(), 1u);
}

TEST_F(RowDeletesTest, WhoDeletesTheSameRowMeanwhileWins) {
  Create();
  Append(0, 10);
  auto slow = Deleting({1, 2});
  Delete({2});
  ASSERT_TRUE(slow->Rebase(table_, location_).ok());
  EXPECT_NE(StageError(*slow).find("changed by somebody else"), std::string::npos);
}

TEST_F(RowDeletesTest, AFileThatWasReplacedMeanwhileIsAConflict) {
  Create();
  Append(0, 10);
  auto slow = Deleting({1});
  auto replace = Begin();
  ASSERT_TRUE(replace->Overwrite(Write(*replace, {Rows(0, 10)})).ok());
  Commit(*replace);
  ASSERT_TRUE(slow->Rebase(table_, location_).ok());
  EXPECT_NE(StageError(*slow).find("was replaced by somebody else"), std::string::npos);
}

TEST_F(RowDeletesTest, RowsThatTheStatementWouldHaveSeenAreAConflictOnlyWhenSerializable) {
  const Predicate read = Predicate::Compare(Predicate::Op::kGt, "id", Scalar(int64_t{100}));
  const auto run = [&](Isolation isolation, int64_t first_id) {
    auto slow = Deleting({1});
    slow->ReadRows(read, isolation, Gone::kNoMatter);
    Append(first_id, first_id + 5);
    return slow->Rebase(table_, location_).ok();
  };
  const auto fresh = [&] {
    auto clear = Begin();
    EXPECT_TRUE(clear->Overwrite(Write(*clear, {Rows(0, 10)})).ok());
    Commit(*clear);
  };
  Create();
  Append(0, 10);
  EXPECT_FALSE(run(Isolation::kSerializable, 200));
  fresh();
  EXPECT_TRUE(run(Isolation::kSnapshot, 200));
  fresh();
  EXPECT_TRUE(run(Isolation::kSerializable, 20)) << "rows that the filter excludes";
}

TEST_F(RowDeletesTest, FilesThatLostRowsMeanwhileAreNotRewritten) {
  Create();
  Append(0, 10);
  const DataFile old = OnlyFile().file;
  auto compact = Begin();
  ASSERT_TRUE(compact->RewriteFiles({old}, Write(*compact, {Rows(0, 10)})).ok());
  Delete({3});
  const Status rebased = compact->Rebase(table_, location_);
  EXPECT_FALSE(rebased.ok());
  EXPECT_EQ(rebased.error().kind, ErrorKind::kConflict);
}

TEST_F(RowDeletesTest, ARewriteReplacesFilesAndTheirDeletesAndKeepsWhatCameMeanwhile) {
  Create();
  Append(0, 10);
  Delete({3});
  const DataFile old = OnlyFile().file;
  auto compact = Begin();
  auto rows = Rows(0, 3);
  ASSERT_TRUE(compact->RewriteFiles({old}, Write(*compact, {rows, Rows(4, 10)})).ok());
  Append(50, 55);
  ASSERT_TRUE(compact->Rebase(table_, location_).ok());
  Commit(*compact);
  EXPECT_EQ(Summary("operation"), "replace");
  EXPECT_EQ(LiveRows(), 14);
  EXPECT_EQ(Summary("total-delete-files"), "0");
  for (const ScanFile& file : Plan().files) EXPECT_TRUE(file.deletes.empty());
}

TEST_F(RowDeletesTest, TwoVectorsOnOneFileAreCorruption) {
  Create();
  Append(0, 10);
  Delete({3});
  ScanFile file = OnlyFile();
  file.deletes.push_back(file.deletes[0]);
  const auto loaded = LoadDeletes(context_, *table_, file);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().kind, ErrorKind::kCorruption);
}

TEST_F(RowDeletesTest, AVectorOfAnotherCardinalityThanItsManifestSaysIsCorruption) {
  Create();
  Append(0, 10);
  Delete({3});
  ScanFile file = OnlyFile();
  file.deletes[0].record_count = 2;
  const TableContext uncached{&store_, &clock_, random_.get(), &limits_, nullptr};
  const auto loaded = LoadDeletes(uncached, *table_, file);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().kind, ErrorKind::kCorruption);
}

TEST_F(RowDeletesTest, EqualityDeletesAreResolvedByTheirColumns) {
  Create();
  Append(0, 10);  // names are null for 0 and 5, else n<id>
  const auto write = [&](const std::string& name) {
    arrow::StringBuilder names;
    EXPECT_TRUE(names.Append("n3").ok());
    EXPECT_TRUE(names.AppendNull().ok());
    auto field = arrow::field("name", arrow::utf8(), true,
                              arrow::key_value_metadata({"PARQUET:field_id"}, {"2"}));
    auto schema = arrow::schema({field});
    auto writer = OpenParquetWriter(store_, name, schema, FileWriterOptions(), limits_).value();
    EXPECT_TRUE(
        writer->Write(*arrow::RecordBatch::Make(schema, 2, {names.Finish().ValueOrDie()})).ok());
    DataFile deletes;
    deletes.content = FileContent::kEqualityDeletes;
    deletes.path = store_.UriOf(name);
    deletes.size_bytes = writer->Finish().value().size_bytes;
    deletes.record_count = 2;
    deletes.equality_ids = {2};
    return deletes;
  };
  ScanFile file = OnlyFile();
  file.deletes.push_back(write("bronze/sales/deletes/eq.parquet"));
  const auto loaded = LoadDeletes(context_, *table_, file);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  ASSERT_NE(*loaded, nullptr);
  EXPECT_EQ((*loaded)->ToVector(), (Rows64{0, 3, 5}));
}

TEST_F(RowDeletesTest, EqualityDeletesFindColumnsOfFilesWithoutIdsByTheNameMapping) {
  Create();
  const auto write = [&](const std::string& name, const std::vector<std::string>& texts,
                         std::shared_ptr<arrow::Field> field) {
    arrow::StringBuilder builder;
    EXPECT_TRUE(builder.AppendValues(texts).ok());
    const auto table =
        arrow::Table::Make(arrow::schema({std::move(field)}), {builder.Finish().ValueOrDie()});
    const auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
    EXPECT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink).ok());
    const std::string bytes = sink->Finish().ValueOrDie()->ToString();
    EXPECT_TRUE(store_.Put(name, bytes).ok());
    DataFile file;
    file.path = store_.UriOf(name);
    file.size_bytes = static_cast<int64_t>(bytes.size());
    file.record_count = static_cast<int64_t>(texts.size());
    return file;
  };
  ScanFile file;
  file.file = write("bronze/sales/data/loose.parquet", {"n1", "n2", "n3"},
                    arrow::field("was", arrow::utf8()));
  const auto id = arrow::key_value_metadata({"PARQUET:field_id"}, {"2"});
  file.deletes = {write("bronze/sales/deletes/eq.parquet", {"n2"},
                        arrow::field("name", arrow::utf8(), true, id))};
  file.deletes[0].content = FileContent::kEqualityDeletes;
  file.deletes[0].equality_ids = {2};
  TableMetadata table = *table_;
  table.properties["schema.name-mapping.default"] = R"([{"field-id": 2, "names": ["was"]}])";
  const auto loaded = LoadDeletes(context_, table, file);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  ASSERT_NE(*loaded, nullptr);
  EXPECT_EQ((*loaded)->ToVector(), (Rows64{1}));
}

class NestedEqualityDeletes : public RowDeletesTest {
 protected:
  // id 1 long, s 2 struct<k 3 int, m 4 int>
  static std::shared_ptr<arrow::RecordBatch> Of(const std::vector<std::optional<int>>& values,
                                                const std::string& child, int id) {
    arrow::Int32Builder keys;
    for (const auto& value : values) EXPECT_TRUE(keys.AppendOrNull(value).ok());
    const auto with_id = [](int number) {
      return arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(number)});
    };
    auto inner = arrow::field(child, arrow::int32(), true, with_id(id));
    auto outer = arrow::field("s", arrow::struct_({inner}), true, with_id(2));
    auto array = arrow::StructArray::Make({keys.Finish().ValueOrDie()}, {inner}).ValueOrDie();
    return arrow::RecordBatch::Make(arrow::schema({outer}), array->length(), {array});
  }

  Result<std::vector<int64_t>> Deleted(const std::shared_ptr<arrow::RecordBatch>& keys) {
    const std::string name = "bronze/sales/deletes/eq.parquet";
    auto writer =
        OpenParquetWriter(store_, name, keys->schema(), FileWriterOptions(), limits_).value();
    EXPECT_TRUE(writer->Write(*keys).ok());
    DataFile deletes;
    deletes.content = FileContent::kEqualityDeletes;
    deletes.path = store_.UriOf(name);
    deletes.size_bytes = writer->Finish().value().size_bytes;
    deletes.record_count = keys->num_rows();
    deletes.equality_ids = {3};
    ScanFile file = OnlyFile();
    file.deletes.push_back(deletes);
    TARN_ASSIGN_OR_RETURN(const auto found, LoadDeletes(context_, *table_, file));
    return found == nullptr ? std::vector<int64_t>() : found->ToVector();
  }

  void SetUp() override {
    const auto optional = [](int id, const std::string& name, const Type& type) {
      return Field{FieldId(id), name, type, Nullability::kOptional, ""};
    };
    const Type number(Type::Kind::kInt);
    Schema columns;
    columns.fields = {
        optional(1, "id", Type(Type::Kind::kLong)),
        optional(2, "s", Type::Struct({optional(3, "k", number), optional(4, "m", number)}))};
    auto created = BeginNew({store_.root_uri() + "/bronze/sales", columns, {}, {}});
    Commit(*created);
    auto transaction = Begin();
    const auto places = Of({1, 2, std::nullopt, 1}, "k", 3);
    arrow::Int32Builder nothing;
    ASSERT_TRUE(nothing.AppendNulls(places->num_rows()).ok());
    arrow::Int64Builder ids;
    ASSERT_TRUE(ids.AppendValues({0, 1, 2, 3}).ok());
    const auto& keys = static_cast<const arrow::StructArray&>(*places->column(0)).field(0);
    const auto both = arrow::StructArray::Make({keys, nothing.Finish().ValueOrDie()},
                                               std::vector<std::string>{"k", "m"})
                          .ValueOrDie();
    const auto rows = arrow::RecordBatch::Make(
        arrow::schema({arrow::field("id", arrow::int64()), arrow::field("s", both->type())}), 4,
        {ids.Finish().ValueOrDie(), both});
    ASSERT_TRUE(transaction->Append(Write(*transaction, {rows})).ok());
    Commit(*transaction);
  }
};

TEST_F(NestedEqualityDeletes, AreResolvedThroughTheStruct) {
  EXPECT_EQ(*Deleted(Of({1}, "k", 3)), (Rows64{0, 3}));
  EXPECT_EQ(*Deleted(Of({std::nullopt}, "k", 3)), (Rows64{2}));
}

TEST_F(NestedEqualityDeletes, AFileWithoutItsColumnDeletesNothing) {
  const auto deleted = Deleted(Of({1}, "m", 4));
  ASSERT_FALSE(deleted.ok());
  EXPECT_EQ(deleted.error().kind, ErrorKind::kCorruption);
  EXPECT_NE(deleted.error().message.find("lacks column 3"), std::string::npos);
}

/// Column 3, sold_at, was a date before it became a timestamp.
class EqualityDeletesOfPromotedDates : public RowDeletesTest {
 protected:
  static std::shared_ptr<arrow::Array> Days(const std::vector<int32_t>& days) {
    arrow::Date32Builder builder;
    EXPECT_TRUE(builder.AppendValues(days).ok());
    return builder.Finish().ValueOrDie();
  }
  static std::shared_ptr<arrow::Array> Midnights(const std::vector<int64_t>& days) {
    arrow::TimestampBuilder builder(arrow::timestamp(arrow::TimeUnit::MICRO),
                                    arrow::default_memory_pool());
    for (const int64_t day : days) EXPECT_TRUE(builder.Append(day * 86'400'000'000).ok());
    return builder.Finish().ValueOrDie();
  }

  DataFile File(const std::string& name, int id, const std::shared_ptr<arrow::Array>& column) {
    auto field =
        arrow::field("c", column->type(), true,
                     arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(id)}));
    auto schema = arrow::schema({field});
    auto writer = OpenParquetWriter(store_, name, schema, FileWriterOptions(), limits_).value();
    EXPECT_TRUE(writer->Write(*arrow::RecordBatch::Make(schema, column->length(), {column})).ok());
    DataFile file;
    file.path = store_.UriOf(name);
    file.size_bytes = writer->Finish().value().size_bytes;
    file.record_count = column->length();
    return file;
  }

  Rows64 Deleted(DataFile data, const std::shared_ptr<arrow::Array>& keys) {
    ScanFile file;
    file.file = std::move(data);
    file.deletes = {File("bronze/sales/deletes/eq.parquet", 3, keys)};
    file.deletes[0].content = FileContent::kEqualityDeletes;
    file.deletes[0].equality_ids = {3};
    const TableContext uncached{&store_, &clock_, random_.get(), &limits_, nullptr};
    const auto loaded = LoadDeletes(uncached, metadata_, file);
    EXPECT_TRUE(loaded.ok()) << loaded.status().ToString();
    return !loaded.ok() || *loaded == nullptr ? Rows64() : (*loaded)->ToVector();
  }

  void SetUp() override {
    Create();
    metadata_ = *table_;
  }

  const std::string data_ = "bronze/sales/data/x.parquet";
  TableMetadata metadata_;
};

TEST_F(EqualityDeletesOfPromotedDates, TimestampsDeleteRowsOfFilesWithDates) {
  EXPECT_EQ(Deleted(File(data_, 3, Days({-1, 0, 7, 19000})), Midnights({-1, 19000})),
            (Rows64{0, 3}));
}

TEST_F(EqualityDeletesOfPromotedDates, DatesDeleteRowsOfFilesWithTimestamps) {
  EXPECT_EQ(Deleted(File(data_, 3, Midnights({-1, 0, 7, 19000})), Days({7})), (Rows64{2}));
}

TEST_F(EqualityDeletesOfPromotedDates, DatesAreComparedWithADefaultThatIsATimestamp) {
  for (Schema& schema : metadata_.schemas) {
    for (Field& field : schema.fields) {
      if (field.id == FieldId(3)) field.initial_default = Scalar(int64_t{7 * 86'400'000'000});
    }
  }
  EXPECT_EQ(Deleted(File(data_, 1, Midnights({1, 2})), Days({7})), (Rows64{0, 1}));
  EXPECT_EQ(Deleted(File(data_, 1, Midnights({1, 2})), Days({8})), (Rows64{}));
}

}  // namespace
}  // namespace tarn
