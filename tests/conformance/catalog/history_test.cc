#include <gmock/gmock.h>

#include "tests/conformance/catalog/catalog_suite.h"

namespace tarn::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_P(CatalogHistory, EveryEarlierStateCanBeRead) {
  const Sequence created = MustCommit({CreateNamespaceOp{"s", {{"k", "1"}}}, NewTable("s", "a")});
  const Sequence updated =
      MustCommit({UpdateTableOp{"uuid-s-a", "file:///lake/s/a/metadata/1", "file:///2"},
                  NewTable("s", "b"), SetNamespacePropertiesOp{"s", {{"k", "2"}}, {}},
                  PutViewOp{{{"s", "v"}, "SELECT 1", {}, "", "", {}}}});
  const Sequence renamed = MustCommit({RenameTableOp{"uuid-s-a", {"s", "c"}}});
  const Sequence dropped = MustCommit({DropTableOp{"uuid-s-a"}, DropTableOp{"uuid-s-b"},
                                       DropViewOp{{"s", "v"}}, DropNamespaceOp{"s"}});

  EXPECT_THAT(TableNames(Sequence(0)), IsEmpty());
  EXPECT_THAT(TableNames(created), ElementsAre("s.a"));
  EXPECT_THAT(TableNames(updated), ElementsAre("s.a", "s.b"));
  EXPECT_THAT(TableNames(renamed), ElementsAre("s.b", "s.c"));
  EXPECT_THAT(TableNames(dropped), IsEmpty());
  EXPECT_THAT(TableNames(), IsEmpty());

  EXPECT_EQ(catalog().LoadTable({"s", "a"}, created)->version, 1);
  EXPECT_EQ(catalog().LoadTable({"S", "A"}, updated)->metadata_location, "file:///2");
  EXPECT_EQ(catalog().LoadTable({"s", "a"}, renamed).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(catalog().LoadTableByUuid("uuid-s-a", renamed)->name.name, "c");
  EXPECT_EQ(catalog().LoadTableByUuid("uuid-s-a", dropped).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(catalog().ListNamespaces(created)->at(0).properties.at("k"), "1");
  EXPECT_EQ(catalog().ListNamespaces(updated)->at(0).properties.at("k"), "2");
  EXPECT_THAT(*catalog().ListNamespaces(dropped), IsEmpty());
  EXPECT_EQ(catalog().LoadView({"s", "v"}, renamed)->sql, "SELECT 1");
  EXPECT_EQ(catalog().LoadView({"s", "v"}, created).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(catalog().ListTables("s", renamed)->size(), 2u);
}

TEST_P(CatalogHistory, ATableTellsItsStatesOldestFirst) {
  MustCommit({CreateNamespaceOp{"s", {}}, NewTable("s", "a")});
  std::string location = "file:///lake/s/a/metadata/1";
  for (int i = 2; i <= 5; ++i) {
    const std::string next = "file:///" + std::to_string(i);
    MustCommit({UpdateTableOp{"uuid-s-a", location, next}});
    location = next;
  }
  const auto history = *catalog().TableHistory("uuid-s-a");
  ASSERT_EQ(history.size(), 5u);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(history[i].version, i + 1);
    EXPECT_EQ(history[i].sequence, Sequence(i + 1));
  }
  EXPECT_THAT(*catalog().TableHistory("never"), IsEmpty());
}

TEST_P(CatalogHistory, StatesThatAreForgottenAreOneForEachName) {
  MustCommit({CreateNamespaceOp{"s", {}}, NewTable("s", "a")});
  std::string location = "file:///lake/s/a/metadata/1";
  for (int i = 2; i <= 9; ++i) {
    const std::string next = "file:///" + std::to_string(i);
    if (i == 4) MustCommit({RenameTableOp{"uuid-s-a", {"s", "b"}}});
    MustCommit({UpdateTableOp{"uuid-s-a", location, next}});
    location = next;
  }
  const auto before = *catalog().TableHistory("uuid-s-a");
  for (int again = 0; again < 2; ++again) {
    ASSERT_TRUE(catalog().ForgetStates("uuid-s-a", before[7].version).ok());
    const auto history = *catalog().TableHistory("uuid-s-a");
    // The first under each name, and those that stay.
    std::vector<Sequence> sequences;
    for (const TableEntry& one : history) sequences.push_back(one.sequence);
    EXPECT_THAT(sequences, ElementsAre(before[0].sequence, before[3].sequence, before[7].sequence,
                                       before[8].sequence, before[9].sequence));
  }
  // The file of the first may be there still: it does not tell what the table held afterwards.
  for (const size_t gone : {0, 1, 2, 3, 6}) {
    EXPECT_EQ(catalog().LoadTableByUuid("uuid-s-a", before[gone].sequence)->metadata_location, "");
  }
  EXPECT_EQ(catalog().LoadTable({"s", "b"}, before[6].sequence)->name.name, "b");
  EXPECT_EQ(catalog().LoadTable({"s", "b"}, before[7].sequence)->metadata_location,
            before[7].metadata_location);
  EXPECT_EQ(catalog().LoadTable({"s", "b"}, {})->metadata_location, location);
  EXPECT_EQ(TableNames(before[2].sequence), (std::vector<std::string>{"s.a"}));
  ASSERT_TRUE(catalog().ForgetStates("never", 5).ok());
}

TEST_P(CatalogHistory, AnEarlierTableOfTheSameNameIsFoundAtItsTime) {
  const Sequence first = MustCommit({CreateNamespaceOp{"s", {}}, NewTable("s", "t", "one")});
  MustCommit({DropTableOp{"one"}});
  const Sequence second = MustCommit({NewTable("s", "t", "two")});
  EXPECT_EQ(catalog().LoadTable({"s", "t"}, first)->uuid, "one");
  EXPECT_EQ(catalog().LoadTable({"s", "t"}, second)->uuid, "two");
  EXPECT_EQ(catalog().LoadTable({"s", "T"}, first)->uuid, "one");
}

TEST_P(CatalogHistory, ATimeFindsTheLastCommitBeforeIt) {
  EXPECT_EQ(*catalog().SequenceAt(clock_.NowMicros()), Sequence(0));
  clock_.Advance(10);
  const CommitInfo first = *Commit({CreateNamespaceOp{"a", {}}});
  clock_.Advance(10);
  const CommitInfo second = *Commit({CreateNamespaceOp{"b", {}}});
  EXPECT_EQ(*catalog().SequenceAt(first.committed_micros - 1), Sequence(0));
  EXPECT_EQ(*catalog().SequenceAt(first.committed_micros), first.sequence);
  EXPECT_EQ(*catalog().SequenceAt(second.committed_micros - 1), first.sequence);
  EXPECT_EQ(*catalog().SequenceAt(INT64_MAX), second.sequence);
}

TEST_P(CatalogHistory, ASequenceThatNeverWasIsRefused) {
  MustCommit({CreateNamespaceOp{"a", {}}});
  const Error error = catalog().ListTables({}, Sequence(2)).error();
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_THAT(error.ToString(), HasSubstr("its last one is 1"));
  EXPECT_EQ(catalog().ListTables({}, Sequence(-1)).error().kind, ErrorKind::kInvalidArgument);
  MustCommit({CreateNamespaceOp{"b", {}}});
  EXPECT_TRUE(catalog().ListTables({}, Sequence(2)).ok());
}

}  // namespace
}  // namespace tarn::testing
