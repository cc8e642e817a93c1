#include "app/templates/templates.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace tarn {
namespace {

namespace fs = std::filesystem;

std::string ReadBytes(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<std::string> FilesBelow(const fs::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files.push_back(fs::relative(entry.path(), folder).generic_string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

class TemplatesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tarn-templates-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_;
};

constexpr std::string_view kBytes("\0\xff\r\n\"\\)\"\x1a", 9);
const TemplateFile kFiles[] = {
    {"one", "README.md", "# The first\n```sql\nx\n```\n```sh\ndo this\nthen that\n```\n", false},
    {"one", "deep/er/start.sh", "#!/bin/sh\n", true},
    {"one", "empty", "", false},
    {"two", "bytes", kBytes, false},
};

TEST_F(TemplatesTest, EveryByteOfTheExampleInTheTreeIsWritten) {
  const fs::path source = fs::path("examples") / "pagila";
  ASSERT_TRUE(WriteTemplate(EmbeddedTemplates(), "pagila", folder_.string()).ok());
  const auto written = FilesBelow(folder_);
  ASSERT_FALSE(written.empty());
  for (const std::string& file : written) {
    EXPECT_EQ(ReadBytes(folder_ / file), ReadBytes(source / file)) << file;
    EXPECT_EQ(access((folder_ / file).c_str(), X_OK), access((source / file).c_str(), X_OK))
        << file;
  }
  for (const char* file : {"tarn.yaml", "README.md", "database.sh", ".gitignore", "pagila.ipynb"}) {
    EXPECT_TRUE(std::binary_search(written.begin(), written.end(), file)) << file;
  }
}

TEST_F(TemplatesTest, EveryEmbeddedTemplateHasATitleAndSteps) {
  const auto infos = ListTemplates(EmbeddedTemplates());
  ASSERT_FALSE(infos.empty());
  for (const TemplateInfo& info : infos) {
    EXPECT_NE(info.title, "") << info.name;
    EXPECT_FALSE(info.steps.empty()) << info.name;
  }
}

TEST_F(TemplatesTest, AnExecutableFileStaysExecutableAndNoOtherBecomesIt) {
  ASSERT_TRUE(WriteTemplate(kFiles, "one", (folder_ / "x").string()).ok());
  struct stat info = {};
  ASSERT_EQ(stat((folder_ / "x/deep/er/start.sh").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & S_IXUSR, static_cast<mode_t>(S_IXUSR));
  ASSERT_EQ(stat((folder_ / "x/README.md").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0111, 0U);
}

TEST_F(TemplatesTest, FoldersAboveAreMade) {
  const fs::path deep = folder_ / "a/b/c";
  ASSERT_TRUE(WriteTemplate(kFiles, "two", deep.string() + "/").ok());
  EXPECT_EQ(FilesBelow(deep), std::vector<std::string>{"bytes"});
  EXPECT_EQ(ReadBytes(deep / "bytes"), kBytes);
}

TEST_F(TemplatesTest, AFolderThatIsNotEmptyIsRefusedAndLeftAlone) {
  std::ofstream(folder_ / "mine") << "precious";
  const Status status = WriteTemplate(kFiles, "one", folder_.string());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(FilesBelow(folder_), std::vector<std::string>{"mine"});
}

TEST_F(TemplatesTest, AFileInThePlaceOfTheFolderIsRefused) {
  std::ofstream(folder_ / "mine") << "precious";
  const Status status = WriteTemplate(kFiles, "one", (folder_ / "mine").string());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kAlreadyExists);
  EXPECT_FALSE(WriteTemplate(kFiles, "one", (folder_ / "mine/below").string()).ok());
  EXPECT_EQ(ReadBytes(folder_ / "mine"), "precious");
}

TEST_F(TemplatesTest, ALinkToNowhereIsRefused) {
  fs::create_symlink(folder_ / "nowhere", folder_ / "link");
  EXPECT_FALSE(WriteTemplate(kFiles, "one", (folder_ / "link").string()).ok());
  EXPECT_FALSE(fs::exists(folder_ / "nowhere"));
}

TEST_F(TemplatesTest, WhatFailsHalfwayLeavesNothing) {
  const TemplateFile files[] = {{"bad", "file", "x", false}, {"bad", "file/below", "y", false}};
  EXPECT_FALSE(WriteTemplate(files, "bad", (folder_ / "made/for/it").string()).ok());
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(TemplatesTest, AnUnknownTemplateSuggestsTheNearest) {
  const Status status = WriteTemplate(EmbeddedTemplates(), "pagilla", (folder_ / "x").string());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(status.error().hint, "did you mean \"pagila\"?");
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(TemplatesTest, TheStepsAreTheFirstShellBlockOfTheReadme) {
  const auto infos = ListTemplates(kFiles);
  ASSERT_EQ(infos.size(), 2U);
  EXPECT_EQ(infos[0].steps, (std::vector<std::string>{"do this", "then that"}));
  EXPECT_TRUE(infos[1].steps.empty());
}

TEST_F(TemplatesTest, TheTitleIsTheHeadingOfTheReadme) {
  const auto infos = ListTemplates(kFiles);
  ASSERT_EQ(infos.size(), 2U);
  EXPECT_EQ(infos[0].title, "The first");
  EXPECT_EQ(infos[1].title, "");
}

}  // namespace
}  // namespace tarn
