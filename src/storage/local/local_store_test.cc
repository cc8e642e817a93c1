#include "storage/local/local_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "storage/local/posix.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

class LocalStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("tarn-local-" + SystemRandom().Uuid());
    fs::create_directories(folder_);
    root_ = folder_ / "lake";
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  std::unique_ptr<ObjectStore> Open() {
    auto store = std::move(*OpenLocalStore(root_.string(), limits_));
    const Status status = store->CheckAccess();
    EXPECT_TRUE(status.ok()) << status.ToString();
    return store;
  }

  std::vector<std::string> TempFiles() const {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(root_ / ".tarn-tmp", none)) {
      if (!entry.path().string().ends_with(".lock")) names.push_back(entry.path().filename());
    }
    return names;
  }

  fs::path folder_;
  fs::path root_;
  Limits limits_;
};

std::vector<std::string> Keys(ObjectStore& store, std::string_view prefix = "") {
  std::vector<std::string> keys;
  const Status status = store.List(prefix, [&](const ObjectInfo& info) {
    keys.push_back(info.key);
    return Status();
  });
  EXPECT_TRUE(status.ok()) << status.ToString();
  return keys;
}

/// Runs `body` in a process of its own; its result is the exit code.
int InChild(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Runs `body` where `path` is a file system of its own in memory; mounts need a user of their own
/// where the tests do not run as root.
int OnMount(const fs::path& path, unsigned long flags, const char* options,
            const std::function<int()>& body) {
  return InChild([&] {
    const bool is_root = ::geteuid() == 0;
    if (::unshare(CLONE_NEWNS | (is_root ? 0 : CLONE_NEWUSER)) != 0) return 100;
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 101;
    if (::mount("tmpfs", path.c_str(), "tmpfs", flags, options) != 0) return 102;
    return body();
  });
}

/// 0, or what was wrong printed and 1.
int Expecting(const Status& status, ErrorKind kind, std::string_view part) {
  if (!status.ok() && status.error().kind == kind &&
      status.ToString().find(part) != std::string::npos) {
    return 0;
  }
  std::fprintf(stderr, "unexpected: %s\n", status.ToString().c_str());
  return 1;
}

TEST_F(LocalStoreTest, KeysArePathsBelowTheRoot) {
  auto store = Open();
  ASSERT_TRUE(store->Put("bronze/customer/data/x.parquet", "bytes").ok());
  std::ifstream file(root_ / "bronze/customer/data/x.parquet");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "bytes");
  EXPECT_EQ(store->root_uri(), "file://" + root_.string());
}

