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

TEST_F(TableChecks, PartitionsOfBeforeLeaveTheirNamesToColumns) {
  Create({"day(sold_at)", "name"});
  Append(0, 3);
  auto transaction = Begin();
  EXPECT_FALSE(transaction->AddColumn("sold_at_day", Type(Type::Kind::kDate), "").ok());
  ASSERT_TRUE(transaction->SetPartition({"id"}).ok());
  ASSERT_TRUE(transaction->AddColumn("Sold_at_day", Type(Type::Kind::kDate), "").ok());
  ASSERT_TRUE(transaction->AddColumn("sold_at_day_1000", Type(Type::Kind::kDate), "").ok());
  ASSERT_TRUE(transaction->RenameColumn("name", "label").ok());
  Commit(*transaction);
  EXPECT_EQ(table_->specs[0].fields[0].name, "sold_at_day_1000_");
  EXPECT_EQ(table_->specs[0].fields[1].name, "name") << "no column has it";
  transaction = Begin();
  ASSERT_TRUE(transaction->AddColumn("name", Type(Type::Kind::kString), "").ok());
  Commit(*transaction);
  EXPECT_EQ(table_->specs[0].fields[1].name, "name_1001");
  EXPECT_EQ(table_->spec().fields[0].name, "id");
  EXPECT_EQ(
      Plan(Predicate::Compare(Predicate::Op::kEq, "label", Scalar(std::string("n1")))).files.size(),
      1U);
}

}  // namespace
}  // namespace tarn
