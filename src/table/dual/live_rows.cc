#include "table/dual/live_rows.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include "base/text.h"
#include "columnar/arrow_output.h"
#include "columnar/conform.h"
#include "columnar/parquet_reader.h"
#include "storage/outside_files.h"
#include "table/dual/column_shape.h"
#include "table/dual/deletes.h"
#include "table/iceberg/manifest.h"
#include "table/iceberg/manifest_schema.h"
#include "table/model/column_mapping.h"

namespace tarn {

namespace {

/// In a file without field ids no column is taken for lineage, whatever it is called.
constexpr char kNoColumn[] = "\x01";

bool IsLineage(const Field& field) {
  return field.id.value() == kRowIdFieldId || field.id.value() == kLastUpdatedSequenceFieldId;
}

std::string FreeName(const Schema& schema, std::string name) {
  while (schema.Find(name) != nullptr) name += "_";
  return name;
}

class LiveRowsImpl final : public LiveRows {
 public:
  LiveRowsImpl(const TableContext& context, const TableMetadata& table, const Schema& columns,
               const ScanFile& file, std::optional<std::vector<int64_t>> wanted,
               std::shared_ptr<const DeletionVector> leave_out)
      : context_(context),
        table_(table),
        columns_(columns),
        file_(file),
        wanted_(std::move(wanted)),
        deleted_(std::move(leave_out)) {}

