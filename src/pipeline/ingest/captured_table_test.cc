#include "pipeline/ingest/captured_table.h"

#include <algorithm>
#include <set>

#include <arrow/api.h>
#include <arrow/util/byte_size.h>

#include "pipeline/ingest/capture_testing.h"
#include "pipeline/maintain/maintain.h"

namespace tarn {
namespace {

using testing::CaptureTest;
using testing::ScriptedTable;

/// A table of id, name and whatever int columns are added, and beside it what it must be: rows by
/// id, values by column.
class CapturedTableTest : public CaptureTest {
 protected:
  using Row = std::map<std::string, std::string>;

  explicit CapturedTableTest(uint64_t seed = 5) : CaptureTest(seed) {}

  void Open() {
    CapturedTable::Options options;
    options.table = described_;
    options.target = items_[0].target;
    options.index_folder = folder_;
    table_ = std::make_unique<CapturedTable>(context_, std::move(options));
  }
  void Make() {
    MakeTable("a");
    described_ = items_[0].table;
    Open();
  }

  /// A row with `value` in every int column; `name` nullopt: as it was.
  void Put(RowOp op, int64_t id, std::optional<std::string> name, int32_t value) {
    RowChanges changes;
    arrow::ArrayVector columns;
    arrow::FieldVector fields;
    for (const SourceColumn& column : described_.columns) {
      fields.push_back(column.field);
      const auto type = column.field->type();
      std::shared_ptr<arrow::Scalar> scalar;
      if (column.name == "id") {
        scalar = std::make_shared<arrow::Int64Scalar>(id);
      } else if (op == RowOp::kDelete || (column.name == "name" && !name)) {
        scalar = arrow::MakeNullScalar(type);
      } else if (column.name == "name") {
        scalar = std::make_shared<arrow::StringScalar>(*name);
      } else {
        scalar = std::make_shared<arrow::Int32Scalar>(value);
      }
      columns.push_back(*arrow::MakeArrayFromScalar(*scalar, 1));
    }
    changes.rows = arrow::RecordBatch::Make(arrow::schema(fields), 1, columns);
    changes.ops = {op};
    changes.transactions = {0};
    changes.ordinals = {0};
    if (op == RowOp::kUpdate && !name) {
      changes.unchanged = {{changes.rows->schema()->GetFieldIndex("name"), {0}}};
    }
    const Status added = table_->Add(changes, 0);
    ASSERT_TRUE(added.ok()) << added.ToString();
    if (op == RowOp::kDelete) {
      rows_.erase(id);
      return;
    }
    Row& row = rows_[id];
    const std::string kept = row["name"];
    row.clear();
    row["name"] = name.value_or(kept);
    for (const SourceColumn& column : described_.columns) {
      if (column.name != "id" && column.name != "name") row[column.name] = std::to_string(value);
    }
  }

  Status AddColumn(const std::string& name, const std::shared_ptr<arrow::Array>& value,
                   size_t place) {
    TableAltered altered;
    SourceTable now = described_;
    now.columns.insert(now.columns.begin() + static_cast<std::ptrdiff_t>(place),
                       {name, "integer", arrow::field(name, value->type()), 0});
    altered.table = std::make_shared<SourceTable>(now);
    altered.filled = {{name, value, ""}};
    Status done = table_->Alter(altered);
    if (done.ok()) described_ = now;
    return done;
  }
  void AddFilled(const std::string& name, int32_t value, size_t place) {
    const Status added =
        AddColumn(name, *arrow::MakeArrayFromScalar(arrow::Int32Scalar(value), 1), place);
    ASSERT_TRUE(added.ok()) << added.ToString();
    for (auto& [id, row] : rows_) row[name] = std::to_string(value);
  }
  void Drop(const std::string& name) {
    TableAltered altered;
    std::erase_if(described_.columns, [&](const SourceColumn& one) { return one.name == name; });
    altered.table = std::make_shared<SourceTable>(described_);
    const Status dropped = table_->Alter(altered);
    ASSERT_TRUE(dropped.ok()) << dropped.ToString();
    for (auto& [id, row] : rows_) row.erase(name);
  }
  void Truncate() {
    ASSERT_TRUE(table_->Truncate().ok());
    rows_.clear();
  }

  Result<CommitInfo> TryCommit() {
    LakeCommit commit;
    commit.author = "test";
    TARN_ASSIGN_OR_RETURN(const auto change, table_->Prepare({}));
    if (change) commit.tables.push_back(*change);
    return CommitToLake(lake_.context(), catalog_, commit);
  }
  void Commit() {
    const auto info = TryCommit();
    ASSERT_TRUE(info.ok()) << info.status().ToString();
    ASSERT_TRUE(table_->Committed(info->sequence).ok());
  }

