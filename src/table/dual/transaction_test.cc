#include "table/dual/transaction.h"

#include <regex>

#include "table/dual/testing.h"
#include "table/model/column_mapping.h"

namespace tarn {
namespace {

using Kind = Type::Kind;
using Incompatible = TableTransaction::IncompatibleColumns;

class Transaction : public TableTest {};

TEST_F(Transaction, CreatesATableUnderFreshIds) {
  NewTable table = Sales({"day(sold_at)", "bucket(4, id)"});
  for (Field& field : table.schema.fields) field.id = FieldId(field.id.value() * 10);
  table.schema.identifier_fields = {FieldId(10)};
  table.properties["owner"] = "growth";
  auto transaction = BeginNew(table);
  EXPECT_TRUE(transaction->creates());
  Commit(*transaction);
  EXPECT_EQ(table_->schema().Find("price")->id.value(), 4);
  EXPECT_EQ(table_->schema().identifier_fields, std::vector<FieldId>{FieldId(1)});
  EXPECT_EQ(table_->last_column_id, 4);
  EXPECT_EQ(table_->spec().fields[0].name, "sold_at_day");
  EXPECT_EQ(table_->spec().fields[1].field_id, 1001);
  EXPECT_EQ(table_->last_partition_id, 1001);
  EXPECT_EQ(table_->properties.at("owner"), "growth");
  EXPECT_EQ(table_->current(), nullptr);
  EXPECT_TRUE(std::regex_search(
      location_, std::regex("memory://lake/bronze/sales/metadata/00001-[0-9a-f-]{36}\\.json$")))
      << location_;
  EXPECT_TRUE(Plan().files.empty());
}

TEST_F(Transaction, RefusesTablesThatNotEveryReaderCouldRead) {
  const auto check = [&](std::vector<Field> fields, ErrorKind kind, const std::string& mention) {
    NewTable table = Sales();
    table.schema.fields = std::move(fields);
    table.schema.identifier_fields.clear();
    auto result = TableTransaction::Create(context_, table);
    ASSERT_FALSE(result.ok()) << mention;
    EXPECT_EQ(result.error().kind, kind);
    EXPECT_NE(result.error().message.find(mention), std::string::npos) << result.error().message;
    EXPECT_FALSE(result.error().hint.empty());
  };
  const auto optional = Nullability::kOptional;
  check({{{}, "a", Type(Kind::kInt), optional, ""}, {{}, "A", Type(Kind::kInt), optional, ""}},
        ErrorKind::kInvalidArgument, "\"A\"");
  check({{{}, "", Type(Kind::kInt), optional, ""}}, ErrorKind::kInvalidArgument, "no name");
  check({{{}, "u", Type(Kind::kUuid), optional, ""}}, ErrorKind::kUnsupported, "\"u\"");
}

TEST_F(Transaction, AppendsRows) {
  Create();
  Append(0, 10);
  const int64_t first_ms = table_->current()->timestamp_ms;
  Append(10, 25);
  EXPECT_EQ(LiveRows(), 25);
  EXPECT_EQ(Summary("operation"), "append");
  EXPECT_EQ(Summary("added-data-files"), "1");
  EXPECT_EQ(Summary("added-records"), "15");
  EXPECT_EQ(Summary("total-records"), "25");
  EXPECT_EQ(Summary("total-data-files"), "2");
  EXPECT_EQ(Summary("deleted-records"), "-");
  EXPECT_EQ(Summary("engine-name"), "tarn");
  EXPECT_NE(Summary("tarn.commit-id"), "-");
  EXPECT_EQ(table_->last_sequence_number, 2);
  EXPECT_EQ(table_->snapshots.size(), 2U);
  EXPECT_EQ(table_->current()->parent, table_->snapshots[0].id);
  EXPECT_EQ(table_->snapshot_log.size(), 2U);
  EXPECT_EQ(table_->metadata_log.size(), 2U);
  EXPECT_EQ(table_->refs.at("main").snapshot, *table_->current_snapshot);
  EXPECT_GT(table_->current()->timestamp_ms, first_ms) << "although the clock stood still";
  const SnapshotChanges changes = Changes();
  EXPECT_EQ(changes.added.size(), 1U);
  EXPECT_TRUE(changes.removed.empty());
  EXPECT_EQ(changes.added[0].record_count, 15);
  EXPECT_EQ(changes.added[0].lower_bounds.at(1), Scalar(int64_t{10}));
  EXPECT_EQ(changes.added[0].null_counts.at(2), 3);
}

TEST_F(Transaction, TimeNeverRunsBackwards) {
  Create();
  Append(0, 1);
  const int64_t before = table_->last_updated_ms;
  clock_.Advance(-3'600'000'000);
  Append(1, 2);
  EXPECT_GT(table_->last_updated_ms, before);
}

TEST_F(Transaction, AppendsNothingAndStillTellsItsPosition) {
  Create();
  auto transaction = Begin();
  ASSERT_TRUE(transaction->Append({}).ok());
  transaction->SetSummary("tarn.source-position", "{\"lsn\":\"0/1\"}");
  Commit(*transaction);
  EXPECT_EQ(Summary("tarn.source-position"), "{\"lsn\":\"0/1\"}");
  EXPECT_EQ(Summary("total-records"), "0");
  EXPECT_EQ(LiveRows(), 0);
}

TEST_F(Transaction, OverwritesAllRowsAndNamesTheRemovedFiles) {
  Create({"bucket(4, id)"});
  Append(0, 40);
  Append(40, 80);
  const size_t files = Plan().files.size();
  auto transaction = Begin();
  ASSERT_TRUE(transaction->Overwrite(Write(*transaction, {Rows(100, 103)})).ok());
  Commit(*transaction);
  EXPECT_EQ(LiveRows(), 3);
  EXPECT_EQ(Summary("operation"), "overwrite");
  EXPECT_EQ(Summary("deleted-records"), "80");
  EXPECT_EQ(Summary("total-records"), "3");
  const SnapshotChanges changes = Changes();
  EXPECT_EQ(changes.removed.size(), files);
  EXPECT_GE(changes.added.size(), 1U);
  Append(200, 201);
  EXPECT_EQ(LiveRows(), 4) << "manifests of removed files are dropped, the others kept";
  EXPECT_EQ(Changes().removed.size(), 0U);
  EXPECT_EQ(Summary("total-records"), "4");
}

TEST_F(Transaction, OverwritesWithNothingAndOverNothing) {
  Create();
  auto transaction = Begin();
  ASSERT_TRUE(transaction->Overwrite(Write(*transaction, {Rows(0, 5)})).ok());
  Commit(*transaction);
  EXPECT_EQ(Summary("operation"), "append") << "nothing was removed";
  transaction = Begin();
  ASSERT_TRUE(transaction->Overwrite({}).ok());
  Commit(*transaction);
  EXPECT_EQ(Summary("operation"), "delete");
  EXPECT_EQ(Summary("total-records"), "0");
  EXPECT_EQ(LiveRows(), 0);
  EXPECT_EQ(Changes().removed.size(), 1U);
}

TEST_F(Transaction, ReplacesThePartitionsThatItTouches) {
  Create({"day(sold_at)"});
  Append(0, 48);
  Append(48, 72);
  EXPECT_EQ(Plan().files.size(), 3U);
  auto transaction = Begin();
  ASSERT_TRUE(transaction->ReplacePartitions(Write(*transaction, {Rows(24, 26)})).ok());
  Commit(*transaction);
  EXPECT_EQ(LiveRows(), 24 + 2 + 24);
  EXPECT_EQ(Summary("operation"), "overwrite");
  EXPECT_EQ(Summary("deleted-records"), "24");
  EXPECT_EQ(Summary("total-records"), "50");
  const SnapshotChanges changes = Changes();
  ASSERT_EQ(changes.removed.size(), 1U);
  EXPECT_EQ(changes.removed[0].partition[0], Scalar(int64_t{1}));
  EXPECT_EQ(changes.added.size(), 1U);
  const auto live = ListLiveFiles(store_, *table_, *table_->current_snapshot).value();
  for (const LiveFile& file : live) {
    EXPECT_EQ(file.data_sequence_number, file.file.partition[0] == Scalar(int64_t{0})   ? 1
                                         : file.file.partition[0] == Scalar(int64_t{1}) ? 3
                                                                                        : 2);
  }
}

TEST_F(Transaction, RefusesToReplacePartitionsAcrossPartitionings) {
  Create({"month(sold_at)"});
  Append(0, 24);
  auto transaction = Begin();
  ASSERT_TRUE(transaction->SetPartition({"day(sold_at)"}).ok());
  ASSERT_TRUE(transaction->ReplacePartitions(Write(*transaction, {Rows(0, 2)})).ok());
  const auto before = Keys();
  auto staged = transaction->Stage(random_->Uuid());
  ASSERT_FALSE(staged.ok());
  EXPECT_EQ(staged.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(Keys(), before) << "a staging that failed leaves nothing behind";
}

TEST_F(Transaction, MergesManifestsOnceThereAreMany) {
  Create();
  for (int64_t i = 0; i < 103; ++i) Append(i, i + 1);
  EXPECT_EQ(LiveRows(), 103);
  const ScanPlan plan = Plan();
  EXPECT_LT(plan.manifests_total, 10);
  EXPECT_EQ(Changes().added.size(), 1U);
  EXPECT_EQ(Changes().removed.size(), 0U);
  std::set<int64_t> sequences;
  for (const ScanFile& file : plan.files) sequences.insert(file.data_sequence_number);
  EXPECT_EQ(sequences.size(), 103U) << "merged entries keep their sequence numbers";
  EXPECT_EQ(table_->metadata_log.size(), 100U) << "bounded by metadata_log_max";
}

TEST_F(Transaction, NeverTakesTheNamesOfAnEarlierAttempt) {
  Create();
  const std::string commit_id = random_->Uuid();
  auto transaction = Begin();
  ASSERT_TRUE(transaction->Append(Write(*transaction, {Rows(0, 1)})).ok());
  std::set<std::string> names;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto staged = transaction->Stage(commit_id).value();
    ASSERT_EQ(staged.files.size(), 3U);
    for (const std::string& key : staged.files) {
      EXPECT_TRUE(names.insert(key).second) << key;
      // A request to remove it that was lost may still be carried out after the next attempt.
      if (attempt == 1) {
        EXPECT_TRUE(store_.Delete(key).ok());
      }
    }
  }
}

TEST_F(Transaction, LeavesNothingBehindWhenTheStoreFails) {
  Create();
  Append(0, 1);
  auto transaction = Begin();
  ASSERT_TRUE(transaction->Append(Write(*transaction, {Rows(1, 2)})).ok());
  const auto before = Keys();
  for (int failing = 0; failing < 3; ++failing) {
    int puts = 0;
    store_.SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
      const bool put = call.operation == StorageOperation::kPutIfAbsent &&
                       call.moment == StorageCall::Moment::kBefore;
      if (put && puts++ == failing) return ResourceExhausted("the disk is full");
      return std::nullopt;
    });
    EXPECT_EQ(transaction->Stage(random_->Uuid()).error().kind, ErrorKind::kResourceExhausted);
    store_.SetFaultInjector(nullptr);
    EXPECT_EQ(Keys(), before) << "failing write " << failing;
  }
  Commit(*transaction);
  EXPECT_EQ(LiveRows(), 2);
}

// --- columns ---

TEST_F(Transaction, ChangesColumnsUnderStableIds) {
  Create();
  Append(0, 3);
  auto transaction = Begin();
  ASSERT_TRUE(transaction->AddColumn("note", Type(Kind::kInt), "why").ok());
  ASSERT_TRUE(transaction->RenameColumn("name", "label").ok());
  ASSERT_TRUE(transaction->DropColumn("price").ok());
  ASSERT_TRUE(transaction->ReorderColumns({"label", "id", "note", "sold_at"}).ok());
  ASSERT_TRUE(transaction->WidenColumn("note", Type(Kind::kLong)).ok());
  Commit(*transaction);
  const Schema& schema = table_->schema();
  ASSERT_EQ(schema.fields.size(), 4U);
  EXPECT_EQ(schema.fields[0].name, "label");
  EXPECT_EQ(schema.fields[0].id.value(), 2);
  EXPECT_EQ(schema.Find("note")->id.value(), 5);
  EXPECT_EQ(schema.Find("note")->type.kind(), Kind::kLong);
  EXPECT_EQ(table_->schemas.size(), 2U);
  EXPECT_EQ(table_->current()->schema_id, SchemaId(0)) << "the snapshot keeps its own columns";
  const std::map<int32_t, std::string> expected = {
      {1, "id"}, {2, "name"}, {3, "sold_at"}, {4, "price"}, {5, "note"}};
  EXPECT_EQ(ReadColumnMapping(*table_).value(), expected);

  transaction = Begin();
  EXPECT_EQ(transaction->physical_names(), expected);
  ASSERT_TRUE(transaction->AddColumn("price", Type(Kind::kInt), "").ok());
  EXPECT_EQ(transaction->physical_names().at(6), "col-6") << "the name's old data must not return";
  Commit(*transaction);
  EXPECT_EQ(table_->schema().Find("price")->id.value(), 6);
}

TEST_F(Transaction, KeepsPlainParquetNamesUntilTheFirstRenameOrDrop) {
  Create();
  Append(0, 1);
  auto transaction = Begin();
  ASSERT_TRUE(transaction->AddColumn("note", Type(Kind::kInt), "").ok());
  Commit(*transaction);
  EXPECT_FALSE(table_->properties.contains(kColumnMappingProperty));
}

TEST_F(Transaction, RefusesColumnChangesThatWouldLoseSomething) {
  Create({"bucket(4, id)"});
  Append(0, 1);
  auto transaction = Begin();
  const auto refused = [](const Status& status, const std::string& mention) {
    ASSERT_FALSE(status.ok()) << mention;
    EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_NE(status.error().message.find(mention), std::string::npos) << status.ToString();
  };
  refused(transaction->DropColumn("id"), "\"id\"");
  refused(transaction->DropColumn("nmae"), "\"nmae\"");
  refused(transaction->AddColumn("Name", Type(Kind::kInt), ""), "\"name\"");
  refused(transaction->AddColumn("id_bucket", Type(Kind::kInt), ""), "\"id_bucket\"");
  refused(transaction->RenameColumn("name", "price"), "\"price\"");
  refused(transaction->WidenColumn("name", Type(Kind::kInt)), "\"name\"");
  refused(transaction->MakeOptional("id"), "\"id\"");
  refused(transaction->SetKey({"name"}), "\"name\"");
  refused(transaction->ReorderColumns({"id", "name"}), "\"sold_at\"");
  refused(transaction->SetPartition({"day(name)"}), "day(name)");
  EXPECT_TRUE(transaction->schema().SameColumns(table_->schema())) << "nothing was half done";
  ASSERT_TRUE(transaction->SetKey({}).ok());
  refused(transaction->DropColumn("id"), "\"id_bucket\"");
  ASSERT_TRUE(transaction->SetPartition({}).ok());
  EXPECT_TRUE(transaction->DropColumn("id").ok());
}

TEST_F(Transaction, EvolvesToWhatASourceHas) {
  Create();
  Append(0, 3);
  Schema wanted = Columns();
  wanted.fields.erase(wanted.fields.begin() + 2);
  wanted.fields[2].type = Type::Decimal(18, 2);
  wanted.fields.insert(wanted.fields.begin(),
                       {FieldId(90), "first", Type(Kind::kInt), Nullability::kRequired, ""});
  auto transaction = Begin();
  ASSERT_TRUE(transaction->EvolveTo(wanted, Incompatible::kRefuse).ok());
  Commit(*transaction);
  const Schema& schema = table_->schema();
  ASSERT_EQ(schema.fields.size(), 4U);
  EXPECT_EQ(schema.fields[0].name, "first");
  EXPECT_EQ(schema.fields[0].id.value(), 5);
  EXPECT_EQ(schema.fields[0].nullability, Nullability::kOptional) << "older rows have none";
  EXPECT_EQ(schema.Find("price")->type, Type::Decimal(18, 2));
  EXPECT_EQ(schema.Find("price")->id.value(), 4);
  EXPECT_EQ(schema.Find("sold_at"), nullptr);
  EXPECT_EQ(schema.identifier_fields, std::vector<FieldId>{FieldId(1)});
  EXPECT_TRUE(table_->properties.contains(kColumnMappingProperty));

  transaction = Begin();
  ASSERT_TRUE(transaction->EvolveTo(schema, Incompatible::kRefuse).ok());
  EXPECT_TRUE(transaction->schema().SameColumns(schema)) << "evolving twice changes nothing";
}

TEST_F(Transaction, AVariantStaysOneWhenItsTableEvolves) {
  Create({});
  Schema wanted = Columns();
  wanted.fields.push_back({FieldId(90), "doc", Type(Kind::kVariant), Nullability::kOptional, ""});
  wanted.fields.push_back(
      {FieldId(91), "docs",
       Type::List({FieldId(92), "element", Type(Kind::kVariant), Nullability::kOptional, ""}),
       Nullability::kOptional, ""});
  auto transaction = Begin();
  ASSERT_TRUE(transaction->EvolveTo(wanted, Incompatible::kRefuse).ok());
  Commit(*transaction);
  const Schema schema = table_->schema();
  for (const auto incompatible : {Incompatible::kRefuse, Incompatible::kReplace}) {
    transaction = Begin();
    ASSERT_TRUE(transaction->EvolveTo(wanted, incompatible).ok());
    EXPECT_TRUE(transaction->schema().SameColumns(schema));
  }
  wanted.fields[wanted.fields.size() - 2].type = Type(Kind::kString);
  EXPECT_FALSE(Begin()->EvolveTo(wanted, Incompatible::kRefuse).ok());
}

TEST_F(Transaction, ReplacesColumnsOnlyTogetherWithAllRows) {
  Create({"truncate(2, name)"});
  Append(0, 3);
  Schema wanted = Columns();
  wanted.fields[1].type = Type(Kind::kInt);
  auto transaction = Begin();
  Status refused = transaction->EvolveTo(wanted, Incompatible::kRefuse);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("\"name\""), std::string::npos);
  ASSERT_TRUE(transaction->EvolveTo(wanted, Incompatible::kReplace).ok());
  EXPECT_EQ(transaction->schema().Find("name")->id.value(), 5);
  EXPECT_EQ(transaction->spec().fields[0].source_id.value(), 5) << "the partition follows";
  EXPECT_TRUE(transaction->physical_names().empty()) << "no older file is read by the new names";
  EXPECT_FALSE(transaction->Stage(random_->Uuid()).ok()) << "older rows do not fit";
  ASSERT_TRUE(transaction->Overwrite({}).ok());
  Commit(*transaction);
  EXPECT_EQ(table_->default_spec, SpecId(1));
  EXPECT_EQ(table_->spec().fields[0].field_id, 1001);
  EXPECT_EQ(LiveRows(), 0);
}

