#include "table/dual/rewrite.h"

#include <arrow/api.h>
#include <arrow/json/from_string.h>

#include "table/dual/live_rows.h"
#include "table/dual/testing.h"
#include "table/iceberg/manifest.h"

namespace tarn {
namespace {

using Kind = Type::Kind;

class RewriteTest : public TableTest {
 protected:
  std::vector<ScanFile> Files() { return Plan().files; }

  std::vector<DataFile> Copy(const std::vector<ScanFile>& files) {
    auto written = CopyLiveRows(context_, *table_, files, {});
    EXPECT_TRUE(written.ok()) << written.status().ToString();
    return std::move(written).value();
  }

  void Rewrite(const std::vector<ScanFile>& files) {
    auto transaction = Begin();
    std::vector<DataFile> removed;
    for (const ScanFile& file : files) removed.push_back(file.file);
    ASSERT_TRUE(transaction->RewriteFiles(std::move(removed), Copy(files)).ok());
    Commit(*transaction);
  }

  void Delete(std::initializer_list<int64_t> positions, size_t file = 0) {
    auto transaction = Begin();
    DeletionVector vector;
    for (const int64_t position : positions) vector.Add(position);
    ASSERT_TRUE(transaction->DeleteRows({{Files().at(file).file, vector}}).ok());
    Commit(*transaction);
  }

  /// All live rows of some columns as text, one a line.
  std::string Read(const Schema& columns) {
    std::string text;
    for (const ScanFile& file : Files()) {
      auto rows = LiveRows::Open(context_, *table_, columns, file);
      EXPECT_TRUE(rows.ok()) << rows.status().ToString();
      while (rows.ok()) {
        auto batch = (*rows)->Next();
        EXPECT_TRUE(batch.ok()) << batch.status().ToString();
        if (!batch.ok() || *batch == nullptr) break;
        for (int64_t row = 0; row < (*batch)->num_rows(); ++row) {
          for (int i = 0; i < (*batch)->num_columns(); ++i) {
            text += (i > 0 ? " " : "") + (*(*batch)->column(i)->GetScalar(row))->ToString();
          }
          text += "\n";
        }
      }
    }
    return text;
  }

  Schema Some(const std::vector<std::string>& names) {
    Schema some;
    const Schema all = WithLineage(*table_);
    for (const std::string& name : names) some.fields.push_back(*all.Find(name));
    return some;
  }

  void SetVersion3() {
    auto transaction = Begin();
    ASSERT_TRUE(transaction->SetProperty(kIcebergVersionProperty, "3").ok());
    Commit(*transaction);
  }
};

TEST_F(RewriteTest, SmallFilesBecomeOneWithoutTheirDeletedRows) {
  Create();
  for (int64_t i = 0; i < 5; ++i) Append(i * 10, i * 10 + 10);
  Delete({0, 1, 9}, 2);
  const std::string before = Read(table_->schema());
  Rewrite(Files());
  ASSERT_EQ(Files().size(), 1U);
  EXPECT_EQ(Files()[0].file.record_count, 47);
  EXPECT_TRUE(Files()[0].deletes.empty());
  EXPECT_EQ(Read(table_->schema()), before);
  EXPECT_EQ(Summary("operation"), "replace");
}

TEST_F(RewriteTest, BatchesWithoutLiveRowsAreLeftOut) {
  Create();
  Append(0, 5);
  Delete({0, 1, 2, 4});
  limits_.batch_rows = 1;
  const auto written = Copy(Files());
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0].record_count, 1);
}

TEST_F(RewriteTest, RowsKeepTheirLineageThroughEveryRewrite) {
  Create();
  SetVersion3();
  Append(0, 3);
  Append(10, 13);
  Delete({1}, 1);
  Schema lineage = Some({"id", "_row_id", "_last_updated_sequence_number"});
  const std::string before = Read(lineage);
  EXPECT_NE(before.find("12 "), std::string::npos) << before;
  Rewrite(Files());
  ASSERT_EQ(Files().size(), 1U);
  EXPECT_GT(Files()[0].data_sequence_number, 3);
  EXPECT_EQ(Read(lineage), before);
  Append(20, 21);
  const std::string with_more = Read(lineage);
  Rewrite(Files());
  EXPECT_EQ(Read(lineage), with_more);
}

TEST_F(RewriteTest, TablesOfVersion2HaveNoLineageColumns) {
  Create();
  Append(0, 3);
  EXPECT_EQ(WithLineage(*table_).fields.size(), table_->schema().fields.size());
  const auto written = Copy(Files());
  EXPECT_FALSE(written.at(0).column_sizes.contains(kRowIdFieldId));
}

