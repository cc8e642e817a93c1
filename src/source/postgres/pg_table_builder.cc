#include "source/postgres/pg_table_builder.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include <arrow/array/data.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "source/postgres/pg_decode.h"

namespace tarn::postgres {
namespace {

// Many batches have a few rows of a table, some have all that a batch may have.
constexpr int64_t kFirstRows = 64;
constexpr int64_t kFirstRowsMax = 1 << 16;
constexpr int64_t kFirstChars = 2 << 10;
constexpr int64_t kShownMax = 64;

bool Same(const LogField& a, const LogField& b) {
  return a.kind == b.kind && a.bytes == b.bytes &&
         (a.bytes == 0 || std::memcmp(a.begin, b.begin, static_cast<size_t>(a.bytes)) == 0);
}

bool HasValue(const LogField& field) { return field.kind == 't' || field.kind == 'b'; }

}  // namespace

bool LogTuple::Read(const uint8_t** position, const uint8_t* end, size_t columns) {
  const uint8_t* p = *position;
  if (end - p < 2 || ReadBig16(p) != columns) return false;
  p += 2;
  fields.resize(columns);
  for (LogField& field : fields) {
    if (p == end) return false;
    field.kind = static_cast<char>(*p++);
    field.bytes = 0;
    field.begin = p;
    if (field.kind == 'n' || field.kind == 'u') continue;
    if ((field.kind != 't' && field.kind != 'b') || end - p < 4) return false;
    field.bytes = static_cast<int32_t>(ReadBig32(p));
    p += 4;
    if (field.bytes < 0 || field.bytes > end - p) return false;
    field.begin = p;
    p += field.bytes;
  }
  *position = p;
  return true;
}

/// The memory of one record batch: some of the table's columns.
struct TableBuilder::Block {
  std::vector<std::unique_ptr<ColumnBuffer>> columns;
  std::vector<size_t> of;  ///< the table's column of each
  std::shared_ptr<arrow::Schema> schema;
  int64_t rows = 0;
  int64_t capacity = 0;
  int64_t first_rows = kFirstRows;  ///< as many as the last batch had, about

  Result<std::shared_ptr<arrow::RecordBatch>> Finish() {
    std::vector<std::shared_ptr<arrow::ArrayData>> arrays;
    for (auto& column : columns) {
      TARN_ASSIGN_OR_RETURN(std::shared_ptr<arrow::ArrayData> array, column->Finish(rows));
      arrays.push_back(std::move(array));
    }
    capacity = 0;
    first_rows = std::clamp(rows, kFirstRows, kFirstRowsMax);
    return arrow::RecordBatch::Make(schema, std::exchange(rows, 0), std::move(arrays));
  }

