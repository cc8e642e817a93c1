#include "table/delta/checkpoint.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "columnar/parquet_bytes.h"

namespace tarn::delta {
namespace {

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

State ThroughParquet(const State& state, int64_t now_ms) {
  const auto table = CheckpointTable(state, now_ms);
  EXPECT_TRUE(table.ok());
  const auto bytes = TableToParquet(**table);
  EXPECT_TRUE(bytes.ok());
  const auto back = ParquetToTable(*bytes, "checkpoint");
  EXPECT_TRUE(back.ok());
  const auto read = ReadCheckpoint(**back, state.version);
  EXPECT_TRUE(read.ok()) << read.status().ToString();
  return *read;
}

TEST(DeltaCheckpoint, WhatIsWrittenIsReadBack) {
  for (const int files : {0, 1, 1000}) {
    const State state = SomeState(files);
    const State read = ThroughParquet(state, kTombstoneRetentionMs + 2000);
    EXPECT_EQ(read.version, 7);
    EXPECT_EQ(read.protocol, state.protocol);
    EXPECT_EQ(read.metadata, state.metadata);
    EXPECT_EQ(read.files, state.files);
    EXPECT_EQ(read.transactions, state.transactions);
    EXPECT_EQ(read.domains, state.domains);
    ASSERT_EQ(read.tombstones.size(), 1u);  // the other one has expired
    EXPECT_EQ(read.tombstones.begin()->first, "data/kept");
  }
}

TEST(DeltaCheckpoint, AnOldProtocolHasNoFeatureLists) {
  State state = SomeState(1);
  state.protocol = Protocol{1, 2, {}, {}};
  EXPECT_EQ(ThroughParquet(state, 0).protocol, state.protocol);
}

TEST(DeltaCheckpoint, ALogWithoutProtocolIsRefused) {
  EXPECT_EQ(CheckpointTable(State(), 0).error().kind, ErrorKind::kCorruption);
  const auto empty = arrow::Table::MakeEmpty(arrow::schema({})).ValueOrDie();
  EXPECT_EQ(ReadCheckpoint(*empty, 1).error().kind, ErrorKind::kCorruption);
}

TEST(DeltaCheckpoint, ForeignShapesAreErrors) {
  arrow::Int64Builder builder;
  ASSERT_TRUE(builder.Append(1).ok());
  const std::shared_ptr<arrow::Array> numbers = builder.Finish().ValueOrDie();
  const auto wrong = arrow::Table::Make(arrow::schema({arrow::field("add", arrow::int64())}),
                                        arrow::ArrayVector{numbers});
  EXPECT_EQ(ReadCheckpoint(*wrong, 1).error().kind, ErrorKind::kCorruption);
  EXPECT_EQ(ParquetToTable("PAR1 no file PAR1", "x").error().kind, ErrorKind::kCorruption);
  EXPECT_EQ(ParquetToTable("", "x").error().kind, ErrorKind::kCorruption);
}

}  // namespace
}  // namespace tarn::delta
