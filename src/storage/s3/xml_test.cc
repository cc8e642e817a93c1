#include "storage/s3/xml.h"

#include <gtest/gtest.h>

#include <string>

namespace tarn {
namespace {

std::string Read(std::string_view document) {
  std::string seen;
  const Status status = ReadXml(document, [&](std::string_view path, std::string&& text) {
    seen.append(path).append("=").append(text).append(";");
    return Status();
  });
  return status.ok() ? seen : "(error)";
}

TEST(XmlTest, LeavesAndBranchesAreVisitedInOrder) {
  EXPECT_EQ(Read("<?xml version=\"1.0\"?>\n<L xmlns=\"http://x/\">\n  <C><Key>a</Key><N>1</N></C>\n"
                 "  <C><Key>b</Key></C><T/></L>\n"),
            "L/C/Key=a;L/C/N=1;L/C=;L/C/Key=b;L/C=;L/T=;L=;");
}

TEST(XmlTest, TextIsDecoded) {
  EXPECT_EQ(Read("<a>&lt;&amp;&gt;&quot;&apos;&#252;&#x1F600; x </a>"), "a=<&>\"'ü😀 x ;");
  EXPECT_EQ(Read("<a><![CDATA[<b>&amp;]]>c</a>"), "a=<b>&amp;c;");
  EXPECT_EQ(Read("<a><!-- > <b> -->x</a>"), "a=x;");
  EXPECT_EQ(Read("<s:a q=\"1>2\" r='x'><s:b >y</s:b ></s:a>"), "a/b=y;a=;");
}

TEST(XmlTest, BrokenDocumentsAreRefused) {
  for (const char* text :
       {"", "plain", "<a>", "<a></b>", "</a>", "<a", "<a><b></a></b>", "<a/><b/>", "<a>&x;</a>",
        "<a>&#xD800;</a>", "<a>&#;</a>", "<a>&lt</a>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        "<a><![CDATA[x</a>", "<a><!--", "<>x</>", "{\"json\":1}"}) {
    EXPECT_EQ(Read(text), "(error)") << text;
  }
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "<a>";
  EXPECT_EQ(Read(deep), "(error)");
}

TEST(XmlTest, OneTextIsFoundByItsName) {
  EXPECT_EQ(XmlText("<Error><Code>NoSuchKey</Code><Message>m</Message></Error>", "Code"),
            "NoSuchKey");
  EXPECT_EQ(XmlText("<Error/>", "Code"), "");
  EXPECT_EQ(XmlText("<html>", "Code"), "");
  EXPECT_EQ(XmlText("<a>" + XmlEscape("<&>\"") + "</a>", "a"), "<&>\"");
}

}  // namespace
}  // namespace tarn