  // Takes back the nulls of a row that failed half-way; its values are beyond the end.
  void Retract() {
    if (capacity == 0) return;
    for (auto& column : columns) {
      if (column->validity == nullptr || rows >= column->rows_capacity) continue;
      uint8_t& bits = column->validity[rows >> 3];
      const unsigned bit = 1U << (rows & 7);
      if ((bits & bit) != 0) continue;
      bits = static_cast<uint8_t>(bits | bit);
      --column->null_count;
    }
  }
};

TableBuilder::TableBuilder(std::shared_ptr<const FollowedShape> shape, const ValueRules& rules,
                           arrow::MemoryPool* pool)
    : shape_(std::move(shape)), rules_(rules), pool_(pool) {
  const PgTable& table = *shape_->table;
  const auto make = [&](const std::vector<size_t>& columns) {
    auto block = std::make_unique<Block>();
    arrow::FieldVector fields;
    for (const size_t i : columns) {
      const PgColumn& column = table.columns[i];
      block->columns.push_back(std::make_unique<ColumnBuffer>(column, column.dimensions, pool_));
      block->of.push_back(i);
      fields.push_back(table.table.columns[i].field);
    }
    block->schema = arrow::schema(std::move(fields));
    return block;
  };
  std::vector<size_t> all;
  for (size_t i = 0; i < table.columns.size(); ++i) all.push_back(i);
  std::vector<size_t> key;
  for (const int position : table.key) key.push_back(static_cast<size_t>(position));
  new_rows_ = make(all);
  new_rows_->schema = table.schema;
  old_keys_ = make(key);
  before_ = make(all);
  before_->schema = table.schema;
  unchanged_.resize(all.size());
}

TableBuilder::~TableBuilder() = default;

Status TableBuilder::Ready(Block* block, int64_t rows) {
  if (rows < block->capacity) return Status::Ok();
  if (block->capacity == 0) {
    for (auto& column : block->columns) {
      TARN_RETURN_IF_ERROR(column->Reset(block->first_rows, kFirstChars));
    }
    block->capacity = block->first_rows;
    return Status::Ok();
  }
  const int64_t wanted = block->capacity * 2;
  for (auto& column : block->columns) TARN_RETURN_IF_ERROR(column->GrowRows(wanted));
  block->capacity = wanted;
  return Status::Ok();
}

bool TableBuilder::FailMemory(const Status& status) {
  fault_ = std::make_unique<Error>(status.error());
  return false;
}

bool TableBuilder::Field(Block& block, size_t slot, const LogField& field, const Change& change) {
  ColumnBuffer& buffer = *block.columns[slot];
  const size_t at = block.of[slot];
  const StreamColumn& how = shape_->columns[at];
  ValueTrouble trouble = ValueTrouble::kNone;
  if (field.kind == 'b' && how.binary != StreamColumn::Binary::kUnreadable) [[likely]] {
    trouble = DecodeStreamBinary(how, rules_, buffer, block.rows, field.begin, field.bytes,
                                 change.readable_end);
  } else if (field.kind == 't') {
    trouble = DecodeStreamText(how, rules_, buffer, block.rows, field.begin, field.bytes);
  } else if (field.kind == 'b') {
    wants_text_ = true;
    trouble = ValueTrouble::kMalformed;
  } else if (!buffer.SetNull(block.rows).ok()) {
    trouble = ValueTrouble::kMemory;
  }
  row_bytes_ += field.bytes + 8;
  if (trouble == ValueTrouble::kNone) [[likely]] {
    return true;
  }
  const PgColumn& column = shape_->table->columns[at];
  const std::string_view text(reinterpret_cast<const char*>(field.begin),
                              static_cast<size_t>(std::min<int64_t>(field.bytes, kShownMax)));
  const std::string shown = trouble == ValueTrouble::kJson ? buffer.refusal()
                            : field.kind == 't'            ? "'" + std::string(text) + "'"
                                                : WireValueToText(column, field.begin, field.bytes);
  fault_ = std::make_unique<Error>(ValueFault(trouble, shape_->table->table.name, column,
                                              Which(*change.row), shown, field.bytes, rules_));
  return false;
}

std::string TableBuilder::Which(const LogTuple& row) const {
  std::string where;
  for (const int position : shape_->table->key) {
    const size_t i = static_cast<size_t>(position);
    const LogField& field = row.fields[i];
    if (!HasValue(field)) continue;
    const PgColumn& column = shape_->table->columns[i];
    where += (where.empty() ? "" : ", ") + column.name + " = " +
             (field.kind == 't'
                  ? std::string(reinterpret_cast<const char*>(field.begin),
                                static_cast<size_t>(std::min<int64_t>(field.bytes, kShownMax)))
                  : WireValueToText(column, field.begin, field.bytes));
  }
  return where.empty() ? "a changed row" : "the changed row (" + where + ")";
}

bool TableBuilder::KeyChanged(const Change& change) const {
  for (const int position : shape_->table->key) {
    const size_t i = static_cast<size_t>(position);
    const LogField& now = change.row->fields[i];
    if (now.kind != 'u' && !Same(now, change.old->fields[i])) return true;
  }
  return false;
}

bool TableBuilder::Fields(const Change& change) {
  if (Status ready = Ready(new_rows_.get(), rows_); !ready.ok()) return FailMemory(ready);
  const bool key_only = change.op == RowOp::kDelete && !change.old_is_whole;
  const std::vector<LogField>& fields = change.row->fields;
  static const LogField kNull;
  for (size_t i = 0; i < fields.size(); ++i) {
    const LogField* field = &fields[i];
    if (field->kind == 'u' && change.old != nullptr && HasValue(change.old->fields[i])) {
      field = &change.old->fields[i];
    }
    if (key_only && !shape_->columns[i].is_key) field = &kNull;
    if (!Field(*new_rows_, i, *field, change)) return false;
  }
  return true;
}

bool TableBuilder::OldKey(const Change& change) {
  if (Status ready = Ready(old_keys_.get(), old_keys_->rows); !ready.ok()) return FailMemory(ready);
  for (size_t slot = 0; slot < old_keys_->of.size(); ++slot) {
    if (!Field(*old_keys_, slot, change.old->fields[old_keys_->of[slot]], change)) return false;
  }
  ++old_keys_->rows;
  old_key_rows_.push_back(rows_);
  return true;
}

bool TableBuilder::Before(const Change& change) {
  if (Status ready = Ready(before_.get(), before_->rows); !ready.ok()) return FailMemory(ready);
  for (size_t i = 0; i < change.old->fields.size(); ++i) {
    if (!Field(*before_, i, change.old->fields[i], change)) return false;
  }
  ++before_->rows;
  before_rows_.push_back(rows_);
  return true;
}

bool TableBuilder::Add(const Change& change) {
  row_bytes_ = 0;
  const bool compares = change.op == RowOp::kUpdate && change.old != nullptr;
  const bool added = Fields(change) && (!compares || !KeyChanged(change) || OldKey(change)) &&
                     (!compares || !change.old_is_whole || Before(change));
  if (!added) [[unlikely]] {
    for (Block* block : {new_rows_.get(), old_keys_.get(), before_.get()}) block->Retract();
    // A key before without its row.
    if (!old_key_rows_.empty() && old_key_rows_.back() == rows_) {
      old_key_rows_.pop_back();
      --old_keys_->rows;
      old_keys_->Retract();
    }
    return false;
  }
  if (change.op == RowOp::kUpdate) {
    const std::vector<LogField>& fields = change.row->fields;
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].kind != 'u') continue;
      if (change.old == nullptr || !HasValue(change.old->fields[i])) unchanged_[i].push_back(rows_);
    }
  }
  ops_.push_back(change.op);
  transactions_.push_back(change.transaction);
  ordinals_.push_back(change.ordinal);
  new_rows_->rows = ++rows_;
  bytes_ += row_bytes_ + 16;
  return true;
}

Result<RowChanges> TableBuilder::Finish() {
  RowChanges changes;
  TARN_ASSIGN_OR_RETURN(changes.rows, new_rows_->Finish());
  changes.ops = std::exchange(ops_, {});
  changes.transactions = std::exchange(transactions_, {});
  changes.ordinals = std::exchange(ordinals_, {});
  for (size_t i = 0; i < unchanged_.size(); ++i) {
    if (unchanged_[i].empty()) continue;
    changes.unchanged.push_back({static_cast<int>(i), std::exchange(unchanged_[i], {})});
  }
  if (old_keys_->rows > 0) {
    TARN_ASSIGN_OR_RETURN(changes.old_keys, old_keys_->Finish());
    changes.old_key_rows = std::exchange(old_key_rows_, {});
  }
  if (before_->rows > 0) {
    TARN_ASSIGN_OR_RETURN(changes.before, before_->Finish());
    changes.before_rows = std::exchange(before_rows_, {});
  }
  rows_ = 0;
  bytes_ = 0;
  return changes;
}

}  // namespace tarn::postgres
