#include "table/dual/table_checks.h"

#include <gtest/gtest.h>

#include "table/dual/testing.h"

namespace tarn {
namespace {

class TableChecks : public TableTest {};

TEST_F(TableChecks, RowsWithAColumnThatWasReplacedAreAConflict) {
  Create();
  auto late = Begin();
  ASSERT_TRUE(late->Append(Write(*late, {Rows(0, 5)})).ok());
  auto other = Begin();
  Schema wanted = Columns();
  wanted.fields[3].type = Type(Type::Kind::kString);
  ASSERT_TRUE(other->EvolveTo(wanted, TableTransaction::IncompatibleColumns::kReplace).ok());
  ASSERT_TRUE(other->Overwrite({}).ok());
  Commit(*other);
  const Status status = late->Rebase(table_, location_);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kConflict);
  EXPECT_NE(status.error().message.find("column \"price\" was replaced by another of that name"),
            std::string::npos)
      << status.ToString();
}

}  // namespace
}  // namespace tarn
