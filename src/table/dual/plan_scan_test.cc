#include "table/dual/table.h"

#include "table/dual/delete_index.h"
#include "table/dual/manifest_io.h"
#include "table/dual/testing.h"
#include "table/iceberg/metadata_json.h"
#include "table/model/partition.h"
#include "table/model/transform_math.h"

namespace tarn {
namespace {

using Op = Predicate::Op;
using Kind = Type::Kind;

class Planning : public TableTest {
 protected:
  Predicate SoldAt(Op op, int64_t hours) {
    return Predicate::Compare(op, "sold_at", Scalar(hours * 3'600'000'000));
  }

  /// Adds delete files to the current snapshot, as another engine would.
  void AddDeletes(const std::vector<ManifestEntry>& entries) {
    TableMetadata next = *table_;
    ManifestIo io(store_, nullptr, next);
    auto manifests = io.List(*next.current()).value();
    ++next.last_sequence_number;
    auto writer = ManifestWriter::Open(next.spec(), next.schema(), io.types(),
                                       {ManifestFile::Content::kDeletes, SnapshotId(1234),
                                        next.last_sequence_number},
                                       *random_)
                      .value();
    for (const ManifestEntry& entry : entries) writer->Add(entry);
    WrittenManifest written = writer->Finish().value();
    written.file.path = store_.UriOf("bronze/sales/metadata/deletes.avro");
    ASSERT_TRUE(store_.Put("bronze/sales/metadata/deletes.avro", written.bytes).ok());
    manifests.push_back(written.file);
    Snapshot snapshot = *next.current();
    snapshot.id = SnapshotId(1234);
    snapshot.sequence_number = next.last_sequence_number;
    snapshot.manifest_list = store_.UriOf("bronze/sales/metadata/snap.avro");
    ASSERT_TRUE(store_
                    .Put("bronze/sales/metadata/snap.avro",
                         WriteManifestList(manifests, snapshot, *random_).value())
                    .ok());
    next.snapshots.push_back(snapshot);
    next.current_snapshot = SnapshotId(1234);
    table_ = std::make_shared<const TableMetadata>(std::move(next));
  }
};

TEST_F(Planning, SkipsManifestsThenPartitionsThenFiles) {
  Create({"day(sold_at)"});
  Append(0, 48);
  Append(48, 96);
  EXPECT_EQ(Plan().files.size(), 4U);
  ScanPlan plan = Plan(SoldAt(Op::kGtEq, 80));
  EXPECT_EQ(plan.files.size(), 1U);
  EXPECT_EQ(plan.manifests_total, 2);
  EXPECT_EQ(plan.manifests_skipped, 1);
  EXPECT_EQ(plan.files_total, 2);
  EXPECT_EQ(plan.files_skipped, 1);
  plan = Plan(Predicate::Compare(Op::kEq, "id", Scalar(int64_t{50})));
  EXPECT_EQ(plan.files.size(), 1U) << "by the file's own bounds";
  EXPECT_EQ(plan.manifests_skipped, 0);
  EXPECT_EQ(Plan(Predicate::Compare(Op::kEq, "name", Scalar(std::string("zzz")))).files.size(), 0U);
  EXPECT_EQ(Plan(Predicate{Op::kIsNull, "id", {}, {}}).files.size(), 0U);
  EXPECT_EQ(Plan(Predicate{Op::kIsNull, "name", {}, {}}).files.size(), 4U);
  EXPECT_EQ(Plan(Predicate::Compare(Op::kEq, "no such column", Scalar(true))).files.size(), 4U);
}

TEST_F(Planning, NeverSkipsAFileThatHoldsTheRow) {
  limits_.target_file_bytes = 1;  // one file a row, so that a file's bounds tell which row it is
  for (const std::string& partition :
       {std::string("id"), std::string("bucket(5, id)"), std::string("truncate(7, id)"),
        std::string("year(sold_at)"), std::string("month(sold_at)"), std::string("day(sold_at)"),
        std::string("hour(sold_at)"), std::string("bucket(3, name)"),
        std::string("truncate(2, name)"), std::string("truncate(100, price)"),
        std::string("bucket(4, price)"), std::string("name")}) {
    Create({partition});
    auto transaction = Begin();
    std::vector<std::shared_ptr<arrow::RecordBatch>> rows;
    for (int64_t id = -30; id < 30; ++id) rows.push_back(Rows(id, id + 1));
    ASSERT_TRUE(transaction->Append(Write(*transaction, rows)).ok());
    Commit(*transaction);
    std::map<int64_t, std::string> path_of;
    const auto live = ListLiveFiles(store_, *table_, *table_->current_snapshot).value();
    for (const LiveFile& file : live) {
      path_of[std::get<int64_t>(file.file.lower_bounds.at(1))] = file.file.path;
    }
    ASSERT_EQ(path_of.size(), 60U);
    for (const auto& [id, path] : path_of) {
      if (id % 3 == 1) continue;
      const Scalar price(Int128FromInt64(id * 10));
      std::vector<Predicate> conditions = {
          Predicate::Compare(Op::kEq, "id", Scalar(id)),
          Predicate::Compare(Op::kLtEq, "id", Scalar(id)),
          Predicate::Compare(Op::kGt, "id", Scalar(id - 1)),
          Predicate{Op::kNot, {}, {}, {Predicate::Compare(Op::kLt, "id", Scalar(id))}},
          SoldAt(Op::kEq, id),
          SoldAt(Op::kLt, id + 1),
          SoldAt(Op::kGtEq, id),
          Predicate::Compare(Op::kEq, "price", price),
          Predicate::Compare(Op::kGtEq, "price", price)};
      if (id % 5 == 0) {
        conditions.push_back(Predicate{Op::kIsNull, "name", {}, {}});
      } else {
        const Scalar name("n" + std::to_string(id));
        conditions.push_back(Predicate::Compare(Op::kEq, "name", name));
        conditions.push_back(Predicate::Compare(Op::kStartsWith, "name", name));
        conditions.push_back(Predicate{Op::kIn, "name", {name, Scalar(std::string("x"))}, {}});
      }
      for (const Predicate& condition : conditions) {
        const ScanPlan plan = Plan(condition);
        EXPECT_TRUE(std::any_of(plan.files.begin(), plan.files.end(),
                                [&](const ScanFile& file) { return file.file.path == path; }))
            << partition << ", id " << id << ": " << ToString(condition);
      }
    }
  }
}

TEST_F(Planning, ReadsAnEarlierSnapshotWithItsOwnColumns) {
  Create();
  Append(0, 10);
  const SnapshotId first = *table_->current_snapshot;
  auto transaction = Begin();
  ASSERT_TRUE(transaction->RenameColumn("name", "label").ok());
  Commit(*transaction);
  Append(10, 20);
  const auto planned = [&](const std::string& column) {
    return PlanScan(context_, *table_, first,
                    Predicate::Compare(Op::kEq, column, Scalar(std::string("zzz"))))
        .value()
        .files.size();
  };
  EXPECT_EQ(planned("name"), 0U);
  EXPECT_EQ(planned("label"), 1U) << "the name did not exist then";
  EXPECT_EQ(PlanScan(context_, *table_, SnapshotId(5), Predicate::True()).error().kind,
            ErrorKind::kNotFound);
}

TEST_F(Planning, ReadsBoundsOfAnEarlierSnapshotWithTheTypesOfThen) {
  NewTable days = Sales();
  days.schema = Schema();
  days.schema.fields = {{FieldId(1), "day", Type(Kind::kDate), Nullability::kOptional, ""}};
  Commit(*BeginNew(days));
  arrow::Date32Builder values;
  ASSERT_TRUE(values.AppendValues({5, 7}).ok());
  const auto rows = arrow::RecordBatch::Make(arrow::schema({arrow::field("day", arrow::date32())}),
                                             2, {*values.Finish()});
  auto transaction = Begin();
  ASSERT_TRUE(transaction->Append(Write(*transaction, {rows})).ok());
  Commit(*transaction);
  // Writers of version 3 may make a timestamp of a date.
  TableMetadata later = *table_;
  Schema schema = later.schema();
  schema.id = SchemaId(schema.id.value() + 1);
  schema.fields[0].type = Type(Kind::kTimestamp);
  later.current_schema = schema.id;
  later.schemas.push_back(schema);
  const auto planned = [&](std::optional<SnapshotId> snapshot, int64_t value) {
    const auto predicate = Predicate::Compare(Op::kEq, "day", Scalar(value));
    return PlanScan(context_, later, snapshot, predicate)->files.size();
  };
  EXPECT_EQ(planned(later.current_snapshot, 6), 1U);
  EXPECT_EQ(planned(later.current_snapshot, 8), 0U);
  EXPECT_EQ(planned(std::nullopt, 6 * kMicrosPerDay), 1U);
}

TEST_F(Planning, GivesDeletesToTheFilesThatTheyMayTouch) {
  Create({"day(sold_at)"});
  Append(0, 48);
  const ScanPlan before = Plan();
  ASSERT_EQ(before.files.size(), 2U);
  ManifestEntry all_of_day_0, one_file, elsewhere;
  for (ManifestEntry* entry : {&all_of_day_0, &one_file, &elsewhere}) {
    entry->file.content = FileContent::kPositionDeletes;
    entry->file.partition = before.files[0].file.partition;
    entry->file.record_count = 1;
  }
  all_of_day_0.file.path = "memory://lake/bronze/sales/data/d1.parquet";
  one_file.file.path = "memory://lake/bronze/sales/data/d2.parquet";
  one_file.file.lower_bounds[kDeletePathFieldId] = before.files[0].file.path;
  one_file.file.upper_bounds[kDeletePathFieldId] = before.files[0].file.path;
  elsewhere.file.path = "memory://lake/bronze/sales/data/d3.parquet";
  elsewhere.file.referenced_data_file = "memory://lake/other.parquet";
  AddDeletes({all_of_day_0, one_file, elsewhere});
  Append(0, 3);  // day 0 again, later than the deletes
  for (const ScanFile& file : Plan().files) {
    const bool touched = file.file.path == before.files[0].file.path;
    EXPECT_EQ(file.deletes.size(), touched ? 2U : 0U) << file.file.path;
  }
  EXPECT_EQ(Summary("total-delete-files"), "0") << "what the other engine's summary said";
}

TEST_F(Planning, EqualityDeletesApplyToOlderFilesOnly) {
  Create();
  Append(0, 3);
  ManifestEntry deletes;
  deletes.file.content = FileContent::kEqualityDeletes;
  deletes.file.path = "memory://lake/bronze/sales/data/eq.parquet";
  deletes.file.equality_ids = {1};
  AddDeletes({deletes});
  Append(3, 6);
  std::vector<size_t> deletes_of;
  for (const ScanFile& file : Plan().files) deletes_of.push_back(file.deletes.size());
  std::sort(deletes_of.begin(), deletes_of.end());
  EXPECT_EQ(deletes_of, (std::vector<size_t>{0, 1}));
}

TEST_F(Planning, EqualityDeletesUnderAPartitioningThatIsVoidApplyToAllFiles) {
  Create();
  Append(0, 3);
  PartitionSpec gone;
  gone.id = SpecId(7);
  gone.fields = {{FieldId(1), 1000, "was", ParseTransform("void")}};
  TableMetadata table = *table_;
  table.specs.push_back(gone);
  ManifestEntry deletes;
  deletes.file.content = FileContent::kEqualityDeletes;
  deletes.file.spec_id = gone.id;
  deletes.file.partition = {Scalar()};
  deletes.data_sequence_number = 5;
  DeleteIndex index(table);
  index.Add(std::move(deletes));
  EXPECT_EQ(index.For(Plan().files.at(0).file, 1).size(), 1u);
}

TEST_F(Planning, NamesTheFileThatIsMissingOrBroken) {
  Create();
  Append(0, 3);
  const std::string key = store_.KeyOf(table_->current()->manifest_list).value();
  ASSERT_TRUE(store_.Put(key, "nonsense").ok());
  TableContext elsewhere = context_;
  elsewhere.cache = nullptr;  // who wrote the file has it in its cache
  auto plan = PlanScan(elsewhere, *table_, std::nullopt, Predicate::True());
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().kind, ErrorKind::kCorruption);
  EXPECT_NE(plan.error().message.find("snap-"), std::string::npos) << plan.error().message;
  EXPECT_EQ(LoadTableMetadata(store_, "memory://lake/none.json").error().kind,
            ErrorKind::kNotFound);
}

TEST_F(Planning, AsksTheStoreOnceForWhatNeverChanges) {
  Create();
  Append(0, 3);
  ASSERT_TRUE(LoadTableMetadata(context_, location_).ok());
  Plan();
  int reads = 0;
  store_.SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
    if (call.operation == StorageOperation::kGet) ++reads;
    return std::nullopt;
  });
  EXPECT_EQ(LoadTableMetadata(context_, location_).value()->table_uuid, table_->table_uuid);
  EXPECT_EQ(Plan().files.size(), 1U);
  EXPECT_EQ(reads, 0);
  store_.SetFaultInjector(nullptr);
}

}  // namespace
}  // namespace tarn
