#include "table/dual/row_history.h"

#include <algorithm>
#include <string>
#include <vector>

#include <arrow/api.h>

#include "columnar/file_writer.h"
#include "table/dual/testing.h"

namespace tarn {
namespace {

class RowHistoryTest : public TableTest {
 protected:
  void Delete(std::vector<int64_t> positions) {
    DeletionVector rows;
    for (const int64_t position : positions) rows.Add(position);
    auto transaction = Begin();
    ASSERT_TRUE(transaction->DeleteRows({{Plan().files.at(0).file, rows}}).ok());
    Commit(*transaction);
  }

  /// What the newest snapshot did: "+10" for rows of a file that came, "-10" for those of one that
  /// left, "-[3 4]" for single rows.
  std::string Newest() {
    auto files = ReadChangedFiles(context_, *table_, *table_->current());
    if (!files.ok()) return files.status().ToString();
    std::string text;
    const auto add = [&](const std::vector<ChangedFile>& changed, const std::string& sign) {
      for (const ChangedFile& file : changed) {
        text += (text.empty() ? "" : " ") + sign;
        if (file.only == nullptr) {
          text += std::to_string(file.file.file.record_count);
          continue;
        }
        text += "[";
        for (const int64_t row : file.only->ToVector()) {
          text += (text.ends_with('[') ? "" : " ") + std::to_string(row);
        }
        text += "]";
      }
    };
    // A commit has no order among its files.
    const auto by_size = [](const ChangedFile& a, const ChangedFile& b) {
      return a.file.file.record_count > b.file.file.record_count;
    };
    std::stable_sort(files->added.begin(), files->added.end(), by_size);
    std::stable_sort(files->removed.begin(), files->removed.end(), by_size);
    add(files->added, "+");
    add(files->removed, "-");
    return text;
  }

  SnapshotId Current() { return *table_->current_snapshot; }

  std::string Between(std::optional<SnapshotId> from, SnapshotId to) {
    const auto range = SnapshotsBetween(*table_, from, to);
    if (!range.ok()) return range.status().ToString();
    std::string text;
    for (const Snapshot* snapshot : range->snapshots) {
      text += (text.empty() ? "" : " ") + std::to_string(snapshot->sequence_number);
    }
    if (range->begin == SnapshotRange::Begin::kExpired) text += " after what expired";
    if (range->begin == SnapshotRange::Begin::kEmptyTable) text += " from nothing";
    return text;
  }

