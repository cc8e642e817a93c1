// CapturedTable: how changed rows get into data files.
#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include <arrow/api.h>
#include <arrow/compute/api_vector.h>

#include "columnar/conform.h"
#include "pipeline/ingest/captured_table.h"
#include "pipeline/ingest/captured_table_written.h"
#include "pipeline/ingest/read_back.h"
#include "table/dual/table.h"

namespace tarn {
namespace {

/// A piece whose values turned out too large is tried again with so many times fewer rows.
constexpr int64_t kSmallerPiece = 4;

}  // namespace

Status CapturedTable::Add(const RowChanges& changes, int64_t first_row, const Taken& taken) {
  TARN_RETURN_IF_ERROR(Begin());
  auto conformed = Conform(changes.rows, storable_);
  if (!conformed.ok()) {
    return std::move(conformed)
        .Hint("where `types:` says something else by now, `tarn apply` loads the table anew")
        .status();
  }
  const std::shared_ptr<arrow::RecordBatch> rows = *std::move(conformed);
  std::vector<KeyHash> keys(static_cast<size_t>(rows->num_rows()));
  TARN_ASSIGN_OR_RETURN(const arrow::ArrayVector key_arrays, KeyArrays(*rows));
  TARN_RETURN_IF_ERROR(HashKeys(key_arrays, keys));
  std::vector<KeyHash> old_keys;
  if (changes.old_keys != nullptr) {
    arrow::FieldVector fields;
    for (const std::string& name : options_.target.key) {
      fields.push_back(storable_->GetFieldByName(name));
    }
    TARN_ASSIGN_OR_RETURN(const auto before,
                          Conform(changes.old_keys, arrow::schema(std::move(fields))));
    old_keys.resize(static_cast<size_t>(before->num_rows()));
    TARN_RETURN_IF_ERROR(HashKeys(before->columns(), old_keys));
  }
  const auto fills =
      options_.whole_rows ? PendingRows::FillsOf::kAllRows : PendingRows::FillsOf::kSurvivors;
  TARN_ASSIGN_OR_RETURN(const PendingRows::Folded folded,
                        rows_.Fold(changes, keys, old_keys, first_row, fills));
  for (const PendingPlace& place : folded.superseded) {
    writers_[place.writer]->superseded[place.file].Add(place.row);
  }
  pending_changes_ += rows->num_rows() - first_row;
  std::vector<RowPlace> places;
  std::string places_of;  // the base that they are in
  // What a gap holds may be far larger than what the log said: the rows are taken in pieces.
  for (int64_t begin = first_row, most = rows->num_rows(); begin < rows->num_rows();) {
    const int64_t end = std::min(begin + most, rows->num_rows());
    std::shared_ptr<arrow::RecordBatch> piece;
    TARN_RETURN_IF_ERROR(ReadBase([&]() -> Status {
      if (places_of != base_location_) {
        TARN_ASSIGN_OR_RETURN(places, PlacesOf(folded.fills));
        places_of = base_location_;
      }
      TARN_ASSIGN_OR_RETURN(piece, FillGaps(*rows, begin, end, folded.fills, places));
      return {};
    }));
    if (piece == nullptr) {
      most = std::max<int64_t>((end - begin) / kSmallerPiece, 1);
      continue;
    }
    TARN_RETURN_IF_ERROR(WriteRows(*piece, begin, folded));
    if (taken) TARN_RETURN_IF_ERROR(taken(*piece, begin));
    begin = end;
  }
  return {};
}

/// Writes those of the rows that survive; `begin`: the first one's number in the batch.
Status CapturedTable::WriteRows(const arrow::RecordBatch& rows, int64_t begin,
                                const PendingRows::Folded& folded) {
  const auto from = std::lower_bound(folded.survivors.begin(), folded.survivors.end(), begin);
  const auto to = std::lower_bound(from, folded.survivors.end(), begin + rows.num_rows());
  if (from == to) return {};
  const std::span<const KeyHash> keys(folded.keys.begin() + (from - folded.survivors.begin()),
                                      static_cast<size_t>(to - from));
  std::shared_ptr<arrow::RecordBatch> kept;
  if (to - from == rows.num_rows()) {
    kept = rows.Slice(0);
  } else {
    std::vector<int64_t> survivors;
    for (auto one = from; one != to; ++one) survivors.push_back(*one - begin);
    const auto indices = std::make_shared<arrow::Int64Array>(static_cast<int64_t>(survivors.size()),
                                                             arrow::Buffer::Wrap(survivors));
    auto some = arrow::compute::Take(arrow::Datum(rows.Slice(0)), arrow::Datum(indices),
                                     arrow::compute::TakeOptions::NoBoundsCheck());
    if (!some.ok()) {
      return MakeError(
          some.status().IsOutOfMemory() ? ErrorKind::kResourceExhausted : ErrorKind::kInternal,
          "folding changes of " + options_.table.name.ToString() + ": " + some.status().message());
    }
    kept = some->record_batch();
  }
  if (writers_.empty() || writers_.back()->writer == nullptr) {
    DataWriterOptions options;
    options.location = shape_->location();
    options.schema = shape_->schema();
    options.spec = shape_->spec();
    options.physical_names = shape_->physical_names();
    options.factory = context_.file_writer;
    auto written = std::make_unique<Written>();
    TARN_ASSIGN_OR_RETURN(written->writer, DataWriter::Open(context_.tables, std::move(options)));
    writers_.push_back(std::move(written));
  }
  std::vector<RowPlacement> placed;
  TARN_RETURN_IF_ERROR(writers_.back()->writer->Write(*kept, placed));
  std::vector<PendingPlace> places;
  places.reserve(placed.size());
  const auto writer = static_cast<uint32_t>(writers_.size() - 1);
  for (const RowPlacement& place : placed) {
    places.push_back({writer, place.file, static_cast<uint32_t>(place.row)});
  }
  rows_.Put(keys, places);
  return {};
}

/// Where the rows that `fills` take values from stand; one a fill, of those from the table.
Result<std::vector<RowPlace>> CapturedTable::PlacesOf(const std::vector<PendingRows::Fill>& fills) {
  using Kind = PendingRows::ValueSource::Kind;
  std::vector<KeyHash> keys;
  bool pending = false;
  for (const PendingRows::Fill& fill : fills) {
    if (fill.source.kind == Kind::kTable) keys.push_back(fill.source.key);
    pending = pending || fill.source.kind == Kind::kPending;
  }
  std::vector<RowPlace> found(keys.size());
  if (!keys.empty()) {
    TARN_RETURN_IF_ERROR(WithPlaces([&] { return places_->Find(keys, found); }));
  }
  // Rows that are still in the writer's memory become files that can be read.
  if (pending) TARN_RETURN_IF_ERROR(FinishWriter());
  std::vector<RowPlace> places(fills.size());
  size_t next = 0;
  for (size_t i = 0; i < fills.size(); ++i) {
    if (fills[i].source.kind != Kind::kTable) continue;
    places[i] = found[next++];
    if (places[i].found() && !truncated_) continue;
    return Corruption("table " + options_.target.name.ToString() +
                          " lacks a row that the source updated: the log left out column " +
                          options_.table.columns[static_cast<size_t>(fills[i].column)].name +
                          " of it, because it did not change",
                      "`tarn resync " + options_.target.name.ToString() + "` loads the table anew");
  }
  return places;
}

/// Rows `begin` to `end` with the values that the log left out; nullptr where those of several rows
/// are larger than a batch may be. `places`: of PlacesOf().
Result<std::shared_ptr<arrow::RecordBatch>> CapturedTable::FillGaps(
    const arrow::RecordBatch& rows, int64_t begin, int64_t end,
    const std::vector<PendingRows::Fill>& fills, const std::vector<RowPlace>& places) const {
  using Kind = PendingRows::ValueSource::Kind;
  const auto first =
      std::lower_bound(fills.begin(), fills.end(), begin,
                       [](const PendingRows::Fill& fill, int64_t row) { return fill.row < row; });
  if (first == fills.end() || first->row >= end) return rows.Slice(begin, end - begin);
  ReadBack values(context_, *base_, shape_->schema());
  for (auto fill = first; fill != fills.end() && fill->row < end; ++fill) {
    const RowPlace& place = places[static_cast<size_t>(fill - fills.begin())];
    if (fill->source.kind == Kind::kBatch) {
      values.TakeFromBatch(fill->column, fill->row, fill->source.row);
    } else if (fill->source.kind == Kind::kPending) {
      const PendingPlace& written = fill->source.place;
      values.TakeFromFile(fill->column, fill->row, writers_[written.writer]->files[written.file],
                          written.row);
    } else {
      values.TakeFromFile(fill->column, fill->row, places_->FileOf(place), place.row);
    }
  }
  // A single row has to be taken as it is.
  const int64_t bytes_max = end - begin > 1 ? context_.tables.limits->batch_bytes_max
                                            : std::numeric_limits<int64_t>::max();
  return values.Fill(rows, begin, end, bytes_max);
}

}  // namespace tarn
