#include "pipeline/ingest/column_fill.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include <arrow/api.h>

#include "columnar/array_scalar.h"
#include "columnar/conform.h"
#include "pipeline/table_target.h"
#include "table/dual/rewrite.h"
#include "table/dual/schema_editor.h"

namespace tarn {

Status AddFilledColumn(const TableAltered& altered, const TableAltered::Filled& filled,
                       TableTransaction& transaction) {
  const std::string column =
      "column " + filled.column + " of table " + altered.table->name.ToString();
  const std::string what = column + " was added with a value for the rows of before, which ";
  constexpr char kRepair[] = "load the table anew with `tarn resync`";
  if (filled.value == nullptr) {
    return InvalidArgument(what + "is not known: " + filled.unknown, kRepair);
  }
  const auto& columns = altered.table->columns;
  const auto described = std::find_if(columns.begin(), columns.end(), [&](const SourceColumn& one) {
    return one.name == filled.column;
  });
  if (described == columns.end()) return Internal(column + " is not described");
  const auto field = arrow::field(filled.column, filled.value->type());
  TARN_ASSIGN_OR_RETURN(const auto storable, StorableSchema(*arrow::schema({field})));
  TARN_ASSIGN_OR_RETURN(
      const auto row,
      Conform(arrow::RecordBatch::Make(arrow::schema({field}), 1, {filled.value}), storable));
  TARN_ASSIGN_OR_RETURN(const Schema schema, SchemaFromArrow(*storable));
  const Type& type = schema.fields[0].type;
  if (!type.primitive()) {
    return InvalidArgument(what + "cannot be the default of a column of type " + type.ToString(),
                           kRepair);
  }
  const Scalar value = ScalarAt(*row->column(0), 0);
  Status added = transaction.EditColumns([&](SchemaEditor& editor) -> Status {
    TARN_RETURN_IF_ERROR(editor.AddWithDefault(filled.column, type, value));
    // The source says what rows that come have in it.
    return editor.SetDefault(filled.column, std::nullopt);
  });
  return added.ok() ? added : std::move(added).Hint(kRepair);
}

bool HasFilledColumns(const TableTransaction& transaction) {
  const auto& fields = transaction.schema().fields;
  return std::any_of(fields.begin(), fields.end(),
                     [](const Field& field) { return field.initial_default.has_value(); });
}

void ColumnFill::Add(ScanFile file, DeletionVector gone) {
  if (!gone.empty()) {
    gone_[file.file.path] = std::make_shared<const DeletionVector>(std::move(gone));
  }
  // Rows that have no ids yet get some with the new file.
  (file.file.first_row_id.has_value() ? with_ids_ : without_ids_).push_back(std::move(file));
}

Result<std::vector<DataFile>> ColumnFill::Write(const PipelineContext& context,
                                                const TableMetadata& base,
                                                TableTransaction& transaction) const {
  RewriteOptions options;
  options.factory = context.file_writer;
  options.cancel = context.cancel;
  options.leave_out = gone_;
  options.writing.emplace();
  options.writing->location = transaction.location();
  options.writing->schema = transaction.schema();
  options.writing->spec = transaction.spec();
  options.writing->physical_names = transaction.physical_names();
  std::vector<DataFile> written;
  for (const auto* files : {&with_ids_, &without_ids_}) {
    if (files->empty()) continue;
    options.row_ids =
        files == &with_ids_ ? RewriteOptions::RowIds::kKept : RewriteOptions::RowIds::kNone;
    Result<std::vector<DataFile>> some = CopyLiveRows(context.tables, base, *files, options);
    if (!some.ok()) {
      WrittenTable rest;
      rest.files = std::move(written);
      Discard(context, rest);
      return some.status();
    }
    std::move(some->begin(), some->end(), std::back_inserter(written));
  }
  const Status ended = transaction.EditColumns([](SchemaEditor& editor) -> Status {
    std::vector<FieldId> filled;
    for (const Field& field : editor.schema.fields) {
      if (field.initial_default) filled.push_back(field.id);
    }
    for (const FieldId id : filled) {
      TARN_RETURN_IF_ERROR(editor.SetInitialDefault(id, std::nullopt));
    }
    return {};
  });
  TARN_RETURN_IF_ERROR(ended);
  return written;
}

}  // namespace tarn
