#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "source/change_capture.h"

namespace tarn::testing {

/// One change as a test writes it: a row of (id, name, n), of which `name` may be left out by the
/// log.
struct ScriptedChange {
  enum class Kind { kInsert, kUpdate, kDelete, kTruncate } kind = Kind::kInsert;
  std::string table;
  int64_t id = 0;
  std::optional<std::string> name = std::nullopt;  ///< nullopt of an update: did not change
  int32_t n = 0;
  std::optional<int64_t> old_id = std::nullopt;  ///< of an update that changed the key
};
using ScriptedTransaction = std::vector<ScriptedChange>;

/// The rows of a table by their key: what a log comes to.
using ScriptedRows = std::map<int64_t, std::pair<std::string, int32_t>>;
using ScriptedTables = std::map<std::string, ScriptedRows>;

inline void Replay(const ScriptedTransaction& transaction, ScriptedTables& tables) {
  for (const ScriptedChange& change : transaction) {
    ScriptedRows& rows = tables[change.table];
    if (change.kind == ScriptedChange::Kind::kTruncate) {
      rows.clear();
    } else if (change.kind == ScriptedChange::Kind::kDelete) {
      rows.erase(change.id);
    } else {
      const int64_t before = change.old_id.value_or(change.id);
      std::string name = change.name.value_or("");
      if (!change.name && rows.contains(before)) name = rows[before].first;
      rows.erase(before);
      rows[change.id] = {name, change.n};
    }
  }
}

inline SourceTable ScriptedTable(const std::string& name) {
  SourceTable table;
  table.name = {"public", name};
  table.columns = {{"id", "bigint", arrow::field("id", arrow::int64()), 1},
                   {"name", "text", arrow::field("name", arrow::utf8()), 2},
                   {"n", "integer", arrow::field("n", arrow::int32()), 3}};
  table.key = {"id"};
  table.fingerprint = "f";
  return table;
}

/// A source's log in memory: transaction i ends at position "i + 1". Batches end where chance says.
class ScriptedLog final : public ChangeCapture {
 public:
  explicit ScriptedLog(Random& random) : random_(random) {}

  /// Of the transaction's commit: a clock that goes back now and then.
  static int64_t CommitMicros(size_t transaction) {
    return 1'000'000 + static_cast<int64_t>(transaction * 37 % 11);
  }

  std::vector<ScriptedTransaction> transactions;
  std::vector<std::string> acknowledged;
  int64_t batch_changes_max = 7;
  /// Whether the log tells rows as they were before, as with REPLICA IDENTITY FULL.
  bool whole_rows_before = false;
  /// Table a stops for that reason behind the next transactions that are told.
  std::optional<Error> stops;
  /// Before each call of Next(), which fails with its error.
  std::function<Status()> before_next;
  /// What every stream was opened with.
  std::vector<std::vector<SourceTable>> opened;

  Status Check(const CaptureSpec&, const std::vector<SourceTable>&) override { return {}; }
  Result<std::unique_ptr<SourceSnapshot>> Begin(const CaptureSpec&,
                                                const std::vector<SourceTable>&) override {
    return Unsupported("a scripted log has no snapshot");
  }
  Status SetTables(const CaptureSpec&, const std::vector<SourceTableName>&) override { return {}; }
  Result<std::unique_ptr<SourceSnapshot>> Snapshot(const CaptureSpec&) override {
    return Unsupported("a scripted log has no snapshot");
  }
  /// Of all transactions that there are.
  Result<LogBranch> Branch(const CaptureSpec&) override {
    const size_t position = transactions.size();
    ScriptedTables tables;
    for (const ScriptedTransaction& transaction : transactions) Replay(transaction, tables);
    LogBranch branch;
    branch.snapshot =
        std::make_unique<ScriptedSnapshot>(std::to_string(position), std::move(tables));
    branch.open = [this, position](const std::vector<SourceTable>&) {
      return Result<std::unique_ptr<ChangeStream>>(std::make_unique<Stream>(*this, position));
    };
    return branch;
  }
  Status Drop(const CaptureSpec&) override { return {}; }
  Result<CaptureStatus> Inspect(const CaptureSpec&) override { return CaptureStatus{}; }
  Result<std::string> CurrentPosition() override { return std::to_string(transactions.size()); }
  Result<int> Compare(const std::string& a, const std::string& b) override {
    return static_cast<int>(std::stoll(a) - std::stoll(b));
  }
  Result<std::unique_ptr<ChangeStream>> Open(const CaptureSpec&, const std::string& position,
                                             const std::vector<SourceTable>& tables) override {
    opened.push_back(tables);
    return std::unique_ptr<ChangeStream>(
        std::make_unique<Stream>(*this, static_cast<size_t>(std::stoll(position))));
  }

