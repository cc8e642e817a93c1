#include "storage/immutable_name.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(ImmutableNameTest, NamesWithAUuidAreWrittenOnce) {
  for (const char* key : {"t/data/0a1b2c3d-0000-4000-8000-00000000ffff.parquet",
                          "t/metadata/snap-17-1-0A1B2C3D-0000-4000-8000-00000000FFFF.avro",
                          "t/part-00001-0a1b2c3d-0000-4000-8000-00000000ffff-c000.snappy.parquet",
                          "0a1b2c3d-0000-4000-8000-00000000ffff"}) {
    EXPECT_TRUE(IsImmutableName(key)) << key;
  }
}

TEST(ImmutableNameTest, NamesThatCanBeForetoldMayChange) {
  for (const char* key :
       {"", "t/metadata/version-hint.text", "t/metadata/v3.metadata.json",
        "t/_delta_log/00000000000000000001.json", "t/_delta_log/_last_checkpoint",
        "0a1b2c3d-0000-4000-8000-00000000ffff/version-hint.text",
        "t/0a1b2c3d-0000-4000-8000-00000000fff", "t/0a1b2c3d00004000800000000000ffff"}) {
    EXPECT_FALSE(IsImmutableName(key)) << key;
  }
}

}  // namespace
}  // namespace tarn
