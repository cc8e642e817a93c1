#include "pipeline/transform/model_error.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

Model ModelAt(int line, int column, const std::string& sql) {
  Model model;
  model.path = "models/a/b.sql";
  model.sql = sql;
  model.sql_line = line;
  model.sql_column = column;
  return model;
}

std::string Told(const Model& model, Error error, int lines_before = 0) {
  return InModelFile(model, Status(std::move(error)), lines_before).error().ToString();
}

TEST(ModelErrorTest, APlaceInTheQueryBecomesOneInTheFile) {
  const Model model = ModelAt(8, 1, "SELECT id,\n  nosuch\nFROM t");
  EXPECT_EQ(Told(model, InvalidArgument("2:3: no column nosuch")),
            "models/a/b.sql:9:3: no column nosuch");
}

TEST(ModelErrorTest, TheFirstLineMayBeginBehindTheHead) {
  const Model model = ModelAt(4, 4, "SELECT nosuch\nFROM nowhere");
  EXPECT_EQ(Told(model, InvalidArgument("1:8: no")), "models/a/b.sql:4:11: no");
  EXPECT_EQ(Told(model, InvalidArgument("2:6: no")), "models/a/b.sql:5:6: no");
}

TEST(ModelErrorTest, TheLineOfTheDetailIsTheFilesAndItsCaretStays) {
  const Model model = ModelAt(98, 1, "SELECT id,\n  nosuch\nFROM t");
  Error error = InvalidArgument("no column");
  error.detail = "LINE 2:   nosuch\n          ^";
  EXPECT_EQ(Told(model, error),
            "models/a/b.sql:99:3: no column\n"
            "DETAIL:  LINE 99:   nosuch\n"
            "           ^");
}

TEST(ModelErrorTest, LinesOfTheStatementAroundTheQueryDoNotCount) {
  const Model model = ModelAt(5, 1, "SELECT a,\n  b\nFROM t");
  Error error = InvalidArgument("bad");
  error.detail = "LINE 4:   b\n          ^";
  EXPECT_NE(Told(model, error, 2).find("models/a/b.sql:6:3: bad"), std::string::npos);
  error.detail = "LINE 1: SELECT * FROM (\n        ^";
  EXPECT_EQ(Told(model, error, 2).substr(0, 19), "models/a/b.sql: bad");
}

TEST(ModelErrorTest, ALineThatIsShownInPartIsFoundAgain) {
  const std::string blanks(100, ' ');
  const Model model = ModelAt(1, 1, "SELECT" + blanks + "first, second FROM t WHERE third");
  Error error = InvalidArgument("bad");
  error.detail = "LINE 1: ...   first, second FROM...\n                     ^";
  // "LINE 1: " is 8 wide and "..." 3: the caret stands under "second".
  EXPECT_EQ(Told(model, error).substr(0, 26), "models/a/b.sql:1:114: bad\n");
}

TEST(ModelErrorTest, WithoutAPlaceTheFileIsNamed) {
  EXPECT_EQ(Told(ModelAt(3, 1, "SELECT 1"), Unavailable("disk is full")),
            "models/a/b.sql: disk is full");
  EXPECT_EQ(Told(ModelAt(3, 1, "SELECT 1"), InvalidArgument("12 rows are bad")),
            "models/a/b.sql: 12 rows are bad");
}

}  // namespace
}  // namespace tarn
