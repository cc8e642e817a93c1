#include <algorithm>
#include <memory>

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "source/postgres/pg_log_assembler.h"
#include "target.h"

namespace tarn::fuzz {
namespace {

using postgres::FollowedShape;
using postgres::LogAssembler;
using postgres::LogRelation;
using postgres::PgColumn;
using postgres::PgTable;
using postgres::WireKind;

/// Shapes from the message alone: the type's number chooses the kind.
class Resolver final : public postgres::ShapeResolver {
 public:
  Result<Resolved> Resolve(const LogRelation& relation, const SourceTable& before,
                           uint32_t /*xid*/) override {
    static constexpr WireKind kKinds[] = {WireKind::kInt32, WireKind::kText,  WireKind::kDecimal,
                                          WireKind::kBool,  WireKind::kInt64, WireKind::kTimestamp,
                                          WireKind::kBytes, WireKind::kDate};
    auto table = std::make_shared<PgTable>();
    table->table.name = before.name;
    auto shape = std::make_shared<FollowedShape>();
    std::vector<int32_t> ids;
    for (const LogRelation::Column& from : relation.columns) {
      PgColumn column;
      column.name = from.name + std::to_string(ids.size());
      column.wire = kKinds[from.type % std::size(kKinds)];
      column.precision = 18;
      column.scale = 4;
      column.type = TypeOf(column.wire);
      if (from.modifier % 7 == 3) {
        column.dimensions = 1;
        column.type = arrow::list(column.type);
      }
      if (from.key) table->table.key.push_back(column.name);
      table->cursor_types.emplace_back();
      shape->columns.push_back(postgres::MakeStreamColumn(column, 2));
      shape->columns.back().is_key = from.key;
      table->columns.push_back(std::move(column));
      ids.push_back(static_cast<int32_t>(ids.size()) + 1);
    }
    if (table->table.key.empty()) return InvalidArgument("table public.input has no key");
    TARN_RETURN_IF_ERROR(table->Assemble(ids));
    shape->table = std::move(table);
    return Resolved{std::move(shape), {}, {}};
  }

 private:
  static std::shared_ptr<arrow::DataType> TypeOf(WireKind kind) {
    switch (kind) {
      case WireKind::kInt32:
        return arrow::int32();
      case WireKind::kDecimal:
        return arrow::decimal128(18, 4);
      case WireKind::kBool:
        return arrow::boolean();
      case WireKind::kInt64:
        return arrow::int64();
      case WireKind::kTimestamp:
        return arrow::timestamp(arrow::TimeUnit::MICRO);
      case WireKind::kBytes:
        return arrow::binary();
      case WireKind::kDate:
        return arrow::date32();
      default:
        return arrow::utf8();
    }
  }
};

void CheckBatch(const Result<ChangeBatch>& batch) {
  CheckThat(batch.ok(), "a batch of what was read");
  for (const TableChanges& table : batch->tables) {
    for (const TableEvent& event : table.events) {
      const auto* rows = std::get_if<RowChanges>(&event);
      if (rows == nullptr) continue;
      for (const auto& part : {rows->rows, rows->old_keys, rows->before}) {
        if (part == nullptr) continue;
        const arrow::Status valid = part->ValidateFull();
        CheckThat(valid.ok(), valid.ToString());
      }
      CheckThat(rows->ops.size() == static_cast<size_t>(rows->rows->num_rows()), "an op a row");
      for (const uint32_t transaction : rows->transactions) {
        CheckThat(transaction < batch->transactions.size(), "a transaction of the batch");
      }
    }
  }
}

}  // namespace

/// Messages of pgoutput, each behind two bytes of length. What is assembled is valid.
TARN_FUZZ_TARGET(pg_log) {
  Resolver resolver;
  LogAssembler::Options options;
  options.tables.resize(2);
  options.tables[0].name = {"public", "input"};
  options.tables[1].name = {"public", "other"};
  options.rules = {1 << 10, true};
  options.transaction_memory_bytes = 1 << 20;
  LogAssembler assembler(std::move(options), &resolver, arrow::default_memory_pool());
  while (input.size() >= 2) {
    const size_t length = std::min<size_t>(
        static_cast<uint8_t>(input[0]) * 256U + static_cast<uint8_t>(input[1]), input.size() - 2);
    // Of exactly its size: what is read beyond is seen.
    const auto bytes = std::make_unique<uint8_t[]>(length);
    std::copy_n(input.begin() + 2, length, bytes.get());
    input.remove_prefix(2 + length);
    const uint8_t* const end = bytes.get() + length;
    Status fed = assembler.Feed(bytes.get(), end, end);
    while (fed.ok() && assembler.replaying()) fed = assembler.Replay();
    if (!fed.ok()) {
      CheckError(fed.error(),
                 fed.error().kind == ErrorKind::kCorruption ? "message of the log" : "public.");
      break;
    }
    if (length % 5 == 0) CheckBatch(assembler.Take());
  }
  CheckBatch(assembler.Take());
}

}  // namespace tarn::fuzz
