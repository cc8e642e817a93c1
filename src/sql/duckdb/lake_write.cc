#include "sql/duckdb/lake_write.h"

#include <iterator>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "columnar/conform.h"
#include "sql/duckdb/errors.h"
#include "table/iceberg/manifest.h"

namespace tarn::duck {

WrittenFiles::WrittenFiles(LakeTransaction& lake, const TableName& table, Lineage lineage,
                           Order order)
    : engine_(lake.engine()),
      table_(table),
      options_(ValueOrThrow(lake.state().WriterOptions(table))),
      constraints_(ValueOrThrow(lake.state().Constraints(table))) {
  if (order == Order::kNone) options_.sort_order_id.reset();
  if (lineage == Lineage::kRowIds) {
    // Readers know the column by its id; a column of the user's may have the name.
    std::string name = "_row_id";
    while (options_.schema.Find(name) != nullptr) name += "_";
    options_.schema.fields.push_back({FieldId(kRowIdFieldId), std::move(name),
                                      Type(Type::Kind::kLong), Nullability::kOptional, ""});
  }
  file_schema_ = ValueOrThrow(SchemaToArrow(options_.schema));
}

WrittenFiles::~WrittenFiles() {
  ObjectStore& store = *engine_.options.tables.store;
  for (const DataFile& file : files_) {
    if (auto key = store.KeyOf(file.path); key.ok()) {
      [[maybe_unused]] const Status deleted = store.Delete(*key);
    }
  }
}

void WrittenFiles::Add(std::vector<DataFile> files, int64_t rows) {
  const std::lock_guard guard(mutex_);
  std::move(files.begin(), files.end(), std::back_inserter(files_));
  rows_ += rows;
}

std::vector<DataFile> WrittenFiles::Take() {
  const std::lock_guard guard(mutex_);
  return std::exchange(files_, {});
}

void RowWriter::Append(duckdb::ClientContext& context, duckdb::DataChunk& chunk) {
  if (chunk.size() == 0) return;
  if (!files_.constraints().empty()) {
    if (checks_ == nullptr) {
      checks_ = std::make_unique<RowChecks>(context, files_.table(), files_.options().schema,
                                            files_.constraints());
    }
    checks_->Check(chunk);
  }
  if (builder_ == nullptr) {
    duckdb::vector<std::string> names;
    for (const Field& field : files_.options().schema.fields) names.push_back(field.name);
    builder_ = ValueOrThrow(
        BatchBuilder::Make(context, chunk.GetTypes(), names, files_.engine().options.limits));
  }
  builder_->Append(chunk);
  if (builder_->full()) Flush();
}

void RowWriter::Flush() {
  const std::shared_ptr<arrow::RecordBatch> batch = ValueOrThrow(builder_->Finish());
  if (writer_ == nullptr) {
    writer_ = ValueOrThrow(DataWriter::Open(files_.engine().options.tables, files_.options()));
  }
  const auto conformed = ValueOrThrow(Conform(batch, files_.file_schema()));
  ThrowIfError(writer_->Write(*conformed));
}

void RowWriter::Finish() {
  if (builder_ == nullptr) return;
  if (builder_->rows() > 0) Flush();
  std::vector<DataFile> files = ValueOrThrow(writer_->Finish());
  files_.Add(std::move(files), writer_->rows_written());
}

}  // namespace tarn::duck
