#include "base/small_file.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace tarn {
namespace {

namespace fs = std::filesystem;

class SmallFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "small_file_test_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  int Files() const {
    return static_cast<int>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  std::string folder_;
};

TEST_F(SmallFileTest, WhatIsWrittenIsReadAndNothingIsLeftBeside) {
  const std::string path = folder_ + "/record.json";
  EXPECT_FALSE(ReadSmallFile(path)->has_value());
  for (const std::string text : {"first\n", "", "a longer one that comes last"}) {
    ASSERT_TRUE(ReplaceSmallFile(path, text).ok());
    EXPECT_EQ(**ReadSmallFile(path), text);
  }
  EXPECT_EQ(Files(), 1);
}

TEST_F(SmallFileTest, AWriterThatCannotLeavesTheFileAsItWas) {
  const std::string folder_in_the_way = folder_ + "/taken";
  fs::create_directory(folder_in_the_way);
  EXPECT_FALSE(ReplaceSmallFile(folder_in_the_way, "text").ok());
  const Status nowhere = ReplaceSmallFile(folder_ + "/none/record.json", "text");
  ASSERT_FALSE(nowhere.ok());
  EXPECT_NE(nowhere.error().message.find("/none/record.json"), std::string::npos);
  EXPECT_EQ(Files(), 1);
}

TEST_F(SmallFileTest, WhatAKilledWriterLeftIsRemovedAndNothingElse) {
  ASSERT_TRUE(ReplaceSmallFile(folder_ + "/record.json", "text").ok());
  std::ofstream(folder_ + "/record.json.unfinished-4711") << "te";
  std::ofstream(folder_ + "/other.txt") << "somebody else's";
  RemoveUnfinishedFiles(folder_);
  EXPECT_EQ(Files(), 2);
  EXPECT_FALSE(fs::exists(folder_ + "/record.json.unfinished-4711"));
  RemoveUnfinishedFiles(folder_ + "/none");
}

}  // namespace
}  // namespace tarn