  std::shared_ptr<const TableMetadata> Metadata() {
    const TableEntry entry = *catalog_.LoadTable({"bronze", "a"}, std::nullopt);
    return LoadTableMetadata(lake_.store(), entry.metadata_location).value();
  }

  void ExpectSame() {
    const auto table = Metadata();
    std::map<int64_t, Row> found;
    const auto plan = PlanScan(lake_.context(), *table, std::nullopt, Predicate::True());
    ASSERT_TRUE(plan.ok());
    for (const ScanFile& file : plan->files) {
      auto reader = LiveRows::Open(lake_.context(), *table, table->schema(), file);
      ASSERT_TRUE(reader.ok());
      while (auto batch = (*reader)->Next().value()) {
        for (int64_t i = 0; i < batch->num_rows(); ++i) {
          Row row;
          int64_t id = 0;
          for (int c = 0; c < batch->num_columns(); ++c) {
            const std::string name = batch->schema()->field(c)->name();
            const auto scalar = *batch->column(c)->GetScalar(i);
            if (name == "id") {
              id = static_cast<const arrow::Int64Scalar&>(*scalar).value;
            } else {
              row[name] = scalar->is_valid ? scalar->ToString() : "NULL";
            }
          }
          EXPECT_TRUE(found.emplace(id, row).second) << "row " << id << " twice";
        }
      }
    }
    EXPECT_EQ(found, rows_);
    // Delta knows no such defaults: every file has every column.
    for (const Field& field : table->schema().fields) EXPECT_FALSE(field.initial_default);
  }

  /// Data files of the store that the table does not have.
  std::set<std::string> Strays() {
    std::set<std::string> all;
    const Status listed = lake_.store().List("", [&](const ObjectInfo& object) -> Status {
      if (object.key.ends_with(".parquet")) all.insert(object.key);
      return {};
    });
    EXPECT_TRUE(listed.ok());
    const auto plan = PlanScan(lake_.context(), *Metadata(), std::nullopt, Predicate::True());
    for (const ScanFile& file : plan->files) all.erase(*lake_.store().KeyOf(file.file.path));
    return all;
  }

