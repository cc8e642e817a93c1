#include "storage/s3/s3_listing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tarn {
namespace {

TEST(S3ListingTest, APageIsRead) {
  const auto page = ParseListPage(R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>p/</Prefix>
<KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><EncodingType>url</EncodingType>
<IsTruncated>true</IsTruncated><NextContinuationToken>1+/=</NextContinuationToken>
<Contents><Key>p/a+b%2Bc%25/%C3%BC</Key><LastModified>2026-11-21T04:05:06.000Z</LastModified>
<ETag>&quot;e&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>
<Contents><Key>p/b</Key><LastModified>2026-11-21T04:05:06Z</LastModified><Size>0</Size>
<Owner><ID>x</ID></Owner></Contents></ListBucketResult>)");
  ASSERT_TRUE(page.ok()) << page.error().message;
  ASSERT_EQ(page->objects.size(), 2u);
  EXPECT_EQ(page->objects[0].key, "p/a b+c%/ü");
  EXPECT_EQ(page->objects[0].size_bytes, 7);
  EXPECT_EQ(page->objects[0].modified_micros, 1795233906000000);
  EXPECT_EQ(page->objects[1].key, "p/b");
  EXPECT_EQ(page->next, "1+/=");
}

TEST(S3ListingTest, KeysAreTakenAsTheyAreWhereTheServerDoesNotEncodeThem) {
  const auto page = ParseListPage(
      "<ListBucketResult><IsTruncated>false</IsTruncated><NextContinuationToken>x"
      "</NextContinuationToken><Contents><Key>a+b%20&amp;</Key><Size>1</Size>"
      "<LastModified>2026-11-21T04:05:06Z</LastModified></Contents>"
      "</ListBucketResult>");
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->objects[0].key, "a+b%20&");
  EXPECT_EQ(page->next, "");
}

// The times of the objects of a page that has each of these.
Result<std::vector<int64_t>> Times(const std::vector<std::string>& texts) {
  std::string document = "<ListBucketResult>";
  for (const std::string& text : texts) {
    document += "<Contents><Key>a</Key><Size>1</Size>" + text + "</Contents>";
  }
  TARN_ASSIGN_OR_RETURN(const S3Page page, ParseListPage(document + "</ListBucketResult>"));
  std::vector<int64_t> times;
  for (const ObjectInfo& object : page.objects) times.push_back(object.modified_micros);
  return times;
}

TEST(S3ListingTest, TheTimesOfServersThatWriteThemInTheirOwnWayAreRead) {
  const auto times = Times({"<LastModified>2026-11-21T05:05:06.000+01:00</LastModified>",
                            "<LastModified>Sat, 21 Nov 2026 04:05:06 GMT</LastModified>"});
  ASSERT_TRUE(times.ok()) << times.error().message;
  EXPECT_EQ(*times, std::vector<int64_t>(2, 1795233906000000));
}

TEST(S3ListingTest, AnObjectOfUnknownAgeIsNotTakenForAnOldOne) {
  for (const char* text :
       {"", "<LastModified/>", "<LastModified>2026-11-21 04:05:06</LastModified>",
        "<LastModified>1970-01-01T00:00:00Z</LastModified>"}) {
    const auto times = Times({"<LastModified>2026-11-21T04:05:06Z</LastModified>", text});
    ASSERT_FALSE(times.ok()) << text;
    EXPECT_EQ(times.error().kind, ErrorKind::kCorruption);
  }
}

TEST(S3ListingTest, WhatIsNoWholeListingIsCorruption) {
  for (const char* text :
       {"", "<html></html>", "<ListBucketResult>", "<Error><Code>x</Code></Error>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>"}) {
    const auto page = ParseListPage(text);
    ASSERT_FALSE(page.ok()) << text;
    EXPECT_EQ(page.error().kind, ErrorKind::kCorruption);
  }
}

}  // namespace
}  // namespace tarn
