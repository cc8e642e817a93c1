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
  RemoveFile remove{"data/b.parquet", 7, DataChange::kNo, {{"region", ""}}, 12};
  return {info,
          protocol,
          metadata,
          add,
          remove,
          Transaction{"app", 3, std::nullopt},
          DomainMetadata{"d", "{}", false}};
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
      "{\"cdc\":{\"path\":\"x\"}}\r\n\n{\"add\":{\"path\":\"p\",\"size\":1,\"modificationTime\":2,"
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
        ErrorKind::kUnsupported, "deletion vectors");
  check("{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2,\"readerFeatures\":[1]}}",
        ErrorKind::kCorruption, "readerFeatures");
}

TEST(DeltaLogJson, NamesArePaddedToTwentyDigits) {
  EXPECT_EQ(LogEntryName(12), "00000000000000000012.json");
  EXPECT_EQ(CheckpointName(10), "00000000000000000010.checkpoint.parquet");
}

TEST(DeltaLogJson, LastCheckpointIsReadBack) {
  const std::string text = WriteLastCheckpoint({10, 3, 1234, 1});
  EXPECT_EQ(text, "{\"version\":10,\"size\":3,\"sizeInBytes\":1234,\"numOfAddFiles\":1}");
  EXPECT_EQ(ParseLastCheckpoint(text)->version, 10);
  EXPECT_FALSE(ParseLastCheckpoint("{").ok());
  EXPECT_FALSE(ParseLastCheckpoint("{\"version\":1,\"parts\":2}").ok());
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
