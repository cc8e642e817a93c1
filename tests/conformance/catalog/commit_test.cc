#include <gmock/gmock.h>

#include "tests/conformance/catalog/catalog_suite.h"

namespace tarn::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_P(CatalogCommit, AnEmptyLakeHasSequenceZeroAndNothingInIt) {
  EXPECT_EQ(*catalog().CurrentSequence(), Sequence(0));
  EXPECT_THAT(*catalog().ListNamespaces({}), IsEmpty());
  EXPECT_THAT(TableNames(), IsEmpty());
  EXPECT_THAT(*catalog().ListCommits(10), IsEmpty());
  EXPECT_EQ(catalog().LoadTable({"bronze", "customer"}, {}).error().kind, ErrorKind::kNotFound);
}

TEST_P(CatalogCommit, EveryCommitTakesTheNextSequence) {
  EXPECT_EQ(MustCommit({CreateNamespaceOp{"bronze", {{"a", "b"}}}}), Sequence(1));
  EXPECT_EQ(MustCommit({NewTable("bronze", "customer")}), Sequence(2));
  EXPECT_EQ(*catalog().CurrentSequence(), Sequence(2));
  const auto commits = *catalog().ListCommits(10);
  ASSERT_EQ(commits.size(), 2u);
  EXPECT_EQ(commits[0].sequence, Sequence(2));
  EXPECT_EQ(commits[1].sequence, Sequence(1));
  EXPECT_EQ(catalog().ListNamespaces({})->at(0).properties.at("a"), "b");
}

TEST_P(CatalogCommit, ATableIsLoadedAsItWasCreated) {
  MustCommit({CreateNamespaceOp{"bronze", {}}, NewTable("bronze", "customer")});
  const TableEntry table = *catalog().LoadTable({"bronze", "customer"}, {});
  EXPECT_EQ(table.uuid, "uuid-bronze-customer");
  EXPECT_EQ(table.location, "file:///lake/bronze/customer");
  EXPECT_EQ(table.metadata_location, "file:///lake/bronze/customer/metadata/1");
  EXPECT_EQ(table.version, 1);
  EXPECT_EQ(table.owner, "source:shop");
  EXPECT_EQ(table.sequence, Sequence(1));
  EXPECT_EQ(catalog().LoadTableByUuid(table.uuid, {})->name, table.name);
}

TEST_P(CatalogCommit, AnUpdateSwapsThePointerAndCountsTheVersion) {
  const CreateTableOp created = NewTable("bronze", "customer");
  MustCommit({CreateNamespaceOp{"bronze", {}}, created});
  MustCommit({UpdateTableOp{created.table.uuid, created.table.metadata_location, "file:///m2"}});
  MustCommit({UpdateTableOp{created.table.uuid, "file:///m2", "file:///m3"}});
  const TableEntry table = *catalog().LoadTable({"bronze", "customer"}, {});
  EXPECT_EQ(table.version, 3);
  EXPECT_EQ(table.metadata_location, "file:///m3");
}

TEST_P(CatalogCommit, AStalePointerIsAConflictAndChangesNothing) {
  const CreateTableOp a = NewTable("bronze", "a");
  const CreateTableOp b = NewTable("bronze", "b");
  MustCommit({CreateNamespaceOp{"bronze", {}}, a, b});
  MustCommit({UpdateTableOp{a.table.uuid, a.table.metadata_location, "file:///a2"}});
  const Error error =
      MustFail({UpdateTableOp{b.table.uuid, b.table.metadata_location, "file:///b2"},
                SetPositionOp{"shop", "", "{}"},
                UpdateTableOp{a.table.uuid, a.table.metadata_location, "file:///a3"}});
  EXPECT_EQ(error.kind, ErrorKind::kConflict);
  EXPECT_THAT(error.message, HasSubstr("bronze.a"));
  EXPECT_EQ(catalog().LoadTable({"bronze", "b"}, {})->version, 1);
  EXPECT_EQ(*catalog().CurrentSequence(), Sequence(2));
  EXPECT_THAT(*catalog().ListPositions(), IsEmpty());
  EXPECT_EQ(catalog().PendingPublications({.limit = 10})->size(), 3u);
}

TEST_P(CatalogCommit, ATableThatWasReadAndHasMovedIsAConflict) {
  const CreateTableOp read = NewTable("bronze", "read");
  MustCommit({CreateNamespaceOp{"bronze", {}}, read});
  const ExpectTableOp expectation{read.table.uuid, read.table.metadata_location};
  MustCommit({expectation, NewTable("bronze", "derived")});
  MustCommit({UpdateTableOp{read.table.uuid, read.table.metadata_location, "file:///2"}});
  EXPECT_EQ(MustFail({expectation, NewTable("bronze", "derived2")}).kind, ErrorKind::kConflict);
  MustCommit({DropTableOp{read.table.uuid}});
  EXPECT_EQ(MustFail({expectation}).kind, ErrorKind::kConflict);
}

