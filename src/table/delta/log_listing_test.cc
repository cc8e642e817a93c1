#include "table/delta/log_listing.h"

#include <gmock/gmock.h>

namespace tarn::delta {
namespace {

using ::testing::ElementsAre;

constexpr char kV[] = "00000000000000000010";
constexpr char kUuid[] = "80a083e8-7026-4e79-81be-64bd76c43a11";

LogListing Of(const std::vector<std::string>& names) {
  LogListing listing;
  for (const std::string& name : names) listing.Add(name, 5);
  return listing;
}

TEST(LogListing, EntriesAreFoundAmongOtherFiles) {
  const std::string v = kV;
  const LogListing listing =
      Of({v + ".json", v + ".crc", v + ".checkpoint.parquet", "_last_checkpoint", "10.json",
          "_staged_commits/" + v + "." + kUuid + ".json", v + "." + v + ".compacted.json",
          v + ".json.tmp", "0000000000000000001x.json", "-0000000000000000001.json",
          "99999999999999999999.json", "_sidecars/x.parquet", ""});
  ASSERT_EQ(listing.entries().size(), 1u);
  EXPECT_EQ(listing.entries().at(10), 5);
  EXPECT_EQ(listing.checkpoint_files().size(), 1u);
  EXPECT_EQ(listing.other_files().size(), 2u);
}

TEST(LogListing, TheNewestWholeCheckpointIsTaken) {
  const std::string v = kV;
  const std::string older = "00000000000000000004.checkpoint.parquet";
  const std::string part1 = v + ".checkpoint.0000000001.0000000002.parquet";
  const std::string part2 = v + ".checkpoint.0000000002.0000000002.parquet";
  const auto names = [](const LogListing& listing, int64_t version) {
    const auto found = listing.NewestCheckpoint(version);
    return found ? found->names : std::vector<std::string>();
  };
  EXPECT_FALSE(Of({part1}).NewestCheckpoint(99));
  EXPECT_THAT(names(Of({older, part1}), 99), ElementsAre(older));
  EXPECT_THAT(names(Of({part2, older, part1}), 99), ElementsAre(part1, part2));
  EXPECT_THAT(names(Of({older, part1, part2}), 9), ElementsAre(older));
  EXPECT_FALSE(Of({older}).NewestCheckpoint(3));
  // Parts of two attempts do not go together.
  EXPECT_FALSE(Of({part1, v + ".checkpoint.0000000002.0000000003.parquet"}).NewestCheckpoint(99));

  const std::string json = v + ".checkpoint." + kUuid + ".json";
  const auto found = Of({older, json}).NewestCheckpoint(99);
  EXPECT_THAT(found->names, ElementsAre(json));
  EXPECT_EQ(found->form, CheckpointFiles::Form::kJson);
  EXPECT_EQ(found->version, 10);
  const std::string parquet = v + ".checkpoint." + kUuid + ".parquet";
  EXPECT_EQ(Of({parquet}).NewestCheckpoint(10)->form, CheckpointFiles::Form::kParquet);
}

}  // namespace
}  // namespace tarn::delta
