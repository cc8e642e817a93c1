#include "catalog/delta_feed.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "storage/memory/memory_store.h"
#include "table/delta/log_json.h"
#include "table/delta/log_listing.h"

namespace tarn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DeltaFeedTest : public ::testing::Test {
 protected:
  static delta::Metadata Shape(const std::string& columns = R"({"name":"a","type":"long"})") {
    delta::Metadata metadata;
    metadata.id = "t";
    metadata.schema_string = R"({"type":"struct","fields":[)" + columns + "]}";
    metadata.configuration = {{"delta.enableChangeDataFeed", "true"}};
    return metadata;
  }
  static delta::AddFile Added(const std::string& path, int64_t size_bytes = 10) {
    delta::AddFile add;
    add.path = path;
    add.size_bytes = size_bytes;
    return add;
  }
  static delta::RemoveFile Removed(const std::string& path) {
    delta::RemoveFile remove;
    remove.path = path;
    remove.size_bytes = 10;
    return remove;
  }
  static delta::DeletionVectorDescriptor Rows(std::initializer_list<int64_t> rows) {
    DeletionVector vector;
    for (const int64_t row : rows) vector.Add(row);
    // Without the length before it and the checksum behind it.
    const std::string blob = vector.Serialize();
    return delta::InlineVector(std::string_view(blob).substr(4, blob.size() - 8),
                               vector.cardinality());
  }

  /// Writes the next version; its time is the version.
  void Version(std::vector<delta::Action> actions) {
    delta::CommitInfo info;
    info.timestamp_ms = 1000 + next_;
    actions.insert(actions.begin(), info);
    if (next_ == 0) actions.insert(actions.begin() + 1, delta::Protocol{1, 4, {}, {}});
    ASSERT_TRUE(
        store_.Put("t/_delta_log/" + delta::LogEntryName(next_), delta::WriteLogEntry(actions))
            .ok());
    ++next_;
  }

  Result<std::vector<DeltaFeedFile>> Read(int64_t from) {
    TARN_ASSIGN_OR_RETURN(const auto last, DeltaSnapshot::Open(store_, "t", {}));
    return ReadDeltaFeed(store_, "t", *last, from);
  }

  /// "version type path rows", "-" for what there is not.
  std::vector<std::string> Feed(int64_t from) {
    auto files = Read(from);
    EXPECT_TRUE(files.ok()) << files.status().ToString();
    std::vector<std::string> texts;
    if (!files.ok()) return texts;
    for (const DeltaFeedFile& file : *files) {
      EXPECT_EQ(file.timestamp_ms, 1000 + file.version);
      std::string rows = file.only == nullptr ? "-" : "only";
      for (const int64_t row : file.only ? file.only->ToVector() : std::vector<int64_t>()) {
        rows += ":" + std::to_string(row);
      }
      if (file.left_out != nullptr) rows += " but " + std::to_string(file.left_out->cardinality());
      const std::string& path = file.file.file.path;
      texts.push_back(std::to_string(file.version) + " " + file.change_type.value_or("-") + " " +
                      path.substr(path.rfind('/') + 1) + " " + rows);
    }
    return texts;
  }

  MemoryStore store_;
  int64_t next_ = 0;
};

TEST_F(DeltaFeedTest, FilesThatCameAndWentAreInsertsAndDeletes) {
  Version({Shape(), Added("a")});
  Version({Added("b"), Removed("a")});
  Version({Added("c")});
  EXPECT_THAT(Feed(0), ElementsAre("0 insert a -", "1 delete a -", "1 insert b -", "2 insert c -"));
  EXPECT_THAT(Feed(2), ElementsAre("2 insert c -"));
}

TEST_F(DeltaFeedTest, WhatOnlyMovesRowsIsNoChange) {
  Version({Shape(), Added("a")});
  delta::AddFile moved = Added("b");
  delta::RemoveFile gone = Removed("a");
  moved.data_change = gone.data_change = delta::DataChange::kNo;
  Version({moved, gone});
  EXPECT_THAT(Feed(1), ElementsAre());
}

TEST_F(DeltaFeedTest, FilesOfChangesAloneTellTheirVersion) {
  Version({Shape(), Added("a")});
  Version({Added("b"), Removed("a"), delta::AddCdcFile{"_change_data/c", {}, 10, {}}});
  EXPECT_THAT(Feed(1), ElementsAre("1 - c -"));
}

TEST_F(DeltaFeedTest, AnotherVectorOfAFileTellsTheRowsThatDiffer) {
  Version({Shape(), Added("a")});
  delta::AddFile once = Added("a");
  once.deletion_vector = Rows({1, 2});
  Version({Removed("a"), once});
  delta::RemoveFile before = Removed("a");
  before.deletion_vector = once.deletion_vector;
  delta::AddFile twice = Added("a");
  twice.deletion_vector = Rows({2, 5});
  Version({before, twice});
  delta::RemoveFile last = Removed("a");
  last.deletion_vector = twice.deletion_vector;
  Version({last});
  EXPECT_THAT(Feed(1), ElementsAre("1 delete a only:1:2", "2 delete a only:5", "2 insert a only:1",
                                   "3 delete a - but 2"));
}

TEST_F(DeltaFeedTest, ATableThatKeptNoFeedIsRefused) {
  delta::Metadata without = Shape();
  without.configuration.clear();
  Version({without, Added("a")});
  Version({Shape(), Added("b")});
  const auto refused = Read(0);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("at version 0"));
  EXPECT_THAT(Feed(1), ElementsAre("1 insert b -"));
}

TEST_F(DeltaFeedTest, ColumnsThatAreGoneAreNamed) {
  Version({Shape(R"({"name":"a","type":"long"},{"name":"b","type":"long"})"), Added("a")});
  Version({Shape(R"({"name":"a","type":"long"},{"name":"c","type":"long"})"), Added("b")});
  EXPECT_THAT(Read(0).error().message, HasSubstr("column \"b\""));
  EXPECT_THAT(Feed(1), ElementsAre("1 insert b -"));
  Version({Shape(R"({"name":"a","type":"string"},{"name":"c","type":"long"})")});
  EXPECT_THAT(Read(1).error().message, HasSubstr("column \"a\""));
}

TEST_F(DeltaFeedTest, VersionsThatWereCleanedUpAreNamed) {
  Version({Shape(), Added("a")});
  Version({Added("b")});
  ASSERT_TRUE(store_.Delete("t/_delta_log/" + delta::LogEntryName(0)).ok());
  EXPECT_EQ(Read(0).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace tarn
