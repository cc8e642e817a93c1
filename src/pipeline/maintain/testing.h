#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "catalog/delta_log.h"
#include "catalog/delta_vectors.h"
#include "catalog/forwarding_catalog.h"
#include "catalog/test_support.h"
#include "pipeline/context.h"
#include "pipeline/maintain/reachable.h"
#include "pipeline/maintain/table_state.h"
#include "table/delta/text.h"
#include "table/delta/vector_descriptor.h"
#include "table/dual/data_writer.h"
#include "table/dual/deletes.h"
#include "table/dual/live_rows.h"

namespace tarn::testing {

inline constexpr int64_t kHourMicros = 3'600'000'000;
inline constexpr int64_t kDayMicros = 24 * kHourMicros;

/// Calls `before` once, at the first commit of upkeep.
class InterruptedCatalog final : public ForwardingCatalog {
 public:
  InterruptedCatalog(Catalog& next, std::function<void()> before)
      : ForwardingCatalog(next), before_(std::move(before)) {}
  Result<CommitInfo> Commit(const CommitRequest& request) override {
    if (before_ && request.author == "maintain") std::exchange(before_, nullptr)();
    return next_.Commit(request);
  }

 private:
  std::function<void()> before_;
};

/// One table of real data files in a lake in memory, with checkers of all that upkeep promises.
class MaintainTest : public ::testing::Test {
 protected:
  using Rows = std::map<int64_t, std::string>;  ///< region by id

  explicit MaintainTest(uint64_t seed = 11) : lake_(seed) {
    context_.catalog = &lake_.catalog();
    context_.tables = lake_.context();
  }

  std::string uuid() { return lake_.catalog().LoadTable(kTable, {})->uuid; }
  TableState State() { return LoadTableState(context_, uuid()).value(); }

  std::vector<DataFile> Write(const TableTransaction& transaction, const Rows& rows) {
    arrow::Int64Builder ids;
    arrow::StringBuilder regions;
    for (const auto& [id, region] : rows) {
      EXPECT_TRUE(ids.Append(id).ok());
      EXPECT_TRUE(regions.Append(region).ok());
    }
    const auto schema =
        arrow::schema({arrow::field("id", arrow::int64()), arrow::field("region", arrow::utf8())});
    auto writer = DataWriter::Open(context_.tables, {transaction.location(),
                                                     transaction.schema(),
                                                     transaction.spec(),
                                                     transaction.physical_names(),
                                                     {},
                                                     {}})
                      .value();
    const Status written = writer->Write(*arrow::RecordBatch::Make(
        schema, static_cast<int64_t>(rows.size()), {*ids.Finish(), *regions.Finish()}));
    EXPECT_TRUE(written.ok()) << written.ToString();
    return writer->Finish().value();
  }

  /// Appends rows of ids [begin, end).
  void Append(int64_t begin, int64_t end) {
    Rows rows;
    for (int64_t id = begin; id < end; ++id) rows[id] = "r" + std::to_string(id % 3);
    lake_.Change(kTable, [&](TableTransaction& t) { return t.Append(Write(t, rows)); });
    rows_.insert(rows.begin(), rows.end());
  }

  /// Deletes the rows whose id `wanted` says.
  void Delete(const std::function<bool(int64_t)>& wanted) {
    const TableState state = State();
    std::vector<RowDeletes> deletes;
    for (const ScanFile& file : Files(*state.metadata)) {
      RowDeletes one{file.file, {}};
      const auto before = LoadDeletes(context_.tables, *state.metadata, file).value();
      const auto ids = IdsWithPositions(*state.metadata, file);
      for (size_t i = 0, live = 0; static_cast<int64_t>(i) < file.file.record_count; ++i) {
        if (before != nullptr && before->Contains(static_cast<int64_t>(i))) continue;
        if (wanted(ids.at(live++))) one.positions.Add(static_cast<int64_t>(i));
      }
      if (!one.positions.empty()) deletes.push_back(std::move(one));
    }
    if (deletes.empty()) return;
    lake_.Change(kTable, [&](TableTransaction& t) { return t.DeleteRows(std::move(deletes)); });
    std::erase_if(rows_, [&](const auto& row) { return wanted(row.first); });
  }

  std::vector<ScanFile> Files(const TableMetadata& table,
                              std::optional<SnapshotId> snapshot = std::nullopt) {
    auto plan = PlanScan(context_.tables, table, snapshot, Predicate::True());
    EXPECT_TRUE(plan.ok()) << plan.status().ToString();
    return plan.ok() ? std::move(plan)->files : std::vector<ScanFile>();
  }

