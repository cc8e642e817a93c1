#include "base/sha256.h"

#include <gtest/gtest.h>

#include <string>

namespace tarn {
namespace {

TEST(Sha256Test, AgreesWithTheStandardsExamples) {
  EXPECT_EQ(HexEncode(AsBytes(Sha256(""))),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HexEncode(AsBytes(Sha256("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// RFC 4231, test cases 2 and 6.
TEST(Sha256Test, HmacAgreesWithTheRfcsExamples) {
  EXPECT_EQ(HexEncode(AsBytes(HmacSha256("Jefe", "what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HexEncode(AsBytes(HmacSha256(std::string(131, '\xaa'),
                                         "Test Using Larger Than Block-Size Key - Hash Key "
                                         "First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Sha256Test, AnEmptyHmacKeyIsAKey) {
  EXPECT_EQ(HexEncode(AsBytes(HmacSha256({}, {}))),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(HexTest, WhatWasEncodedIsDecoded) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  EXPECT_EQ(HexDecode(HexEncode(bytes)), bytes);
  EXPECT_EQ(HexDecode("0aFf"), std::string("\x0a\xff"));
  EXPECT_EQ(HexDecode(""), "");
}

TEST(HexTest, WhatIsNotHexadecimalIsNotDecoded) {
  for (const char* text : {"0", "abc", "0g", "g0", "00 0", " 0", "+1", "-1", "0x", "00zz", "1\n"}) {
    EXPECT_EQ(HexDecode(text), std::nullopt) << text;
  }
  EXPECT_EQ(HexDecode(std::string("0\0", 2)), std::nullopt);
}

}  // namespace
}  // namespace tarn