TEST_P(CatalogCommit, AFolderThatAnotherTableLeftMeanwhileIsAConflict) {
  CreateTableOp slow = NewTable("bronze", "slow");
  MustCommit({CreateNamespaceOp{"bronze", {}}});
  slow.free_at = *catalog().CurrentSequence();
  CreateTableOp fast = NewTable("bronze", "fast");
  fast.table.location = slow.table.location;
  MustCommit({fast});
  EXPECT_EQ(MustFail({slow}).kind, ErrorKind::kAlreadyExists);
  const Sequence dropped = MustCommit({DropTableOp{fast.table.uuid}});
  const Error error = MustFail({slow});
  EXPECT_EQ(error.kind, ErrorKind::kConflict);
  EXPECT_THAT(error.message, HasSubstr(slow.table.location));
  slow.free_at = Sequence(dropped.value() - 1);
  EXPECT_EQ(MustFail({slow}).kind, ErrorKind::kConflict);
  slow.free_at = dropped;
  MustCommit({slow});
}

TEST_P(CatalogCommit, ARepeatedCommitReturnsTheFirstAnswer) {
  CommitRequest request = Request({CreateNamespaceOp{"bronze", {}}, NewTable("bronze", "t")});
  request.author = "apply";
  request.message = "first";
  const CommitInfo first = *catalog().Commit(request);
  MustCommit({CreateNamespaceOp{"silver", {}}});
  request.message = "again";
  const CommitInfo again = *catalog().Commit(request);
  EXPECT_EQ(again.sequence, first.sequence);
  EXPECT_EQ(again.committed_micros, first.committed_micros);
  EXPECT_EQ(again.message, "first");
  EXPECT_EQ(*catalog().CurrentSequence(), Sequence(2));
  EXPECT_EQ(catalog().FindCommit(request.commit_id)->author, "apply");
  EXPECT_EQ(catalog().FindCommit("another").error().kind, ErrorKind::kNotFound);
}