  Rows Read(const TableMetadata& table, std::optional<SnapshotId> snapshot = std::nullopt) {
    Rows rows;
    for (const ScanFile& file : Files(table, snapshot)) {
      VisitRows(table, file, [&](int64_t id, std::string region) {
        EXPECT_TRUE(rows.emplace(id, std::move(region)).second) << "row " << id << " twice";
      });
    }
    return rows;
  }

  /// The rows are those that were written, all snapshots are whole, both formats agree.
  void Check() {
    ASSERT_TRUE(PublishOutbox(context_.tables, lake_.catalog()).ok());
    const TableState state = State();
    EXPECT_EQ(Read(*state.metadata), rows_);
    ReachableFiles reachable(context_);
    const Status whole = reachable.AddState(*state.metadata);
    ASSERT_TRUE(whole.ok()) << whole.ToString();
    for (const Snapshot& snapshot : state.metadata->snapshots) {
      CheckSnapshot(*state.metadata, snapshot.id);
    }
    CheckDelta(state);
  }

  /// Every file of a snapshot stands, and every deletes file can be read.
  void CheckSnapshot(const TableMetadata& table, SnapshotId snapshot) {
    for (const ScanFile& file : Files(table, snapshot)) {
      EXPECT_TRUE(Stands(file.file.path)) << file.file.path;
      const auto deletes = LoadDeletes(context_.tables, table, file);
      EXPECT_TRUE(deletes.ok()) << deletes.status().ToString();
    }
  }

  void CheckDelta(const TableState& state) {
    const std::string folder = TableFolder(context_, state).value();
    const auto log = DeltaLog(lake_.store(), folder).ReadState(state.entry.version - 1);
    ASSERT_TRUE(log.ok()) << log.status().ToString();
    std::map<std::string, int64_t> wanted, found;  // live rows by file
    for (const ScanFile& file : Files(*state.metadata)) {
      const auto deleted = LoadDeletes(context_.tables, *state.metadata, file).value();
      wanted[file.file.path] = deleted == nullptr ? 0 : deleted->cardinality();
    }
    for (const auto& [path, add] : log->files) {
      const std::string uri = delta::FileUri(state.metadata->location, path);
      found[uri] = add.deletion_vector ? add.deletion_vector->cardinality : 0;
      EXPECT_TRUE(Stands(uri));
      if (!add.deletion_vector) continue;
      const auto vector =
          LoadDeltaVector(lake_.store(), state.metadata->location, *add.deletion_vector);
      EXPECT_TRUE(vector.ok()) << vector.status().ToString();
    }
    EXPECT_EQ(found, wanted);
  }

  bool Stands(const std::string& uri) {
    return lake_.store().Head(lake_.store().KeyOf(uri).value()).ok();
  }

  std::vector<std::string> Keys(const std::string& part) {
    std::vector<std::string> keys;
    const std::string prefix = TableFolder(context_, State()).value() + "/" + part + "/";
    EXPECT_TRUE(lake_.store()
                    .List(prefix,
                          [&](const ObjectInfo& object) -> Status {
                            keys.push_back(object.key.substr(prefix.size()));
                            return {};
                          })
                    .ok());
    return keys;
  }

  inline static const TableName kTable{"bronze", "t"};
  TestLake lake_;
  PipelineContext context_;
  Rows rows_;

 private:
  void VisitRows(const TableMetadata& table, const ScanFile& file,
                 const std::function<void(int64_t, std::string)>& visit) {
    auto rows = LiveRows::Open(context_.tables, table, table.schema(), file);
    ASSERT_TRUE(rows.ok()) << rows.status().ToString();
    while (true) {
      const auto batch = (*rows)->Next();
      ASSERT_TRUE(batch.ok()) << batch.status().ToString();
      if (*batch == nullptr) return;
      const auto& ids = static_cast<const arrow::Int64Array&>(*(*batch)->column(0));
      const auto& regions = static_cast<const arrow::StringArray&>(*(*batch)->column(1));
      for (int64_t row = 0; row < ids.length(); ++row)
        visit(ids.Value(row), regions.GetString(row));
    }
  }

  std::vector<int64_t> IdsWithPositions(const TableMetadata& table, const ScanFile& file) {
    std::vector<int64_t> ids;
    VisitRows(table, file, [&](int64_t id, const std::string&) { ids.push_back(id); });
    return ids;
  }
};

}  // namespace tarn::testing
