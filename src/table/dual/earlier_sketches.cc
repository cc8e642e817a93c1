#include "table/dual/earlier_sketches.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/hash.h"
#include "columnar/puffin.h"

namespace tarn {

namespace {

/// Of a file of sketches: some 2,000 columns.
constexpr int64_t kFileBytesMax = 64 << 20;

bool IsSketch(const StatisticsBlob& blob) {
  return blob.type == kThetaSketchBlob && blob.fields.size() == 1;
}

bool OnlyAppendsSince(const TableMetadata& table, SnapshotId since) {
  const Snapshot* at = table.current();
  for (int i = 0; at != nullptr && i < kStatisticsAncestorsMax; ++i) {
    if (at->id == since) return true;
    const auto operation = at->summary.find("operation");
    if (operation == at->summary.end()) return false;
    if (operation->second != "append" && operation->second != "replace") return false;
    at = at->parent ? table.FindSnapshot(*at->parent) : nullptr;
  }
  return false;
}

/// Whether the columns were there when `snapshot` was written, of the same types: a value of
/// another type has other bytes.
bool HadColumns(const TableMetadata& table, const Snapshot& snapshot, const Schema& columns) {
  const Schema* then = snapshot.schema_id ? table.FindSchema(*snapshot.schema_id) : nullptr;
  if (then == nullptr) return false;
  return std::all_of(columns.fields.begin(), columns.fields.end(), [&](const Field& now) {
    return std::any_of(then->fields.begin(), then->fields.end(),
                       [&](const Field& one) { return one.id == now.id && one.type == now.type; });
  });
}

Result<std::map<int32_t, ThetaSketch>> ReadSketches(const TableContext& context,
                                                    const StatisticsFile& file) {
  const auto key = context.store->KeyOf(file.path);
  if (!key.ok() || !file.key_metadata.empty() || file.size_bytes > kFileBytesMax) {
    return Unsupported(file.path + " is encrypted, too large, or outside of the store");
  }
  TARN_ASSIGN_OR_RETURN(const std::string bytes, context.store->GetRange(*key, 0, file.size_bytes));
  TARN_ASSIGN_OR_RETURN(
      const PuffinFooter footer,
      ReadPuffinFooter(bytes, static_cast<int64_t>(bytes.size()), file.path, nullptr));
  std::map<int32_t, ThetaSketch> sketches;
  for (const PuffinBlob& blob : footer.blobs) {
    if (blob.type != kThetaSketchBlob || blob.fields.size() != 1) continue;
    const auto stored = std::string_view(bytes).substr(static_cast<size_t>(blob.offset),
                                                       static_cast<size_t>(blob.length));
    TARN_ASSIGN_OR_RETURN(const std::string payload, DecodePuffinBlob(blob, stored, file.path));
    TARN_ASSIGN_OR_RETURN(auto sketch, ThetaSketch::Parse(payload, file.path));
    sketches.insert_or_assign(blob.fields[0], std::move(sketch));
  }
  return sketches;
}

}  // namespace

Schema AnalyzedColumns(const Schema& schema) {
  Schema simple;
  simple.id = schema.id;
  for (const Field& field : schema.fields) {
    if (field.type.primitive() && field.type.kind() != Type::Kind::kUnknown) {
      simple.fields.push_back(field);
    }
  }
  return simple;
}

const StatisticsFile* NewestSketches(const TableMetadata& table) {
  const Snapshot* at = table.statistics.empty() ? nullptr : table.current();
  for (int i = 0; at != nullptr && i < kStatisticsAncestorsMax; ++i) {
    for (const StatisticsFile& file : table.statistics) {
      if (file.snapshot != at->id) continue;
      if (std::any_of(file.blobs.begin(), file.blobs.end(), IsSketch)) return &file;
    }
    at = at->parent ? table.FindSnapshot(*at->parent) : nullptr;
  }
  return nullptr;
}

std::optional<SnapshotId> ReadFrom(const StatisticsFile& file) {
  std::optional<SnapshotId> from;
  for (const StatisticsBlob& blob : file.blobs) {
    if (!IsSketch(blob)) continue;
    if (from && *from != blob.snapshot) return std::nullopt;
    from = blob.snapshot;
  }
  return from;
}

Result<std::optional<EarlierSketches>> LoadEarlierSketches(const TableContext& context,
                                                           const TableMetadata& table,
                                                           const StatisticsFile& file) {
  const std::optional<SnapshotId> from = ReadFrom(file);
  const Snapshot* snapshot = from ? table.FindSnapshot(*from) : nullptr;
  const Schema columns = AnalyzedColumns(table.schema());
  if (snapshot == nullptr || !OnlyAppendsSince(table, *from) ||
      !HadColumns(table, *snapshot, columns)) {
    return std::optional<EarlierSketches>();
  }
  EarlierSketches earlier;
  earlier.snapshot = *from;
  auto sketches = ReadSketches(context, file);
  if (!sketches.ok()) {
    const ErrorKind kind = sketches.error().kind;
    if (kind == ErrorKind::kUnsupported || kind == ErrorKind::kCorruption ||
        kind == ErrorKind::kNotFound) {
      return std::optional<EarlierSketches>();
    }
    return sketches.status();
  }
  for (const Field& field : columns.fields) {
    auto sketch = sketches->extract(field.id.value());
    if (sketch.empty()) return std::optional<EarlierSketches>();
    earlier.columns.insert(std::move(sketch));
  }
  return std::optional<EarlierSketches>(std::move(earlier));
}

Status VisitFilesToAnalyze(const TableContext& context, const TableMetadata& table,
                           const EarlierSketches* earlier,
                           const std::function<Status(ScanFile&&)>& visit) {
  std::unordered_set<uint64_t> known;
  if (earlier != nullptr) {
    TARN_RETURN_IF_ERROR(VisitScan(context, table, earlier->snapshot, Predicate::True(),
                                   [&](ScanFile&& file) -> Status {
                                     known.insert(Hash64(file.file.path));
                                     return {};
                                   })
                             .status());
  }
  return VisitScan(context, table, std::nullopt, Predicate::True(),
                   [&](ScanFile&& file) -> Status {
                     if (known.contains(Hash64(file.file.path))) return {};
                     return visit(std::move(file));
                   })
      .status();
}

}  // namespace tarn
