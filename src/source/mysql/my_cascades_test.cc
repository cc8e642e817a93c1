#include "source/mysql/my_cascades.h"

#include <gtest/gtest.h>

namespace tarn::mysql {
namespace {

using Rule = ForeignKey::Rule;

ForeignKey Key(const std::string& table, const std::string& column, const std::string& parent,
               const std::string& referenced, Rule on_delete, Rule on_update = Rule::kNothing) {
  return {
      {"d", table}, "fk_" + table + "_" + column, {"d", parent}, {column}, {referenced}, on_delete,
      on_update};
}
std::string Names(const std::vector<SourceTableName>& tables) {
  std::string text;
  for (const SourceTableName& table : tables) text += (text.empty() ? "" : " ") + table.name;
  return text;
}

TEST(MysqlCascades, ADeleteReachesThroughChains) {
  const Cascades cascades({Key("child", "p", "parent", "id", Rule::kCascade),
                           Key("grandchild", "c", "child", "id", Rule::kSetNull),
                           Key("after", "c", "grandchild", "c", Rule::kNothing, Rule::kCascade),
                           Key("kept", "c", "child", "id", Rule::kNothing)});
  EXPECT_EQ(Names(cascades.AfterDelete({"d", "parent"})), "after child grandchild");
  EXPECT_EQ(Names(cascades.AfterDelete({"D", "Child"})), "after grandchild");
  EXPECT_EQ(Names(cascades.AfterDelete({"d", "grandchild"})), "");
  EXPECT_EQ(Names(cascades.AfterUpdate({"d", "grandchild"}, "C")), "after");
  EXPECT_EQ(Names(cascades.AfterUpdate({"d", "parent"}, "id")), "");
  EXPECT_TRUE(cascades.Knows({"d", "parent"}));
  EXPECT_FALSE(cascades.Knows({"d", "kept"}));
  EXPECT_EQ(cascades.UpdatesOf({"d", "grandchild"}), std::vector<std::string>{"c"});
  EXPECT_TRUE(cascades.UpdatesOf({"d", "parent"}).empty());
}

TEST(MysqlCascades, ATableMayReferToItselfAndInARing) {
  const Cascades cascades({Key("tree", "up", "tree", "id", Rule::kCascade, Rule::kCascade),
                           Key("a", "b", "b", "id", Rule::kCascade),
                           Key("b", "a", "a", "id", Rule::kCascade)});
  EXPECT_EQ(Names(cascades.AfterDelete({"d", "tree"})), "tree");
  EXPECT_EQ(Names(cascades.AfterUpdate({"d", "tree"}, "id")), "tree");
  EXPECT_EQ(Names(cascades.AfterDelete({"d", "a"})), "a b");
}

TEST(MysqlCascades, KeysAreReadFromTheTablesOwnStatement) {
  ForeignKeys known;
  ReadForeignKeys({"d", "c"}, R"(CREATE TABLE `c` (
  `id` int(11) NOT NULL DEFAULT 5 COMMENT 'FOREIGN KEY (`x`)',
  `p``q` decimal(10,2) DEFAULT NULL CHECK (`p``q` in (1,2)),
  PRIMARY KEY (`id`),
  UNIQUE KEY `u` (`p``q`,`id`),
  KEY `k` (`p``q`),
  CONSTRAINT `a` FOREIGN KEY (`p``q`, `id`) REFERENCES `other`.`p` (`x`, `y`) ON DELETE CASCADE ON UPDATE SET NULL,
  CONSTRAINT `b` FOREIGN KEY (`id`) REFERENCES `p` (`id`) ON DELETE NO ACTION,
  CONSTRAINT `e` FOREIGN KEY (`id`) REFERENCES `p` (`id`),
  CONSTRAINT `f` CHECK (`id` > 0)
) ENGINE=InnoDB DEFAULT CHARSET=latin1)",
                  &known);
  ASSERT_EQ(known.keys.size(), 3u);
  EXPECT_EQ(known.keys[0].ToString(), "foreign key a ON DELETE CASCADE ON UPDATE SET NULL");
  EXPECT_EQ(known.keys[0].parent.ToString(), "other.p");
  EXPECT_EQ(known.keys[0].columns, (std::vector<std::string>{"p`q", "id"}));
  EXPECT_EQ(known.keys[0].referenced, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(known.keys[1].parent.ToString(), "d.p");
  EXPECT_FALSE(known.keys[1].changes_rows());
  EXPECT_FALSE(known.keys[2].changes_rows());
  EXPECT_EQ((known.columns[{"d", "c"}]), (std::vector<std::string>{"id", "p`q"}));
  EXPECT_TRUE(known.others.contains({{"d", "c"}, "u"}));
  EXPECT_TRUE(known.others.contains({{"d", "c"}, "f"}));
}

}  // namespace
}  // namespace tarn::mysql
