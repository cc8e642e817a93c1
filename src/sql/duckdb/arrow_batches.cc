#include "sql/duckdb/arrow_batches.h"

#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "duckdb/common/vector_operations/vector_operations.hpp"
#include "sql/duckdb/types.h"

namespace tarn::duck {
namespace {

/// What a vector's values take, roughly: strings by their length, nested values by the share of
/// their child vector.
int64_t EstimateBytes(duckdb::Vector& vector, duckdb::idx_t rows) {
  switch (vector.GetType().InternalType()) {
    case duckdb::PhysicalType::VARCHAR: {
      duckdb::UnifiedVectorFormat format;
      vector.ToUnifiedFormat(rows, format);
      const auto* strings = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(format);
      int64_t bytes = 0;
      for (duckdb::idx_t i = 0; i < rows; ++i) {
        const auto at = format.sel->get_index(i);
        if (format.validity.RowIsValid(at)) bytes += static_cast<int64_t>(strings[at].GetSize());
      }
      return bytes;
    }
    case duckdb::PhysicalType::LIST: {
      const auto children = duckdb::ListVector::GetListSize(vector);
      return EstimateBytes(duckdb::ListVector::GetEntry(vector), children);
    }
    case duckdb::PhysicalType::STRUCT: {
      int64_t bytes = 0;
      for (auto& child : duckdb::StructVector::GetEntries(vector)) {
        bytes += EstimateBytes(*child, rows);
      }
      return bytes;
    }
    case duckdb::PhysicalType::ARRAY:
      return 64 * static_cast<int64_t>(rows);
    default:
      return static_cast<int64_t>(rows * duckdb::GetTypeIdSize(vector.GetType().InternalType()));
  }
}

}  // namespace

BatchBuilder::~BatchBuilder() = default;

Result<std::unique_ptr<BatchBuilder>> BatchBuilder::Make(
    duckdb::ClientContext& context, const duckdb::vector<duckdb::LogicalType>& types,
    const duckdb::vector<std::string>& names, const Limits& limits) {
  std::unique_ptr<BatchBuilder> builder(new BatchBuilder(context, limits));
  builder->types_ = types;
  for (const auto& type : types) {
    builder->export_types_.push_back(ExportType(type));
    builder->casts_ |= builder->export_types_.back() != type;
  }
  TARN_ASSIGN_OR_RETURN(builder->schema_, ToArrowSchema(context, builder->export_types_, names));
  if (builder->casts_) builder->exported_.Initialize(context, builder->export_types_);
  builder->Reset();
  return builder;
}

void BatchBuilder::Reset() {
  appender_ = std::make_unique<duckdb::ArrowAppender>(
      export_types_, STANDARD_VECTOR_SIZE, ExportProperties(context_),
      duckdb::unordered_map<duckdb::idx_t,
                            const duckdb::shared_ptr<duckdb::ArrowTypeExtensionData>>());
  bytes_ = 0;
}

void BatchBuilder::Append(duckdb::DataChunk& chunk) {
  duckdb::DataChunk* source = &chunk;
  if (casts_) {
    exported_.Reset();
    for (duckdb::idx_t i = 0; i < chunk.ColumnCount(); ++i) {
      if (export_types_[i] == types_[i]) {
        exported_.data[i].Reference(chunk.data[i]);
      } else {
        duckdb::VectorOperations::Cast(context_, chunk.data[i], exported_.data[i], chunk.size());
      }
    }
    exported_.SetCardinality(chunk.size());
    source = &exported_;
  }
  for (auto& vector : source->data) bytes_ += EstimateBytes(vector, source->size());
  appender_->Append(*source, 0, source->size(), source->size());
}

int64_t BatchBuilder::rows() const { return static_cast<int64_t>(appender_->RowCount()); }

bool BatchBuilder::full() const {
  return rows() + STANDARD_VECTOR_SIZE > limits_.batch_rows || bytes_ >= limits_.batch_bytes_max;
}

Result<std::shared_ptr<arrow::RecordBatch>> BatchBuilder::Finish() {
  const int64_t row_count = rows();
  ArrowArray array = appender_->Finalize();
  Reset();
  if (schema_->num_fields() == 0) {
    if (array.release != nullptr) array.release(&array);
    return arrow::RecordBatch::Make(schema_, row_count, arrow::ArrayVector());
  }
  auto imported = arrow::ImportRecordBatch(&array, schema_);
  if (!imported.ok()) return Internal("arrow batch: " + imported.status().message());
  return imported.MoveValueUnsafe();
}

}  // namespace tarn::duck
