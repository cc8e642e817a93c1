#include "table/delta/log_json.h"

#include <gmock/gmock.h>

#include "table/delta/state.h"

namespace tarn::delta {
namespace {

using ::testing::HasSubstr;

std::vector<Action> EveryKind() {
  CommitInfo info{1'700'000'000'123, "WRITE", {{"mode", "Append"}}, "Tarn/1", {{"a", "b"}}};
  Protocol protocol{3, 7, {"timestampNtz"}, {"timestampNtz"}};
  Metadata metadata;
  metadata.id = "af23c9d7-fff1-4a5a-a2c8-55c59bd782aa";
  metadata.description = "what it is";
  metadata.schema_string = R"({"type":"struct","fields":[]})";
  metadata.partition_columns = {"region"};
  metadata.configuration = {{"k", "v\"\n"}};
  metadata.created_ms = 5;
  AddFile add{
      "data/a%20b.parquet", {{"region", "eu"}, {"x", std::nullopt}}, 10, 20, DataChange::kYes,
      R"({"numRecords":1})"};
  add.deletion_vector = VectorInFile("d2c639aa-8816-431a-aaf6-d3fe2512ff61", 4, 40, 6);
  add.tags = {{"OPTIMIZE_TARGET_SIZE", "1"}};
  add.base_row_id = 4071;
  add.default_row_commit_version = 41;
  add.clustering_provider = "liquid";
  RemoveFile remove{"data/b.parquet", 7, DataChange::kNo, {{"region", ""}}, 12};
  remove.deletion_vector = InlineVector("12345678", 2);
  remove.base_row_id = 0;
  remove.default_row_commit_version = 0;
  info.in_commit_timestamp_ms = 1'700'000'000'124;
  return {info,
          protocol,
          metadata,
          add,
          remove,
          AddCdcFile{"_change_data/c.parquet", {{"region", "eu"}}, 13, {{"a", "b"}}},
          Transaction{"app", 3, std::nullopt},
          DomainMetadata{"d", "{}", false},
          Sidecar{"s.parquet", 5, 6},
          CheckpointMetadata{7}};
}

TEST(DeltaLogJson, WhatIsWrittenIsReadBack) {
  const std::vector<Action> actions = EveryKind();
  const std::string text = WriteLogEntry(actions);
  EXPECT_EQ(*ParseLogEntry(text, "0.json"), actions);
  EXPECT_EQ(WriteLogEntry(*ParseLogEntry(text, "0.json")), text);
}

TEST(DeltaLogJson, AnEntryIsOneJsonObjectALine) {
  EXPECT_EQ(WriteLogEntry({Protocol{}}),
            "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n");
  EXPECT_EQ(WriteLogEntry({RemoveFile{"x", 1, DataChange::kYes, {}, 2}}),
            "{\"remove\":{\"path\":\"x\",\"deletionTimestamp\":1,\"dataChange\":true,"
            "\"extendedFileMetadata\":true,\"partitionValues\":{},\"size\":2}}\n");
  EXPECT_EQ(WriteLogEntry({AddFile{"x", {{"p", std::nullopt}}, 1, 2, DataChange::kNo, ""}}),
            "{\"add\":{\"path\":\"x\",\"partitionValues\":{\"p\":null},\"size\":1,"
            "\"modificationTime\":2,\"dataChange\":false}}\n");
}

TEST(DeltaLogJson, WhatIsNotKnownIsSkipped) {
  const auto actions = ParseLogEntry(
      "{\"novelty\":{\"path\":\"x\"}}\r\n\n{\"add\":{\"path\":\"p\",\"size\":1,"
      "\"modificationTime\":2,"
      "\"dataChange\":true,\"novelty\":[1],\"stats\":null,\"deletionVector\":null}}",
      "0.json");
  ASSERT_TRUE(actions.ok()) << actions.error().ToString();
  ASSERT_EQ(actions->size(), 1u);
  EXPECT_EQ(std::get<AddFile>(actions->at(0)).path, "p");
}

TEST(DeltaLogJson, BadEntriesAreNamedByLine) {
  const auto check = [](std::string_view text, ErrorKind kind, const char* message) {
    const auto actions = ParseLogEntry(text, "7.json");
    ASSERT_FALSE(actions.ok()) << text;
    EXPECT_EQ(actions.error().kind, kind);
    EXPECT_THAT(actions.error().message, HasSubstr(message));
  };
  check("{\"add\":", ErrorKind::kCorruption, "7.json line 1");
  check("{}\n[1]", ErrorKind::kCorruption, "7.json line 2");
  check("{\"add\":{}}", ErrorKind::kCorruption, "path");
  check("{\"add\":7}", ErrorKind::kCorruption, "path");
  check("{\"add\":{\"path\":\"p\",\"size\":\"1\",\"modificationTime\":1}}", ErrorKind::kCorruption,
        "size");
  check("{\"add\":{\"path\":\"p\",\"size\":1,\"modificationTime\":1,\"partitionValues\":[]}}",
        ErrorKind::kCorruption, "partitionValues");
  check("{\"add\":{\"path\":\"p\",\"size\":1,\"modificationTime\":1,\"deletionVector\":{}}}",
        ErrorKind::kCorruption, "storageType");
  check(
      "{\"add\":{\"path\":\"p\",\"size\":1,\"modificationTime\":1,\"deletionVector\":{"
      "\"storageType\":\"q\",\"pathOrInlineDv\":\"\",\"sizeInBytes\":1,\"cardinality\":1}}}",
      ErrorKind::kUnsupported, "a way that is not known: q");
  check("{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2,\"readerFeatures\":[1]}}",
        ErrorKind::kCorruption, "readerFeatures");
}

TEST(DeltaLogJson, NamesArePaddedToTwentyDigits) {
  EXPECT_EQ(LogEntryName(12), "00000000000000000012.json");
  EXPECT_EQ(CheckpointName(10), "00000000000000000010.checkpoint.parquet");
}

TEST(DeltaLogJson, LastCheckpointIsReadBack) {
  const std::string text = WriteLastCheckpoint({10, 3, 1234, 1, 1, {}});
  EXPECT_EQ(text, "{\"version\":10,\"size\":3,\"sizeInBytes\":1234,\"numOfAddFiles\":1}");
  EXPECT_EQ(ParseLastCheckpoint(text)->version, 10);
  EXPECT_FALSE(ParseLastCheckpoint("{").ok());
  EXPECT_THAT(WriteLastCheckpoint({10, 3, 1234, 1, 1, {{"a.parquet", 1000, 77}}}),
              testing::EndsWith(",\"v2Checkpoint\":{\"path\":\"a.parquet\",\"sizeInBytes\":1000,"
                                "\"modificationTime\":77}}"));
  EXPECT_EQ(ParseLastCheckpoint("{\"version\":1,\"parts\":2,\"checksum\":\"x\"}")->parts, 2);
}

TEST(DeltaState, ALogicalFileIsAPathWithItsVector) {
  AddFile plain{"a", {}, 1, 1, DataChange::kYes, ""};
  AddFile first = plain;
  first.deletion_vector = InlineVector("1234", 1);
  AddFile second = plain;
  second.deletion_vector = InlineVector("5678", 2);
  const auto remove = [](const AddFile& file) {
    RemoveFile removed{file.path, 5, DataChange::kYes, {}, {}};
    removed.deletion_vector = file.deletion_vector;
    return removed;
  };
  State state;
  state.Apply(0, {plain});
  // The order within an entry does not count.
  state.Apply(1, {first, remove(plain)});
  EXPECT_EQ(state.files.at("a"), first);
  state.Apply(2, {remove(first), second});
  EXPECT_EQ(state.files.at("a"), second);
  EXPECT_EQ(state.tombstones.size(), 2u);
  // A tombstone of an older vector, as a checkpoint may have after the file.
  state.Apply(3, {remove(first)});
  EXPECT_EQ(state.files.at("a"), second);
  // A restored file is a tombstone no more.
  state.Apply(4, {remove(second), first});
  EXPECT_EQ(state.files.at("a"), first);
  EXPECT_EQ(state.tombstones.size(), 2u);
  state.Apply(5, {remove(first)});
  EXPECT_TRUE(state.files.empty());
  EXPECT_EQ(state.tombstones.size(), 3u);
}

TEST(DeltaState, TheLastWordOnAFileCounts) {
  State state;
  state.Apply(0, {Protocol{}, AddFile{"a", {}, 1, 1, DataChange::kYes, ""},
                  AddFile{"b", {}, 1, 1, DataChange::kYes, ""}});
  state.Apply(1, {RemoveFile{"a", 5, DataChange::kYes, {}, {}}, DomainMetadata{"d", "1", false}});
  EXPECT_EQ(state.files.size(), 1u);
  EXPECT_EQ(state.tombstones.size(), 1u);
  state.Apply(2, {AddFile{"a", {}, 2, 2, DataChange::kYes, ""}, DomainMetadata{"d", "1", true}});
  EXPECT_EQ(state.files.at("a").size_bytes, 2);
  EXPECT_TRUE(state.tombstones.empty());
  EXPECT_TRUE(state.domains.empty());
  EXPECT_EQ(state.version, 2);
}

}  // namespace
}  // namespace tarn::delta
