#include "catalog/sqlite/sqlite_catalog.h"

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include <gmock/gmock.h>

#include "tests/conformance/catalog/catalog_suite.h"

namespace tarn {
namespace {

using testing::CatalogCommit;
using testing::CatalogHistory;
using testing::CatalogHome;
using testing::CatalogKind;
using testing::CatalogKindName;
using testing::CatalogLedger;
using testing::CatalogProcesses;
using ::testing::HasSubstr;

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tarn-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class SqliteHome final : public CatalogHome {
 public:
  Result<std::unique_ptr<Catalog>> Open(Clock& clock) override {
    return OpenSqliteCatalog(folder_.path() + "/state", clock);
  }

 private:
  Folder folder_;
};

class MemoryHome final : public CatalogHome {
 public:
  Result<std::unique_ptr<Catalog>> Open(Clock& clock) override {
    return OpenSqliteCatalogInMemory(clock);
  }
};

const CatalogKind kFile{"file", [] { return std::make_unique<SqliteHome>(); }};
const CatalogKind kMemory{"memory", [] { return std::make_unique<MemoryHome>(); }};

INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogCommit, ::testing::Values(kFile, kMemory), CatalogKindName);
INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogHistory, ::testing::Values(kFile, kMemory),
                         CatalogKindName);
INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogLedger, ::testing::Values(kFile, kMemory), CatalogKindName);
INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogProcesses, ::testing::Values(kFile), CatalogKindName);

Error MustNotOpen(const std::string& folder, const SqliteCatalogOptions& options = {}) {
  auto opened = OpenSqliteCatalog(folder, SystemClock(), options);
  EXPECT_FALSE(opened.ok());
  return opened.ok() ? Error{} : opened.error();
}

void RunSql(const std::string& file, const char* sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(handle);
}

// Permissions bind nobody who is root.
bool RunAsNobody(const std::function<bool()>& body) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0)) _exit(2);
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return status == 0;
}

TEST(SqliteCatalog, AMissingStateIsMadeOnlyWhenWanted) {
  Folder folder;
  const std::string state = folder.File("deep/state");
  SqliteCatalogOptions options;
  options.missing = SqliteCatalogOptions::Missing::kRefuse;
  const Error error = MustNotOpen(state, options);
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_THAT(error.ToString(), HasSubstr(state));
  EXPECT_THAT(error.hint, HasSubstr("tarn apply"));
  EXPECT_FALSE(std::filesystem::exists(folder.File("deep")));
  EXPECT_TRUE(OpenSqliteCatalog(state, SystemClock()).ok());
  EXPECT_TRUE(OpenSqliteCatalog(state, SystemClock(), options).ok());
}

TEST(SqliteCatalog, AFileThatIsNoDatabaseIsRefusedAndLeftAlone) {
  Folder folder;
  const std::string text(5000, 'x');
  std::ofstream(folder.File("catalog.db")) << text;
  const Error error = MustNotOpen(folder.path());
  EXPECT_EQ(error.kind, ErrorKind::kCorruption);
  EXPECT_THAT(error.ToString(), HasSubstr(folder.File("catalog.db")));
  std::ifstream in(folder.File("catalog.db"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), text);
}

TEST(SqliteCatalog, TheDatabaseOfAnotherProgramIsRefusedAndLeftAlone) {
  Folder folder;
  RunSql(folder.File("catalog.db"), "CREATE TABLE cookies(x)");
  const Error error = MustNotOpen(folder.path());
  EXPECT_EQ(error.kind, ErrorKind::kCorruption);
  EXPECT_THAT(error.message, HasSubstr("another program"));
  EXPECT_FALSE(std::filesystem::exists(folder.File("catalog.db-wal")));
}

TEST(SqliteCatalog, AStateOfANewerProgramIsRefusedWithBothVersions) {
  Folder folder;
  ASSERT_TRUE(OpenSqliteCatalog(folder.path(), SystemClock()).ok());
  RunSql(folder.File("catalog.db"), "INSERT INTO schema_version VALUES (99, 0)");
  const Error error = MustNotOpen(folder.path());
  EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("schema version 99"));
  EXPECT_THAT(error.message, HasSubstr("knows up to 2"));
}

