#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "catalog/forwarding_catalog.h"
#include "catalog/test_support.h"
#include "pipeline/ingest/capture.h"
#include "pipeline/ingest/history_rows.h"
#include "pipeline/ingest/scripted_log_testing.h"
#include "pipeline/ingest/stream_position.h"
#include "table/dual/live_rows.h"

namespace tarn::testing {

using Kind = ScriptedChange::Kind;

inline ScriptedChange Insert(const std::string& table, int64_t id, const std::string& name,
                             int32_t n) {
  return {Kind::kInsert, table, id, name, n};
}
inline ScriptedChange Update(const std::string& table, int64_t id, std::optional<std::string> name,
                             int32_t n) {
  return {Kind::kUpdate, table, id, std::move(name), n};
}
inline ScriptedChange Move(const std::string& table, int64_t from, int64_t to,
                           std::optional<std::string> name, int32_t n) {
  return {Kind::kUpdate, table, to, std::move(name), n, from};
}
inline ScriptedChange Delete(const std::string& table, int64_t id) {
  return {Kind::kDelete, table, id};
}
inline ScriptedChange Truncate(const std::string& table) { return {Kind::kTruncate, table}; }

/// A row of a history, without its order: rows are compared in it.
struct HistoryRow {
  std::string op;
  int64_t ordinal = 0;
  std::string transaction;
  std::string position;
  int64_t micros = 0;
  std::optional<int64_t> id = std::nullopt;
  std::optional<std::string> name = std::nullopt;
  std::optional<int32_t> n = std::nullopt;
  bool operator==(const HistoryRow&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const HistoryRow& row) {
  out << row.transaction << "#" << row.ordinal << " " << row.op << "(";
  if (row.id) out << *row.id;
  return out << ", " << row.name.value_or("-") << ", " << row.n.value_or(-1) << ") at "
             << row.position << " " << row.micros;
}

/// Fails commits before they happen, or loses their answers afterwards; and looks at tables.
class FaultyCatalog final : public ForwardingCatalog {
 public:
  using ForwardingCatalog::ForwardingCatalog;
  Result<CommitInfo> Commit(const CommitRequest& request) override {
    if (before && before()) return refusal;
    auto info = ForwardingCatalog::Commit(request);
    if (info.ok() && after && after()) return CommitUnknown("the answer was lost");
    return info;
  }
  Result<TableEntry> LoadTable(const TableName& name, std::optional<Sequence> at) override {
    if (look && look()) return Unavailable("the catalog is busy");
    return ForwardingCatalog::LoadTable(name, at);
  }
  Result<CommitInfo> FindCommit(const std::string& commit_id) override {
    if (finds && !finds()) return Unavailable("the catalog is busy");
    return ForwardingCatalog::FindCommit(commit_id);
  }
  std::function<bool()> before;
  Error refusal = Unavailable("the catalog is busy");
  std::function<bool()> after;
  std::function<bool()> look;
  std::function<bool()> finds;
};

class CaptureTest : public ::testing::Test {
 protected:
  explicit CaptureTest(uint64_t seed = 5) : lake_(seed), catalog_(lake_.catalog()) {
    // Cases run in processes of their own, side by side: the seed does not tell them apart.
    folder_ = ::testing::TempDir() + "capture-" + SystemRandom().Uuid();
    context_.catalog = &catalog_;
    context_.tables = lake_.context();
  }
  ~CaptureTest() override { std::filesystem::remove_all(folder_); }

