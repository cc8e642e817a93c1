#include "table/dual/analyze.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include "columnar/puffin.h"
#include "columnar/theta_sketch.h"
#include "table/dual/batches_ahead.h"
#include "table/dual/earlier_sketches.h"
#include "table/dual/live_rows.h"

namespace tarn {

namespace {

constexpr char kNdvProperty[] = "ndv";
/// Batches of full size that are read before they are counted.
constexpr int64_t kBatchesWaitingMax = 2;

/// Bytes of values of a fixed width, as they stand in memory: little endian, as Iceberg's single
/// values are.
template <typename ArrayType>
void UpdateFixed(const arrow::Array& array, ThetaSketch& sketch) {
  const auto& typed = static_cast<const ArrayType&>(array);
  const auto* values = typed.raw_values();
  for (int64_t row = 0; row < typed.length(); ++row) {
    if (typed.IsNull(row)) continue;
    sketch.Update({reinterpret_cast<const char*>(values + row), sizeof(*values)});
  }
}

template <typename ArrayType>
void UpdateText(const arrow::Array& array, ThetaSketch& sketch) {
  const auto& typed = static_cast<const ArrayType&>(array);
  for (int64_t row = 0; row < typed.length(); ++row) {
    if (typed.IsValid(row)) sketch.Update(typed.GetView(row));
  }
}

/// As Int128ToBigEndian() gives it: the fewest bytes that keep the sign.
void UpdateDecimal(const uint8_t* little_endian, ThetaSketch& sketch) {
  std::array<char, 16> bytes;
  std::reverse_copy(little_endian, little_endian + bytes.size(), bytes.begin());
  const auto sign = [&](size_t at) { return bytes[at] < 0; };
  const char filler = sign(0) ? '\xff' : '\0';
  size_t skip = 0;
  while (skip + 1 < bytes.size() && bytes[skip] == filler && sign(skip + 1) == sign(0)) ++skip;
  sketch.Update({bytes.data() + skip, bytes.size() - skip});
}

void Update(const arrow::Array& array, ThetaSketch& sketch) {
  switch (array.type_id()) {
    case arrow::Type::BOOL: {
      const auto& flags = static_cast<const arrow::BooleanArray&>(array);
      for (int64_t row = 0; row < flags.length(); ++row) {
        if (flags.IsValid(row)) sketch.Update(std::string_view(flags.Value(row) ? "\1" : "\0", 1));
      }
      return;
    }
    case arrow::Type::INT32:
      return UpdateFixed<arrow::Int32Array>(array, sketch);
    case arrow::Type::DATE32:
      return UpdateFixed<arrow::Date32Array>(array, sketch);
    case arrow::Type::INT64:
      return UpdateFixed<arrow::Int64Array>(array, sketch);
    case arrow::Type::TIMESTAMP:
      return UpdateFixed<arrow::TimestampArray>(array, sketch);
    case arrow::Type::TIME64:
      return UpdateFixed<arrow::Time64Array>(array, sketch);
    case arrow::Type::FLOAT:
      return UpdateFixed<arrow::FloatArray>(array, sketch);
    case arrow::Type::DOUBLE:
      return UpdateFixed<arrow::DoubleArray>(array, sketch);
    case arrow::Type::STRING:
      return UpdateText<arrow::StringArray>(array, sketch);
    case arrow::Type::BINARY:
      return UpdateText<arrow::BinaryArray>(array, sketch);
    case arrow::Type::FIXED_SIZE_BINARY:
      return UpdateText<arrow::FixedSizeBinaryArray>(array, sketch);
    case arrow::Type::DECIMAL128: {
      const auto& decimals = static_cast<const arrow::Decimal128Array&>(array);
      for (int64_t row = 0; row < decimals.length(); ++row) {
        if (decimals.IsValid(row)) UpdateDecimal(decimals.GetValue(row), sketch);
      }
      return;
    }
    default:
      return;
  }
}

/// Files are read in a thread of their own while the rows before are counted.
Status UpdateAll(const TableContext& context, const TableMetadata& table, const Schema& columns,
                 const EarlierSketches* earlier, const CancelFlag* cancel,
                 std::vector<ThetaSketch>& sketches) {
  if (columns.fields.empty()) return {};
  const auto read = [&](const BatchesAhead::Put& put) -> Status {
    bool wanted = true;
    return VisitFilesToAnalyze(context, table, earlier, [&](const ScanFile& file) -> Status {
      // Nobody looks at the error of a reader that was stopped.
      if (!wanted) return Cancelled("nobody wants more");
      if (cancel != nullptr) TARN_RETURN_IF_ERROR(cancel->Check());
      TARN_ASSIGN_OR_RETURN(auto rows, LiveRows::Open(context, table, columns, file, nullptr));
      while (wanted) {
        if (cancel != nullptr) TARN_RETURN_IF_ERROR(cancel->Check());
        TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
        if (batch == nullptr) break;
        wanted = put(std::move(batch));
      }
      return {};
    });
  };
  TARN_ASSIGN_OR_RETURN(
      const auto batches,
      BatchesAhead::Start(read, kBatchesWaitingMax * context.limits->batch_bytes_max));
  while (true) {
    if (cancel != nullptr) TARN_RETURN_IF_ERROR(cancel->Check());
    TARN_ASSIGN_OR_RETURN(const auto batch, batches->Next());
    if (batch == nullptr) return {};
    for (size_t i = 0; i < sketches.size(); ++i) {
      Update(*batch->column(static_cast<int>(i)), sketches[i]);
    }
  }
}

}  // namespace

Result<StatisticsFile> AnalyzeTable(const TableContext& context, const TableMetadata& table,
                                    const EarlierSketches* earlier, const CancelFlag* cancel) {
  const Snapshot* snapshot = table.current();
  if (snapshot == nullptr) {
    return NotFound("table " + table.location + " has no rows yet", "insert rows first");
  }
  const Schema columns = AnalyzedColumns(table.schema());
  std::vector<ThetaSketch> sketches(columns.fields.size());
  for (size_t i = 0; earlier != nullptr && i < sketches.size(); ++i) {
    sketches[i] = earlier->columns.at(columns.fields[i].id.value());
  }
  TARN_RETURN_IF_ERROR(UpdateAll(context, table, columns, earlier, cancel, sketches));

  PuffinWriter writer;
  StatisticsFile file;
  file.snapshot = snapshot->id;
  for (size_t i = 0; i < sketches.size(); ++i) {
    PuffinBlob blob;
    blob.type = kThetaSketchBlob;
    blob.fields = {columns.fields[i].id.value()};
    blob.snapshot_id = snapshot->id.value();
    blob.sequence_number = snapshot->sequence_number;
    blob.properties[kNdvProperty] = std::to_string(std::llround(sketches[i].Estimate()));
    writer.Add(blob, sketches[i].Serialize());
    file.blobs.push_back(
        {blob.type, snapshot->id, blob.sequence_number, blob.fields, blob.properties});
  }
  const std::string bytes = writer.Finish({{"created-by", "tarn"}});
  TARN_ASSIGN_OR_RETURN(const PuffinFooter footer,
                        ReadPuffinFooter(bytes, static_cast<int64_t>(bytes.size()),
                                         "the statistics of " + table.location, nullptr));
  file.size_bytes = static_cast<int64_t>(bytes.size());
  file.footer_bytes = footer.footer_bytes;
  TARN_ASSIGN_OR_RETURN(const std::string folder, context.store->KeyOf(table.location));
  const std::string key = (folder.empty() ? "metadata/" : folder + "/metadata/") +
                          std::to_string(snapshot->id.value()) + "-" + context.random->Uuid() +
                          ".stats";
  TARN_RETURN_IF_ERROR(context.store->Put(key, bytes));
  file.path = context.store->UriOf(key);
  return file;
}

void AddStatistics(const std::vector<StatisticsFile>& files, TableMetadata& state) {
  for (const StatisticsFile& file : files) {
    if (state.FindSnapshot(file.snapshot) == nullptr) continue;
    std::erase_if(state.statistics,
                  [&](const StatisticsFile& one) { return one.snapshot == file.snapshot; });
    state.statistics.push_back(file);
  }
}

std::optional<int64_t> DistinctValuesOf(const TableMetadata& table, SnapshotId snapshot,
                                        FieldId column) {
  if (table.statistics.empty()) return std::nullopt;
  const Snapshot* at = table.FindSnapshot(snapshot);
  for (int i = 0; at != nullptr && i < kStatisticsAncestorsMax; ++i) {
    for (const StatisticsFile& file : table.statistics) {
      if (file.snapshot != at->id) continue;
      for (const StatisticsBlob& blob : file.blobs) {
        if (blob.type != kThetaSketchBlob || blob.fields != std::vector<int32_t>{column.value()}) {
          continue;
        }
        const auto ndv = blob.properties.find(kNdvProperty);
        if (ndv == blob.properties.end()) continue;
        int64_t number = 0;
        const char* end = ndv->second.data() + ndv->second.size();
        const auto parsed = std::from_chars(ndv->second.data(), end, number);
        if (parsed.ec == std::errc() && parsed.ptr == end && number >= 0) return number;
      }
    }
    at = at->parent ? table.FindSnapshot(*at->parent) : nullptr;
  }
  return std::nullopt;
}

}  // namespace tarn
