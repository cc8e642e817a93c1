#include "project/objects.h"

#include <gtest/gtest.h>

#include "pipeline/ingest/load.h"

namespace tarn {
namespace {

TEST(ObjectNameTest, NamesWithoutDotsStayAsTheyWere) {
  EXPECT_EQ(PositionKey({"public", "customer"}), "public.customer");
  EXPECT_EQ(PositionKey({"public", "Odd Name"}), "public.Odd Name");
}

TEST(ObjectNameTest, NamesWithDotsStayApart) {
  EXPECT_EQ(PositionKey({"a.b", "c"}), "\"a.b\".c");
  EXPECT_EQ(PositionKey({"a", "b.c"}), "a.\"b.c\"");
  EXPECT_NE(PositionKey({"\"a.b\"", "c"}), PositionKey({"a.b", "c"}));
}

TEST(ObjectNameTest, AnObjectOfAnOlderVersionIsFoundByWhatItSays) {
  SourceTableObject object;
  object.source = "crm";
  object.schema = "a.b";
  object.table = "c";
  auto read = SourceTableObject::FromJson(object.ToJson());
  ASSERT_TRUE(read.ok());
  read->stored_as = "crm/a.b.c";
  EXPECT_EQ(read->ObjectName(), "crm/\"a.b\".c");
}

TEST(ModelObjectTest, AnOlderOneWithoutTheNewMembersIsRead) {
  const auto object = ModelObject::FromJson(R"({"fingerprint": "f", "materialize": "table"})");
  ASSERT_TRUE(object.ok()) << object.error().ToString();
  EXPECT_EQ(object->fingerprint, "f");
  EXPECT_EQ(object->query_fingerprint, "");
  EXPECT_TRUE(object->tags.empty());
}

}  // namespace
}  // namespace tarn