TEST(SqliteCatalog, ADamagedFileIsAnErrorThatNamesIt) {
  Folder folder;
  {
    auto catalog = *OpenSqliteCatalog(folder.path(), SystemClock());
    for (int i = 0; i < 50; ++i) {
      const std::string id = std::to_string(i);
      ASSERT_TRUE(catalog->Commit({id, "", "", {CreateNamespaceOp{"schema_" + id, {}}}}).ok());
    }
  }
  {
    std::fstream file(folder.File("catalog.db"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(4096 * 4, '\xee');
  }
  Status status;
  auto opened = OpenSqliteCatalog(folder.path(), SystemClock());
  status = opened.ok() ? opened.value()->ListCommits(100).status() : opened.status();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(status.error().ToString(), HasSubstr(folder.File("catalog.db")));
}

TEST(SqliteCatalog, AReadOnlyFileIsAPermissionError) {
  Folder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  ASSERT_TRUE(OpenSqliteCatalog(folder.path(), SystemClock()).ok());
  std::filesystem::permissions(folder.File("catalog.db"), std::filesystem::perms(0444));
  EXPECT_TRUE(RunAsNobody([&] {
    const Error error = MustNotOpen(folder.path());
    return error.kind == ErrorKind::kPermissionDenied &&
           error.message.find("catalog.db") != std::string::npos && !error.hint.empty();
  }));
}

TEST(SqliteCatalog, AFolderThatCannotBeWrittenIsAPermissionError) {
  Folder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0555));
  EXPECT_TRUE(RunAsNobody([&] {
    return MustNotOpen(folder.path()).kind == ErrorKind::kPermissionDenied &&
           MustNotOpen(folder.File("state")).kind == ErrorKind::kPermissionDenied;
  }));
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
}

TEST(SqliteCatalog, AFolderInTheWayOfTheFileIsAnErrorThatNamesIt) {
  Folder folder;
  std::filesystem::create_directory(folder.File("catalog.db"));
  EXPECT_THAT(MustNotOpen(folder.path()).ToString(), HasSubstr(folder.File("catalog.db")));
}