  /// An empty mirrored table whose load stands at `position`.
  void MakeTable(const std::string& name, const std::string& position = "0",
                 std::vector<std::string> partition = {}) {
    NewTable table;
    const TableName target{"bronze", name};
    table.location = NewTableFolder(catalog_, lake_.store(), lake_.random(), target, "")->uri;
    table.partition = std::move(partition);
    table.schema.fields = {
        {FieldId(1), "id", Type(Type::Kind::kLong), Nullability::kRequired, ""},
        {FieldId(2), "name", Type(Type::Kind::kString), Nullability::kOptional, ""},
        {FieldId(3), "n", Type(Type::Kind::kInt), Nullability::kOptional, ""}};
    table.schema.identifier_fields = {FieldId(1)};
    auto transaction = TableTransaction::Create(lake_.context(), table).value();
    LakeCommit commit;
    commit.author = "test";
    commit.tables.push_back({target, "source:crm", "", transaction.get()});
    LoadPosition load;
    load.snapshot = position;
    commit.ops.push_back(SetPositionOp{"crm", "public." + name, load.ToJson()});
    const auto info = CommitToLake(lake_.context(), catalog_, commit);
    ASSERT_TRUE(info.ok()) << info.status().ToString();
    CaptureItem item;
    item.table = ScriptedTable(name);
    item.target = {target, "source:crm", {"id"}, {}, {}};
    item.uuid = catalog_.LoadTable(target, {})->uuid;
    items_.push_back(std::move(item));
  }

  /// Every change of the last table that was made is kept beside it.
  void KeepHistory() {
    CaptureItem& item = items_.back();
    NewTable table;
    const TableName target = HistoryOf(item.target.name);
    table.location = NewTableFolder(catalog_, lake_.store(), lake_.random(), target, "")->uri;
    table.schema = SchemaFromArrow(**HistorySchema(item.table)).value();
    auto transaction = TableTransaction::Create(lake_.context(), table).value();
    LakeCommit commit;
    commit.author = "test";
    commit.tables.push_back({target, "source:crm", "", transaction.get()});
    const auto info = CommitToLake(lake_.context(), catalog_, commit);
    ASSERT_TRUE(info.ok()) << info.status().ToString();
    item.history = TableTarget{target, "source:crm", {}, {}, {}};
  }

  void Begin(const std::string& position = "0") {
    LakeCommit commit;
    commit.author = "test";
    StreamPosition at;
    at.position = position;
    commit.ops.push_back(SetPositionOp{"crm", kStreamPosition, at.ToJson()});
    ASSERT_TRUE(CommitToLake(lake_.context(), catalog_, commit).ok());
  }

  CaptureOptions Options(int64_t rows_of_commit = 1) {
    CaptureOptions options;
    options.source = "crm";
    options.items = items_;
    options.cadence.rows = rows_of_commit;
    options.index_folder = folder_;
    options.until = std::to_string(log_.transactions.size());
    options.stopped = [](const SourceTableName& table, const Status& why) {
      ADD_FAILURE() << table.ToString() << " stopped: " << why.ToString();
    };
    return options;
  }

  Status CatchUp(int64_t rows_of_commit = 1) {
    return Capture(context_, log_, Options(rows_of_commit));
  }

  ScriptedRows Read(const std::string& name, std::optional<Sequence> at = {}) {
    const TableEntry entry = *catalog_.LoadTable({"bronze", name}, at);
    const auto table = LoadTableMetadata(lake_.store(), entry.metadata_location).value();
    ScriptedRows rows;
    const auto plan = PlanScan(lake_.context(), *table, std::nullopt, Predicate::True());
    EXPECT_TRUE(plan.ok()) << plan.status().ToString();
    for (const ScanFile& file : plan->files) {
      auto reader = LiveRows::Open(lake_.context(), *table, table->schema(), file);
      EXPECT_TRUE(reader.ok()) << reader.status().ToString();
      while (auto batch = (*reader)->Next().value()) {
        const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
        const auto& names = static_cast<const arrow::StringArray&>(*batch->column(1));
        const auto& ns = static_cast<const arrow::Int32Array&>(*batch->column(2));
        for (int64_t i = 0; i < batch->num_rows(); ++i) {
          const bool fresh =
              rows.emplace(ids.Value(i), std::pair{names.GetString(i), ns.Value(i)}).second;
          EXPECT_TRUE(fresh) << "row " << ids.Value(i) << " of " << name << " twice";
        }
      }
    }
    return rows;
  }

