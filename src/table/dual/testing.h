#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "storage/memory/memory_store.h"
#include "table/dual/changes.h"
#include "table/dual/data_writer.h"
#include "table/dual/table.h"
#include "table/dual/table_cache.h"
#include "table/dual/transaction.h"

namespace tarn {

/// One table in memory, its clock and chance, and a catalog that is two variables.
class TableTest : public ::testing::Test {
 protected:
  /// id long (required), name string, sold_at timestamp, price decimal(9, 2).
  static Schema Columns() {
    using Kind = Type::Kind;
    Schema schema;
    schema.fields = {{FieldId(1), "id", Type(Kind::kLong), Nullability::kRequired, ""},
                     {FieldId(2), "name", Type(Kind::kString), Nullability::kOptional, ""},
                     {FieldId(3), "sold_at", Type(Kind::kTimestamp), Nullability::kOptional, ""},
                     {FieldId(4), "price", Type::Decimal(9, 2), Nullability::kOptional, ""}};
    schema.identifier_fields = {FieldId(1)};
    return schema;
  }

  NewTable Sales(std::vector<std::string> partition = {}) {
    return {store_.root_uri() + "/bronze/sales", Columns(), std::move(partition), {}};
  }

  /// Rows whose id is in [begin, end), one hour apart from 1970-01-01 on.
  static std::shared_ptr<arrow::RecordBatch> Rows(int64_t begin, int64_t end) {
    arrow::Int64Builder ids;
    arrow::StringBuilder names;
    arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MICRO),
                                  arrow::default_memory_pool());
    arrow::Decimal128Builder prices(arrow::decimal128(9, 2));
    for (int64_t id = begin; id < end; ++id) {
      EXPECT_TRUE(ids.Append(id).ok());
      EXPECT_TRUE((id % 5 == 0 ? names.AppendNull() : names.Append("n" + std::to_string(id))).ok());
      EXPECT_TRUE(times.Append(id * 3'600'000'000).ok());
      EXPECT_TRUE(prices.Append(arrow::Decimal128(id * 10)).ok());
    }
    auto schema = arrow::schema(
        {arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8()),
         arrow::field("sold_at", times.type()), arrow::field("price", prices.type())});
    return arrow::RecordBatch::Make(
        schema, end - begin, {*ids.Finish(), *names.Finish(), *times.Finish(), *prices.Finish()});
  }

  std::unique_ptr<TableTransaction> Begin() {
    auto transaction = TableTransaction::Change(context_, table_, location_);
    EXPECT_TRUE(transaction.ok()) << transaction.status().ToString();
    return std::move(transaction).value();
  }

  std::unique_ptr<TableTransaction> BeginNew(const NewTable& table) {
    auto transaction = TableTransaction::Create(context_, table);
    EXPECT_TRUE(transaction.ok()) << transaction.status().ToString();
    return std::move(transaction).value();
  }

  std::vector<DataFile> Write(const TableTransaction& transaction,
                              const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
    auto writer = DataWriter::Open(context_, {transaction.location(),
                                              transaction.schema(),
                                              transaction.spec(),
                                              transaction.physical_names(),
                                              {},
                                              {}})
                      .value();
    for (const auto& batch : batches) {
      Status status = writer->Write(*batch);
      EXPECT_TRUE(status.ok()) << status.ToString();
    }
    auto files = writer->Finish();
    EXPECT_TRUE(files.ok()) << files.status().ToString();
    return std::move(files).value();
  }

  void Commit(TableTransaction& transaction, const std::string& commit_id = "") {
    auto staged = transaction.Stage(commit_id.empty() ? random_->Uuid() : commit_id);
    ASSERT_TRUE(staged.ok()) << staged.status().ToString();
    location_ = staged->metadata_location;
    auto loaded = LoadTableMetadata(store_, location_);
    ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
    table_ = *loaded;
  }

  void Create(std::vector<std::string> partition = {}) {
    auto transaction = BeginNew(Sales(std::move(partition)));
    Commit(*transaction);
  }

  void Append(int64_t begin, int64_t end) {
    auto transaction = Begin();
    ASSERT_TRUE(transaction->Append(Write(*transaction, {Rows(begin, end)})).ok());
    Commit(*transaction);
  }

  ScanPlan Plan(const Predicate& predicate = Predicate::True()) {
    auto plan = PlanScan(context_, *table_, std::nullopt, predicate);
    EXPECT_TRUE(plan.ok()) << plan.status().ToString();
    return std::move(plan).value();
  }

  int64_t LiveRows() {
    int64_t rows = 0;
    for (const ScanFile& file : Plan().files) rows += file.file.record_count;
    return rows;
  }

  SnapshotChanges Changes() {
    auto changes = ReadSnapshotChanges(store_, *table_, *table_->current_snapshot);
    EXPECT_TRUE(changes.ok()) << changes.status().ToString();
    return std::move(changes).value();
  }

  std::string Summary(const std::string& key) {
    const auto& summary = table_->current()->summary;
    auto found = summary.find(key);
    return found == summary.end() ? "-" : found->second;
  }

  std::vector<std::string> Keys(const std::string& prefix = "") {
    std::vector<std::string> keys;
    EXPECT_TRUE(store_
                    .List(prefix,
                          [&](const ObjectInfo& info) -> Status {
                            keys.push_back(info.key);
                            return {};
                          })
                    .ok());
    return keys;
  }

  MemoryStore store_{"lake"};
  ManualClock clock_{1'800'000'000'000'000};
  std::unique_ptr<Random> random_ = SeededRandom(42);
  Limits limits_;
  TableCache cache_;
  TableContext context_{&store_, &clock_, random_.get(), &limits_, &cache_};
  std::shared_ptr<const TableMetadata> table_;
  std::string location_;
};

}  // namespace tarn
