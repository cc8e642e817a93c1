#include "table/dual/table_cache.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include "table/dual/testing.h"
#include "table/iceberg/metadata_json.h"

namespace tarn {
namespace {

std::string Uri(int i) {
  const std::string digits = std::to_string(1000 + i);
  return "s3://b/00000000-0000-4000-8000-00000000" + digits + "-m0.avro";
}

TEST(TableCache, StaysWithinItsBytesAndKeepsTheRecent) {
  TableCache cache(3000);
  for (int i = 0; i < 5; ++i) {
    cache.PutObject(Uri(i), std::make_shared<const std::string>(500, 'x'));
    EXPECT_LE(cache.bytes(), 3000);
    EXPECT_NE(cache.FindObject(Uri(0)), nullptr) << "used all the time";
  }
  EXPECT_EQ(cache.FindObject(Uri(1)), nullptr);
  EXPECT_NE(cache.FindObject(Uri(4)), nullptr);
  cache.PutObject("s3://b/v1.metadata.json", std::make_shared<const std::string>("x"));
  EXPECT_EQ(cache.FindObject("s3://b/v1.metadata.json"), nullptr) << "such a name may come again";
}

TEST(TableCache, CountsTheRoomOfAnObjectAndNotItsSize) {
  TableCache cache(1 << 20);
  constexpr size_t kRoom = 100'000;
  for (int i = 0; i < 100; ++i) {
    std::string bytes;
    bytes.reserve(kRoom);
    bytes = "a few";
    ASSERT_GE(bytes.capacity(), kRoom);
    cache.PutObject(Uri(i), std::make_shared<const std::string>(std::move(bytes)));
  }
  int64_t room = 0;
  for (int i = 0; i < 100; ++i) {
    if (const auto kept = cache.FindObject(Uri(i))) room += static_cast<int64_t>(kept->capacity());
  }
  EXPECT_GT(room, 0);
  EXPECT_LE(room, 1 << 20);
}

TEST(TableCache, CountsNamesAndPlacesOfSmallObjects) {
  TableCache cache(100'000);
  for (int i = 0; i < 2000; ++i) cache.PutObject(Uri(i), std::make_shared<const std::string>("x"));
  int kept = 0;
  for (int i = 0; i < 2000; ++i) kept += cache.FindObject(Uri(i)) != nullptr ? 1 : 0;
  EXPECT_GT(kept, 0);
  EXPECT_LE(kept, 100'000 / 300);
}

}  // namespace

class ParsedStates : public TableTest {};

TEST_F(ParsedStates, TakeNoMoreThanIsCounted) {
  Create();
  for (const int commits : {3, 30, 300}) {
    for (int i = 0; i < commits; ++i) Append(i, i + 1);
    const std::string json = WriteTableMetadata(*table_);
    const size_t before = mallinfo2().uordblks;
    auto metadata =
        std::make_shared<const TableMetadata>(ParseTableMetadata(json, "a test").value());
    const auto taken = static_cast<int64_t>(mallinfo2().uordblks - before);
    TableCache cache;
    cache.PutMetadata(Uri(0), metadata, static_cast<int64_t>(json.size()));
    EXPECT_LE(taken, cache.bytes()) << commits;
  }
}

}  // namespace tarn
