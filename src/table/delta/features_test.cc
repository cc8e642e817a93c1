#include "table/delta/features.h"

#include <gmock/gmock.h>

namespace tarn::delta {
namespace {

using ::testing::HasSubstr;

TEST(DeltaFeatures, WhatReadersNeedNotKnowIsRead) {
  EXPECT_TRUE(CheckReadable({1, 2, {}, {}}).ok());
  EXPECT_TRUE(CheckReadable({2, 5, {}, {}}).ok());
  EXPECT_TRUE(CheckReadable({3, 7, {"deletionVectors", "v2Checkpoint"}, {"rowTracking"}}).ok());
}

TEST(DeltaFeatures, EveryUnknownFeatureIsNamed) {
  const Status refused = CheckReadable({3, 7, {"catalogManaged", "timestampNtz", "novelty"}, {}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("not known: catalogManaged, novelty"));
  EXPECT_THAT(CheckReadable({4, 7, {"x"}, {}}).error().message,
              HasSubstr("reader version 4 and reader features that are not known: x"));
}

TEST(DeltaFeatures, WritersRefuseWhatTheyDoNotHonour) {
  EXPECT_TRUE(CheckWritable({3, 7, {}, {"deletionVectors", "invariants"}}).ok());
  EXPECT_THAT(CheckWritable({1, 7, {}, {"changeDataFeed", "icebergCompatV2"}}).error().message,
              HasSubstr("not known: changeDataFeed, icebergCompatV2"));
  EXPECT_FALSE(CheckWritable({1, 8, {}, {}}).ok());
}

TEST(DeltaFeatures, OlderVersionsImplyFeatures) {
  EXPECT_FALSE(HasFeature({1, 1, {}, {}}, "appendOnly"));
  EXPECT_TRUE(HasFeature({1, 2, {}, {}}, "appendOnly"));
  EXPECT_TRUE(HasFeature({1, 4, {}, {}}, "changeDataFeed"));
  EXPECT_TRUE(HasFeature({2, 6, {}, {}}, "identityColumns"));
  EXPECT_FALSE(HasFeature({3, 7, {}, {}}, "appendOnly"));
  EXPECT_TRUE(HasFeature({3, 7, {}, {"appendOnly"}}, "appendOnly"));
}

}  // namespace
}  // namespace tarn::delta
