#include "table/delta/vector_descriptor.h"

#include <gmock/gmock.h>

#include "columnar/deletion_vector.h"
#include "table/delta/z85.h"

namespace tarn::delta {
namespace {

using Storage = DeletionVectorDescriptor::Storage;

TEST(Z85, TheExampleOfItsSpecification) {
  const std::string bytes = "\x86\x4F\xD2\x6F\xB5\x59\xF7\x5B";
  EXPECT_EQ(EncodeZ85(bytes), "HelloWorld");
  EXPECT_EQ(DecodeZ85("HelloWorld"), bytes);
  EXPECT_EQ(EncodeZ85(""), "");
}

TEST(Z85, EveryByteComesBackAndTheLastGroupIsFilledUp) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  EXPECT_EQ(DecodeZ85(EncodeZ85(bytes)), bytes);
  for (size_t size = 0; size < 9; ++size) {
    const auto back = DecodeZ85(EncodeZ85(bytes.substr(0, size)));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->size() % 4, 0u);
    EXPECT_EQ(back->substr(0, size), bytes.substr(0, size));
  }
}

TEST(Z85, WhatIsNoneIsRefused) {
  EXPECT_FALSE(DecodeZ85("Hell"));
  EXPECT_FALSE(DecodeZ85("Hell\""));
  EXPECT_FALSE(DecodeZ85("#####"));  // beyond 32 bits
}

TEST(DeltaVector, TheProtocolsExamples) {
  DeletionVectorDescriptor relative{Storage::kRelative, "ab^-aqEH.-t@S}K{vb[*k^", 4, 40, 6};
  EXPECT_EQ(*VectorFileUri("s3://mytable", relative),
            "s3://mytable/ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin");
  EXPECT_EQ(relative.UniqueId(), "uab^-aqEH.-t@S}K{vb[*k^@4");

  const std::string uri = "s3://mytable/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin";
  DeletionVectorDescriptor absolute{Storage::kAbsolute, uri, 4, 40, 6};
  EXPECT_EQ(*VectorFileUri("s3://other", absolute), uri);

  // The rows of its third example in the portable form that readers know; the protocol's own text
  // shows a magic number that came before it.
  DeletionVectorDescriptor in_line{
      Storage::kInline, "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", {}, 44, 6};
  EXPECT_EQ(in_line.UniqueId(), "i" + in_line.path_or_inline);
  const auto bytes = InlineVectorBytes(in_line);
  ASSERT_TRUE(bytes.ok());
  const auto vector = DeletionVector::ParseBare(*bytes, "the example");
  ASSERT_TRUE(vector.ok()) << vector.status().ToString();
  EXPECT_THAT(vector->ToVector(), ::testing::ElementsAre(3, 4, 7, 11, 18, 29));
}

TEST(DeltaVector, OwnFilesAreNamedByWhatTheyHold) {
  const std::string uuid = UuidOfName("data/a.puffin");
  EXPECT_EQ(uuid, UuidOfName("data/a.puffin"));
  EXPECT_NE(uuid, UuidOfName("data/b.puffin"));
  EXPECT_THAT(uuid, ::testing::MatchesRegex(
                        "[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  const DeletionVectorDescriptor vector = VectorInFile(uuid, 17, 600, 300);
  EXPECT_EQ(*VectorFileUri("file:///t", vector), "file:///t/" + VectorFilePath(uuid));
}

TEST(DeltaVector, AnInlineVectorIsReadBack) {
  DeletionVector positions;
  for (const int64_t position : {1, 5, 7}) positions.Add(position);
  const std::string blob = positions.Serialize();
  const std::string_view bare = std::string_view(blob).substr(4, blob.size() - 8);
  const DeletionVectorDescriptor vector = InlineVector(bare, positions.cardinality());
  EXPECT_EQ(vector.size_bytes, static_cast<int64_t>(bare.size()));
  EXPECT_EQ(*InlineVectorBytes(vector), bare);
  EXPECT_EQ(*DeletionVector::ParseBare(*InlineVectorBytes(vector), "x"), positions);
}

TEST(DeltaVector, BadOnesAreRefused) {
  const auto kind = [](const auto& result) { return result.error().kind; };
  EXPECT_EQ(kind(VectorFileUri("t", {Storage::kRelative, "short", 1, 1, 1})),
            ErrorKind::kCorruption);
  EXPECT_EQ(kind(VectorFileUri("t", {Storage::kRelative, std::string(20, '"'), 1, 1, 1})),
            ErrorKind::kCorruption);
  EXPECT_EQ(kind(VectorFileUri("t", {Storage::kInline, "", {}, 1, 1})), ErrorKind::kCorruption);
  EXPECT_EQ(kind(InlineVectorBytes({Storage::kInline, "00000", {}, 5, 1})), ErrorKind::kCorruption);
  EXPECT_EQ(kind(InlineVectorBytes({Storage::kInline, "0000", {}, 4, 1})), ErrorKind::kCorruption);
}

}  // namespace
}  // namespace tarn::delta