  /// The history of a table, in its own order.
  std::vector<HistoryRow> ReadHistory(const std::string& name, std::optional<Sequence> at = {}) {
    const TableEntry entry = *catalog_.LoadTable(HistoryOf({"bronze", name}), at);
    const auto table = LoadTableMetadata(lake_.store(), entry.metadata_location).value();
    const auto plan = PlanScan(lake_.context(), *table, std::nullopt, Predicate::True());
    EXPECT_TRUE(plan.ok()) << plan.status().ToString();
    // Before-rows come before their updates.
    std::map<std::tuple<int64_t, int64_t, bool, int64_t>, HistoryRow> sorted;
    for (const ScanFile& file : plan->files) {
      auto reader = LiveRows::Open(lake_.context(), *table, table->schema(), file);
      EXPECT_TRUE(reader.ok()) << reader.status().ToString();
      while (auto batch = (*reader)->Next().value()) {
        const auto text = [&](int column, int64_t i) {
          return static_cast<const arrow::StringArray&>(*batch->column(column)).GetString(i);
        };
        const auto number = [&](int column, int64_t i) {
          return static_cast<const arrow::Int64Array&>(*batch->column(column)).Value(i);
        };
        for (int64_t i = 0; i < batch->num_rows(); ++i) {
          HistoryRow row{text(0, i), number(2, i), text(3, i), text(4, i)};
          row.micros = static_cast<const arrow::TimestampArray&>(*batch->column(5)).Value(i);
          if (batch->column(6)->IsValid(i)) row.id = number(6, i);
          if (batch->column(7)->IsValid(i)) row.name = text(7, i);
          if (batch->column(8)->IsValid(i)) {
            row.n = static_cast<const arrow::Int32Array&>(*batch->column(8)).Value(i);
          }
          // Rows of a load are of one place.
          const int64_t of_load = row.op == kHistorySnapshot ? row.id.value_or(0) : 0;
          const std::tuple key{number(1, i), number(2, i), row.op != kHistoryBefore, of_load};
          EXPECT_TRUE(sorted.emplace(key, row).second) << "twice: " << row;
        }
      }
    }
    std::vector<HistoryRow> rows;
    for (auto& [key, row] : sorted) rows.push_back(std::move(row));
    return rows;
  }

  /// What the history of a table must be after so many transactions.
  std::vector<HistoryRow> ExpectedHistory(const std::string& name, size_t transactions) const {
    std::vector<HistoryRow> rows;
    ScriptedTables tables;
    for (size_t t = 0; t < transactions; ++t) {
      for (size_t i = 0; i < log_.transactions[t].size(); ++i) {
        const ScriptedChange& change = log_.transactions[t][i];
        HistoryRow row{"", static_cast<int64_t>(i), "t" + std::to_string(t), std::to_string(t + 1),
                       ScriptedLog::CommitMicros(t)};
        const int64_t before = change.old_id.value_or(change.id);
        const auto was = tables[change.table].find(before);
        HistoryRow preimage = row;
        preimage.op = kHistoryBefore;
        preimage.id = before;
        if (was != tables[change.table].end() && log_.whole_rows_before) {
          preimage.name = was->second.first;
          preimage.n = was->second.second;
        }
        Replay({change}, tables);
        if (change.table != name) continue;
        const bool updates = change.kind == Kind::kUpdate;
        if (updates && (change.old_id || log_.whole_rows_before)) rows.push_back(preimage);
        row.op = change.kind == Kind::kInsert   ? kHistoryInsert
                 : change.kind == Kind::kUpdate ? kHistoryUpdate
                 : change.kind == Kind::kDelete ? kHistoryDelete
                                                : kHistoryTruncate;
        if (change.kind != Kind::kTruncate) row.id = change.id;
        if (change.kind == Kind::kInsert || updates) {
          row.name = tables[name][change.id].first;
          row.n = tables[name][change.id].second;
        } else if (change.kind == Kind::kDelete) {
          row.name = preimage.name;
          row.n = preimage.n;
        }
        rows.push_back(row);
      }
    }
    return rows;
  }

