#include "table/delta/checkpoint.h"

#include <arrow/api.h>
#include <gmock/gmock.h>

#include "columnar/parquet_rows_writer.h"
#include "storage/memory/memory_store.h"

namespace tarn::delta {
namespace {

// One action of every kind and so many files.
State SomeState(int files) {
  State state;
  Metadata metadata;
  metadata.id = "id";
  metadata.schema_string = "{}";
  metadata.partition_columns = {"region"};
  metadata.configuration = {{"a", "b"}};
  metadata.created_ms = 1;
  std::vector<Action> actions = {Protocol{3, 7, {"timestampNtz"}, {"timestampNtz"}}, metadata,
                                 Transaction{"app", 4, 5}, DomainMetadata{"d", "{}", false}};
  for (int i = 0; i < files; ++i) {
    const std::optional<std::string> region =
        i % 2 == 0 ? std::optional<std::string>("eu") : std::nullopt;
    actions.push_back(AddFile{"data/" + std::to_string(i),
                              {{"region", region}},
                              i,
                              i,
                              DataChange::kNo,
                              i % 3 == 0 ? "" : "{\"numRecords\":1}"});
  }
  actions.push_back(RemoveFile{"data/old", 1000, DataChange::kNo, {}, 3});
  actions.push_back(RemoveFile{"data/kept", kTombstoneRetentionMs + 1000, DataChange::kNo, {}, {}});
  state.Apply(7, actions);
  return state;
}

std::vector<Action> ActionsOf(const State& state) {
  std::vector<Action> actions = {*state.protocol, *state.metadata};
  for (const auto& [app, transaction] : state.transactions) actions.emplace_back(transaction);
  for (const auto& [name, domain] : state.domains) actions.emplace_back(domain);
  for (const auto& [key, remove] : state.tombstones) actions.emplace_back(remove);
  for (const auto& [path, add] : state.files) actions.emplace_back(add);
  return actions;
}

// Through a Parquet file in a store.
std::vector<Action> Through(const Protocol& protocol, CheckpointPart part,
                            const std::vector<Action>& actions) {
  MemoryStore store("lake");
  auto writer = OpenParquetRowsWriter(store, "c.parquet", CheckpointSchema(protocol, part));
  EXPECT_TRUE(writer.ok()) << writer.status().ToString();
  CheckpointRows rows(protocol, part,
                      [&](const arrow::RecordBatch& batch) { return (*writer)->Write(batch); });
  for (const Action& action : actions) {
    const Status added = rows.Add(action);
    EXPECT_TRUE(added.ok()) << added.ToString();
  }
  EXPECT_TRUE(rows.Finish().ok());
  EXPECT_TRUE((*writer)->Finish().ok());
  std::vector<Action> found;
  auto reader = ParquetReader::Open(store, "c.parquet", {}, {CheckpointColumns()}, Limits());
  EXPECT_TRUE(reader.ok()) << reader.status().ToString();
  while (true) {
    const auto batch = (*reader)->Next();
    EXPECT_TRUE(batch.ok()) << batch.status().ToString();
    if (!batch.ok() || !*batch) break;
    const auto some = ReadCheckpointBatch(*(*batch)->rows);
    EXPECT_TRUE(some.ok()) << some.status().ToString();
    found.insert(found.end(), some->begin(), some->end());
  }
  return found;
}

State ThroughParquet(const State& state) {
  State read;
  read.Apply(state.version, Through(*state.protocol, CheckpointPart::kWhole, ActionsOf(state)));
  return read;
}

void ExpectSame(const State& read, const State& state) {
  EXPECT_EQ(read.version, state.version);
  EXPECT_EQ(read.protocol, state.protocol);
  EXPECT_EQ(read.metadata, state.metadata);
  EXPECT_EQ(read.files, state.files);
  EXPECT_EQ(read.tombstones, state.tombstones);
  EXPECT_EQ(read.transactions, state.transactions);
  EXPECT_EQ(read.domains, state.domains);
}

TEST(DeltaCheckpoint, WhatIsWrittenIsReadBack) {
  for (const int files : {0, 1, 1000, 20'000}) {
    const State state = SomeState(files);
    ExpectSame(ThroughParquet(state), state);
  }
}

TEST(DeltaCheckpoint, DeletionVectorsAreKept) {
  State state = SomeState(0);
  state.protocol = Protocol{3, 7, {"deletionVectors"}, {"deletionVectors"}};
  AddFile add{"data/1", {}, 3, 4, DataChange::kNo, "{\"numRecords\":9}"};
  RemoveFile remove{"data/1", 5, DataChange::kNo, {}, 3};
  add.deletion_vector = VectorInFile(UuidOfName("x"), 17, 600, 300);
  remove.deletion_vector = InlineVector("12345678", 2);
  state.Apply(8, {add, remove});
  ASSERT_EQ(state.files.size(), 1u);
  ExpectSame(ThroughParquet(state), state);
}

TEST(DeltaCheckpoint, TheTopOfAV2CheckpointNamesItsSidecars) {
  const State state = SomeState(0);
  const std::vector<Action> top = {CheckpointMetadata{7}, *state.protocol, *state.metadata,
                                   Sidecar{"a%20b.parquet", 12, 13}};
  EXPECT_EQ(Through(*state.protocol, CheckpointPart::kTop, top).size(), top.size());
  const auto found = Through(*state.protocol, CheckpointPart::kTop, {top[0], top[3]});
  EXPECT_THAT(found, ::testing::UnorderedElementsAre(top[0], top[3]));
  const std::vector<Action> files = {AddFile{"a", {}, 1, 1, DataChange::kNo, ""},
                                     RemoveFile{"b", 1, DataChange::kNo, {}, {}}};
  EXPECT_THAT(Through(*state.protocol, CheckpointPart::kSidecar, files),
              ::testing::UnorderedElementsAreArray(files));
}

TEST(DeltaCheckpoint, AnOldProtocolHasNoFeatureLists) {
  State state = SomeState(1);
  state.protocol = Protocol{1, 2, {}, {}};
  EXPECT_EQ(ThroughParquet(state).protocol, state.protocol);
}

TEST(DeltaCheckpoint, ForeignShapesAreErrors) {
  const auto check = [](const char* column, const std::shared_ptr<arrow::Array>& values) {
    const auto batch = arrow::RecordBatch::Make(
        arrow::schema({arrow::field(column, values->type())}), values->length(), {values});
    const auto actions = ReadCheckpointBatch(*batch);
    ASSERT_FALSE(actions.ok());
    EXPECT_EQ(actions.error().kind, ErrorKind::kCorruption);
  };
  const auto numbers = arrow::MakeArrayFromScalar(arrow::Int64Scalar(1), 2).ValueOrDie();
  check("add", numbers);
  // A path that is a number; no path at all.
  check("add", arrow::StructArray::Make({numbers}, std::vector<std::string>{"path"}).ValueOrDie());
  check("add", arrow::StructArray::Make({numbers}, std::vector<std::string>{"size"}).ValueOrDie());
  check("remove", numbers);
}

}  // namespace
}  // namespace tarn::delta
