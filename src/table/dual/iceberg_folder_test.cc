#include "table/dual/iceberg_folder.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "storage/memory/memory_store.h"

namespace tarn {
namespace {

/// What is found in a folder with these metadata files and this hint; "" for none.
std::string Found(const std::vector<std::string>& names, const std::string& hint) {
  ManualClock clock(1'700'000'000'000'000);
  MemoryStore store("lake", clock);
  const std::string folder = "t/metadata/";
  for (const std::string& name : names) EXPECT_TRUE(store.Put(folder + name, "{}").ok());
  if (!hint.empty()) {
    EXPECT_TRUE(store.Put(folder + "version-hint.text", hint).ok());
  }
  const auto found = FindIcebergMetadata(store, store.UriOf("t"));
  if (!found.ok()) return found.status().ToString();
  return store.KeyOf(*found)->substr(folder.size());
}

std::string V(int version) { return "v" + std::to_string(version) + ".metadata.json"; }

TEST(FindIcebergMetadata, AHintThatIsBehindIsFollowedOn) {
  EXPECT_EQ(Found({V(1), V(2), V(3)}, "3"), V(3));
  EXPECT_EQ(Found({V(1), V(2), V(3)}, "2"), V(3));
  EXPECT_EQ(Found({V(1), V(2), V(3)}, "1\n"), V(3));
  EXPECT_EQ(Found({V(8), V(9), V(10), V(11)}, "9"), V(11));
  EXPECT_EQ(Found({V(1), V(2), "v3.gz.metadata.json", "v4.metadata.json.gz"}, "2"),
            "v4.metadata.json.gz");
}

TEST(FindIcebergMetadata, WhatFollowsAfterAGapDoesNotCount) {
  EXPECT_EQ(Found({V(1), V(2), V(4)}, "2"), V(2));
}

TEST(FindIcebergMetadata, FilesOfOtherNamesCountOnlyWhereTheHintNamesThem) {
  EXPECT_EQ(Found({V(2), "00003-a.metadata.json"}, "2"), V(2));
  EXPECT_EQ(Found({"00002-a.metadata.json", "00003-b.metadata.json"}, "2"),
            "00002-a.metadata.json");
  EXPECT_EQ(Found({"00002-a.metadata.json", V(2), V(3)}, "2"), V(3));
}

TEST(FindIcebergMetadata, WithoutAUsefulHintTheHighestVersionIsTaken) {
  EXPECT_EQ(Found({V(9), V(10)}, ""), V(10));
  EXPECT_EQ(Found({V(9), V(10)}, "11"), V(10));
  EXPECT_EQ(Found({V(9), V(10)}, "?"), V(10));
  EXPECT_NE(Found({}, "1").find("there is no Iceberg table"), std::string::npos);
}

}  // namespace
}  // namespace tarn