  /// What the rows of a history come to, one after the other.
  static ScriptedRows Fold(const std::vector<HistoryRow>& history) {
    ScriptedRows rows;
    for (const HistoryRow& row : history) {
      if (row.op == kHistoryTruncate || row.op == kHistoryReload) {
        rows.clear();
      } else if (row.op == kHistoryDelete || row.op == kHistoryBefore) {
        rows.erase(*row.id);
      } else {
        rows[*row.id] = {row.name.value_or(""), row.n.value_or(0)};
      }
    }
    return rows;
  }

  /// The next transaction of the log, over tables a and b; `tables` are what it comes to.
  ScriptedTransaction RandomTransaction(ScriptedTables& tables) {
    ScriptedTransaction transaction;
    Random& random = lake_.random();
    const uint64_t changes = 1 + random.Below(random.Below(8) == 0 ? 60 : 6);
    for (uint64_t i = 0; i < changes; ++i) {
      const std::string table = random.Below(3) == 0 ? "b" : "a";
      const ScriptedRows& rows = tables[table];
      const auto n = static_cast<int32_t>(random.Below(1000));
      const int64_t id = static_cast<int64_t>(random.Below(40));
      std::optional<std::string> name = "name " + std::to_string(n);
      ScriptedChange change;
      if (random.Below(60) == 0) {
        change = Truncate(table);
      } else if (!rows.contains(id)) {
        change = Insert(table, id, *name, n);
      } else {
        if (random.Below(2) == 0) name.reset();
        const int64_t to = static_cast<int64_t>(random.Below(40));
        const uint64_t what = random.Below(10);
        if (what < 3) {
          change = Delete(table, id);
        } else if (what == 3 && !rows.contains(to)) {
          change = Move(table, id, to, name, n);
        } else {
          change = Update(table, id, name, n);
        }
      }
      Replay({change}, tables);
      transaction.push_back(std::move(change));
    }
    return transaction;
  }

  ScriptedTables Expected(size_t transactions) const {
    ScriptedTables tables;
    for (size_t i = 0; i < transactions; ++i) Replay(log_.transactions[i], tables);
    return tables;
  }

  /// Damages all that key indexes have in runs, in place.
  void DamageKeyIndexes() {
    int runs = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (!entry.path().filename().string().starts_with("run-")) continue;
      ++runs;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      for (std::streamoff at = 50; at < static_cast<std::streamoff>(entry.file_size()); at += 100) {
        file.seekg(at);
        const int byte = file.get();
        file.seekp(at);
        file.put(static_cast<char>(byte ^ 1));
      }
      ASSERT_TRUE(file.good());
    }
    ASSERT_GT(runs, 0);
  }

  size_t DataFiles() {
    size_t files = 0;
    const Status listed = lake_.store().List("", [&](const ObjectInfo& object) -> Status {
      files += object.key.ends_with(".parquet") ? 1 : 0;
      return {};
    });
    EXPECT_TRUE(listed.ok()) << listed.ToString();
    return files;
  }

  std::string Position() {
    const auto positions = catalog_.ListPositions().value();
    for (const PositionEntry& entry : positions) {
      if (entry.table == kStreamPosition) {
        return StreamPosition::FromJson(entry.position)->position;
      }
    }
    return "";
  }

  TestLake lake_;
  FaultyCatalog catalog_;
  PipelineContext context_;
  ScriptedLog log_{lake_.random()};
  std::vector<CaptureItem> items_;
  std::string folder_;
};

}  // namespace tarn::testing
