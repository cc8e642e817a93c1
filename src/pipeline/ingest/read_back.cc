#include "pipeline/ingest/read_back.h"

#include <algorithm>

#include <arrow/api.h>
#include <arrow/compute/api_vector.h>
#include <arrow/util/byte_size.h>

#include "table/dual/live_rows.h"

namespace tarn {
namespace {

Error FromArrow(const arrow::Status& status) {
  return MakeError(status.IsOutOfMemory() ? ErrorKind::kResourceExhausted : ErrorKind::kInternal,
                   "putting back values that did not change: " + status.message());
}

// Of a text, bytes or a variant; other values are about as small as what the log says of their row.
int64_t TextBytes(const arrow::Array& column, int64_t row) {
  if (const auto* parts = dynamic_cast<const arrow::StructArray*>(&column)) {
    int64_t bytes = 0;
    for (const auto& part : parts->fields()) bytes += TextBytes(*part, row);
    return bytes;
  }
  const auto* text = dynamic_cast<const arrow::BinaryArray*>(&column);
  return text == nullptr || text->IsNull(row) ? 0 : text->value_length(row);
}

}  // namespace

void ReadBack::TakeFromBatch(int column, int64_t row, int64_t from) {
  by_column_[column].push_back({row, nullptr, from});
}

void ReadBack::TakeFromFile(int column, int64_t row, const DataFile& file, int64_t position) {
  FilePart& part = parts_[file.path];
  if (part.positions.empty()) part.file = file;
  part.positions.emplace(position, 0);
  by_column_[column].push_back({row, &part, position});
}

Status ReadBack::ReadPart(FilePart& part, const std::vector<int>& columns, int64_t bytes_max,
                          int64_t* bytes) {
  Schema wanted;
  for (const int column : columns)
    wanted.fields.push_back(schema_.fields[static_cast<size_t>(column)]);
  ScanFile scan;
  scan.file = part.file;
  std::vector<int64_t> positions;
  for (auto& [position, place] : part.positions) {
    place = static_cast<int64_t>(positions.size());
    positions.push_back(position);
  }
  TARN_ASSIGN_OR_RETURN(
      auto rows, LiveRows::OpenAt(context_.tables, table_, wanted, scan, std::move(positions)));
  arrow::RecordBatchVector batches;
  int64_t count = 0;
  while (true) {
    TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
    if (batch == nullptr) break;
    count += batch->num_rows();
    *bytes += arrow::util::TotalBufferSize(*batch);
    if (*bytes > bytes_max) return {};
    batches.push_back(std::move(batch));
  }
  if (count != static_cast<int64_t>(part.positions.size())) {
    return Corruption("data file " + part.file.path + " lacks rows that the key index names",
                      "stop, remove the folder of the key indexes in the state, and start again");
  }
  auto whole = arrow::ConcatenateRecordBatches(batches);
  if (!whole.ok()) return FromArrow(whole.status());
  part.rows = *std::move(whole);
  return {};
}

Result<std::shared_ptr<arrow::RecordBatch>> ReadBack::Fill(const arrow::RecordBatch& batch,
                                                           int64_t begin, int64_t end,
                                                           int64_t bytes_max) {
  std::vector<int> columns;
  int64_t bytes = 0;
  for (const auto& [column, wishes] : by_column_) {
    columns.push_back(column);
    for (const Wish& wish : wishes) {
      if (wish.part == nullptr) bytes += TextBytes(*batch.column(column), wish.from);
    }
  }
  for (auto& [path, part] : parts_) {
    if (bytes > bytes_max) break;
    TARN_RETURN_IF_ERROR(ReadPart(part, columns, bytes_max, &bytes));
  }
  if (bytes > bytes_max) return std::shared_ptr<arrow::RecordBatch>();
  std::shared_ptr<arrow::RecordBatch> filled = batch.Slice(begin, end - begin);
  for (size_t c = 0; c < columns.size(); ++c) {
    const int column = columns[c];
    const std::vector<Wish>& wishes = by_column_[column];
    // Rows of the batch itself are looked at where some lean on others.
    const bool leans = std::any_of(wishes.begin(), wishes.end(),
                                   [](const Wish& wish) { return wish.part == nullptr; });
    arrow::ArrayVector arrays = {leans ? batch.column(column) : filled->column(column)};
    std::map<const FilePart*, int64_t> begins;
    int64_t behind = arrays[0]->length();
    for (const auto& [path, part] : parts_) {
      begins[&part] = behind;
      behind += part.rows->num_rows();
      arrays.push_back(part.rows->column(static_cast<int>(c)));
    }
    std::vector<int64_t> from(static_cast<size_t>(end - begin));
    for (size_t i = 0; i < from.size(); ++i) {
      from[i] = static_cast<int64_t>(i) + (leans ? begin : 0);
    }
    for (const Wish& wish : wishes) {
      int64_t source = wish.from;
      if (wish.part != nullptr) {
        source = begins[wish.part] + wish.part->positions.at(wish.from);
      }
      from[static_cast<size_t>(wish.row - begin)] = source;
    }
    const auto indices = std::make_shared<arrow::Int64Array>(static_cast<int64_t>(from.size()),
                                                             arrow::Buffer::Wrap(from));
    auto all = arrow::Concatenate(arrays);
    if (!all.ok()) return FromArrow(all.status());
    auto taken =
        arrow::compute::Take(**all, *indices, arrow::compute::TakeOptions::NoBoundsCheck());
    if (!taken.ok()) return FromArrow(taken.status());
    auto with = filled->SetColumn(column, filled->schema()->field(column), *taken);
    if (!with.ok()) return FromArrow(with.status());
    filled = *std::move(with);
  }
  return filled;
}

}  // namespace tarn
