#include "sql/duckdb/mixed_row_ids.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include "columnar/parquet_reader.h"
#include "duckdb/common/multi_file/base_file_reader.hpp"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/file_system.h"
#include "table/iceberg/manifest.h"

namespace tarn::duck {
namespace {

/// The ids of a file's rows, by position.
struct IdsOfFile final : duckdb::FunctionData {
  explicit IdsOfFile(std::shared_ptr<const std::vector<int64_t>> row_ids)
      : ids(std::move(row_ids)) {}

  duckdb::unique_ptr<duckdb::FunctionData> Copy() const override {
    return duckdb::make_uniq<IdsOfFile>(ids);
  }
  bool Equals(const duckdb::FunctionData& other) const override {
    return ids == other.Cast<IdsOfFile>().ids;
  }

  std::shared_ptr<const std::vector<int64_t>> ids;
};

void LookUp(duckdb::DataChunk& positions, duckdb::ExpressionState& state, duckdb::Vector& result) {
  const auto& function = state.expr.Cast<duckdb::BoundFunctionExpression>();
  const std::vector<int64_t>& ids = *function.bind_info->Cast<IdsOfFile>().ids;
  duckdb::UnifiedVectorFormat format;
  positions.data[0].ToUnifiedFormat(positions.size(), format);
  const auto* position = duckdb::UnifiedVectorFormat::GetData<int64_t>(format);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  auto* row_id = duckdb::FlatVector::GetData<int64_t>(result);
  for (duckdb::idx_t i = 0; i < positions.size(); ++i) {
    row_id[i] = ids.at(static_cast<size_t>(position[format.sel->get_index(i)]));
  }
}

Result<std::vector<int64_t>> ReadIds(EngineState& engine, const duckdb::OpenFileInfo& file,
                                     int64_t first_row_id) {
  const LakeFileSystem::Place place = LakeFileSystem::PlaceOf(engine, file);
  ParquetReadOptions options;
  options.columns = {{"", kRowIdFieldId}};
  TARN_ASSIGN_OR_RETURN(
      auto reader, ParquetReader::Open(place.store, place.key, place.size_bytes, std::move(options),
                                       engine.options.limits));
  std::vector<int64_t> ids(static_cast<size_t>(reader->rows()));
  while (true) {
    TARN_ASSIGN_OR_RETURN(const auto batch, reader->Next());
    if (!batch) return ids;
    const auto& column = batch->rows->column(0);
    if (column->type_id() != arrow::Type::INT64) {
      return Corruption(place.store.UriOf(place.key) + ": row ids are stored as " +
                        column->type()->ToString());
    }
    const auto& stored = static_cast<const arrow::Int64Array&>(*column);
    for (int64_t row = 0; row < stored.length(); ++row) {
      const int64_t position = batch->first_row + row;
      ids[static_cast<size_t>(position)] =
          stored.IsNull(row) ? first_row_id + position : stored.Value(row);
    }
  }
}

}  // namespace

bool MayBeNull(duckdb::ClientContext& context, duckdb::BaseFileReader& reader,
               const std::string& column) {
  const auto statistics = reader.GetStatistics(context, column);
  return statistics == nullptr || statistics->CanHaveNull();
}

Result<duckdb::unique_ptr<duckdb::Expression>> MixedRowIds(EngineState& engine,
                                                           const duckdb::OpenFileInfo& file,
                                                           int64_t first_row_id,
                                                           duckdb::idx_t position_index) {
  const duckdb::LogicalType type = duckdb::LogicalType::BIGINT;
  TARN_ASSIGN_OR_RETURN(std::vector<int64_t> ids, ReadIds(engine, file, first_row_id));
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> arguments;
  arguments.push_back(duckdb::make_uniq<duckdb::BoundReferenceExpression>(type, position_index));
  return duckdb::unique_ptr<duckdb::Expression>(duckdb::make_uniq<duckdb::BoundFunctionExpression>(
      type, duckdb::ScalarFunction("row_id_of", {type}, type, LookUp), std::move(arguments),
      duckdb::make_uniq<IdsOfFile>(std::make_shared<const std::vector<int64_t>>(std::move(ids)))));
}

}  // namespace tarn::duck
