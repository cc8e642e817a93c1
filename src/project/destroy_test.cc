#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "catalog/closed.h"
#include "catalog/forwarding_catalog.h"
#include "catalog/garbage.h"
#include "catalog/test_support.h"
#include "project/apply.h"

namespace tarn {
namespace {

/// Lets something happen when the folders of live tables are looked for, by default the first time.
class MeanwhileCatalog final : public ForwardingCatalog {
 public:
  using ForwardingCatalog::ForwardingCatalog;
  Result<std::vector<TableEntry>> ListTables(std::optional<std::string> schema,
                                             std::optional<Sequence> at) override {
    if (meanwhile && --looks == 0) std::exchange(meanwhile, nullptr)();
    return ForwardingCatalog::ListTables(schema, at);
  }
  std::function<void()> meanwhile;
  int looks = 1;
};

/// A project with one table of many files, which is destroyed while somebody else is at work.
class DestroyTest : public ::testing::Test {
 protected:
  static constexpr size_t kFiles = 600;

  DestroyTest() {
    limits_.lock_lease_ms = 3'600'000;  // no renewal of its own comes between
    auto transaction = lake_.NewTransaction(kTable);
    LakeCommit commit;
    commit.author = "test";
    commit.tables.push_back({kTable, "model:bronze.t", "", transaction.get()});
    const auto info = CommitToLake(lake_.context(), lake_.catalog(), commit);
    EXPECT_TRUE(info.ok()) << info.status().ToString();
    table_ = *lake_.catalog().LoadTable(kTable, {});
    for (size_t i = 0; i < kFiles; ++i) {
      EXPECT_TRUE(lake_.store().Put(DataKey(i), "x").ok());
    }
    project_.spec.name = "shop";
    project_.catalog = &catalog_;
    project_.tables = lake_.context();
    auto lock = ProjectLock::Acquire(ProjectLock::Scope::kProject, lake_.catalog(), lake_.clock(),
                                     lake_.random(), limits_, "destroy", cancel_,
                                     [](const std::string&) {});
    EXPECT_TRUE(lock.ok()) << lock.status().ToString();
    lock_ = std::move(lock).value();
    plan_ = MakeDestroyPlan(project_).value();
  }

  static std::string DataKey(size_t i) {
    return "bronze/t/data/" + std::to_string(1000 + i) + ".parquet";
  }
  size_t DataFiles() {
    size_t files = 0;
    for (const auto& [key, bytes] : lake_.Objects()) files += key.starts_with("bronze/t/data/");
    return files;
  }
  Result<CommitInfo> CommitByHand(std::vector<CommitOp> ops) {
    return lake_.catalog().Commit({lake_.random().Uuid(), "test", "", std::move(ops)});
  }
  /// Where the dropped one stood, over the files that are there.
  void MakeTableByHand() {
    TableEntry again = table_;
    again.uuid = lake_.random().Uuid();
    again.owner = "";
    const auto info = CommitByHand({CreateNamespaceOp{"bronze", {}, true},
                                    CreateTableOp{again, *lake_.catalog().CurrentSequence()}});
    ASSERT_TRUE(info.ok()) << info.status().ToString();
  }
  void Destroy() {
    const Status destroyed = DestroyProject(project_, plan_, *lock_);
    ASSERT_TRUE(destroyed.ok()) << destroyed.ToString();
    EXPECT_FALSE(catalog_.meanwhile) << "nothing came between";
  }

  static inline const TableName kTable{"bronze", "t"};
  testing::TestLake lake_;
  MeanwhileCatalog catalog_{lake_.catalog()};
  Limits limits_;
  CancelFlag cancel_;
  TableEntry table_;
  OpenProject project_;
  std::unique_ptr<ProjectLock> lock_;
  DestroyPlan plan_;
};

TEST_F(DestroyTest, AllFilesGoWhereNobodyElseIsAtWork) {
  Destroy();
  EXPECT_EQ(lake_.Objects().size(), 0U);
  EXPECT_FALSE(KeepWhatCameMeanwhile(project_, *lock_).value());
  EXPECT_FALSE(CommitByHand({CreateNamespaceOp{"late", {}, true}}).ok()) << "the catalog is closed";
}

TEST_F(DestroyTest, AFolderInWhichATableCameToStandIsLeftAlone) {
  catalog_.meanwhile = [&] { MakeTableByHand(); };
  Destroy();
  EXPECT_EQ(DataFiles(), kFiles);
}

TEST_F(DestroyTest, ATableThatCameToStandAmongTheRemovalsKeepsWhatIsLeft) {
  size_t left = 0;
  catalog_.looks = 2;
  catalog_.meanwhile = [&] {
    left = DataFiles();
    MakeTableByHand();
  };
  Destroy();
  EXPECT_LT(left, kFiles);
  EXPECT_GT(left, 0U);
  EXPECT_EQ(DataFiles(), left);
}

TEST_F(DestroyTest, TheCatalogStaysForATableThatWasMadeBeforeItWasClosed) {
  catalog_.meanwhile = [&] { MakeTableByHand(); };
  Destroy();
  ASSERT_TRUE(plan_.everything) << "so that the catalog was closed";
  EXPECT_FALSE(CommitByHand({CreateNamespaceOp{"late", {}, true}}).ok());
  EXPECT_TRUE(KeepWhatCameMeanwhile(project_, *lock_).value());
  EXPECT_TRUE(lake_.catalog().LoadTable(kTable, {}).ok());
  EXPECT_TRUE(CommitByHand({CreateNamespaceOp{"late", {}, true}}).ok()) << "it is open again";
}

}  // namespace
}  // namespace tarn
