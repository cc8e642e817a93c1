#include "app/state_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "pipeline/ingest/capture_record.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

constexpr char kUuid[] = "0b7a4b5e-9d0c-4a7e-8f3d-2c1b0a998877";
constexpr char kObject[] = "ab0123456789abcdef0123456789abcd";

class StateFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tarn-state-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    fs::create_directory(state());
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path state() const { return folder_ / "state"; }

  void Write(const std::string& path, const std::string& text = "") {
    fs::create_directories((state() / path).parent_path());
    std::ofstream(state() / path) << text;
  }

  void WriteAllOfTarns() {
    const std::string keys = std::string("keys/") + kUuid, reload = std::string("keys/reload/");
    const std::string block = std::string("cache/ab/") + kObject + "-12.block";
    for (const std::string& path :
         {std::string("catalog.db"), std::string("queries.db-wal"), std::string("make_way"),
          std::string("tmp/duckdb_temp_storage_DEFAULT-0.tmp"),
          std::string("tmp/duckdb_temp_block-7.block"), std::string("cache/lock"), block,
          block + ".4711-3.tmp", keys + "/manifest", keys + "/manifest.new", keys + "/lock",
          keys + "/log-000000000001", keys + "/run-000000000002", keys + ".touched/lock",
          reload + kUuid + "/manifest", reload + kUuid + ".touched/log-000000000001",
          std::string("capture/shop.json.unfinished-4711"),
          std::string("spool/tarn_shop-4711-aB3dE9")}) {
      Write(path);
    }
    Write("capture/shop.json", CaptureRecord().ToJson());
    fs::create_directories(state() / "cache/cd");  // by one who died before it wrote
  }

  std::set<std::string> Standing() const {
    std::set<std::string> paths;
    std::error_code none;
    for (fs::recursive_directory_iterator it(state(), none), end; !none && it != end; ++it) {
      if (!it->is_directory()) paths.insert(fs::relative(it->path(), state()).string());
    }
    return paths;
  }

  fs::path folder_;
};

TEST_F(StateFilesTest, NothingOfTarnsIsLeft) {
  WriteAllOfTarns();
  ASSERT_TRUE(RemoveStateFiles(state().string()).ok());
  EXPECT_FALSE(fs::exists(state())) << testing::PrintToString(Standing());
}

TEST_F(StateFilesTest, WhatTheUserHasInFoldersOfTheSameNamesStays) {
  const std::set<std::string> mine = {"tmp/mine.txt",
                                      "tmp/deep/duckdb_temp_block-7.block",
                                      "cache/lock",
                                      "cache/ab/photo.block",
                                      "cache/abc/x",
                                      "keys/server.pem",
                                      "keys/manifest",
                                      "keys/reload/notes.txt",
                                      "capture/screen.json",
                                      "spool/letter-17-copies",
                                      "notes.txt"};
  WriteAllOfTarns();
  for (const std::string& path : mine) Write(path, "mine");
  fs::create_directories(state() / "tmp/empty/deeper");
  ASSERT_TRUE(RemoveStateFiles(state().string()).ok());
  EXPECT_EQ(Standing(), mine);
  EXPECT_TRUE(fs::exists(state() / "tmp/empty/deeper"));
}

TEST_F(StateFilesTest, ALinkIsNotFollowedBelowAndStays) {
  const fs::path elsewhere = folder_ / "elsewhere";
  fs::create_directories(elsewhere / kUuid);
  std::ofstream(elsewhere / kUuid / "manifest") << "somebody else's";
  Write("keys/x");
  fs::create_directory_symlink(elsewhere / kUuid, state() / "keys" / kUuid);
  fs::create_directory_symlink(elsewhere, state() / "spool");
  ASSERT_TRUE(RemoveStateFiles(state().string()).ok());
  EXPECT_TRUE(fs::exists(elsewhere / kUuid / "manifest"));
  EXPECT_TRUE(fs::is_symlink(state() / "keys" / kUuid) && fs::is_symlink(state() / "spool"));
}

}  // namespace
}  // namespace tarn
