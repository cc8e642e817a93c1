#include "project/model_file.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

std::string ErrorOf(const std::string& text, const std::string& path = "gold/x.sql") {
  auto model = ParseModelFile(path, text);
  return model.ok() ? "no error" : model.error().ToString();
}

TEST(ModelFileTest, TheHeadSaysWhatTheModelIs) {
  auto model = ParseModelFile("silver/customer.sql",
                              "/* tarn\n"
                              "description: active customers, one row each\n"
                              "materialize: merge\n"
                              "key: customer_id\n"
                              "partition: [month(create_date), bucket(16, customer_id)]\n"
                              "checks: [not_null: customer_id, unique: [a, b], expect: \"x > 1\"]\n"
                              "on_failure: quarantine\n"
                              "*/\n"
                              "SELECT 1 AS customer_id;\n\n");
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  EXPECT_EQ(model->name, (TableName{"silver", "customer"}));
  EXPECT_EQ(model->sql, "SELECT 1 AS customer_id");
  EXPECT_EQ(model->sql_line, 9);
  EXPECT_EQ(model->materialize, Materialize::kMerge);
  EXPECT_EQ(model->key, std::vector<std::string>{"customer_id"});
  EXPECT_EQ(model->partition,
            (std::vector<std::string>{"month(create_date)", "bucket(16, customer_id)"}));
  ASSERT_EQ(model->checks.size(), 3u);
  EXPECT_EQ(model->checks[1].columns, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(model->checks[2].condition, "x > 1");
  EXPECT_EQ(model->on_failure, OnFailure::kQuarantine);
}

TEST(ModelFileTest, AModelWithoutHeadIsATable) {
  auto model = ParseModelFile("gold/x.sql", "-- a remark\nSELECT 1 AS a");
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->materialize, Materialize::kTable);
  EXPECT_EQ(model->sql_line, 1);
}

TEST(ModelFileTest, AnOrdinaryCommentIsPartOfTheQuery) {
  auto model = ParseModelFile("gold/x.sql", "/* tarnish */ SELECT 1 AS a");
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->sql, "/* tarnish */ SELECT 1 AS a");
}

TEST(ModelFileTest, AViewHasNoQuarantine) {
  EXPECT_EQ(ErrorOf("/* tarn\nmaterialize: view\non_failure: quarantine\n*/ SELECT 1"),
            "models/gold/x.sql:3:1: a view has no rows to be put into quarantine");
}

TEST(ModelFileTest, AHeadThatIsNotTheFirstThingOfTheFileIsRefused) {
  const std::string told = ": the head must come first\n";
  const auto refused = [&](const std::string& text, const std::string& place) {
    EXPECT_EQ(ErrorOf(text).find("models/gold/x.sql:" + place + told), 0u) << ErrorOf(text);
  };
  refused("-- licence\n/* tarn\nbogus: 1\n*/ SELECT 1", "2:1");
  refused("/* Tarn\nbogus: 1\n*/ SELECT 1", "1:1");
  refused("/*\n tarn\nbogus: 1\n*/ SELECT 1", "1:1");
  refused("/* licence /* of 1999 */ */ /* TARN */ SELECT 1", "1:29");
  refused("/* tarn\ntags: {a: b}\n*/\nSELECT 1\n  /* tarn: key: a */", "5:3");
  for (const char* quoted :
       {"'/* tarn */'", "'it''s /* tarn */'", "E'\\'/* tarn */'", "\"/* tarn */\"",
        "$$ /* tarn */ $$", "$t$ $$ /* tarn */ $t$", "-- /* tarn */\n 1", "/* see /* tarn */ */ 1",
        "/* tarns */ 1", "1 AS a$b /* not tarn */"}) {
    EXPECT_EQ(ErrorOf(std::string("SELECT ") + quoted), "no error") << quoted;
  }
}

TEST(ModelFileTest, ErrorsOfTheHeadNameFileLineAndColumn) {
  EXPECT_EQ(ErrorOf("/* tarn\nmaterialise: view\n*/ SELECT 1"),
            "models/gold/x.sql:2:1: unknown key \"materialise\" in models/gold/x.sql\n"
            "HINT:  did you mean \"materialize\"?");
  EXPECT_NE(ErrorOf("/* tarn\nkey: a\n\nchecks: [not_nul: a]\n*/ SELECT 1")
                .find("models/gold/x.sql:4:10: unknown check \"not_nul\""),
            std::string::npos);
  EXPECT_NE(ErrorOf("/* tarn\nmaterialize: tabel\n*/ SELECT 1").find("did you mean \"table\"?"),
            std::string::npos);
}

TEST(ModelFileTest, WhatIsNotAvailableIsRefusedByName) {
  EXPECT_NE(ErrorOf("/* tarn\nengine: spark\n*/ SELECT 1").find("not available"),
            std::string::npos);
}

TEST(ModelFileTest, ATriggerIsReadAndAViewHasNone) {
  auto model = ParseModelFile("gold/x.sql", "/* tarn\ntrigger: on_change\n*/ SELECT 1");
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  EXPECT_EQ(model->trigger, Trigger::kOnChange);
  EXPECT_NE(ErrorOf("/* tarn\ntrigger: sometimes\n*/ SELECT 1").find("on_change"),
            std::string::npos);
  EXPECT_NE(ErrorOf("/* tarn\nmaterialize: view\ntrigger: on_change\n*/ SELECT 1")
                .find("models/gold/x.sql:3:1: a view has no rows"),
            std::string::npos);
}

TEST(ModelFileTest, AnEmptyQueryAMissingEndAndAWrongPlaceAreErrors) {
  EXPECT_NE(ErrorOf("/* tarn\n*/\n ; ").find("has no query"), std::string::npos);
  EXPECT_NE(ErrorOf("/* tarn\nkey: a\nSELECT 1").find("has no end"), std::string::npos);
  EXPECT_NE(ErrorOf("SELECT 1", "x.sql").find("models/<schema>/<table>.sql"), std::string::npos);
  EXPECT_NE(ErrorOf("SELECT 1", "a/b/x.sql").find("models/<schema>/<table>.sql"),
            std::string::npos);
}

TEST(ModelFileTest, AMergeNeedsAKey) {
  EXPECT_NE(ErrorOf("/* tarn\nmaterialize: merge\n*/ SELECT 1").find("needs a key"),
            std::string::npos);
}

TEST(ModelFileTest, TheFingerprintChangesWithQueryAndHead) {
  const auto a = ParseModelFile("gold/x.sql", "SELECT 1 AS a");
  const auto b = ParseModelFile("gold/x.sql", "SELECT 2 AS a");
  const auto c = ParseModelFile("gold/x.sql", "/* tarn\nkey: a\n*/ SELECT 1 AS a");
  ASSERT_TRUE(a.ok() && b.ok() && c.ok());
  EXPECT_NE(a->fingerprint, b->fingerprint);
  EXPECT_NE(a->fingerprint, c->fingerprint);
}

TEST(ModelFileTest, DurationsHaveAUnit) {
  EXPECT_EQ(*ParseDurationSeconds("90s"), 90);
  EXPECT_EQ(*ParseDurationSeconds("2w"), 1209600);
  EXPECT_FALSE(ParseDurationSeconds("24").ok());
  EXPECT_FALSE(ParseDurationSeconds("h").ok());
  EXPECT_FALSE(ParseDurationSeconds("-1h").ok());
  EXPECT_FALSE(ParseDurationSeconds("99999999999999h").ok());
}

}  // namespace
}  // namespace tarn