TEST_F(LocalStoreTest, PathsAreMadeAbsoluteAndPlain) {
  EXPECT_EQ((*OpenLocalStore("/a/./b/../c//", limits_))->root_uri(), "file:///a/c");
  EXPECT_EQ((*OpenLocalStore("x", limits_))->root_uri(),
            "file://" + (fs::current_path() / "x").string());
  EXPECT_EQ(OpenLocalStore("", limits_).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(OpenLocalStore("/", limits_).error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(LocalStoreTest, OnlyCheckAccessCreatesTheRoot) {
  root_ = folder_ / "not" / "yet";
  auto store = std::move(*OpenLocalStore(root_.string(), limits_));
  for (const Status& status :
       {store->Put("k", "x"), store->PutIfAbsent("k", "x"), store->OpenWriter("k").status(),
        store->Get("k").status(), store->Delete("k"),
        store->List("", [](const ObjectInfo&) { return Status(); })}) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kNotFound);
    EXPECT_NE(status.ToString().find("correct `warehouse`"), std::string::npos);
  }
  EXPECT_FALSE(fs::exists(folder_ / "not"));
  ASSERT_TRUE(store->CheckAccess().ok());
  EXPECT_TRUE(store->Put("k", "x").ok());
}

TEST_F(LocalStoreTest, WhatAKilledProcessLeftIsSweptAndNeverListed) {
  Open()->Put("kept", "x").ok();
  EXPECT_EQ(InChild([&] {
              auto store = std::move(*OpenLocalStore(root_.string(), limits_));
              auto writer = std::move(*store->OpenWriter("half"));
              if (!writer->Append(std::string(1 << 20, 'h')).ok()) return 1;
              ::raise(SIGKILL);
              return 0;
            }),
            128 + SIGKILL);
  ASSERT_EQ(TempFiles().size(), 1u);
  auto store = std::move(*OpenLocalStore(root_.string(), limits_));
  EXPECT_EQ(Keys(*store), std::vector<std::string>{"kept"});
  EXPECT_EQ(TempFiles().size(), 1u);  // reading sweeps nothing
  ASSERT_TRUE(store->Put("next", "x").ok());
  EXPECT_EQ(TempFiles().size(), 0u);
}

TEST_F(LocalStoreTest, AWriterOfALivingProcessIsNeverSwept) {
  auto store = Open();
  auto writer = std::move(*store->OpenWriter("slow"));
  ASSERT_TRUE(writer->Append(std::string(1 << 20, 's')).ok());
  EXPECT_EQ(InChild([&] {
              auto other = std::move(*OpenLocalStore(root_.string(), limits_));
              return other->Put("quick", "x").ok() ? 0 : 1;
            }),
            0);
  {
    auto other = std::move(*OpenLocalStore(root_.string(), limits_));
    ASSERT_TRUE(other->Put("quick2", "x").ok());
  }
  EXPECT_EQ(TempFiles().size(), 1u);
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_EQ(store->Head("slow")->size_bytes, 1 << 20);
}

TEST_F(LocalStoreTest, AWriterOutlivesItsStore) {
  auto store = Open();
  auto writer = std::move(*store->OpenWriter("late"));
  store.reset();
  ASSERT_TRUE(writer->Append("x").ok());
  ASSERT_TRUE(writer->Close().ok());
  writer.reset();
  EXPECT_EQ(*Open()->Get("late"), "x");
}

TEST_F(LocalStoreTest, NothingOfOursStaysWhenAllIsRemoved) {
  auto store = Open();
  ASSERT_TRUE(store->Put("a/b/c", "x").ok());
  ASSERT_TRUE(store->Delete("a/b/c").ok());
  ASSERT_TRUE(store->RemoveEmptyFolders("a/b").ok());
  ASSERT_TRUE(store->RemoveEmptyFolders("").ok());
  EXPECT_TRUE(fs::is_empty(root_));
  ASSERT_TRUE(store->Put("a/b/c", "x").ok());
  store.reset();
  EXPECT_FALSE(fs::exists(root_ / ".tarn-tmp"));
}

TEST_F(LocalStoreTest, EmptyFoldersThatNobodyNamesStay) {
  auto store = Open();
  fs::create_directories(root_ / "incoming" / "today");
  fs::create_directories(root_ / "a" / "other");
  ASSERT_TRUE(store->Put("a/b/c", "x").ok());
  ASSERT_TRUE(store->Delete("a/b/c").ok());
  ASSERT_TRUE(store->RemoveEmptyFolders("a/b").ok());
  ASSERT_TRUE(store->RemoveEmptyFolders("").ok());
  EXPECT_TRUE(fs::exists(root_ / "incoming" / "today") && fs::exists(root_ / "a" / "other"));
  EXPECT_FALSE(fs::exists(root_ / "a" / "b"));
}

TEST_F(LocalStoreTest, TheRootMayBeRemovedAndMadeAgain) {
  auto store = Open();
  ASSERT_TRUE(store->Put("k", "first").ok());
  EXPECT_EQ(*store->GetRange("k", 0, 5), "first");
  fs::remove_all(root_);
  EXPECT_EQ(store->GetRange("k", 0, 5).error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(store->CheckAccess().ok());
  ASSERT_TRUE(store->Put("k", "again").ok());
  EXPECT_EQ(*store->GetRange("k", 0, 5), "again");
}

TEST_F(LocalStoreTest, SymbolicLinksLeadNowhere) {
  auto store = Open();
  fs::create_directories(folder_ / "outside");
  std::ofstream(folder_ / "outside" / "secret") << "secret";
  fs::create_directory_symlink(folder_ / "outside", root_ / "link");
  fs::create_symlink(folder_ / "outside" / "secret", root_ / "file");
  fs::create_symlink(root_, root_ / "loop");
  EXPECT_EQ(Keys(*store).size(), 0u);
  EXPECT_EQ(Keys(*store, "link/").size(), 0u);
  EXPECT_EQ(store->Get("file").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store->Get("link/secret").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store->Put("link/new", "x").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_TRUE(store->Delete("link/secret").ok());
  EXPECT_TRUE(store->RemoveEmptyFolders("").ok());
  EXPECT_TRUE(fs::exists(folder_ / "outside" / "secret"));
  EXPECT_EQ(store->PutIfAbsent("file", "x").error().kind, ErrorKind::kAlreadyExists);
  ASSERT_TRUE(store->Put("file", "replaces the link").ok());
  EXPECT_EQ(fs::file_size(folder_ / "outside" / "secret"), 6u);
}

TEST_F(LocalStoreTest, AFolderInTheWayIsSaid) {
  auto store = Open();
  ASSERT_TRUE(store->Put("a/b", "x").ok());
  for (const Status& status :
       {store->Put("a", "x"), store->PutIfAbsent("a", "x"), store->Put("a/b/c", "x")}) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument) << status.ToString();
  }
  EXPECT_EQ(TempFiles().size(), 0u);
}

TEST_F(LocalStoreTest, ForeignThingsAreNotListed) {
  auto store = Open();
  ASSERT_TRUE(store->Put("t/object", "x").ok());
  ASSERT_EQ(::mkfifo((root_ / "t/pipe").c_str(), 0600), 0);
  std::ofstream(root_ /
                "t/bad\xff"
                "name")
      << "x";
  std::ofstream(root_ / "t/line\nbreak") << "x";
  EXPECT_EQ(Keys(*store), std::vector<std::string>{"t/object"});
  EXPECT_EQ(store->Get("t/pipe").error().kind, ErrorKind::kNotFound);
}

TEST_F(LocalStoreTest, ReadersKeepNoMoreFilesOpenThanAllowed) {
  limits_.local_open_files_max = 4;
  auto store = Open();
  const auto open_files = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(store->Put("f" + std::to_string(i), "bytes").ok());
  const auto before = open_files();
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 50; ++i) {
      EXPECT_EQ(*store->GetRange("f" + std::to_string(i), 1, 3), "yte");
    }
  }
  EXPECT_LE(open_files() - before, 4);
}