TEST_P(CatalogCommit, ARejectedCommitLeavesNoIdentityBehind) {
  CommitRequest request = Request({NewTable("missing", "t")});
  EXPECT_EQ(catalog().Commit(request).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(catalog().FindCommit(request.commit_id).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(*catalog().CurrentSequence(), Sequence(0));
}

TEST_P(CatalogCommit, NamesAreTakenOnce) {
  MustCommit({CreateNamespaceOp{"bronze", {}}, NewTable("bronze", "t"),
              PutViewOp{{{"bronze", "v"}, "SELECT 1", {}, "", "", {}}}});
  EXPECT_EQ(MustFail({NewTable("bronze", "t", "other")}).kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(MustFail({NewTable("bronze", "v", "other")}).kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(MustFail({PutViewOp{{{"bronze", "t"}, "SELECT 1", {}, "", "", {}}}}).kind,
            ErrorKind::kAlreadyExists);
  EXPECT_EQ(MustFail({RenameTableOp{"uuid-bronze-t", {"bronze", "v"}}}).kind,
            ErrorKind::kAlreadyExists);
  EXPECT_EQ(MustFail({CreateNamespaceOp{"bronze", {}, false}}).kind, ErrorKind::kAlreadyExists);
  MustCommit({CreateNamespaceOp{"bronze", {}, true}});
  // An identity is never used again, not even after a drop: its version numbers are file names.
  MustCommit({DropTableOp{"uuid-bronze-t"}});
  EXPECT_EQ(MustFail({NewTable("bronze", "t")}).kind, ErrorKind::kAlreadyExists);
  MustCommit({NewTable("bronze", "t", "other")});
}

TEST_P(CatalogCommit, NamesAreFoundExactlyFirstThenWithoutCase) {
  MustCommit({CreateNamespaceOp{"bronze", {}}, NewTable("bronze", "Customer"),
              NewTable("bronze", "store"), NewTable("bronze", "STORE")});
  EXPECT_EQ(catalog().LoadTable({"BRONZE", "customer"}, {})->name.name, "Customer");
  EXPECT_EQ(catalog().LoadTable({"bronze", "STORE"}, {})->name.name, "STORE");
  EXPECT_EQ(catalog().LoadTable({"bronze", "store"}, {})->name.name, "store");
  const Error error = catalog().LoadTable({"bronze", "Store"}, {}).error();
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_THAT(error.message, HasSubstr("ambiguous"));
  EXPECT_THAT(error.hint, HasSubstr("\"bronze\".\"STORE\""));
}

TEST_P(CatalogCommit, AnExactSchemaDecidesBetweenNamesThatDifferInCase) {
  MustCommit({CreateNamespaceOp{"bronze", {}}, CreateNamespaceOp{"Bronze", {}},
              NewTable("bronze", "T"), NewTable("Bronze", "t")});
  EXPECT_EQ(catalog().LoadTable({"bronze", "t"}, {})->name.schema, "bronze");
  EXPECT_EQ(catalog().LoadTable({"Bronze", "T"}, {})->name.schema, "Bronze");
  EXPECT_EQ(catalog().LoadTable({"BRONZE", "t"}, {}).error().kind, ErrorKind::kNotFound);
}

TEST_P(CatalogCommit, AMissingNameComesWithTheNearestOne) {
  MustCommit({CreateNamespaceOp{"bronze", {}}, NewTable("bronze", "customer"),
              PutViewOp{{{"bronze", "sales"}, "SELECT 1", {}, "", "", {}}}});
  EXPECT_THAT(catalog().LoadTable({"bronze", "custmer"}, {}).error().hint,
              HasSubstr("bronze.customer"));
  EXPECT_THAT(catalog().LoadTable({"bronz", "customer"}, {}).error().hint, HasSubstr("bronze"));
  EXPECT_THAT(catalog().LoadTable({"bronze", "sales"}, {}).error().hint, HasSubstr("is a view"));
  EXPECT_THAT(catalog().LoadView({"bronze", "customer"}, {}).error().hint, HasSubstr("is a table"));
  EXPECT_THAT(catalog().LoadTable({"bronze", "something_else"}, {}).error().hint, IsEmpty());
  EXPECT_EQ(catalog().ListTables("bronz", {}).error().kind, ErrorKind::kNotFound);
}

TEST_P(CatalogCommit, OddNamesAreKeptAsTheyAre) {
  const std::string odd = "Weird \"Tab\" ' ; -- é 世 %_";
  MustCommit({CreateNamespaceOp{odd, {{odd, odd}}}, NewTable(odd, odd)});
  EXPECT_EQ(catalog().LoadTable({odd, odd}, {})->name, (TableName{odd, odd}));
  EXPECT_EQ(catalog().ListNamespaces({})->at(0).properties.at(odd), odd);
  EXPECT_EQ(MustFail({CreateNamespaceOp{"", {}}}).kind, ErrorKind::kInvalidArgument);
}

TEST_P(CatalogCommit, ARenameKeepsIdentityAndVersion) {
  const CreateTableOp t = NewTable("bronze", "t");
  MustCommit({CreateNamespaceOp{"bronze", {}}, CreateNamespaceOp{"silver", {}}, t});
  MustCommit({RenameTableOp{t.table.uuid, {"silver", "u"}},
              UpdateTableOp{t.table.uuid, t.table.metadata_location, "file:///2"}});
  const TableEntry table = *catalog().LoadTable({"silver", "u"}, {});
  EXPECT_EQ(table.uuid, t.table.uuid);
  EXPECT_EQ(table.version, 2);
  EXPECT_EQ(catalog().LoadTable({"bronze", "t"}, {}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(MustFail({RenameTableOp{t.table.uuid, {"gold", "u"}}}).kind, ErrorKind::kNotFound);
}

TEST_P(CatalogCommit, ATableIsReplacedInOneCommit) {
  MustCommit({CreateNamespaceOp{"bronze", {}}, NewTable("bronze", "t")});
  MustCommit({DropTableOp{"uuid-bronze-t"}, NewTable("bronze", "t", "second")});
  const TableEntry table = *catalog().LoadTable({"bronze", "t"}, {});
  EXPECT_EQ(table.uuid, "second");
  EXPECT_EQ(table.version, 1);
}

TEST_P(CatalogCommit, TwoTablesSwapNamesInOneCommit) {
  MustCommit({CreateNamespaceOp{"s", {}}, NewTable("s", "a"), NewTable("s", "b")});
  MustCommit({RenameTableOp{"uuid-s-a", {"s", "tmp"}}, RenameTableOp{"uuid-s-b", {"s", "a"}},
              RenameTableOp{"uuid-s-a", {"s", "b"}}});
  EXPECT_EQ(catalog().LoadTable({"s", "a"}, {})->uuid, "uuid-s-b");
  EXPECT_EQ(catalog().LoadTable({"s", "b"}, {})->uuid, "uuid-s-a");
  EXPECT_THAT(TableNames(), ElementsAre("s.a", "s.b"));
  EXPECT_EQ(catalog().TableHistory("uuid-s-a")->size(), 2u);
}

TEST_P(CatalogCommit, ChangesOfWhatIsGoneAreRefused) {
  MustCommit({CreateNamespaceOp{"bronze", {}}, NewTable("bronze", "t")});
  MustCommit({DropTableOp{"uuid-bronze-t"}});
  const Error error = MustFail({UpdateTableOp{"uuid-bronze-t", "x", "y"}});
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_THAT(error.message, HasSubstr("bronze.t was dropped"));
  EXPECT_EQ(MustFail({DropTableOp{"uuid-bronze-t"}}).kind, ErrorKind::kNotFound);
  EXPECT_EQ(MustFail({DropTableOp{"never"}}).kind, ErrorKind::kNotFound);
  EXPECT_EQ(MustFail({DropViewOp{{"bronze", "v"}}}).kind, ErrorKind::kNotFound);
  EXPECT_EQ(MustFail({SetNamespacePropertiesOp{"gold", {}, {}}}).kind, ErrorKind::kNotFound);
}

TEST_P(CatalogCommit, OneCommitChangesATableOnce) {
  const CreateTableOp t = NewTable("bronze", "t");
  EXPECT_EQ(MustFail({CreateNamespaceOp{"bronze", {}}, t,
                      UpdateTableOp{t.table.uuid, t.table.metadata_location, "file:///2"}})
                .kind,
            ErrorKind::kInvalidArgument);
}

TEST_P(CatalogCommit, ASchemaIsDroppedOnlyWhenEmpty) {
  MustCommit({CreateNamespaceOp{"bronze", {}}, NewTable("bronze", "t")});
  const Error error = MustFail({DropNamespaceOp{"bronze"}});
  EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("not empty"));
  MustCommit({DropTableOp{"uuid-bronze-t"}, DropNamespaceOp{"bronze"}});
  EXPECT_THAT(*catalog().ListNamespaces({}), IsEmpty());
  MustCommit({CreateNamespaceOp{"bronze", {}}, DropNamespaceOp{"bronze"},
              CreateNamespaceOp{"bronze", {{"k", "v"}}}});
  EXPECT_EQ(catalog().ListNamespaces({})->at(0).properties.at("k"), "v");
}

TEST_P(CatalogCommit, PropertiesOfASchemaAreSetAndRemoved) {
  MustCommit({CreateNamespaceOp{"bronze", {{"a", "1"}, {"b", "2"}}}});
  MustCommit({SetNamespacePropertiesOp{"bronze", {{"b", "3"}, {"c", "4"}}, {"a"}}});
  const auto properties = catalog().ListNamespaces({})->at(0).properties;
  EXPECT_EQ(properties, (std::map<std::string, std::string>{{"b", "3"}, {"c", "4"}}));
}

TEST_P(CatalogCommit, AViewIsPutReplacedAndDropped) {
  ViewEntry view{{"gold", "v"}, "SELECT 1 AS x", {"a", "b\"c"}, "what it is", "model:gold.v", {}};
  MustCommit({CreateNamespaceOp{"gold", {}}, PutViewOp{view, false}});
  EXPECT_EQ(MustFail({PutViewOp{view, false}}).kind, ErrorKind::kAlreadyExists);
  view.sql = "SELECT 2 AS x";
  MustCommit({PutViewOp{view, true}});
  const ViewEntry loaded = *catalog().LoadView({"GOLD", "V"}, {});
  EXPECT_EQ(loaded.sql, "SELECT 2 AS x");
  EXPECT_EQ(loaded.columns, view.columns);
  EXPECT_EQ(loaded.description, "what it is");
  EXPECT_EQ(loaded.owner, "model:gold.v");
  EXPECT_EQ(loaded.sequence, Sequence(2));
  MustCommit({DropViewOp{{"gold", "v"}}});
  EXPECT_THAT(*catalog().ListViews({}, {}), IsEmpty());
}

TEST_P(CatalogCommit, CommitTimesNeverRunBackwards) {
  const CommitInfo first = *Commit({CreateNamespaceOp{"a", {}}});
  clock_.Advance(-5'000'000);
  const CommitInfo second = *Commit({CreateNamespaceOp{"b", {}}});
  EXPECT_GT(second.committed_micros, first.committed_micros);
}

}  // namespace
}  // namespace tarn::testing