TEST_F(Transaction, EvolvesNestedColumns) {
  NewTable table = Sales();
  table.schema.fields.push_back(
      {{},
       "addr",
       Type::Struct({{{}, "zip", Type(Kind::kInt), Nullability::kOptional, ""},
                     {{}, "city", Type(Kind::kString), Nullability::kOptional, ""}}),
       Nullability::kOptional,
       ""});
  auto transaction = BeginNew(table);
  Commit(*transaction);
  Schema wanted = table_->schema();
  wanted.fields[4].type =
      Type::Struct({{{}, "street", Type(Kind::kString), Nullability::kOptional, ""},
                    {{}, "zip", Type(Kind::kLong), Nullability::kOptional, ""}});
  transaction = Begin();
  ASSERT_TRUE(transaction->EvolveTo(wanted, Incompatible::kRefuse).ok());
  const auto& fields = transaction->schema().fields[4].type.fields();
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields[0].id.value(), 8);
  EXPECT_EQ(fields[1].id.value(), 6);
  EXPECT_EQ(fields[1].type.kind(), Kind::kLong);
}

TEST_F(Transaction, UsesPartitionIdsAndSpecsAgain) {
  Create({"month(sold_at)"});
  Append(0, 3);
  auto transaction = Begin();
  ASSERT_TRUE(transaction->SetPartition({"day(sold_at)", "month(sold_at)"}).ok());
  Commit(*transaction);
  EXPECT_EQ(table_->default_spec, SpecId(1));
  EXPECT_EQ(table_->spec().fields[0].field_id, 1001);
  EXPECT_EQ(table_->spec().fields[1].field_id, 1000);
  Append(3, 6);
  transaction = Begin();
  ASSERT_TRUE(transaction->SetPartition({"month(sold_at)"}).ok());
  Commit(*transaction);
  EXPECT_EQ(table_->default_spec, SpecId(0));
  EXPECT_EQ(table_->specs.size(), 2U);
  EXPECT_EQ(LiveRows(), 6);
}