TEST_F(LocalStoreTest, FilesThatSomebodyElseRemovedAreNotKeptOnTheDiskByReaders) {
  auto store = Open();
  const auto read = [&](const std::string& stem, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string key = stem + std::to_string(i);
      ASSERT_TRUE(store->Put(key, "bytes").ok());
      ASSERT_EQ(*store->GetRange(key, 1, 3), "yte");
    }
  };
  const auto removed_but_open = [] {
    int count = 0;
    for (const auto& fd : fs::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      count += fs::read_symlink(fd.path(), gone).string().ends_with(" (deleted)") ? 1 : 0;
    }
    return count;
  };
  const int before = removed_but_open();
  read("old", 20);
  for (int i = 0; i < 20; ++i) fs::remove(root_ / ("old" + std::to_string(i)));
  EXPECT_EQ(removed_but_open(), before + 20);
  read("new", 16);
  EXPECT_EQ(removed_but_open(), before);
}

TEST_F(LocalStoreTest, AFullDiskIsSaidAndNothingHalfStays) {
  fs::create_directories(root_);
  EXPECT_EQ(OnMount(root_, 0, "size=1m",
                    [&] {
                      auto store = std::move(*OpenLocalStore(root_.string(), limits_));
                      const std::string big(2 << 20, 'x');
                      int wrong = Expecting(store->Put("big", big), ErrorKind::kResourceExhausted,
                                            "no space left");
                      wrong += Expecting(store->PutIfAbsent("big", big),
                                         ErrorKind::kResourceExhausted, root_.string());
                      {
                        auto writer = std::move(*store->OpenWriter("stream"));
                        Status status;
                        for (int i = 0; i < 20 && status.ok(); ++i) {
                          status = writer->Append(std::string(128 << 10, 'x'));
                        }
                        wrong += Expecting(status, ErrorKind::kResourceExhausted, "HINT");
                        wrong += Expecting(writer->Close(), ErrorKind::kResourceExhausted, "");
                      }
                      // The space is free again.
                      const Status small = store->Put("small", std::string(512 << 10, 'x'));
                      return wrong + (small.ok() ? 0 : 10) + (Keys(*store).size() == 1 ? 0 : 20);
                    }),
            0);
}

TEST_F(LocalStoreTest, AReadOnlyFileSystemIsSaid) {
  fs::create_directories(root_);
  EXPECT_EQ(OnMount(root_, MS_RDONLY, "",
                    [&] {
                      auto store = std::move(*OpenLocalStore(root_.string(), limits_));
                      return Expecting(store->Put("k", "x"), ErrorKind::kPermissionDenied,
                                       "read-only") +
                             Expecting(store->CheckAccess(), ErrorKind::kPermissionDenied,
                                       root_.string());
                    }),
            0);
}

TEST_F(LocalStoreTest, AFolderOfSomebodyElseIsSaid) {
  fs::create_directories(root_ / "theirs");
  { std::ofstream(root_ / "theirs" / "file") << "x"; }
  fs::permissions(root_ / "theirs", fs::perms::none);
  EXPECT_EQ(InChild([&] {
              if (::geteuid() == 0) {
                // Nobody's user, for whom modes count.
                fs::permissions(root_, fs::perms::all);
                if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 100;
              }
              auto store = std::move(*OpenLocalStore(root_.string(), limits_));
              return Expecting(store->Get("theirs/file").status(), ErrorKind::kPermissionDenied,
                               "theirs") +
                     Expecting(store->Put("theirs/new", "x"), ErrorKind::kPermissionDenied,
                               "permission denied") +
                     Expecting(store->List("", [](const ObjectInfo&) { return Status(); }),
                               ErrorKind::kPermissionDenied, "chown");
            }),
            0);
  fs::permissions(root_ / "theirs", fs::perms::owner_all);
}

