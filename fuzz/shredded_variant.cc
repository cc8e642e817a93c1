#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "columnar/parquet_reader.h"
#include "columnar/variant.h"
#include "columnar/variant_column.h"
#include "storage/memory/memory_store.h"
#include "target.h"

namespace tarn::fuzz {

/// A Parquet file whose columns hold Variants, shredded or not: what is put together again is
/// whole.
TARN_FUZZ_TARGET(shredded_variant) {
  MemoryStore store;
  CheckThat(store.Put("t/input.parquet", input).ok(), "put");
  const Limits limits;
  const auto reader = ParquetReader::Open(store, "t/input.parquet", std::nullopt, {}, limits);
  if (!reader.ok()) return CheckError(reader.error(), "t/input.parquet");
  while (true) {
    const auto batch = (*reader)->Next();
    if (!batch.ok()) return CheckError(batch.error(), "t/input.parquet");
    if (!*batch) return;
    for (const auto& column : (*batch)->rows->columns()) {
      const auto read = ReadVariants(column);
      if (!read.ok()) {
        const ErrorKind kind = read.error().kind;
        CheckThat(kind == ErrorKind::kCorruption || kind == ErrorKind::kUnsupported, "its kind");
        continue;
      }
      CheckThat((*read)->length() == column->length(), "a value a row");
      const auto& group = static_cast<const arrow::StructArray&>(**read);
      const auto& metadata = static_cast<const arrow::BinaryArray&>(*group.field(0));
      const auto& values = static_cast<const arrow::BinaryArray&>(*group.field(1));
      for (int64_t row = 0; row < group.length(); ++row) {
        if (group.IsNull(row)) continue;
        CheckThat(CheckVariant(metadata.GetView(row), values.GetView(row)).ok(), "it is whole");
      }
    }
  }
}

}  // namespace tarn::fuzz
