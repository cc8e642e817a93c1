#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "catalog/committer.h"
#include "catalog/publisher_test_support.h"

namespace tarn {
namespace {

using testing::ExpectLogsAgree;
using testing::FillOutbox;
using testing::Get;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kT;
using testing::kU;
using ::testing::SizeIs;
using testing::TestLake;

// The last of these commits is not published; its entry stands there already, as an earlier attempt
// left it.
void LeaveAttempt(TestLake& lake, const std::function<Status(TableTransaction&)>& change,
                  const std::function<std::string(const std::string&)>& rewrite_entry,
                  const std::function<std::string(const std::string&)>& rewrite_metadata) {
  class Held final : public ForwardingCatalog {
   public:
    using ForwardingCatalog::ForwardingCatalog;
    Status MarkPublished(int64_t) override { return Unavailable("killed"); }
  };
  Held held(lake.catalog());
  const TableEntry entry = *lake.catalog().LoadTable(kT, {});
  auto transaction = lake.ChangeTransaction(entry);
  ASSERT_TRUE(change(*transaction).ok());
  ASSERT_TRUE(lake.Commit(held, kT, entry.uuid, *transaction).ok());
  ASSERT_THAT(*lake.catalog().PendingPublications({.limit = 10}), SizeIs(1));
  const std::string version = std::to_string(entry.version + 1);
  const auto rewrite = [&lake](const std::string& key, const auto& how) {
    const std::string bytes = Get(lake, key);
    const std::string other = how(bytes);
    ASSERT_NE(other, bytes);
    ASSERT_TRUE(lake.store().Put(key, other).ok());
  };
  rewrite("bronze/t/_delta_log/" + delta::LogEntryName(entry.version), rewrite_entry);
  rewrite("bronze/t/metadata/v" + version + ".metadata.json", rewrite_metadata);
}

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what << " in " << text;
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}
std::string WithASpace(const std::string& json) { return Replaced(json, "{", "{ "); }
Status AppendOne(TableTransaction& t) { return t.Append({TestLake::File(t, "1")}); }
Status AddOneColumn(TableTransaction& t) { return t.AddColumn("x", Type(Type::Kind::kInt), ""); }

TEST(Publisher, WhatAnEarlierAttemptOfAnotherVersionWroteCounts) {
  for (const auto& change : {AppendOne, AddOneColumn}) {
    TestLake lake;
    lake.Create(kT);
    LeaveAttempt(
        lake, change,
        [](const std::string& entry) {
          return Replaced(entry, "\"engineInfo\":\"", "\"engineInfo\":\"older ");
        },
        WithASpace);
    const Status status = PublishOutbox(lake.context(), lake.catalog());
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_THAT(*lake.catalog().PendingPublications({.limit = 10}), IsEmpty());
    ExpectLogsAgree(lake, kT);
    lake.Append(kT, "2");
    ExpectLogsAgree(lake, kT);
  }
}

TEST(Publisher, AnEntryOfAnotherCommitOrTableDoesNotCount) {
  const auto other_commit = [](const std::string& entry) {
    return Replaced(entry, "\"tarn.commit-id\":\"", "\"tarn.commit-id\":\"x");
  };
  const auto other_sequence = [](const std::string& entry) {
    return Replaced(entry, "\"tarn.sequence\":\"", "\"tarn.sequence\":\"9");
  };
  const auto other_table = [](const std::string& entry) {
    return Replaced(entry, "\"metaData\":{\"id\":\"", "\"metaData\":{\"id\":\"x");
  };
  const auto no_entry = [](const std::string&) { return std::string("{\"add\":"); };
  const std::vector<std::pair<decltype(&AppendOne), std::function<std::string(const std::string&)>>>
      cases = {{AppendOne, other_commit},
               {AppendOne, other_sequence},
               {AddOneColumn, other_sequence},
               {AddOneColumn, other_table},
               {AppendOne, no_entry}};
  for (const auto& [change, rewrite] : cases) {
    TestLake lake;
    lake.Create(kT);
    LeaveAttempt(lake, change, rewrite, WithASpace);
    const Status status = PublishOutbox(lake.context(), lake.catalog());
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kCorruption);
    EXPECT_THAT(status.error().message, HasSubstr("_delta_log/00000000000000000001.json"));
  }
}

TEST(Publisher, MetadataOfAnotherTableOrStateDoesNotCount) {
  for (const std::string member : {"table-uuid\":\"", "last-sequence-number\":",
                                   "current-snapshot-id\":", "last-updated-ms\":"}) {
    TestLake lake;
    lake.Create(kT);
    LeaveAttempt(lake, AppendOne, WithASpace, [&](const std::string& metadata) {
      return Replaced(metadata, member, member + "1");
    });
    const Status status = PublishOutbox(lake.context(), lake.catalog());
    ASSERT_FALSE(status.ok()) << member;
    EXPECT_EQ(status.error().kind, ErrorKind::kCorruption);
    EXPECT_THAT(status.error().message, HasSubstr("metadata/v2.metadata.json"));
  }
}

TEST(Publisher, ADroppedTableIsPublishedWhileItsFilesStandAndForgottenAfterwards) {
  for (const bool files_stand : {true, false}) {
    TestLake lake;
    FillOutbox(lake);
    const TableEntry entry = *lake.catalog().LoadTable(kT, {});
    ASSERT_TRUE(lake.catalog().Commit({"drop", "", "", {DropTableOp{entry.uuid}}}).ok());
    if (!files_stand) {
      for (const auto& [key, bytes] : lake.Objects()) {
        if (key.starts_with("bronze/t/")) {
          ASSERT_TRUE(lake.store().Delete(key).ok());
        }
      }
    }
    const Status status = PublishOutbox(lake.context(), lake.catalog());
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_THAT(*lake.catalog().PendingPublications({.limit = 10}), IsEmpty());
    ExpectLogsAgree(lake, kU);
    const bool has_log = lake.store().Head("bronze/t/_delta_log/" + delta::LogEntryName(0)).ok();
    EXPECT_EQ(has_log, files_stand);
  }
}

TEST(Publisher, ADroppedTableIsForgottenWhicheverOfItsFilesAreGone) {
  TestLake whole;
  FillOutbox(whole);
  int64_t kinds = 0;
  for (const auto& [missing, bytes] : whole.Objects()) {
    if (!missing.starts_with("bronze/t/")) continue;
    ++kinds;
    TestLake lake;
    FillOutbox(lake);
    const TableEntry entry = *lake.catalog().LoadTable(kT, {});
    ASSERT_TRUE(lake.catalog().Commit({"drop", "", "", {DropTableOp{entry.uuid}}}).ok());
    ASSERT_TRUE(lake.store().Delete(missing).ok());
    const Status status = PublishOutbox(lake.context(), lake.catalog());
    EXPECT_TRUE(status.ok()) << missing << ": " << status.ToString();
    EXPECT_THAT(*lake.catalog().PendingPublications({.limit = 10}), IsEmpty()) << missing;
  }
  EXPECT_GT(kinds, 5);
}

}  // namespace
}  // namespace tarn
