#include "source/mysql/my_table_builder.h"

#include <algorithm>
#include <cstring>

#include <arrow/array/data.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "source/mysql/my_binlog_types.h"
#include "source/mysql/my_fault.h"

namespace tarn::mysql {
namespace {

constexpr int64_t kFirstRows = 64;
constexpr int64_t kFirstRowsMax = 64 << 10;
constexpr int64_t kFirstChars = 4 << 10;

bool IsNull(const uint8_t* bitmap, size_t column) {
  return ((bitmap[column / 8] >> (column % 8)) & 1) != 0;
}

}  // namespace

/// The memory of one record batch: some of the table's columns.
struct TableBuilder::Block {
  std::vector<std::unique_ptr<ValueWriter>> writers;
  std::shared_ptr<arrow::Schema> schema;
  int64_t rows = 0;
  int64_t capacity = 0;
  int64_t first_rows = kFirstRows;  ///< as many as the last batch had, about

  Result<std::shared_ptr<arrow::RecordBatch>> Finish() {
    std::vector<std::shared_ptr<arrow::ArrayData>> arrays;
    for (auto& writer : writers) {
      TARN_ASSIGN_OR_RETURN(std::shared_ptr<arrow::ArrayData> array, writer->to.Finish(rows));
      arrays.push_back(std::move(array));
    }
    capacity = 0;
    first_rows = std::clamp(rows, kFirstRows, kFirstRowsMax);
    return arrow::RecordBatch::Make(schema, std::exchange(rows, 0), std::move(arrays));
  }