TEST_F(RewriteTest, ManifestsTellNothingOfLineageColumns) {
  Create();
  SetVersion3();
  Append(0, 3);
  const auto written = Copy(Files());
  ASSERT_EQ(written.size(), 1U);
  EXPECT_TRUE(written[0].lower_bounds.contains(1));
  for (const int32_t id : {kRowIdFieldId, kLastUpdatedSequenceFieldId}) {
    EXPECT_FALSE(written[0].column_sizes.contains(id));
    EXPECT_FALSE(written[0].lower_bounds.contains(id));
  }
}

TEST_F(RewriteTest, AColumnOfTheTableMayHaveTheNameOfALineageColumn) {
  Schema schema = Columns();
  schema.fields[1].name = "_row_id";
  NewTable table = Sales();
  table.schema = schema;
  auto transaction = BeginNew(table);
  Commit(*transaction);
  SetVersion3();
  Append(0, 4);
  const std::string before = Read(WithLineage(*table_));
  Rewrite(Files());
  EXPECT_EQ(Read(WithLineage(*table_)), before);
}

TEST_F(RewriteTest, OldFilesGetTheColumnsOfNow) {
  Create();
  Append(0, 4);
  auto transaction = Begin();
  ASSERT_TRUE(transaction->RenameColumn("name", "label").ok());
  ASSERT_TRUE(transaction->AddColumn("extra", Type(Kind::kInt), "").ok());
  ASSERT_TRUE(transaction->WidenColumn("price", Type::Decimal(18, 2)).ok());
  ASSERT_TRUE(transaction->DropColumn("sold_at").ok());
  ASSERT_TRUE(transaction->ReorderColumns({"extra", "price", "label", "id"}).ok());
  Commit(*transaction);
  const std::string before = Read(table_->schema());
  EXPECT_EQ(before.substr(0, before.find('\n', before.find('\n') + 1)),
            "null 0.00 null 0\nnull 0.10 n1 1");
  Rewrite(Files());
  EXPECT_EQ(Read(table_->schema()), before);
}

TEST_F(RewriteTest, MissingColumnsAreTheirInitialDefault) {
  Create();
  Append(0, 2);
  auto transaction = Begin();
  ASSERT_TRUE(transaction->AddColumn("a", Type(Kind::kInt), "").ok());
  ASSERT_TRUE(transaction->AddColumn("b", Type(Kind::kString), "").ok());
  ASSERT_TRUE(transaction->AddColumn("c", Type::Decimal(9, 2), "").ok());
  ASSERT_TRUE(transaction->AddColumn("d", Type(Kind::kDate), "").ok());
  ASSERT_TRUE(transaction->AddColumn("e", Type(Kind::kBoolean), "").ok());
  Commit(*transaction);
  TableMetadata changed = *table_;
  for (Schema& schema : changed.schemas) {
    for (Field& field : schema.fields) {
      if (field.name == "a") field.initial_default = int64_t{7};
      if (field.name == "b") field.initial_default = std::string("x");
      if (field.name == "c") field.initial_default = Int128FromInt64(150);
      if (field.name == "d") field.initial_default = int64_t{1};
      if (field.name == "e") field.initial_default = true;
    }
  }
  table_ = std::make_shared<const TableMetadata>(changed);
  EXPECT_EQ(Read(Some({"a", "b", "c", "d", "e"})),
            "7 x 1.50 1970-01-02 true\n7 x 1.50 1970-01-02 true\n");
}

TEST_F(RewriteTest, FilesOfAnOldPartitioningAreSplitByTheNewOne) {
  Create();
  Append(0, 48);  // two days
  auto transaction = Begin();
  ASSERT_TRUE(transaction->SetPartition({"day(sold_at)"}).ok());
  Commit(*transaction);
  Append(48, 49);
  std::vector<ScanFile> old;
  for (const ScanFile& file : Files()) {
    if (file.file.spec_id != table_->default_spec) old.push_back(file);
  }
  ASSERT_EQ(old.size(), 1U);
  Rewrite(old);
  EXPECT_EQ(Files().size(), 3U);
  EXPECT_EQ(LiveRows(), 49);
  for (const ScanFile& file : Files()) EXPECT_EQ(file.file.spec_id, table_->default_spec);
}

