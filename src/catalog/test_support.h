#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/log.h"
#include "catalog/catalog.h"
#include "catalog/committer.h"
#include "catalog/forwarding_catalog.h"
#include "catalog/location.h"
#include "catalog/sqlite/sqlite_catalog.h"
#include "storage/memory/memory_store.h"

namespace tarn::testing {

/// A lake in memory, and short ways to change it. Data files are told of, not written.
class TestLake {
 public:
  explicit TestLake(uint64_t seed = 11) : random_(SeededRandom(seed)) {
    SetLogLevel(LogLevel::kError);  // what is held back on purpose would warn at every commit
    catalog_ = *OpenSqliteCatalogInMemory(clock_);
    limits_.checkpoint_every_commits = 10;
  }

  TableContext context() { return {&store_, &clock_, random_.get(), &limits_}; }
  MemoryStore& store() { return store_; }
  Catalog& catalog() { return *catalog_; }
  Limits& limits() { return limits_; }
  Random& random() { return *random_; }
  ManualClock& clock() { return clock_; }

  static Field Column(const std::string& name, Type::Kind kind) {
    return {FieldId(0), name, Type(kind), Nullability::kOptional, ""};
  }
  static Schema TwoColumns() {
    Schema schema;
    schema.fields = {Column("id", Type::Kind::kLong), Column("region", Type::Kind::kString)};
    for (size_t i = 0; i < schema.fields.size(); ++i) {
      schema.fields[i].id = FieldId(static_cast<int32_t>(i) + 1);
    }
    return schema;
  }

  std::unique_ptr<TableTransaction> NewTransaction(const TableName& name,
                                                   std::vector<std::string> partition = {},
                                                   std::map<std::string, std::string> props = {}) {
    NewTable table;
    table.location = NewTableFolder(*catalog_, store_, *random_, name, "")->uri;
    table.schema = TwoColumns();
    table.partition = std::move(partition);
    table.properties = std::move(props);
    auto transaction = TableTransaction::Create(context(), table);
    EXPECT_TRUE(transaction.ok()) << transaction.status().ToString();
    return std::move(transaction).value();
  }

  std::unique_ptr<TableTransaction> ChangeTransaction(const TableEntry& entry) {
    auto base = LoadTableMetadata(store_, entry.metadata_location);
    EXPECT_TRUE(base.ok()) << base.status().ToString();
    auto transaction = TableTransaction::Change(context(), *base, entry.metadata_location);
    EXPECT_TRUE(transaction.ok()) << transaction.status().ToString();
    return std::move(transaction).value();
  }

  Result<CommitInfo> Commit(Catalog& catalog, const TableName& name, const std::string& uuid,
                            TableTransaction& transaction) {
    LakeCommit commit;
    commit.author = "test";
    commit.tables.push_back({name, "", uuid, &transaction});
    return CommitToLake(context(), catalog, commit);
  }

  void Create(const TableName& name, std::vector<std::string> partition = {}) {
    auto transaction = NewTransaction(name, std::move(partition));
    const auto info = Commit(*catalog_, name, "", *transaction);
    EXPECT_TRUE(info.ok()) << info.status().ToString();
  }

  /// Changes a table in one commit.
  void Change(const TableName& name, const std::function<Status(TableTransaction&)>& change) {
    const TableEntry entry = *catalog_->LoadTable(name, {});
    auto transaction = ChangeTransaction(entry);
    const Status changed = change(*transaction);
    EXPECT_TRUE(changed.ok()) << changed.ToString();
    const auto info = Commit(*catalog_, name, entry.uuid, *transaction);
    EXPECT_TRUE(info.ok()) << info.status().ToString();
  }

  /// A file that the transaction may append; `partition` is one value a field of its spec.
  static DataFile File(const TableTransaction& transaction, const std::string& name,
                       std::vector<Scalar> partition = {}) {
    DataFile file;
    file.path = transaction.location() + "/data/" + name + ".parquet";
    file.spec_id = transaction.spec().id;
    file.partition = std::move(partition);
    file.record_count = 3;
    file.size_bytes = 100 + static_cast<int64_t>(name.size());
    file.value_counts = {{1, 3}, {2, 3}};
    file.null_counts = {{1, 0}, {2, 1}};
    file.lower_bounds[1] = int64_t{1};
    file.upper_bounds[1] = int64_t{3};
    return file;
  }
  void Append(const TableName& name, const std::string& file, std::vector<Scalar> partition = {}) {
    Change(name,
           [&](TableTransaction& t) { return t.Append({File(t, file, std::move(partition))}); });
  }

  /// Every object of the store.
  std::map<std::string, std::string> Objects() {
    std::map<std::string, std::string> objects;
    const Status listed = store_.List("", [&](const ObjectInfo& object) -> Status {
      objects[object.key] = *store_.Get(object.key);
      return {};
    });
    EXPECT_TRUE(listed.ok());
    return objects;
  }

 private:
  ManualClock clock_{1'700'000'000'000'000};
  std::unique_ptr<Random> random_;
  Limits limits_;
  MemoryStore store_{"lake", clock_};
  std::unique_ptr<Catalog> catalog_;
};

}  // namespace tarn::testing