  // Takes back the nulls of a row that failed half-way; its values are beyond the end.
  void Retract() {
    if (capacity == 0) return;
    for (auto& writer : writers) {
      ArrowColumn& to = writer->to;
      if (to.validity == nullptr || rows >= to.rows_capacity) continue;
      uint8_t& bits = to.validity[rows >> 3];
      const unsigned bit = 1U << (rows & 7);
      if ((bits & bit) != 0) continue;
      bits = static_cast<uint8_t>(bits | bit);
      --to.null_count;
    }
  }
};

TableBuilder::TableBuilder(std::shared_ptr<const LogShape> shape, int64_t value_bytes_max,
                           bool rows_before, arrow::MemoryPool* pool)
    : shape_(std::move(shape)),
      value_bytes_max_(value_bytes_max),
      pool_(pool),
      null_bytes_(static_cast<int64_t>((shape_->columns.size() + 7) / 8)) {
  const MyTable& table = *shape_->table;
  const auto make = [&](const std::vector<size_t>& columns) {
    auto block = std::make_unique<Block>();
    arrow::FieldVector fields;
    for (const size_t i : columns) {
      block->writers.push_back(
          std::make_unique<ValueWriter>(table.columns[i], value_bytes_max_, pool_));
      fields.push_back(table.table.columns[i].field);
    }
    block->schema = arrow::schema(std::move(fields));
    return block;
  };
  std::vector<size_t> all;
  for (size_t i = 0; i < table.columns.size(); ++i) all.push_back(i);
  rows_block_ = make(all);
  rows_block_->schema = table.schema;
  if (rows_before) {
    rows_before_ = make(all);
    rows_before_->schema = table.schema;
  }
  std::vector<size_t> key;
  for (const int position : table.key) key.push_back(static_cast<size_t>(position));
  old_keys_ = make(key);
  slot_of_column_.assign(shape_->columns.size(), -1);
  for (const size_t column : key) {
    for (size_t i = 0; i < shape_->columns.size(); ++i) {
      if (shape_->columns[i].column != static_cast<int>(column)) continue;
      slot_of_column_[i] = static_cast<int>(key_.size());
      key_.push_back(i);
      break;
    }
  }
  now_.resize(key_.size());
  before_.resize(key_.size());
  for (const size_t column : all) {
    const bool mapped =
        std::any_of(shape_->columns.begin(), shape_->columns.end(),
                    [&](const LogColumn& how) { return how.column == static_cast<int>(column); });
    if (!mapped) unmapped_.push_back(column);
  }
}

TableBuilder::~TableBuilder() = default;

Status TableBuilder::Ready(Block* block, int64_t rows) {
  if (rows < block->capacity) return Status::Ok();
  if (block->capacity == 0) {
    for (auto& writer : block->writers) {
      TARN_RETURN_IF_ERROR(writer->to.Reset(block->first_rows, kFirstChars));
    }
    block->capacity = block->first_rows;
    return Status::Ok();
  }
  const int64_t wanted = block->capacity * 2;
  for (auto& writer : block->writers) TARN_RETURN_IF_ERROR(writer->to.GrowRows(wanted));
  block->capacity = wanted;
  return Status::Ok();
}

std::string TableBuilder::Which() const {
  std::string where;
  for (size_t slot = 0; slot < key_.size(); ++slot) {
    const Span& span = now_[slot];
    if (span.begin == nullptr) continue;
    const LogColumn& how = shape_->columns[key_[slot]];
    const MyColumn& column = shape_->table->columns[static_cast<size_t>(how.column)];
    where += (where.empty() ? "" : ", ") + column.name + " " +
             LogValueToText(how, column, span.begin, span.end);
  }
  return where.empty() ? "a changed row" : "the changed row (" + where + ")";
}

TableBuilder::Outcome TableBuilder::Fail(Trouble trouble, const LogColumn& how, const Span& value,
                                         const std::string& refusal) {
  if (trouble == Trouble::kMemory || how.column < 0) {
    fault_ = std::make_unique<Error>(
        ResourceExhausted("table " + shape_->table->table.name.ToString() + ", " + Which() +
                              ": no memory for another value",
                          "lower batch_rows or batch_bytes_max under limits:"));
    return Outcome::kFault;
  }
  if (trouble == Trouble::kMalformed &&
      SkipLogValue(how.type, how.meta, value.begin, value.end) == nullptr) {
    return Outcome::kMalformed;
  }
  const MyColumn& column = shape_->table->columns[static_cast<size_t>(how.column)];
  const uint8_t* const end = SkipLogValue(how.type, how.meta, value.begin, value.end);
  std::string shown = refusal;
  if (trouble != Trouble::kJson && value.begin != nullptr && end != nullptr) {
    shown = LogValueToText(how, column, value.begin, end);
  }
  fault_ = std::make_unique<Error>(
      ValueError(trouble, shape_->table->table.name, Which(), column, shown));
  return Outcome::kFault;
}

bool TableBuilder::SkipImage(const uint8_t** p, const uint8_t* end) {
  if (end - *p < null_bytes_) return false;
  const uint8_t* const nulls = *p;
  const uint8_t* q = *p + null_bytes_;
  for (size_t i = 0; i < shape_->columns.size(); ++i) {
    const LogColumn& how = shape_->columns[i];
    const int slot = slot_of_column_[i];
    if (IsNull(nulls, i)) {
      if (slot >= 0) before_[static_cast<size_t>(slot)] = {};
      continue;
    }
    const uint8_t* const after = SkipLogValue(how.type, how.meta, q, end);
    if (after == nullptr) return false;
    if (slot >= 0) before_[static_cast<size_t>(slot)] = {q, after};
    q = after;
  }
  *p = q;
  return true;
}

TableBuilder::Outcome TableBuilder::Image(const uint8_t** p, const uint8_t* end, Block* block) {
  if (end - *p < null_bytes_) return Outcome::kMalformed;
  const uint8_t* const nulls = *p;
  const uint8_t* q = *p + null_bytes_;
  for (Span& span : now_) span = {};
  for (size_t i = 0; i < shape_->columns.size(); ++i) {
    const LogColumn& how = shape_->columns[i];
    const bool null = IsNull(nulls, i);
    if (how.column < 0) {
      if (!null) q = SkipLogValue(how.type, how.meta, q, end);
      if (q == nullptr) return Outcome::kMalformed;
      continue;
    }
    ValueWriter& writer = *block->writers[static_cast<size_t>(how.column)];
    if (null) {
      if (writer.Null(block->rows) != Trouble::kNone) return Fail(Trouble::kMemory, how, {});
      continue;
    }
    const uint8_t* const begin = q;
    const Trouble trouble = DecodeLogValue(how, writer, block->rows, &q, end, &scratch_);
    if (trouble != Trouble::kNone) [[unlikely]] {
      return Fail(trouble, how, {begin, end}, writer.to.refusal());
    }
    if (const int slot = slot_of_column_[i]; slot >= 0)
      now_[static_cast<size_t>(slot)] = {begin, q};
  }
  for (const size_t column : unmapped_) {
    if (block->writers[column]->Null(block->rows) != Trouble::kNone) {
      return Fail(Trouble::kMemory, shape_->columns[0], {});
    }
  }
  *p = q;
  return Outcome::kAdded;
}

bool TableBuilder::KeyChanged() const {
  for (size_t slot = 0; slot < key_.size(); ++slot) {
    const Span& a = before_[slot];
    const Span& b = now_[slot];
    const auto bytes = static_cast<size_t>(a.end - a.begin);
    if (a.end - a.begin != b.end - b.begin ||
        (bytes > 0 && std::memcmp(a.begin, b.begin, bytes) != 0)) {
      return true;
    }
  }
  return false;
}

TableBuilder::Outcome TableBuilder::OldKey() {
  if (!Ready(old_keys_.get(), old_keys_->rows).ok()) {
    return Fail(Trouble::kMemory, shape_->columns[key_[0]], {});
  }
  for (size_t slot = 0; slot < key_.size(); ++slot) {
    const LogColumn& how = shape_->columns[key_[slot]];
    ValueWriter& writer = *old_keys_->writers[slot];
    const uint8_t* p = before_[slot].begin;
    const Trouble trouble = p == nullptr ? writer.Null(old_keys_->rows)
                                         : DecodeLogValue(how, writer, old_keys_->rows, &p,
                                                          before_[slot].end, &scratch_);
    if (trouble != Trouble::kNone) return Fail(trouble, how, before_[slot]);
  }
  ++old_keys_->rows;
  old_key_rows_.push_back(rows_);
  return Outcome::kAdded;
}

TableBuilder::Outcome TableBuilder::Before(const uint8_t** p, const uint8_t* end) {
  if (rows_before_ == nullptr) {
    return SkipImage(p, end) ? Outcome::kAdded : Outcome::kMalformed;
  }
  if (!Ready(rows_before_.get(), rows_before_->rows).ok()) {
    return Fail(Trouble::kMemory, shape_->columns[0], {});
  }
  const Outcome outcome = Image(p, end, rows_before_.get());
  if (outcome != Outcome::kAdded) return outcome;
  before_.swap(now_);
  ++rows_before_->rows;
  before_rows_.push_back(rows_);
  return outcome;
}

void TableBuilder::Retract() {
  rows_block_->Retract();
  old_keys_->Retract();
  if (rows_before_ == nullptr) return;
  // A row before without the one after it.
  if (!before_rows_.empty() && before_rows_.back() == rows_) {
    before_rows_.pop_back();
    --rows_before_->rows;
  }
  rows_before_->Retract();
}

TableBuilder::Outcome TableBuilder::Add(RowOp op, uint32_t transaction, int64_t ordinal,
                                        const uint8_t** p, const uint8_t* end) {
  const uint8_t* const begin = *p;
  if (!Ready(rows_block_.get(), rows_).ok()) {
    return Fail(Trouble::kMemory, shape_->columns.empty() ? LogColumn{} : shape_->columns[0], {});
  }
  Outcome outcome = op == RowOp::kUpdate ? Before(p, end) : Outcome::kAdded;
  if (outcome == Outcome::kAdded) outcome = Image(p, end, rows_block_.get());
  if (outcome == Outcome::kAdded && op == RowOp::kUpdate && KeyChanged()) outcome = OldKey();
  if (outcome != Outcome::kAdded) [[unlikely]] {
    Retract();
    return outcome;
  }
  ops_.push_back(op);
  transactions_.push_back(transaction);
  ordinals_.push_back(ordinal);
  rows_block_->rows = ++rows_;
  bytes_ += *p - begin + 16;
  return Outcome::kAdded;
}

Result<RowChanges> TableBuilder::Finish() {
  RowChanges changes;
  TARN_ASSIGN_OR_RETURN(changes.rows, rows_block_->Finish());
  changes.ops = std::exchange(ops_, {});
  changes.transactions = std::exchange(transactions_, {});
  changes.ordinals = std::exchange(ordinals_, {});
  if (old_keys_->rows > 0) {
    TARN_ASSIGN_OR_RETURN(changes.old_keys, old_keys_->Finish());
    changes.old_key_rows = std::exchange(old_key_rows_, {});
  }
  if (rows_before_ != nullptr && rows_before_->rows > 0) {
    TARN_ASSIGN_OR_RETURN(changes.before, rows_before_->Finish());
    changes.before_rows = std::exchange(before_rows_, {});
  }
  rows_ = 0;
  bytes_ = 0;
  return changes;
}

}  // namespace tarn::mysql