  Status Open() {
    if (LowerAscii(file_.file.format) != "parquet") {
      return Unsupported("data file " + file_.file.path + " is " + file_.file.format +
                         ", not Parquet");
    }
    TARN_ASSIGN_OR_RETURN(target_, SchemaToArrow(columns_));
    TARN_RETURN_IF_ERROR(AddDeletes());
    TARN_ASSIGN_OR_RETURN(const ObjectPlace place, FindObject(*context_.store, file_.file.path));
    TARN_ASSIGN_OR_RETURN(auto names, PhysicalNames(table_));
    ParquetReadOptions options;
    options.columns.emplace();
    options.positions = wanted_;
    for (const Field& field : columns_.fields) {
      const auto name = names.find(field.id.value());
      std::string called = name == names.end() ? field.name : name->second;
      if (IsLineage(field)) called = kNoColumn;
      options.columns->push_back({std::move(called), field.id.value(), {}});
    }
    TARN_ASSIGN_OR_RETURN(reader_,
                          ParquetReader::Open(*place.store, place.key, file_.file.size_bytes,
                                              std::move(options), *context_.limits));
    shaper_ = ColumnShaper(*reader_->schema(), std::move(names));
    return {};
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override { return Read(nullptr); }
  Result<std::shared_ptr<arrow::RecordBatch>> Next(std::vector<int64_t>& positions) override {
    return Read(&positions);
  }

 private:
  Status AddDeletes() {
    TARN_ASSIGN_OR_RETURN(auto deleted, LoadDeletes(context_, table_, file_));
    if (deleted_ == nullptr || deleted == nullptr) {
      if (deleted != nullptr) deleted_ = std::move(deleted);
      return {};
    }
    auto all = std::make_shared<DeletionVector>(*deleted);
    all->AddAll(*deleted_);
    deleted_ = std::move(all);
    return {};
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Read(std::vector<int64_t>* positions) {
    if (positions != nullptr) positions->clear();
    while (true) {
      TARN_ASSIGN_OR_RETURN(std::optional<ParquetBatch> batch, reader_->Next());
      if (!batch) return std::shared_ptr<arrow::RecordBatch>();
      const int64_t rows = batch->rows->num_rows();
      const bool has_deleted =
          deleted_ != nullptr && deleted_->CountIn(batch->first_row, batch->first_row + rows) > 0;
      std::shared_ptr<arrow::UInt32Array> live;
      if (wanted_) {
        TARN_ASSIGN_OR_RETURN(live, SelectWanted(batch->first_row, rows));
        if (live->length() == 0) continue;
      } else if (has_deleted) {
        TARN_ASSIGN_OR_RETURN(live, SelectLive(batch->first_row, rows));
        if (live->length() == 0) continue;
      }
      if (positions != nullptr) {
        positions->resize(static_cast<size_t>(live == nullptr ? rows : live->length()));
        for (size_t i = 0; i < positions->size(); ++i) {
          const auto row = static_cast<int64_t>(i);
          (*positions)[i] = batch->first_row + (live == nullptr ? row : live->Value(row));
        }
      }
      auto shaped = Shape(*batch);
      if (!shaped.ok() && shaped.error().kind == ErrorKind::kInvalidArgument) {
        return Corruption("data file " + file_.file.path + ": " + shaped.error().message);
      }
      if (!shaped.ok()) return std::move(shaped).Wrap("data file " + file_.file.path);
      if (live == nullptr) return shaped;
      auto taken =
          arrow::compute::Take(*shaped, live, arrow::compute::TakeOptions::NoBoundsCheck());
      if (!taken.ok()) return FromArrow(taken.status(), "leaving out deleted rows").error();
      return taken->record_batch();
    }
  }

  Result<std::shared_ptr<arrow::UInt32Array>> SelectLive(int64_t first_row, int64_t rows) const {
    auto buffer = arrow::AllocateBuffer(rows * static_cast<int64_t>(sizeof(uint32_t)));
    if (!buffer.ok()) return FromArrow(buffer.status(), "leaving out deleted rows").error();
    const int64_t live = deleted_->SelectLive(
        first_row, rows, reinterpret_cast<uint32_t*>((*buffer)->mutable_data()));
    return std::make_shared<arrow::UInt32Array>(
        live, std::shared_ptr<arrow::Buffer>(std::move(buffer).ValueOrDie()));
  }

  Result<std::shared_ptr<arrow::UInt32Array>> SelectWanted(int64_t first_row, int64_t rows) const {
    arrow::UInt32Builder selected;
    auto at = std::lower_bound(wanted_->begin(), wanted_->end(), first_row);
    for (; at != wanted_->end() && *at < first_row + rows; ++at) {
      if (deleted_ != nullptr && deleted_->Contains(*at)) continue;
      if (auto appended = selected.Append(static_cast<uint32_t>(*at - first_row)); !appended.ok()) {
        return FromArrow(appended, "picking rows").error();
      }
    }
    std::shared_ptr<arrow::UInt32Array> array;
    if (auto finished = selected.Finish(&array); !finished.ok()) {
      return FromArrow(finished, "picking rows").error();
    }
    return array;
  }

  /// The batch with the columns' places and types.
  Result<std::shared_ptr<arrow::RecordBatch>> Shape(const ParquetBatch& batch) const {
    const int64_t rows = batch.rows->num_rows();
    arrow::ArrayVector arrays;
    for (size_t i = 0; i < columns_.fields.size(); ++i) {
      const Field& field = columns_.fields[i];
      const int place = reader_->places()[i];
      std::shared_ptr<arrow::Array> array = place < 0 ? nullptr : batch.rows->column(place);
      if (IsLineage(field)) {
        TARN_ASSIGN_OR_RETURN(array, LineageOf(field, array, batch.first_row, rows));
      } else if (array != nullptr) {
        auto shaped = shaper_.Shape(array, field.type);
        if (!shaped.ok()) {
          return std::move(shaped).Wrap("column " + QuoteIdentifier(field.name)).error();
        }
        array = *std::move(shaped);
      } else {
        const auto& type = target_->field(static_cast<int>(i))->type();
        TARN_ASSIGN_OR_RETURN(array, RepeatScalar(ValueOfMissing(field), type, rows));
      }
      arrays.push_back(std::move(array));
    }
    arrow::FieldVector fields;
    for (size_t i = 0; i < arrays.size(); ++i) {
      fields.push_back(arrow::field(columns_.fields[i].name, arrays[i]->type()));
    }
    return Conform(arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows, arrays),
                   target_);
  }

  Scalar ValueOfMissing(const Field& field) const {
    const PartitionSpec* spec = table_.FindSpec(file_.file.spec_id);
    for (size_t i = 0; spec != nullptr && i < spec->fields.size(); ++i) {
      if (spec->fields[i].source_id == field.id &&
          spec->fields[i].transform.kind == Transform::Kind::kIdentity &&
          i < file_.file.partition.size()) {
        return file_.file.partition[i];
      }
    }
    return field.initial_default.value_or(Scalar());
  }

  Result<std::shared_ptr<arrow::Array>> LineageOf(const Field& field,
                                                  const std::shared_ptr<arrow::Array>& stored,
                                                  int64_t first_row, int64_t rows) const {
    if (stored != nullptr && stored->type_id() != arrow::Type::INT64) {
      return Corruption("column " + field.name + " is " + stored->type()->ToString() +
                        ", not a long");
    }
    const auto* values = static_cast<const arrow::Int64Array*>(stored.get());
    if (values != nullptr && values->null_count() == 0) return stored;
    const std::optional<int64_t> first_id = file_.file.first_row_id;
    const bool is_id = field.id.value() == kRowIdFieldId;
    arrow::Int64Builder builder;
    if (auto reserved = builder.Reserve(rows); !reserved.ok()) {
      return FromArrow(reserved, "row lineage").error();
    }
    for (int64_t row = 0; row < rows; ++row) {
      if (values != nullptr && values->IsValid(row)) {
        builder.UnsafeAppend(values->Value(row));
      } else if (!first_id) {
        builder.UnsafeAppendNull();
      } else {
        builder.UnsafeAppend(is_id ? *first_id + first_row + row : file_.data_sequence_number);
      }
    }
    std::shared_ptr<arrow::Array> array;
    if (auto finished = builder.Finish(&array); !finished.ok()) {
      return FromArrow(finished, "row lineage").error();
    }
    return array;
  }

  const TableContext context_;
  const TableMetadata& table_;
  const Schema columns_;
  const ScanFile file_;
  const std::optional<std::vector<int64_t>> wanted_;  ///< of these positions only
  std::shared_ptr<arrow::Schema> target_;
  std::shared_ptr<const DeletionVector> deleted_;
  std::unique_ptr<ParquetReader> reader_;
  ColumnShaper shaper_;
};

}  // namespace

Schema WithLineage(const TableMetadata& table) {
  return WithLineage(table.schema(), table.format_version);
}

Schema WithLineage(Schema schema, int format_version) {
  if (format_version < kVersionOfRowIds) return schema;
  const Type type(Type::Kind::kLong);
  // Readers know these columns by their ids: a column of the table may have the name already.
  schema.fields.push_back(
      {FieldId(kRowIdFieldId), FreeName(schema, "_row_id"), type, Nullability::kOptional, ""});
  schema.fields.push_back({FieldId(kLastUpdatedSequenceFieldId),
                           FreeName(schema, "_last_updated_sequence_number"), type,
                           Nullability::kOptional, ""});
  return schema;
}

namespace {

Result<std::unique_ptr<LiveRows>> OpenLiveRows(const TableContext& context,
                                               const TableMetadata& table, const Schema& columns,
                                               const ScanFile& file,
                                               std::optional<std::vector<int64_t>> wanted,
                                               std::shared_ptr<const DeletionVector> leave_out) {
  auto rows = std::make_unique<LiveRowsImpl>(context, table, columns, file, std::move(wanted),
                                             std::move(leave_out));
  TARN_RETURN_IF_ERROR(rows->Open());
  return std::unique_ptr<LiveRows>(std::move(rows));
}

}  // namespace

Result<std::unique_ptr<LiveRows>> LiveRows::Open(const TableContext& context,
                                                 const TableMetadata& table, const Schema& columns,
                                                 const ScanFile& file,
                                                 std::shared_ptr<const DeletionVector> leave_out) {
  return OpenLiveRows(context, table, columns, file, std::nullopt, std::move(leave_out));
}

Result<std::unique_ptr<LiveRows>> LiveRows::OpenAt(const TableContext& context,
                                                   const TableMetadata& table,
                                                   const Schema& columns, const ScanFile& file,
                                                   std::vector<int64_t> positions) {
  return OpenLiveRows(context, table, columns, file, std::move(positions), nullptr);
}

}  // namespace tarn
