#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <thread>

#include <gmock/gmock.h>

#include "tests/conformance/catalog/catalog_suite.h"

namespace tarn::testing {
namespace {

using ::testing::IsEmpty;

constexpr char kA[] = "uuid-s-a";
constexpr char kB[] = "uuid-s-b";

std::string Pointer(const std::string& uuid, int64_t version) {
  return version == 1 ? "file:///lake/s/" + uuid.substr(7) + "/metadata/1"
                      : "file:///" + uuid + "/" + std::to_string(version);
}

// Moves both tables and a position forward by one, from whatever stands there.
Status Advance(Catalog& catalog, Random& random) {
  for (;;) {
    TARN_ASSIGN_OR_RETURN(const TableEntry a, catalog.LoadTableByUuid(kA, {}));
    TARN_ASSIGN_OR_RETURN(const TableEntry b, catalog.LoadTableByUuid(kB, {}));
    const auto info =
        catalog.Commit({random.Uuid(),
                        "racer",
                        "",
                        {UpdateTableOp{kA, a.metadata_location, Pointer(kA, a.version + 1)},
                         UpdateTableOp{kB, b.metadata_location, Pointer(kB, b.version + 1)},
                         SetPositionOp{"shop", "", std::to_string(a.version + 1)}}});
    if (info.ok()) return {};
    if (info.error().kind != ErrorKind::kConflict) return info.status();
  }
}

// Both tables, the position, the outbox and the commits tell the same story.
void ExpectWhole(Catalog& catalog) {
  const auto a = catalog.LoadTableByUuid(kA, {});
  const auto b = catalog.LoadTableByUuid(kB, {});
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->version, b->version);
  EXPECT_EQ(a->metadata_location, Pointer(kA, a->version));
  EXPECT_EQ(catalog.TableHistory(kA)->size(), static_cast<size_t>(a->version));
  EXPECT_EQ(catalog.PendingPublications({.limit = 1'000'000})->size(),
            static_cast<size_t>(a->version + b->version));
  EXPECT_EQ(catalog.CurrentSequence()->value(), a->version);
  EXPECT_EQ(catalog.ListCommits(1'000'000)->size(), static_cast<size_t>(a->version));
  const auto positions = *catalog.ListPositions();
  if (a->version > 1) {
    EXPECT_EQ(positions.at(0).position, std::to_string(a->version));
  }
}

TEST_P(CatalogProcesses, RacingThreadsLoseNothing) {
  MustCommit({CreateNamespaceOp{"s", {}}, NewTable("s", "a"), NewTable("s", "b")});
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([this, t] {
      const auto random = SeededRandom(100 + static_cast<uint64_t>(t));
      for (int i = 0; i < 10; ++i) {
        const Status status = Advance(catalog(), *random);
        EXPECT_TRUE(status.ok()) << status.ToString();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(catalog().LoadTableByUuid(kA, {})->version, 61);
  ExpectWhole(catalog());
}

TEST_P(CatalogProcesses, RacingProcessesLoseNothing) {
  MustCommit({CreateNamespaceOp{"s", {}}, NewTable("s", "a"), NewTable("s", "b")});
  catalog_.reset();
  std::vector<pid_t> children;
  for (int c = 0; c < 3; ++c) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      const auto random = SeededRandom(200 + static_cast<uint64_t>(c));
      auto own = home_->Open(SystemClock());
      Status status = own.status();
      for (int i = 0; i < 20 && status.ok(); ++i) status = Advance(**own, *random);
      if (!status.ok()) fprintf(stderr, "%s\n", status.ToString().c_str());
      _exit(status.ok() ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  catalog_ = *home_->Open(clock_);
  EXPECT_EQ(catalog().LoadTableByUuid(kA, {})->version, 61);
  ExpectWhole(catalog());
}

// A child commits as fast as it can and tells each answered commit through a pipe; it is killed at
// an instant that differs from round to round.
TEST_P(CatalogProcesses, KilledAtAnyInstantACommitIsWholeOrNotThere) {
  MustCommit({CreateNamespaceOp{"s", {}}, NewTable("s", "a"), NewTable("s", "b")});
  catalog_.reset();
  int64_t answered = 1;
  for (int round = 0; round < 25; ++round) {
    int answers[2];
    ASSERT_EQ(pipe(answers), 0);
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      close(answers[0]);
      const auto random = SeededRandom(300 + static_cast<uint64_t>(round));
      auto own = home_->Open(SystemClock());
      while (own.ok() && Advance(**own, *random).ok()) {
        if (write(answers[1], "+", 1) != 1) break;
      }
      _exit(1);
    }
    close(answers[1]);
    char answer = 0;
    for (int i = 0; i <= round % 5; ++i) {
      ASSERT_EQ(read(answers[0], &answer, 1), 1) << "the child failed by itself";
      ++answered;
    }
    usleep(static_cast<useconds_t>(random_->Below(3000)));  // spreads the instant of the kill
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    while (read(answers[0], &answer, 1) == 1) ++answered;
    close(answers[0]);

    catalog_ = *home_->Open(clock_);
    const int64_t version = catalog().LoadTableByUuid(kA, {})->version;
    EXPECT_GE(version, answered);      // an answered commit stays
    EXPECT_LE(version, answered + 1);  // the one in flight may have happened
    answered = version;
    ExpectWhole(catalog());
    catalog_.reset();
    if (HasFailure()) return;
  }
}

TEST_P(CatalogProcesses, TwoOpenCatalogsSeeEachOthersCommits) {
  auto other = *home_->Open(clock_);
  MustCommit({CreateNamespaceOp{"s", {}}, NewTable("s", "a")});
  EXPECT_EQ(other->LoadTable({"s", "a"}, {})->version, 1);
  EXPECT_EQ(*other->CurrentSequence(), Sequence(1));
  ASSERT_TRUE(other->Commit({"id", "other", "", {DropTableOp{"uuid-s-a"}}}).ok());
  EXPECT_THAT(TableNames(), IsEmpty());
}

}  // namespace
}  // namespace tarn::testing