 private:
  class Reader final : public BatchReader {
   public:
    Reader(const std::string& table, ScriptedRows rows) : rows_(std::move(rows)) {
      arrow::FieldVector fields;
      for (const SourceColumn& column : ScriptedTable(table).columns) {
        fields.push_back(column.field);
      }
      schema_ = arrow::schema(std::move(fields));
    }
    const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
    Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      if (done_ || rows_.empty()) return std::shared_ptr<arrow::RecordBatch>();
      done_ = true;
      arrow::Int64Builder ids;
      arrow::StringBuilder names;
      arrow::Int32Builder ns;
      for (const auto& [id, row] : rows_) {
        EXPECT_TRUE(ids.Append(id).ok());
        EXPECT_TRUE(names.Append(row.first).ok());
        EXPECT_TRUE(ns.Append(row.second).ok());
      }
      return arrow::RecordBatch::Make(schema_, static_cast<int64_t>(rows_.size()),
                                      {*ids.Finish(), *names.Finish(), *ns.Finish()});
    }

   private:
    ScriptedRows rows_;
    std::shared_ptr<arrow::Schema> schema_;
    bool done_ = false;
  };

  class ScriptedSnapshot final : public SourceSnapshot {
   public:
    ScriptedSnapshot(std::string position, ScriptedTables tables)
        : position_(std::move(position)), tables_(std::move(tables)) {}
    const std::string& position() const override { return position_; }
    Result<SourceTable> Describe(const SourceTableName& table) override {
      return ScriptedTable(table.name);
    }
    Result<std::vector<ScanRange>> Split(const SourceTable&, int) override {
      return std::vector<ScanRange>{{"", -1}};
    }
    Result<std::unique_ptr<BatchReader>> Open(const SourceTable& table, const ScanRange&,
                                              const std::optional<CursorRange>&) override {
      return std::unique_ptr<BatchReader>(
          std::make_unique<Reader>(table.name.name, tables_[table.name.name]));
    }
    Result<std::optional<std::string>> MaxCursor(const SourceTable&, const std::string&,
                                                 const std::optional<std::string>&) override {
      return Unsupported("a scripted log has no cursor");
    }

   private:
    std::string position_;
    ScriptedTables tables_;
  };

  class Stream final : public ChangeStream {
   public:
    Stream(ScriptedLog& log, size_t next) : log_(log), next_(next) {
      for (size_t i = 0; i < next; ++i) Replay(log_.transactions[i], tables_);
    }
    Result<ChangeBatch> Next(const ChangeLimits& limits) override {
      if (log_.before_next) TARN_RETURN_IF_ERROR(log_.before_next());
      ChangeBatch batch;
      auto left = static_cast<int64_t>(
          1 + log_.random_.Below(static_cast<uint64_t>(log_.batch_changes_max)));
      const size_t until =
          limits.until ? static_cast<size_t>(std::stoll(*limits.until)) : log_.transactions.size();
      while (left > 0 && next_ < std::min(until, log_.transactions.size())) {
        const ScriptedTransaction& transaction = log_.transactions[next_];
        batch.transactions.push_back(
            {"t" + std::to_string(next_), std::to_string(next_ + 1), CommitMicros(next_)});
        while (left > 0 && done_ < transaction.size()) {
          Tell(transaction[done_], batch);
          ++done_;
          --left;
        }
        batch.ends_at_commit = done_ == transaction.size();
        if (!batch.ends_at_commit) break;
        done_ = 0;
        ++next_;
      }
      Finish(batch);
      if (log_.stops) {
        EventsOf("a", batch).emplace_back(TableStopped{*std::exchange(log_.stops, {})});
      }
      batch.position = std::to_string(next_);
      batch.reached_until = limits.until && done_ == 0 && next_ >= until;
      return batch;
    }
    Status Acknowledge(const std::string& position) override {
      log_.acknowledged.push_back(position);
      return {};
    }
    void Stop() override {}

   private:
    struct Before {
      int64_t id;
      std::string name;
      int32_t n;
    };
    struct Open {
      RowChanges changes;
      std::vector<ScriptedChange> rows;
      std::vector<Before> before;
    };