// --- rebase ---

TEST_F(Transaction, AppendsRebaseOnEachOther) {
  Create();
  auto late = Begin();
  ASSERT_TRUE(late->Append(Write(*late, {Rows(0, 5)})).ok());
  ASSERT_TRUE(late->Stage(random_->Uuid()).ok()) << "an attempt that will lose";
  Append(5, 7);
  ASSERT_TRUE(late->Rebase(table_, location_).ok());
  EXPECT_EQ(late->base_location(), location_);
  Commit(*late);
  EXPECT_EQ(LiveRows(), 7);
  EXPECT_EQ(Summary("total-records"), "7");
  EXPECT_EQ(table_->last_sequence_number, 2);
}

TEST_F(Transaction, AnOverwriteReplacesWhatIsThereWhenItCommits) {
  Create();
  Append(0, 2);
  auto late = Begin();
  ASSERT_TRUE(late->Overwrite(Write(*late, {Rows(0, 5)})).ok());
  Append(5, 7);
  ASSERT_TRUE(late->Rebase(table_, location_).ok());
  Commit(*late);
  EXPECT_EQ(LiveRows(), 5);
  EXPECT_EQ(Changes().removed.size(), 2U);
}

TEST_F(Transaction, ColumnsChangedByBothAreAConflictThatNamesThem) {
  Create();
  auto late = Begin();
  ASSERT_TRUE(late->AddColumn("mine", Type(Kind::kInt), "").ok());
  auto other = Begin();
  ASSERT_TRUE(other->AddColumn("theirs", Type(Kind::kInt), "").ok());
  Commit(*other);
  const Status status = late->Rebase(table_, location_);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kConflict);
  EXPECT_NE(status.error().message.find("\"theirs\""), std::string::npos) << status.ToString();
}

