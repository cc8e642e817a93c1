#include "storage/outside_files.h"

#include <gtest/gtest.h>

#include "storage/memory/memory_store.h"

namespace tarn {
namespace {

TEST(OutsideFilesTest, ObjectsOutsideOfTheRootAreReadAndNeverChanged) {
  int opened = 0;
  const auto open = [&](const std::string&) -> Result<std::unique_ptr<ObjectStore>> {
    ++opened;
    auto store = std::make_unique<MemoryStore>("elsewhere");
    EXPECT_TRUE(store->Put("t/part-0.parquet", "rows").ok());
    return std::unique_ptr<ObjectStore>(std::move(store));
  };
  auto lake = OpenReachingStore(std::make_unique<MemoryStore>("lake"), open);
  const MemoryStore elsewhere("elsewhere");
  const std::string uri = elsewhere.UriOf("t/part-0.parquet");

  EXPECT_FALSE(lake->KeyOf(uri).ok());
  auto place = FindObject(*lake, uri);
  ASSERT_TRUE(place.ok()) << place.status().ToString();
  EXPECT_EQ(place->store->Get(place->key).value(), "rows");
  EXPECT_EQ(place->store->Delete(place->key).error().kind, ErrorKind::kPermissionDenied);
  EXPECT_EQ(place->store->Put(place->key, "x").error().kind, ErrorKind::kPermissionDenied);
  EXPECT_EQ(place->store->PutIfAbsent("new", "x").error().kind, ErrorKind::kPermissionDenied);
  EXPECT_EQ(place->store->OpenWriter("new").status().error().kind, ErrorKind::kPermissionDenied);
  EXPECT_EQ(place->store->Get(place->key).value(), "rows");

  ASSERT_TRUE(FindObject(*lake, elsewhere.UriOf("t/part-1.parquet")).ok());
  EXPECT_EQ(opened, 1);
}

TEST(OutsideFilesTest, TheLakesOwnObjectsAreItsOwn) {
  auto lake = OpenReachingStore(
      std::make_unique<MemoryStore>("lake"),
      [](const std::string&) -> Result<std::unique_ptr<ObjectStore>> { return Internal("no"); });
  ASSERT_TRUE(lake->Put("a", "x").ok());
  auto place = FindObject(*lake, lake->UriOf("a"));
  ASSERT_TRUE(place.ok());
  EXPECT_EQ(place->store, lake.get());
  EXPECT_TRUE(place->store->Delete(place->key).ok());
}

TEST(OutsideFilesTest, AStoreThatOffersNothingOutsideSaysSo) {
  MemoryStore lake("lake");
  const MemoryStore elsewhere("elsewhere");
  EXPECT_EQ(FindObject(lake, elsewhere.UriOf("a")).error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace tarn
