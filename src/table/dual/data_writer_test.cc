#include "table/dual/data_writer.h"

#include <cmath>

#include "table/dual/partition_split.h"
#include "table/dual/testing.h"
#include "table/model/partition.h"

namespace tarn {
namespace {

using Kind = Type::Kind;

class Writing : public TableTest {
 protected:
  std::unique_ptr<DataWriter> Open(const std::vector<std::string>& partition = {}) {
    DataWriterOptions options;
    options.location = store_.root_uri() + "/t";
    options.schema = Columns();
    options.spec.fields = ParsePartition(partition, options.schema).value();
    return DataWriter::Open(context_, std::move(options)).value();
  }
};

TEST_F(Writing, SplitsRowsByPartition) {
  auto writer = Open({"day(sold_at)", "bucket(2, id)"});
  ASSERT_TRUE(writer->Write(*Rows(-30, 30)).ok());
  ASSERT_TRUE(writer->Write(*Rows(30, 40)).ok());
  EXPECT_EQ(writer->rows_written(), 70);
  const auto files = writer->Finish().value();
  EXPECT_EQ(files.size(), 8U) << "four days, two buckets";
  int64_t rows = 0;
  for (const DataFile& file : files) {
    rows += file.record_count;
    ASSERT_EQ(file.partition.size(), 2U);
    const int64_t day = std::get<int64_t>(file.partition[0]);
    EXPECT_GE(std::get<int64_t>(file.lower_bounds.at(1)), day * 24);
    EXPECT_LT(std::get<int64_t>(file.upper_bounds.at(1)), day * 24 + 24);
    EXPECT_EQ(file.path.rfind("memory://lake/t/data/", 0), 0U);
    EXPECT_EQ(file.path.find('/', 21), std::string::npos) << "flat: " << file.path;
    EXPECT_EQ(store_.Head(store_.KeyOf(file.path).value())->size_bytes, file.size_bytes);
    EXPECT_EQ(file.value_counts.at(2), file.record_count);
  }
  EXPECT_EQ(rows, 70);
}

TEST_F(Writing, BoundsTheNumberOfOpenFiles) {
  limits_.partition_writers_max = 3;
  auto writer = Open({"id"});
  ASSERT_TRUE(writer->Write(*Rows(0, 20)).ok());
  ASSERT_TRUE(writer->Write(*Rows(0, 20)).ok());
  const auto files = writer->Finish().value();
  EXPECT_GE(files.size(), 37U) << "finished early and opened again";
  EXPECT_LE(files.size(), 40U);
}

TEST_F(Writing, BeginsANewFileAtTheTargetSize) {
  limits_.target_file_bytes = 1;
  auto writer = Open();
  for (int64_t i = 0; i < 3; ++i) ASSERT_TRUE(writer->Write(*Rows(i, i + 1)).ok());
  EXPECT_EQ(writer->Finish().value().size(), 3U);
}

TEST_F(Writing, WritesNoFileForNoRows) {
  auto writer = Open({"id"});
  ASSERT_TRUE(writer->Write(*Rows(0, 0)).ok());
  EXPECT_TRUE(writer->Finish().value().empty());
  EXPECT_TRUE(Keys().empty());
}

TEST_F(Writing, RemovesWhatWasNotFinished) {
  {
    limits_.target_file_bytes = 1;
    auto writer = Open();
    ASSERT_TRUE(writer->Write(*Rows(0, 1)).ok());
    ASSERT_TRUE(writer->Write(*Rows(1, 2)).ok());
    EXPECT_EQ(Keys().size(), 2U);
  }
  EXPECT_TRUE(Keys().empty());
  auto writer = Open();
  ASSERT_TRUE(writer->Write(*Rows(0, 1)).ok());
  ASSERT_TRUE(writer->Abort().ok());
  EXPECT_FALSE(writer->Finish().ok());
  EXPECT_TRUE(Keys().empty());
}

TEST_F(Writing, NamesTheColumnThatDoesNotFit) {
  auto writer = Open();
  const auto rows = Rows(0, 3);
  auto wrong = rows->SetColumn(3, arrow::field("price", arrow::int32()),
                               *arrow::MakeArrayOfNull(arrow::int32(), 3))
                   .ValueOrDie();
  Status status = writer->Write(*wrong);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("\"price\""), std::string::npos);
  EXPECT_FALSE(writer->Write(*rows).ok()) << "a broken writer stays broken";
  writer = Open();
  auto null_id = rows->SetColumn(0, arrow::field("id", arrow::int64()),
                                 *arrow::MakeArrayOfNull(arrow::int64(), 3))
                     .ValueOrDie();
  status = writer->Write(*null_id);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(status.error().message.find("\"id\""), std::string::npos);
  EXPECT_FALSE(Open()->Write(*rows->RemoveColumn(0).ValueOrDie()).ok());
}

TEST_F(Writing, LeavesNothingWhenTheDiskIsFull) {
  auto writer = Open();
  ASSERT_TRUE(writer->Write(*Rows(0, 3)).ok());
  store_.SetFaultInjector([](const StorageCall& call) -> std::optional<Error> {
    if (call.operation == StorageOperation::kClose) return ResourceExhausted("the disk is full");
    return std::nullopt;
  });
  EXPECT_EQ(writer->Finish().error().kind, ErrorKind::kResourceExhausted);
  store_.SetFaultInjector(nullptr);
  writer.reset();
  EXPECT_TRUE(Keys().empty());
}

TEST(SplitByPartition, KeepsRowsInOrderAndNullsApart) {
  Schema schema;
  schema.fields = {{FieldId(1), "a", Type(Kind::kString), Nullability::kOptional, ""},
                   {FieldId(2), "b", Type(Kind::kDouble), Nullability::kOptional, ""}};
  PartitionSpec spec;
  spec.fields = ParsePartition({"a", "b"}, schema).value();
  arrow::StringBuilder a;
  arrow::DoubleBuilder b;
  ASSERT_TRUE(a.AppendValues({"x", "y", "x", "", "x"}).ok());
  ASSERT_TRUE(a.AppendNulls(2).ok());
  const double nan = std::nan("");
  ASSERT_TRUE(b.AppendValues({nan, 1, nan, 1, 2, 1, 1}).ok());
  auto batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("a", arrow::utf8()), arrow::field("b", arrow::float64())}), 7,
      {*a.Finish(), *b.Finish()});
  const auto slices = SplitByPartition(batch, schema, spec).value();
  ASSERT_EQ(slices.size(), 5U);
  EXPECT_EQ(slices[0].rows->num_rows(), 2) << "x, NaN";
  EXPECT_TRUE(std::isnan(std::get<double>(slices[0].values[1])));
  EXPECT_EQ(slices[1].values[0], Scalar(std::string("y")));
  EXPECT_EQ(slices[2].values[0], Scalar(std::string("")));
  EXPECT_EQ(slices[4].rows->num_rows(), 2);
  EXPECT_TRUE(IsNull(slices[4].values[0]));
  auto one = SplitByPartition(batch->Slice(0, 1), schema, spec).value();
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].rows->num_rows(), 1);
}

}  // namespace
}  // namespace tarn