TEST_F(Transaction, RowsRebaseOnColumnsThatTheyFit) {
  Create();
  auto late = Begin();
  ASSERT_TRUE(late->Append(Write(*late, {Rows(0, 5)})).ok());
  auto other = Begin();
  ASSERT_TRUE(other->AddColumn("theirs", Type(Kind::kInt), "").ok());
  Commit(*other);
  ASSERT_TRUE(late->Rebase(table_, location_).ok());
  EXPECT_NE(late->schema().Find("theirs"), nullptr);
  Commit(*late);
  EXPECT_EQ(LiveRows(), 5);
  EXPECT_NE(table_->schema().Find("theirs"), nullptr);
}

TEST_F(Transaction, RowsOfAnEarlierPartitioningJoinTheTable) {
  Create({"month(sold_at)"});
  auto late = Begin();
  ASSERT_TRUE(late->Append(Write(*late, {Rows(0, 5)})).ok());
  auto other = Begin();
  ASSERT_TRUE(other->SetPartition({"day(sold_at)"}).ok());
  Commit(*other);
  ASSERT_TRUE(late->Rebase(table_, location_).ok());
  Commit(*late);
  EXPECT_EQ(LiveRows(), 5);
  EXPECT_EQ(Plan().files[0].file.spec_id, SpecId(0));
  EXPECT_EQ(table_->default_spec, SpecId(1));
}

TEST_F(Transaction, PartitioningChangedByBothIsAConflict) {
  Create();
  auto late = Begin();
  ASSERT_TRUE(late->SetPartition({"day(sold_at)"}).ok());
  auto other = Begin();
  ASSERT_TRUE(other->SetPartition({"month(sold_at)"}).ok());
  Commit(*other);
  EXPECT_EQ(late->Rebase(table_, location_).error().kind, ErrorKind::kConflict);
}

TEST_F(Transaction, DoesNotRebaseOnAnotherTable) {
  Create();
  auto late = Begin();
  ASSERT_TRUE(late->Append({}).ok());
  Create();
  EXPECT_EQ(late->Rebase(table_, location_).error().kind, ErrorKind::kConflict);
}

}  // namespace
}  // namespace tarn