TEST_F(RewriteTest, ACancelledCopyLeavesNothingBehind) {
  Create();
  Append(0, 100);
  const auto before = Keys();
  CancelFlag cancel;
  cancel.Request();
  RewriteOptions options;
  options.cancel = &cancel;
  const auto copied = CopyLiveRows(context_, *table_, Files(), options);
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(Keys(), before);
}

TEST_F(RewriteTest, AMissingFileIsAnErrorThatNamesItAndLeavesNothingBehind) {
  Create();
  Append(0, 10);
  Append(10, 20);
  const std::string lost = Files()[1].file.path;
  ASSERT_TRUE(store_.Delete(store_.KeyOf(lost).value()).ok());
  const auto before = Keys();
  const auto copied = CopyLiveRows(context_, *table_, Files(), {});
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(Keys(), before);
}

TEST_F(RewriteTest, NestedFieldsAreFoundByTheirIds) {
  const auto field = [](int id, const char* name, Type type) {
    return Field{FieldId(id), name, std::move(type), Nullability::kOptional, ""};
  };
  const Type number(Kind::kLong), narrow(Kind::kInt), text(Kind::kString);
  const Field key{FieldId(9), "key", text, Nullability::kRequired, ""};
  NewTable table = Sales();
  table.schema = Schema();
  table.schema.fields = {
      field(1, "s", Type::Struct({field(2, "a", narrow), field(3, "b", text)})),
      field(4, "l",
            Type::List(
                field(5, "element", Type::Struct({field(6, "x", number), field(7, "y", number)})))),
      field(8, "m", Type::Map(key, field(10, "value", Type::Struct({field(11, "p", number)}))))};
  auto creating = BeginNew(table);
  Commit(*creating);
  const auto arrow_schema = SchemaToArrow(table_->schema()).value();
  const std::vector<std::string> json = {
      R"([{"a": 1, "b": "one"}, null, {"a": null, "b": "three"}])",
      R"([[{"x": 1, "y": 2}, {"x": 3, "y": 4}], null, [{"x": 5, "y": null}, null]])",
      R"([[["k", {"p": 1}]], [], null])"};
  arrow::ArrayVector arrays;
  for (size_t i = 0; i < json.size(); ++i) {
    arrays.push_back(
        arrow::json::ArrayFromJSONString(arrow_schema->field(static_cast<int>(i))->type(), json[i])
            .ValueOrDie());
  }
  auto transaction = Begin();
  ASSERT_TRUE(
      transaction->Append(Write(*transaction, {arrow::RecordBatch::Make(arrow_schema, 3, arrays)}))
          .ok());
  Commit(*transaction);

  // Renamed, widened, dropped and added, at every depth. Ids as the table gave them.
  const Schema now = table_->schema();
  const auto id = [](const Field& of) { return of.id.value(); };
  const Field& s = now.fields[0];
  const Field& element = now.fields[1].type.fields()[0];
  const Field& value = now.fields[2].type.fields()[1];
  Field added = field(100, "added", number);
  added.initial_default = int64_t{7};
  Schema wanted;
  wanted.fields = {
      field(id(now.fields[2]), "m2",
            Type::Map(now.fields[2].type.fields()[0],
                      field(id(value), "value",
                            Type::Struct({field(101, "q", text),
                                          field(id(value.type.fields()[0]), "p2", number)})))),
      field(id(s), "s", Type::Struct({added, field(id(s.type.fields()[0]), "renamed", number)})),
      field(id(now.fields[1]), "l",
            Type::List(field(id(element), "element",
                             Type::Struct({field(id(element.type.fields()[1]), "z", number)}))))};
  ASSERT_EQ(Files().size(), 1U);
  auto rows = LiveRows::Open(context_, *table_, wanted, Files()[0]);
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  const auto batch = (*rows)->Next();
  ASSERT_TRUE(batch.ok()) << batch.status().ToString();
  ASSERT_TRUE((*batch)->ValidateFull().ok()) << (*batch)->ValidateFull().ToString();
  const std::vector<std::string> expected = {
      R"([[["k", {"q": null, "p2": 1}]], [], null])",
      R"([{"added": 7, "renamed": 1}, null, {"added": 7, "renamed": null}])",
      R"([[{"z": 2}, {"z": 4}], null, [{"z": null}, null]])"};
  for (int i = 0; i < 3; ++i) {
    const auto& column = (*batch)->column(i);
    const auto want =
        arrow::json::ArrayFromJSONString(column->type(), expected[static_cast<size_t>(i)])
            .ValueOrDie();
    EXPECT_TRUE(column->Equals(*want)) << column->ToString();
  }
}

}  // namespace
}  // namespace tarn