  SourceTable described_;
  std::unique_ptr<CapturedTable> table_;
  std::map<int64_t, Row> rows_;
};

// An update of a small column of all rows says nothing of the large one, which has to be read back.
TEST_F(CapturedTableTest, LargeValuesThatTheLogLeftOutAreTakenInPieces) {
  constexpr int64_t kRows = 600;
  constexpr size_t kLarge = 4000;
  Limits small;
  small.batch_bytes_max = 64 << 10;
  context_.tables.limits = &small;
  Make();
  const auto large = [](int64_t id) {
    return std::to_string(id) + std::string(kLarge, static_cast<char>('a' + id % 26));
  };
  for (int64_t id = 0; id < kRows; ++id) Put(RowOp::kInsert, id, large(id), 0);
  Commit();
  Put(RowOp::kInsert, kRows, large(kRows), 0);  // is not committed yet
  RowChanges changes;
  arrow::Int64Builder ids;
  arrow::StringBuilder names;
  arrow::Int32Builder numbers;
  RowChanges::Unchanged gaps{1, {}};
  const auto add = [&](RowOp op, int64_t id, const std::optional<std::string>& name, int32_t n) {
    ASSERT_TRUE(ids.Append(id).ok() && numbers.Append(n).ok());
    ASSERT_TRUE((name ? names.Append(*name) : names.AppendNull()).ok());
    if (!name) gaps.rows.push_back(static_cast<int64_t>(changes.ops.size()));
    changes.ops.push_back(op);
    changes.transactions.push_back(0);
    changes.ordinals.push_back(static_cast<int64_t>(changes.ordinals.size()));
    rows_[id]["name"] = name.value_or(large(id));
    rows_[id]["n"] = std::to_string(n);
  };
  add(RowOp::kInsert, kRows + 1, large(kRows + 1), 0);
  for (int64_t id = kRows + 1; id >= 0; --id) add(RowOp::kUpdate, id, std::nullopt, 7);
  add(RowOp::kUpdate, 5, std::nullopt, 8);
  changes.rows = arrow::RecordBatch::Make(
      arrow::schema(
          {described_.columns[0].field, described_.columns[1].field, described_.columns[2].field}),
      static_cast<int64_t>(changes.ops.size()),
      {*ids.Finish(), *names.Finish(), *numbers.Finish()});
  changes.unchanged = {gaps};
  int64_t next = 0;
  int64_t most = 0;
  const Status added =
      table_->Add(changes, 0, [&](const arrow::RecordBatch& rows, int64_t first) -> Status {
        EXPECT_EQ(first, next);
        next += rows.num_rows();
        most = std::max(most, *arrow::util::ReferencedBufferSize(rows));
        return {};
      });
  ASSERT_TRUE(added.ok()) << added.ToString();
  EXPECT_EQ(next, changes.rows->num_rows());
  EXPECT_LE(most, 2 * small.batch_bytes_max);
  Commit();
  ExpectSame();
}

TEST_F(CapturedTableTest, ColumnsWithAValueOfBeforeAreInAllRowsAndFiles) {
  Make();
  for (int i = 0; i < 10; ++i) Put(RowOp::kInsert, i, "committed", i);
  Commit();
  Put(RowOp::kDelete, 3, {}, 0);
  Put(RowOp::kUpdate, 4, "before", 40);
  Put(RowOp::kInsert, 20, "pending", 20);
  Put(RowOp::kInsert, 21, "pending", 21);
  AddFilled("d", 7, 1);
  Put(RowOp::kUpdate, 5, {}, 50);   // its name is read back from a committed row,
  Put(RowOp::kUpdate, 20, {}, 60);  // and from one that lacks the column
  Put(RowOp::kDelete, 21, {}, 0);
  Put(RowOp::kDelete, 6, {}, 0);
  AddFilled("e", 8, 4);
  Put(RowOp::kInsert, 22, "after", 70);
  Commit();
  ExpectSame();
  // Where its rows stand is known.
  Put(RowOp::kUpdate, 0, {}, 80);
  Put(RowOp::kUpdate, 20, {}, 81);
  Put(RowOp::kDelete, 22, {}, 0);
  Commit();
  ExpectSame();
  Open();
  Put(RowOp::kUpdate, 1, {}, 90);
  Commit();
  ExpectSame();
}

TEST_F(CapturedTableTest, AFilledColumnAmidATruncateIsOfTheRowsBehindIt) {
  Make();
  Put(RowOp::kInsert, 1, "committed", 1);
  Commit();
  Put(RowOp::kInsert, 2, "gone", 2);
  Truncate();
  Put(RowOp::kInsert, 1, "again", 3);
  AddFilled("d", 7, 3);
  Put(RowOp::kInsert, 4, "new", 4);
  Commit();
  ExpectSame();
  AddFilled("e", 8, 3);
  Truncate();
  Put(RowOp::kInsert, 1, "last", 5);
  Commit();
  ExpectSame();
}

TEST_F(CapturedTableTest, AKeyThatATruncateTookMayComeAgainLater) {
  Make();
  for (int i = 0; i < 4; ++i) Put(RowOp::kInsert, i, "committed", i);
  Commit();
  Truncate();
  Put(RowOp::kInsert, 1, "again", 1);
  Commit();
  Put(RowOp::kInsert, 2, "later", 2);
  Put(RowOp::kUpdate, 1, {}, 3);
  Commit();
  ExpectSame();
}

TEST_F(CapturedTableTest, AFilledColumnThatIsDroppedAgainWritesNothingAnew) {
  Make();
  Put(RowOp::kInsert, 1, "committed", 1);
  Commit();
  const auto files = [&] {
    std::set<std::string> paths;
    const auto plan = PlanScan(lake_.context(), *Metadata(), std::nullopt, Predicate::True());
    for (const ScanFile& file : plan->files) paths.insert(file.file.path);
    return paths;
  };
  const auto before = files();
  AddFilled("d", 7, 3);
  Drop("d");
  AddFilled("d", 9, 3);
  Drop("d");
  Commit();
  ExpectSame();
  EXPECT_EQ(files(), before);
}

TEST_F(CapturedTableTest, AnAttemptThatWasRefusedLeavesNoFiles) {
  Make();
  for (int i = 0; i < 4; ++i) Put(RowOp::kInsert, i, "committed", i);
  Commit();
  Put(RowOp::kInsert, 10, "pending", 10);
  AddFilled("d", 7, 3);
  Put(RowOp::kInsert, 11, "pending", 11);
  ASSERT_TRUE(table_->Prepare({}).ok());
  Commit();  // prepares once more
  ExpectSame();
  // The one of before stays for the snapshot that has it.
  EXPECT_EQ(Strays().size(), 1u);
  AddFilled("e", 7, 3);
  ASSERT_TRUE(table_->Prepare({}).ok());
  table_->Discard();
  EXPECT_EQ(Strays().size(), 1u);
}

TEST_F(CapturedTableTest, AKeyIndexThatTurnsOutDamagedIsBuiltAgain) {
  Make();
  for (int i = 0; i < 400; ++i) Put(RowOp::kInsert, i, "committed", i);
  Commit();
  table_.reset();
  std::filesystem::remove_all(folder_);
  Open();
  ASSERT_TRUE(table_->OpenIndex().ok());
  DamageKeyIndexes();
  Put(RowOp::kUpdate, 5, {}, 50);  // its name is read back from where it stands
  DamageKeyIndexes();
  for (int i = 100; i < 300; ++i) Put(i % 2 == 0 ? RowOp::kDelete : RowOp::kUpdate, i, "more", 7);
  Commit();
  ExpectSame();
  Put(RowOp::kUpdate, 5, {}, 51);
  Put(RowOp::kDelete, 101, {}, 0);
  Commit();
  ExpectSame();
}

TEST_F(CapturedTableTest, AValueThatNoDefaultCanBeIsRefusedWithTheRepair) {
  Make();
  Put(RowOp::kInsert, 1, "committed", 1);
  Commit();
  arrow::ListBuilder lists(arrow::default_memory_pool(), std::make_shared<arrow::Int32Builder>());
  ASSERT_TRUE(lists.Append().ok());
  for (const auto& value :
       {*lists.Finish(), *arrow::MakeArrayFromScalar(
                             arrow::DoubleScalar(std::numeric_limits<double>::quiet_NaN()), 1)}) {
    const Status status = AddColumn("d", value, 3);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_NE(status.ToString().find("tarn resync"), std::string::npos) << status.ToString();
    table_->Discard();
  }
}

TEST_F(CapturedTableTest, AKeyColumnThatIsRenamedIsFollowedAndAnotherKeyIsNot) {
  Make();
  Put(RowOp::kInsert, 1, "one", 1);
  Commit();
  std::filesystem::remove_all(folder_);
  Open();
  SourceTable now = described_;
  now.columns[0].name = "key";
  now.columns[0].field = arrow::field("key", arrow::int64());
  now.key = {"key"};
  TableAltered altered{std::make_shared<SourceTable>(now), {{"id", "key"}}, {}};
  ASSERT_TRUE(table_->Alter(altered).ok());
  for (int i = 0; i < 2; ++i) {
    const auto info = TryCommit();
    ASSERT_TRUE(info.ok()) << info.status().ToString();
    ASSERT_TRUE(table_->Committed(info->sequence).ok());
    EXPECT_EQ(Metadata()->schema().fields[0].name, "key");
  }
  now.key = {"key", "n"};
  const Status other = table_->Alter({std::make_shared<SourceTable>(now), {}, {}});
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.ToString().find("has another key: key, n instead of key"), std::string::npos)
      << other.ToString();
  table_->Discard();
}

class CapturedTableChance : public CapturedTableTest,
                            public ::testing::WithParamInterface<uint64_t> {
 protected:
  CapturedTableChance() : CapturedTableTest(GetParam()), chance_(SeededRandom(GetParam())) {}
  uint64_t Below(uint64_t n) { return chance_->Below(n); }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  std::unique_ptr<Random> chance_;
};

TEST_P(CapturedTableChance, ColumnsComeAndGoAmongChangesOfRows) {
  Make();
  std::vector<std::string> added;
  for (int step = 0; step < 300; ++step) {
    const auto id = static_cast<int64_t>(Below(30));
    const auto value = static_cast<int32_t>(Below(1000));
    if (OneIn(15)) {
      added.push_back("c" + std::to_string(step));
      AddFilled(added.back(), value, 1 + Below(described_.columns.size()));
    } else if (!added.empty() && OneIn(25)) {
      Drop(added.back());
      added.pop_back();
    } else if (OneIn(60)) {
      Truncate();
    } else if (OneIn(12)) {
      Commit();
      ExpectSame();
    } else if (OneIn(40)) {
      Commit();
      Open();
    } else if (!rows_.contains(id)) {
      Put(RowOp::kInsert, id, "n" + std::to_string(step), value);
    } else if (OneIn(4)) {
      Put(RowOp::kDelete, id, {}, 0);
    } else {
      Put(RowOp::kUpdate, id, OneIn(2) ? std::nullopt : std::optional("u" + std::to_string(step)),
          value);
    }
    if (HasFatalFailure()) return;
  }
  Commit();
  ExpectSame();
}

INSTANTIATE_TEST_SUITE_P(Seeds, CapturedTableChance, ::testing::Range<uint64_t>(1, 13));

}  // namespace
}  // namespace tarn