TEST_F(LocalStoreTest, AFolderThatCannotBeLookedIntoStaysAndHoldsNothingUp) {
  fs::create_directories(root_ / "a" / "lost+found");
  fs::create_directories(root_ / "a" / "listed");
  fs::permissions(root_ / "a" / "lost+found", fs::perms::none);
  fs::permissions(root_ / "a" / "listed", fs::perms::all & ~fs::perms(0111));
  EXPECT_EQ(InChild([&] {
              if (::geteuid() == 0) {
                fs::permissions(root_, fs::perms::all);
                fs::permissions(root_ / "a", fs::perms::all);
                if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 100;
              }
              auto store = std::move(*OpenLocalStore(root_.string(), limits_));
              if (!store->Put("a/z/x", "x").ok() || !store->Delete("a/z/x").ok()) return 101;
              return store->RemoveEmptyFolders("a").ok() ? 0 : 102;
            }),
            0);
  EXPECT_TRUE(fs::exists(root_ / "a" / "lost+found"));
  EXPECT_FALSE(fs::exists(root_ / "a" / "z"));
}

TEST_F(LocalStoreTest, AFileWhereTheRootShouldBeIsSaid) {
  std::ofstream(root_) << "x";
  auto store = std::move(*OpenLocalStore(root_.string(), limits_));
  EXPECT_EQ(store->CheckAccess().error().kind, ErrorKind::kInvalidArgument);
}

/// Which files and folders were synced while it lives; folders fail when told to.
class SyncWatch {
 public:
  SyncWatch() {
    synced_.clear();
    folders_fail_ = false;
    SetFsyncForTest(&Sync);
  }
  ~SyncWatch() { SetFsyncForTest(nullptr); }
  static void LetFoldersFail(bool fail) { folders_fail_ = fail; }
  /// How often since the last time that was asked for all.
  static int64_t Count(const fs::path& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return std::count(synced_.begin(), synced_.end(), info.st_ino);
  }
  static void Forget() { synced_.clear(); }

 private:
  static int Sync(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return -1;
    if (folders_fail_ && S_ISDIR(info.st_mode)) {
      errno = EIO;
      return -1;
    }
    synced_.push_back(info.st_ino);
    return ::fsync(fd);
  }
  static inline std::vector<ino_t> synced_;
  static inline bool folders_fail_ = false;
};

TEST_F(LocalStoreTest, AFolderThatAnotherProcessHasJustMadeIsSyncedByWhoeverUsesIt) {
  const auto store = Open();
  fs::create_directories(root_ / "a" / "b");
  SyncWatch watch;
  ASSERT_TRUE(store->PutIfAbsent("a/b/1", "x").ok());
  EXPECT_GE(watch.Count(root_), 1);
  EXPECT_EQ(watch.Count(root_ / "a"), 1);
  EXPECT_EQ(watch.Count(root_ / "a" / "b"), 1);
  watch.Forget();
  ASSERT_TRUE(store->PutIfAbsent("a/b/2", "x").ok());
  EXPECT_EQ(watch.Count(root_ / "a"), 0);
  EXPECT_EQ(watch.Count(root_ / "a" / "b"), 1);
  // A folder of the same name is another one.
  fs::remove_all(root_ / "a" / "b");
  fs::create_directories(root_ / "a" / "b");
  ASSERT_TRUE(store->PutIfAbsent("a/b/1", "x").ok());
  EXPECT_EQ(watch.Count(root_ / "a"), 1);
}

TEST_F(LocalStoreTest, AnObjectThatBecameVisibleBeforeItsFolderFailedToSyncIsReported) {
  const auto store = Open();
  ASSERT_TRUE(store->Put("a/0", "x").ok());
  SyncWatch watch;
  watch.LetFoldersFail(true);
  const Status status = store->PutIfAbsent("a/1", "x");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kUnavailable);
  EXPECT_NE(status.error().message.find("is written and visible"), std::string::npos);
  EXPECT_EQ(*store->Get("a/1"), "x");
  // Nobody is told that it exists before it is sure to.
  EXPECT_EQ(store->PutIfAbsent("a/1", "x").error().kind, ErrorKind::kUnavailable);
  watch.LetFoldersFail(false);
  EXPECT_EQ(store->PutIfAbsent("a/1", "x").error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(watch.Count(root_ / "a"), 1);
}

}  // namespace
}  // namespace tarn
