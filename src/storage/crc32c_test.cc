#include "storage/crc32c.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(Crc32cTest, TheStandardsOwnExamples) {
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

TEST(Crc32cTest, PiecesAddUpToTheWhole) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes.push_back(static_cast<char>(i * 31));
  const std::string_view all = bytes;
  for (const size_t cut : {0, 1, 7, 8, 9, 500, 999, 1000}) {
    EXPECT_EQ(Crc32c(all.substr(cut), Crc32c(all.substr(0, cut))), Crc32c(all)) << cut;
    EXPECT_EQ(Crc32cPortable(all.substr(cut), Crc32c(all.substr(0, cut))), Crc32c(all)) << cut;
  }
}

TEST(Crc32cTest, Base64AsS3WritesIt) {
  EXPECT_EQ(Crc32cBase64(0xe3069283), "4waSgw==");
  EXPECT_EQ(Crc32cBase64(0), "AAAAAA==");
}

}  // namespace
}  // namespace tarn