TEST(SqliteCatalog, AWriterThatNeverEndsIsUnavailableAfterTheTimeOut) {
  Folder folder;
  SqliteCatalogOptions options;
  options.lock_timeout_ms = 20;
  auto catalog = *OpenSqliteCatalog(folder.path(), SystemClock(), options);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(folder.File("catalog.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const CommitRequest request{"id", "", "", {CreateNamespaceOp{"s", {}}}};
  const Error error = catalog->Commit(request).error();
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("more than 20 ms"));
  EXPECT_TRUE(catalog->ListTables({}, {}).ok());  // readers do not wait for writers
  sqlite3_close(other);
  EXPECT_TRUE(catalog->Commit(request).ok());
}

TEST(SqliteCatalog, ManyReadersShareAFewConnections) {
  Folder folder;
  SqliteCatalogOptions options;
  options.connections_max = 2;
  auto catalog = *OpenSqliteCatalog(folder.path(), SystemClock(), options);
  ASSERT_TRUE(catalog->Commit({"id", "", "", {CreateNamespaceOp{"s", {}}}}).ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) EXPECT_EQ(catalog->ListNamespaces({})->size(), 1u);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(SqliteCatalog, AStopEndsTheWaitForAnotherProcess) {
  Folder folder;
  CancelFlag stop;
  SqliteCatalogOptions options;
  options.lock_timeout_ms = 600'000;
  options.stop = &stop;
  auto catalog = *OpenSqliteCatalog(folder.path(), SystemClock(), options);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((folder.path() + "/catalog.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  RunRecord run;
  run.id = "r";
  run.status = "running";
  Status written;
  std::thread writer([&] { written = catalog->RecordRun(run); });
  stop.Request();
  writer.join();
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  // What is free is written all the same.
  EXPECT_TRUE(catalog->RecordRun(run).ok());
  sqlite3_close(other);
}

TEST(SqliteCatalog, OnlyTheNewestRunsAreKept) {
  ManualClock clock(1'000);
  SqliteCatalogOptions options;
  options.runs_kept_max = 3;
  auto catalog = *OpenSqliteCatalogInMemory(clock, options);
  RunRecord run;
  run.status = "running";
  for (int i = 0; i < 10; ++i) {
    run.id = "r" + std::to_string(i);
    run.started_micros = i;
    ASSERT_TRUE(catalog->RecordRun(run).ok());
  }
  // A run that ends keeps its place: those told later are not pushed out by it.
  for (const char* id : {"r7", "r7", "r8"}) {
    run.id = id;
    run.status = "succeeded";
    ASSERT_TRUE(catalog->RecordRun(run).ok());
  }
  std::set<std::string> kept;
  const auto runs = *catalog->ListRuns(100);
  for (const RunRecord& one : runs) kept.insert(one.id);
  EXPECT_EQ(kept, (std::set<std::string>{"r7", "r8", "r9"}));
}

TEST(SqliteCatalog, AStateOfVersionOneIsBroughtForward) {
  Folder folder;
  {
    auto catalog = *OpenSqliteCatalog(folder.path(), SystemClock());
    ASSERT_TRUE(catalog->Commit({"id", "", "", {CreateNamespaceOp{"s", {}}}}).ok());
  }
  RunSql(folder.File("catalog.db"),
         "DELETE FROM schema_version WHERE version > 1; DROP INDEX outbox_by_table;"
         "DROP INDEX tables_by_location; CREATE INDEX tables_by_location ON tables(location)");
  auto catalog = *OpenSqliteCatalog(folder.path(), SystemClock());
  EXPECT_EQ(catalog->ListNamespaces({})->size(), 1u);
  EXPECT_TRUE(catalog->PendingPublications({.limit = 1, .table_uuid = "x"}).ok());
}

// SQLite's own steps, counted over all connections that are opened while this lives: a measure of
// work that no clock and no other process disturbs.
class StepCounter {
 public:
  StepCounter() { sqlite3_auto_extension(reinterpret_cast<void (*)()>(&Install)); }
  ~StepCounter() { sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&Install)); }
  static int64_t Of(const std::function<void()>& work) {
    const int64_t before = steps_;
    work();
    return steps_ - before;
  }

 private:
  static int Install(sqlite3* handle, const char**, const void*) {
    sqlite3_progress_handler(
        handle, 1,
        [](void*) {
          ++steps_;
          return 0;
        },
        nullptr);
    return SQLITE_OK;
  }
  static inline int64_t steps_ = 0;
};

TEST(SqliteCatalog, AStateFolderIsMadeWithThoseAboveIt) {
  std::string pattern = (std::filesystem::temp_directory_path() / "tarn-XXXXXX").string();
  const std::filesystem::path root = mkdtemp(pattern.data());
  for (const char* state : {"a/b/state", "c/state/", "c/state", "d/../e"}) {
    EXPECT_TRUE(OpenSqliteCatalog((root / state).string(), SystemClock()).ok()) << state;
    EXPECT_TRUE(std::filesystem::exists(root / state / "catalog.db")) << state;
  }
  std::ofstream(root / "file") << "x";
  const auto refused = OpenSqliteCatalog((root / "file/state").string(), SystemClock());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kPermissionDenied);
  std::filesystem::remove_all(root);
}

TEST(SqliteCatalog, ACommitOfTheFutureIsWarnedOfOnce) {
  constexpr int64_t kMinute = 60'000'000;
  ManualClock clock(1'700'000'000'000'000);
  const auto catalog = OpenSqliteCatalogInMemory(clock).value();
  int commits = 0;
  const auto told = [&](int64_t minutes_later) {
    clock.Advance(minutes_later * kMinute);
    ::testing::internal::CaptureStderr();
    const std::string id = "00000000-0000-4000-8000-00000000000" + std::to_string(++commits);
    const auto info = catalog->Commit({id, "test", "", {}});
    const std::string text = ::testing::internal::GetCapturedStderr();
    EXPECT_TRUE(info.ok()) << info.status().ToString();
    return text;
  };
  EXPECT_EQ(told(0), "");
  EXPECT_EQ(told(-9), "") << "clocks differ by some minutes";
  EXPECT_THAT(told(-2), HasSubstr("the lake's last commit is 11 minutes later than this machine's "
                                  "clock: it is wrong, or was"));
  EXPECT_EQ(told(0), "") << "once a process";
}

TEST(SqliteCatalog, WhatACommitAndAQueryNeedCostsTheSameAfterALongHistory) {
  StepCounter counter;
  ManualClock clock(1'000);
  auto catalog = *OpenSqliteCatalogInMemory(clock);
  int64_t commits = 0;
  const auto commit = [&](std::vector<CommitOp> ops) {
    const auto info = catalog->Commit({std::to_string(++commits), "test", "", std::move(ops)});
    ASSERT_TRUE(info.ok()) << info.error().ToString();
  };
  const TableName name{"s", "t"};
  const auto advance = [&] {
    const TableEntry t = *catalog->LoadTable(name, {});
    commit({UpdateTableOp{t.uuid, t.metadata_location, std::to_string(t.version + 1)},
            PutViewOp{{{"s", "v"}, "SELECT 1", {}, "", "", {}}}, SetPositionOp{"shop", "t", "1"}});
    const auto pending = catalog->PendingPublications({.limit = 1});
    ASSERT_TRUE(pending.ok()) << pending.error().ToString();
    for (const Publication& one : *pending) {
      ASSERT_TRUE(catalog->MarkPublished(one.id).ok());
    }
    RunRecord run;
    run.id = std::to_string(commits);
    ASSERT_TRUE(catalog->RecordRun(run).ok());
  };
  commit({CreateNamespaceOp{"s", {}}, CreateTableOp{{"t", name, "file:///t", "1", 0, "", {}}}});

  const auto measure = [&] {
    std::map<std::string, int64_t> steps;
    steps["commit"] = StepCounter::Of(advance);
    const Sequence now = *catalog->CurrentSequence();
    for (const std::optional<Sequence> at : {std::optional<Sequence>(), std::optional(now)}) {
      const std::string when = at ? " of the present sequence" : "";
      const auto count = [&](const std::string& what, const std::function<bool()>& read) {
        steps[what + when] = StepCounter::Of([&] { EXPECT_TRUE(read()) << what; });
      };
      count("ListTables", [&] { return catalog->ListTables({}, at)->size() == 1; });
      count("ListTables(s)", [&] { return catalog->ListTables("s", at)->size() == 1; });
      count("ListViews(s)", [&] { return catalog->ListViews("s", at)->size() == 1; });
      count("LoadTable", [&] { return catalog->LoadTable(name, at).ok(); });
      count("LoadTable by case", [&] { return catalog->LoadTable({"S", "T"}, at).ok(); });
      count("LoadTable missing", [&] { return !catalog->LoadTable({"s", "u"}, at).ok(); });
    }
    const TableName other{"s", "other"};
    steps["create and drop"] = StepCounter::Of([&] {
      const std::string uuid = std::to_string(commits);
      commit({CreateTableOp{{uuid, other, "file:///other", "1", 0, "", {}}, now}});
      commit({DropTableOp{uuid}});
    });
    return steps;
  };
  for (int i = 0; i < 50; ++i) advance();
  const auto early = measure();
  for (int i = 0; i < 2000; ++i) advance();
  const auto late = measure();
  for (const auto& [what, steps] : early) {
    // Deeper indexes cost a little more.
    EXPECT_LE(late.at(what), steps + steps / 5 + 50) << what;
  }
}

}  // namespace
}  // namespace tarn
