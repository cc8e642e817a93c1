#include "source/mirror_test_support.h"

#include <algorithm>
#include <utility>

#include "source/source_test_support.h"

namespace tarn::testing {
namespace {

std::vector<std::string> RowAt(const arrow::RecordBatch& batch, int64_t row) {
  std::vector<std::string> values;
  for (int i = 0; i < batch.num_columns(); ++i) values.push_back(TextOf(*batch.column(i), row));
  return values;
}

std::string Joined(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : "|") + value;
  return text;
}

size_t ColumnAt(const SourceTable& table, const std::string& name) {
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].name == name) return i;
  }
  ADD_FAILURE() << "no column " << name;
  return 0;
}

std::vector<SourceTable> Tables(Source& source, const std::vector<std::string>& names) {
  std::vector<SourceTable> tables;
  for (const std::string& name : names) {
    for (SourceTable& table : Must(source.Discover({name}))) tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace

Mirror::Mirror(std::unique_ptr<Source> source, const std::vector<std::string>& names,
               std::string capture)
    : source_(std::move(source)) {
  spec_.name = std::move(capture);
  const std::vector<SourceTable> tables = Tables(*source_, names);
  auto snapshot = Must(source_->capture()->Begin(spec_, tables));
  position = snapshot->position();
  for (const SourceTable& table : tables) {
    Table& mine = tables_[table.name];
    mine.description = Must(snapshot->Describe(table.name));
    auto reader = Must(snapshot->Open(mine.description, {}, std::nullopt));
    while (auto batch = Must(reader->Next())) {
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        const Row values = RowAt(*batch, row);
        mine.rows[KeyOf(mine, values)] = values;
      }
    }
  }
}

Mirror::~Mirror() {
  stream_.reset();
  const Status dropped = capture().Drop(spec_);
  EXPECT_TRUE(dropped.ok()) << dropped.ToString();
}

Mirror::Row Mirror::KeyOf(const Table& table, const Row& row) const {
  Row key;
  for (const std::string& name : table.description.key) {
    key.push_back(row[ColumnAt(table.description, name)]);
  }
  return key;
}

ChangeStream& Mirror::stream() {
  if (stream_ == nullptr) {
    std::vector<SourceTable> tables;
    for (const auto& [name, table] : tables_) {
      if (!table.stopped) tables.push_back(table.description);
    }
    stream_ = Must(capture().Open(spec_, position, tables));
  }
  return *stream_;
}

std::optional<Error> Mirror::TryCatchUp(std::vector<std::string>* log) {
  limits.until = Must(capture().CurrentPosition());
  while (true) {
    Result<ChangeBatch> batch = stream().Next(limits);
    if (!batch.ok()) return batch.error();
    Apply(*batch, log);
    if (reopens && batch->ends_at_commit) Reopen();
    if (batch->reached_until) return std::nullopt;
  }
}

std::vector<std::string> Mirror::CatchUp() {
  std::vector<std::string> log;
  if (std::optional<Error> error = TryCatchUp(&log)) ADD_FAILURE() << error->ToString();
  if (stream_ != nullptr) {
    const Status told = stream_->Acknowledge(position);
    EXPECT_TRUE(told.ok()) << told.ToString();
  }
  return log;
}

void Mirror::ApplyRows(Table& table, const RowChanges& changes, std::vector<std::string>* log) {
  const std::string name = table.description.name.name + ": ";
  ASSERT_TRUE(changes.rows->ValidateFull().ok()) << changes.rows->ValidateFull().ToString();
  ASSERT_EQ(changes.rows->num_rows(), static_cast<int64_t>(changes.ops.size()));
  ASSERT_EQ(changes.transactions.size(), changes.ops.size());
  ASSERT_EQ(changes.ordinals.size(), changes.ops.size());
  ASSERT_EQ(changes.rows->num_columns(), static_cast<int>(table.description.columns.size()));
  for (int i = 0; i < changes.rows->num_columns(); ++i) {
    ASSERT_TRUE(changes.rows->column(i)->type()->Equals(
        *table.description.columns[static_cast<size_t>(i)].field->type()));
  }
  size_t old_at = 0;
  size_t before_at = 0;
  for (int64_t row = 0; row < changes.rows->num_rows(); ++row) {
    const RowOp op = changes.ops[static_cast<size_t>(row)];
    Row values = RowAt(*changes.rows, row);
    Row key = KeyOf(table, values);
    std::string was;
    if (old_at < changes.old_key_rows.size() && changes.old_key_rows[old_at] == row) {
      const Row old = RowAt(*changes.old_keys, static_cast<int64_t>(old_at++));
      was = " was " + Joined(old);
      EXPECT_EQ(op, RowOp::kUpdate);
      EXPECT_TRUE(table.rows.contains(old)) << "the row before is not there: " << Joined(old);
      if (table.rows.contains(old)) {
        auto node = table.rows.extract(old);
        node.key() = key;
        table.rows.insert(std::move(node));
      }
    }
    if (before_at < changes.before_rows.size() && changes.before_rows[before_at] == row) {
      was += " before " + Joined(RowAt(*changes.before, static_cast<int64_t>(before_at++)));
    }
    const auto before = table.rows.find(key);
    for (const RowChanges::Unchanged& column : changes.unchanged) {
      if (!std::binary_search(column.rows.begin(), column.rows.end(), row)) continue;
      EXPECT_EQ(values[static_cast<size_t>(column.column)], "NULL");
      ASSERT_NE(before, table.rows.end());
      values[static_cast<size_t>(column.column)] =
          before->second[static_cast<size_t>(column.column)];
      was += " kept " + table.description.columns[static_cast<size_t>(column.column)].name;
    }
    switch (op) {
      case RowOp::kInsert:
        EXPECT_EQ(before, table.rows.end()) << "inserted twice: " << Joined(values);
        table.rows[key] = values;
        log->push_back(name + "insert " + Joined(values));
        break;
      case RowOp::kUpdate:
        EXPECT_NE(before, table.rows.end()) << "updated without a row: " << Joined(values);
        table.rows[key] = values;
        log->push_back(name + "update " + Joined(values) + was);
        break;
      case RowOp::kDelete:
        EXPECT_EQ(table.rows.erase(key), 1u) << "deleted without a row: " << Joined(key);
        log->push_back(name + "delete " + Joined(values));
        break;
    }
  }
  EXPECT_EQ(old_at, changes.old_key_rows.size());
  EXPECT_EQ(before_at, changes.before_rows.size());
}

void Mirror::ApplyAltered(Table& table, const TableAltered& altered,
                          std::vector<std::string>* log) {
  std::string text = table.description.name.name + ": altered ";
  const SourceTable before = std::exchange(table.description, *altered.table);
  if (!altered.table->log_mark.empty()) return;  // no more than that is there to be remembered
  for (size_t i = 0; i < table.description.columns.size(); ++i) {
    const SourceColumn& column = table.description.columns[i];
    text += (i > 0 ? ", " : "") + column.name + " " + column.field->type()->ToString();
    const auto& key = table.description.key;
    if (std::find(key.begin(), key.end(), column.name) != key.end()) text += " key";
  }
  log->push_back(text);
  for (const TableAltered::Renamed& one : altered.renamed) {
    log->push_back(table.description.name.name + ": renamed " + one.from + " " + one.to);
  }
  std::map<std::string, std::string> filled;
  for (const TableAltered::Filled& one : altered.filled) {
    std::string told = table.description.name.name + ": filled " + one.column;
    if (one.value != nullptr) {
      ASSERT_EQ(one.value->length(), 1);
      const auto& column = table.description.columns[ColumnAt(table.description, one.column)];
      ASSERT_TRUE(one.value->type()->Equals(*column.field->type()));
      filled[one.column] =
          RowAt(*arrow::RecordBatch::Make(arrow::schema({column.field}), 1, {one.value}), 0)[0];
      told += " " + filled[one.column];
    } else {
      EXPECT_NE(one.unknown, "");
    }
    log->push_back(told);
  }
  const std::map<Row, Row> rows = std::exchange(table.rows, {});
  for (const auto& [key, row] : rows) {
    Row now;
    for (const SourceColumn& column : table.description.columns) {
      std::string from = column.name;
      for (const TableAltered::Renamed& one : altered.renamed) {
        if (one.to == column.name) from = one.from;
      }
      std::string value = filled.contains(column.name) ? filled[column.name] : "NULL";
      for (size_t i = 0; i < before.columns.size(); ++i) {
        if (before.columns[i].name == from) value = row[i];
      }
      now.push_back(value);
    }
    table.rows[KeyOf(table, now)] = now;
  }
}

void Mirror::Apply(const ChangeBatch& batch, std::vector<std::string>* log) {
  ++batches;
  for (const TableChanges& changes : batch.tables) {
    Table& table = tables_.at(changes.table);
    for (const TableEvent& event : changes.events) {
      if (const auto* rows = std::get_if<RowChanges>(&event)) {
        ApplyRows(table, *rows, log);
      } else if (const auto* altered = std::get_if<TableAltered>(&event)) {
        ApplyAltered(table, *altered, log);
      } else if (const auto* stopped = std::get_if<TableStopped>(&event)) {
        table.stopped = true;
        log->push_back(changes.table.name + ": stopped " + stopped->reason.error().message);
      } else {
        table.rows.clear();
        log->push_back(changes.table.name + ": truncate");
      }
    }
  }
  for (const ChangeTransaction& transaction : batch.transactions) {
    if (transactions.empty() || transactions.back().id != transaction.id) {
      transactions.push_back(transaction);
    } else {
      transactions.back() = transaction;
    }
  }
  if (batch.ends_at_commit) {
    EXPECT_LE(Must(capture().Compare(position, batch.position)), 0);
    position = batch.position;
  }
}

void Mirror::ExpectSame() {
  auto snapshot = Must(source_->BeginSnapshot());
  for (const auto& [name, table] : tables_) {
    if (table.stopped) continue;
    const SourceTable whole = Must(snapshot->Describe(name));
    auto reader = Must(snapshot->Open(whole, {}, std::nullopt));
    std::map<Row, Row> rows;
    while (auto batch = Must(reader->Next())) {
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        const Row all = RowAt(*batch, row);
        Row values;
        for (const SourceColumn& column : table.description.columns) {
          values.push_back(all[ColumnAt(whole, column.name)]);
        }
        rows[KeyOf(table, values)] = values;
      }
    }
    EXPECT_EQ(rows.size(), table.rows.size()) << name.ToString();
    for (const auto& [key, row] : rows) {
      const auto mine = table.rows.find(key);
      ASSERT_NE(mine, table.rows.end()) << name.ToString() << " lacks " << Joined(key);
      for (size_t i = 0; i < row.size(); ++i) {
        EXPECT_EQ(row[i], mine->second[i]) << name.ToString() << ", key " << Joined(key)
                                           << ", column " << table.description.columns[i].name;
      }
    }
  }
}

}  // namespace tarn::testing
