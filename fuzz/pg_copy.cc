#include <algorithm>
#include <memory>

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "source/postgres/pg_decode.h"
#include "target.h"

namespace tarn::fuzz {
namespace {

using postgres::PgColumn;
using postgres::RowDecoder;
using postgres::WireKind;

std::shared_ptr<arrow::DataType> Plain(WireKind kind) {
  switch (kind) {
    case WireKind::kBool:
      return arrow::boolean();
    case WireKind::kInt16:
    case WireKind::kInt32:
      return arrow::int32();
    case WireKind::kInt64:
    case WireKind::kOid:
      return arrow::int64();
    case WireKind::kFloat32:
      return arrow::float32();
    case WireKind::kFloat64:
      return arrow::float64();
    case WireKind::kDecimal:
      return arrow::decimal128(18, 4);
    case WireKind::kDate:
      return arrow::date32();
    case WireKind::kTimestamp:
      return arrow::timestamp(arrow::TimeUnit::MICRO);
    case WireKind::kBytes:
      return arrow::binary();
    default:
      return arrow::utf8();
  }
}

PgColumn Column(WireKind kind, int dimensions) {
  PgColumn column;
  column.name = "c" + std::to_string(static_cast<int>(kind)) + "_" + std::to_string(dimensions);
  column.wire = kind;
  column.dimensions = dimensions;
  if (kind == WireKind::kDecimal) {
    column.precision = 18;
    column.scale = 4;
  }
  column.type = Plain(kind);
  for (int i = 0; i < dimensions; ++i) column.type = arrow::list(column.type);
  return column;
}

/// The columns that the first byte of the input chooses: one of a kind, or of many.
std::vector<PgColumn> Columns(uint8_t choice) {
  static constexpr WireKind kKinds[] = {
      WireKind::kBool, WireKind::kInt16,     WireKind::kInt32,   WireKind::kInt64,
      WireKind::kOid,  WireKind::kFloat32,   WireKind::kFloat64, WireKind::kDecimal,
      WireKind::kDate, WireKind::kTimestamp, WireKind::kText,    WireKind::kJsonb,
      WireKind::kUuid, WireKind::kBytes};
  constexpr size_t kCount = std::size(kKinds);
  std::vector<PgColumn> columns;
  if (choice % 32 < kCount) {
    columns.push_back(Column(kKinds[choice % 32], choice / 32));
  } else if (choice % 32 == kCount) {
    for (const WireKind kind : kKinds) columns.push_back(Column(kind, 0));
  } else {
    for (const WireKind kind : {WireKind::kInt32, WireKind::kText, WireKind::kDecimal}) {
      columns.push_back(Column(kind, 1));
      columns.push_back(Column(kind, 0));
    }
  }
  return columns;
}

}  // namespace

/// Rows of COPY (FORMAT binary). What is decoded is a valid batch.
TARN_FUZZ_TARGET(pg_copy) {
  if (input.empty()) return;
  RowDecoder::Options options;
  options.table = {"public", "input"};
  const auto choice = static_cast<uint8_t>(input[0]);
  options.columns = Columns(choice);
  options.ctid_follows = choice % 3 == 0;
  options.check_utf8 = true;
  options.limits.batch_rows = 16;
  options.limits.value_bytes_max = 1 << 10;
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (const PgColumn& column : options.columns) {
    fields.push_back(arrow::field(column.name, column.type));
  }
  options.schema = arrow::schema(std::move(fields));
  if (!options.ctid_follows) options.key = {0};

  RowDecoder decoder(std::move(options), arrow::default_memory_pool());
  // Of exactly its size: what is read beyond is seen.
  const auto bytes = std::make_unique<uint8_t[]>(input.size() - 1);
  std::copy(input.begin() + 1, input.end(), bytes.get());
  const uint8_t* at = bytes.get();
  const uint8_t* const end = at + input.size() - 1;
  bool good = true;
  while (good && at != end) {
    CheckThat(decoder.Begin().ok(), "memory for a small batch");
    while (at != end && !decoder.full()) {
      const uint8_t* const before = at;
      if (!decoder.Row(&at, end, end)) {
        CheckError(decoder.fault(), "public.input");
        good = false;
        break;
      }
      CheckThat(at > before && at <= end, "a row is within its message");
    }
    const auto batch = decoder.Finish();
    CheckThat(batch.ok(), "a batch of the rows before");
    if (good) {
      const arrow::Status valid = (*batch)->ValidateFull();
      CheckThat(valid.ok(), valid.ToString());
    }
  }
}

}  // namespace tarn::fuzz