    void Tell(ScriptedChange change, ChangeBatch& batch) {
      const auto transaction = static_cast<uint32_t>(batch.transactions.size() - 1);
      const auto before = tables_[change.table].find(change.old_id.value_or(change.id));
      std::optional<Before> was;
      if (log_.whole_rows_before && before != tables_[change.table].end()) {
        was = Before{before->first, before->second.first, before->second.second};
        if (!change.name) change.name = was->name;
        if (change.kind == ScriptedChange::Kind::kDelete) change.n = was->n;
      }
      Replay({change}, tables_);
      if (change.kind == ScriptedChange::Kind::kTruncate) {
        Close(change.table, batch);
        EventsOf(change.table, batch)
            .emplace_back(TableTruncated{transaction, static_cast<int64_t>(done_)});
        return;
      }
      Open& open = open_[change.table];
      const auto row = static_cast<int64_t>(open.rows.size());
      open.rows.push_back(change);
      RowChanges& changes = open.changes;
      changes.ops.push_back(change.kind == ScriptedChange::Kind::kInsert   ? RowOp::kInsert
                            : change.kind == ScriptedChange::Kind::kUpdate ? RowOp::kUpdate
                                                                           : RowOp::kDelete);
      changes.transactions.push_back(transaction);
      changes.ordinals.push_back(static_cast<int64_t>(done_));
      if (change.kind == ScriptedChange::Kind::kUpdate && !change.name) {
        if (changes.unchanged.empty()) changes.unchanged.push_back({1, {}});
        changes.unchanged[0].rows.push_back(row);
      }
      if (change.old_id) changes.old_key_rows.push_back(row);
      if (was && change.kind == ScriptedChange::Kind::kUpdate) {
        changes.before_rows.push_back(row);
        open.before.push_back(*was);
      }
      ++batch.rows;
    }

    static std::vector<TableEvent>& EventsOf(const std::string& table, ChangeBatch& batch) {
      for (TableChanges& changes : batch.tables) {
        if (changes.table.name == table) return changes.events;
      }
      batch.tables.push_back({{"public", table}, {}});
      return batch.tables.back().events;
    }

    void Close(const std::string& table, ChangeBatch& batch) {
      const auto found = open_.find(table);
      if (found == open_.end()) return;
      arrow::Int64Builder ids, old_ids;
      arrow::StringBuilder names;
      arrow::Int32Builder ns;
      for (const ScriptedChange& row : found->second.rows) {
        EXPECT_TRUE(ids.Append(row.id).ok());
        const bool key_only = row.kind == ScriptedChange::Kind::kDelete && !log_.whole_rows_before;
        const bool has_name = row.name && !key_only;
        EXPECT_TRUE((has_name ? names.Append(*row.name) : names.AppendNull()).ok());
        EXPECT_TRUE((key_only ? ns.AppendNull() : ns.Append(row.n)).ok());
        if (row.old_id) {
          EXPECT_TRUE(old_ids.Append(*row.old_id).ok());
        }
      }
      RowChanges& changes = found->second.changes;
      arrow::FieldVector fields;
      for (const SourceColumn& column : ScriptedTable(table).columns) {
        fields.push_back(column.field);
      }
      changes.rows = arrow::RecordBatch::Make(arrow::schema(fields),
                                              static_cast<int64_t>(found->second.rows.size()),
                                              {*ids.Finish(), *names.Finish(), *ns.Finish()});
      if (!changes.old_key_rows.empty()) {
        changes.old_keys = arrow::RecordBatch::Make(
            arrow::schema({fields[0]}), static_cast<int64_t>(changes.old_key_rows.size()),
            {*old_ids.Finish()});
      }
      if (!found->second.before.empty()) {
        arrow::Int64Builder before_ids;
        arrow::StringBuilder before_names;
        arrow::Int32Builder before_ns;
        for (const Before& was : found->second.before) {
          EXPECT_TRUE(before_ids.Append(was.id).ok());
          EXPECT_TRUE(before_names.Append(was.name).ok());
          EXPECT_TRUE(before_ns.Append(was.n).ok());
        }
        changes.before = arrow::RecordBatch::Make(
            arrow::schema(fields), static_cast<int64_t>(found->second.before.size()),
            {*before_ids.Finish(), *before_names.Finish(), *before_ns.Finish()});
      }
      EventsOf(table, batch).emplace_back(std::move(changes));
      open_.erase(found);
    }

    void Finish(ChangeBatch& batch) {
      while (!open_.empty()) Close(open_.begin()->first, batch);
    }

    ScriptedLog& log_;
    ScriptedTables tables_;  ///< after what was told
    size_t next_;
    size_t done_ = 0;  ///< changes of transactions[next_] that were told
    std::map<std::string, Open> open_;
  };

  Random& random_;
};

}  // namespace tarn::testing
