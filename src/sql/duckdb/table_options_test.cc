#include <string>

#include "sql/duckdb/testing.h"
#include "table/dual/table.h"

namespace tarn {
namespace {

class TableOptionsTest : public LakeTest {};

TEST_F(TableOptionsTest, WhatWouldHaveNoEffectIsRefused) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.t (a INTEGER, st STRUCT(k INTEGER), k VARCHAR)");
  const std::string collate =
      "unsupported: column c of s.u: COLLATE is not supported, text is compared by its bytes";
  EXPECT_EQ(Sql("CREATE TABLE s.u (c VARCHAR COLLATE NOCASE)"), collate);
  EXPECT_EQ(Sql("CREATE TABLE s.u (a INTEGER) PARTITIONED BY (st.k)"),
            "invalid argument: PARTITIONED BY: cannot partition by st.k");
  EXPECT_EQ(Sql("ALTER TABLE s.t SET PARTITIONED BY (st.k)"),
            "invalid argument: PARTITIONED BY: cannot partition by st.k");
  const auto set = [this](const std::string& option) {
    return Sql("ALTER TABLE s.t SET (" + option + ")");
  };
  EXPECT_EQ(set("'tarn.icebreg' = '3'"),
            "invalid argument: table property tarn.icebreg is not known");
  EXPECT_EQ(set("'write.delete.mod' = 'copy-on-write'"),
            "invalid argument: table property write.delete.mod is not known");
  EXPECT_EQ(set("'write.target-file-size-bytes' = 'abc'"),
            "invalid argument: table property write.target-file-size-bytes cannot be 'abc'");
  EXPECT_EQ(set("'write.target-file-size-bytes' = '1000', 'write.delete.distribution-mode' = "
                "'hash', 'mine' = 'x', 'tarn.tag.team' = 'y'"),
            "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t RESET ('mine')"), "ALTER TABLE");
  EXPECT_EQ(Sql("ALTER TABLE s.t RESET ('mine')"), "not found: table s.t has no property mine");
  const auto entry = catalog_->LoadTable({"s", "t"}, std::nullopt);
  ASSERT_TRUE(entry.ok());
  const auto state = *LoadTableMetadata(store_, entry->metadata_location);
  EXPECT_FALSE(state->properties.contains("mine"));
  EXPECT_EQ(state->properties.at("tarn.tag.team"), "y");
}

}  // namespace
}  // namespace tarn