  void Expire(SnapshotId snapshot) {
    auto transaction = Begin();
    ASSERT_TRUE(transaction->ExpireSnapshots({snapshot}).ok());
    Commit(*transaction);
  }
};

TEST_F(RowHistoryTest, FilesThatCameAndLeftAreTold) {
  Create();
  Append(0, 10);
  EXPECT_EQ(Newest(), "+10");
  Append(10, 13);
  EXPECT_EQ(Newest(), "+3");
  auto overwrite = Begin();
  ASSERT_TRUE(overwrite->Overwrite(Write(*overwrite, {Rows(0, 4)})).ok());
  Commit(*overwrite);
  EXPECT_EQ(Newest(), "+4 -10 -3");
}

TEST_F(RowHistoryTest, RowsThatAVectorAddsToTheOnesBeforeAreTold) {
  Create();
  Append(0, 10);
  Delete({3});
  EXPECT_EQ(Newest(), "-[3]");
  Delete({4, 7});
  EXPECT_EQ(Newest(), "-[4 7]");
  Append(20, 22);
  EXPECT_EQ(Newest(), "+2");
}

TEST_F(RowHistoryTest, ThePositionsOfVersion2AreToldAlike) {
  auto create = BeginNew(Sales());
  ASSERT_TRUE(create->SetProperty(kIcebergVersionProperty, "2").ok());
  Commit(*create);
  Append(0, 10);
  Delete({3});
  EXPECT_EQ(Newest(), "-[3]");
  Delete({4});
  EXPECT_EQ(Newest(), "-[4]");
  EXPECT_EQ(table_->format_version, 2);
}

TEST_F(RowHistoryTest, OfAFileThatLeavesTheRowsThatWereLiveAreTold) {
  Create();
  Append(0, 10);
  Delete({3, 5});
  auto remove = Begin();
  ASSERT_TRUE(remove->RemoveFiles({Plan().files.at(0).file}).ok());
  Commit(*remove);
  const auto files = ReadChangedFiles(context_, *table_, *table_->current());
  ASSERT_TRUE(files.ok()) << files.status().ToString();
  ASSERT_EQ(files->removed.size(), 1u);
  EXPECT_EQ(files->removed[0].only, nullptr);
  EXPECT_EQ(files->removed[0].file.deletes.size(), 1u);
}

TEST_F(RowHistoryTest, CompactionChangesNoRow) {
  Create();
  Append(0, 5);
  auto compact = Begin();
  const DataFile old = Plan().files.at(0).file;
  ASSERT_TRUE(compact->RewriteFiles({old}, Write(*compact, {Rows(0, 5)})).ok());
  Commit(*compact);
  EXPECT_EQ(Newest(), "");
}

TEST_F(RowHistoryTest, EqualityDeletesOfOthersAreResolvedToRows) {
  Create();
  Append(0, 10);
  arrow::Int64Builder ids;
  ASSERT_TRUE(ids.AppendValues({3, 8}).ok());
  auto schema = arrow::schema({arrow::field(
      "id", arrow::int64(), true, arrow::key_value_metadata({"PARQUET:field_id"}, {"1"}))});
  const std::string key = "bronze/sales/deletes/eq.parquet";
  auto writer = OpenParquetWriter(store_, key, schema, FileWriterOptions(), limits_).value();
  ASSERT_TRUE(
      writer->Write(*arrow::RecordBatch::Make(schema, 2, {ids.Finish().ValueOrDie()})).ok());
  DataFile deletes;
  deletes.content = FileContent::kEqualityDeletes;
  deletes.path = store_.UriOf(key);
  deletes.size_bytes = writer->Finish().value().size_bytes;
  deletes.record_count = 2;
  deletes.equality_ids = {1};
  auto transaction = Begin();
  // The row 3 that comes with the deletes stays.
  std::vector<DataFile> files = Write(*transaction, {Rows(3, 4)});
  files.push_back(deletes);
  ASSERT_TRUE(transaction->Append(std::move(files)).ok());
  Commit(*transaction);
  EXPECT_EQ(Newest(), "+1 -[3 8]");
}

TEST_F(RowHistoryTest, ARangeLeadsFromOneStateToALaterOne) {
  Create();
  std::vector<SnapshotId> ids;
  for (int64_t i = 0; i < 4; ++i) {
    Append(i, i + 1);
    ids.push_back(Current());
  }
  EXPECT_EQ(Between(ids[0], ids[2]), "2 3");
  EXPECT_EQ(Between(ids[2], ids[2]), "");
  EXPECT_EQ(Between(std::nullopt, ids[1]), "1 2 from nothing");
  EXPECT_NE(Between(ids[2], ids[0]).find("does not stem from"), std::string::npos);
  EXPECT_NE(Between(SnapshotId(7), ids[0]).find("expired or never was"), std::string::npos);
  Expire(ids[1]);
  EXPECT_NE(Between(ids[0], ids[3]).find("some between them expired"), std::string::npos);
  const std::string oldest =
      "the oldest point that is left is snapshot " + std::to_string(ids[2].value());
  EXPECT_NE(Between(ids[0], ids[3]).find(oldest), std::string::npos);
  EXPECT_NE(Between(ids[1], ids[3]).find(oldest), std::string::npos);
  EXPECT_EQ(Between(std::nullopt, ids[3]), "4 after what expired");
}

TEST_F(RowHistoryTest, WhatWasRolledBackIsNoPartOfTheHistory) {
  Create();
  Append(0, 1);
  const SnapshotId first = Current();
  Append(1, 2);
  const SnapshotId second = Current();
  auto back = Begin();
  ASSERT_TRUE(back->RollBackTo(first).ok());
  Commit(*back);
  Append(2, 3);
  EXPECT_EQ(Between(first, Current()), "3");
  EXPECT_NE(Between(second, Current()).find("does not stem from"), std::string::npos);
}

}  // namespace
}  // namespace tarn
