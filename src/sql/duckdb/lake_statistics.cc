#include "sql/duckdb/lake_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "columnar/scalar.h"
#include "duckdb/storage/statistics/numeric_stats.hpp"
#include "duckdb/storage/statistics/string_stats.hpp"
#include "sql/duckdb/lake_table.h"
#include "sql/duckdb/types.h"
#include "table/dual/analyze.h"

namespace tarn::duck {
namespace {

using duckdb::LogicalTypeId;

/// One column over all files.
struct Bounds {
  std::optional<Scalar> lower, upper;
  int64_t rows = 0;
  int64_t bytes = 0;  ///< compressed; of files that do not tell it, more than they can have
  bool has_null = false;
  bool has_nan = false;
};

template <typename T>
const T* Lookup(const std::map<int32_t, T>& values, int32_t id) {
  const auto found = values.find(id);
  return found == values.end() ? nullptr : &found->second;
}

bool IsNan(const Scalar& value) {
  const auto* number = std::get_if<double>(&value);
  return number != nullptr && std::isnan(*number);
}

/// Nothing where a file leaves open what it holds.
std::optional<Bounds> BoundsOf(const ScanPlan& plan, int32_t field_id) {
  Bounds all;
  for (const ScanFile& scan_file : plan.files) {
    const DataFile& file = scan_file.file;
    const int64_t* nulls = Lookup(file.null_counts, field_id);
    const Scalar* lower = Lookup(file.lower_bounds, field_id);
    const Scalar* upper = Lookup(file.upper_bounds, field_id);
    if (nulls == nullptr || file.record_count < 0) return std::nullopt;
    all.rows += file.record_count;
    const int64_t* bytes = Lookup(file.column_sizes, field_id);
    all.bytes += bytes != nullptr ? *bytes : file.size_bytes;
    if (*nulls > 0) all.has_null = true;
    if (*nulls == file.record_count) continue;
    if (lower == nullptr || upper == nullptr || IsNan(*lower) || IsNan(*upper)) return std::nullopt;
    const int64_t* nans = Lookup(file.nan_counts, field_id);
    if (nans == nullptr || *nans > 0) all.has_nan = true;
    if (!all.lower || Compare(*lower, *all.lower) < 0) all.lower = *lower;
    if (!all.upper || Compare(*upper, *all.upper) > 0) all.upper = *upper;
  }
  if (!all.lower) return std::nullopt;
  return all;
}

bool IsWhole(LogicalTypeId type) {
  return type == LogicalTypeId::INTEGER || type == LogicalTypeId::BIGINT ||
         type == LogicalTypeId::DATE;
}

/// A column of N equally frequent values in no order takes log2 N bits a row when it is compressed
/// well, so that its size tells N. Sorted ones take less: of them too few values are told.
int64_t DistinctBySize(const Bounds& bounds) {
  constexpr double kBitsMax = 40;
  const double bits = 8.0 * static_cast<double>(bounds.bytes) / static_cast<double>(bounds.rows);
  if (bits >= kBitsMax) return bounds.rows;
  return std::min(bounds.rows, static_cast<int64_t>(std::ceil(std::exp2(bits))));
}

/// Of a column of whole numbers no more values differ than lie between its bounds.
int64_t DistinctValues(const Bounds& bounds, LogicalTypeId type) {
  if (type == LogicalTypeId::BOOLEAN) return std::min<int64_t>(bounds.rows, 2);
  if (!IsWhole(type)) return DistinctBySize(bounds);
  const auto* lower = std::get_if<int64_t>(&*bounds.lower);
  const auto* upper = std::get_if<int64_t>(&*bounds.upper);
  if (lower == nullptr || upper == nullptr) return bounds.rows;
  const uint64_t span = static_cast<uint64_t>(*upper) - static_cast<uint64_t>(*lower);
  if (span >= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return bounds.rows;
  return std::min(bounds.rows, static_cast<int64_t>(span) + 1);
}

/// What ANALYZE, or another engine, found out about the table.
std::optional<int64_t> ToldDistinctValues(const LakeFileList& files, FieldId column) {
  if (!files.entry()) return std::nullopt;
  const LakeTable& table = files.entry()->Cast<LakeTableEntry>().lake_table();
  if (table.metadata == nullptr || table.base != LakeTable::Base::kVisible) return std::nullopt;
  const auto snapshot = table.snapshot ? table.snapshot : table.metadata->current_snapshot;
  return snapshot ? DistinctValuesOf(*table.metadata, *snapshot, column) : std::nullopt;
}

}  // namespace

duckdb::unique_ptr<duckdb::BaseStatistics> ColumnStatistics(
    const LakeFileList& files, const duckdb::MultiFileColumnDefinition& column) {
  if (column.identifier.IsNull() || column.identifier.type().id() != LogicalTypeId::INTEGER) {
    return nullptr;
  }
  const auto plan = files.MetricsOfFiles();
  if (plan == nullptr) return nullptr;
  const auto bounds = BoundsOf(*plan, column.identifier.GetValue<int32_t>());
  if (!bounds) return nullptr;
  const duckdb::LogicalType& type = column.type;
  auto statistics = duckdb::BaseStatistics::CreateUnknown(type);
  const duckdb::Value lower = ToValue(type, *bounds->lower);
  const duckdb::Value upper = ToValue(type, *bounds->upper);
  if (lower.IsNull() || upper.IsNull()) return nullptr;
  switch (duckdb::BaseStatistics::GetStatsType(type)) {
    case duckdb::StatisticsType::NUMERIC_STATS:
      duckdb::NumericStats::SetMin(statistics, lower);
      // NaN is above every number, and bounds do not count it.
      if ((type.id() != LogicalTypeId::FLOAT && type.id() != LogicalTypeId::DOUBLE) ||
          !bounds->has_nan) {
        duckdb::NumericStats::SetMax(statistics, upper);
      }
      break;
    case duckdb::StatisticsType::STRING_STATS: {
      const std::string& least = duckdb::StringValue::Get(lower);
      const std::string& greatest = duckdb::StringValue::Get(upper);
      duckdb::StringStats::SetMin(
          statistics, duckdb::string_t(least.data(), static_cast<uint32_t>(least.size())));
      duckdb::StringStats::SetMax(
          statistics, duckdb::string_t(greatest.data(), static_cast<uint32_t>(greatest.size())));
      break;
    }
    default:
      return nullptr;
  }
  if (!bounds->has_null) statistics.Set(duckdb::StatsInfo::CANNOT_HAVE_NULL_VALUES);
  const auto told = ToldDistinctValues(files, FieldId(column.identifier.GetValue<int32_t>()));
  const int64_t distinct =
      told ? std::min(*told, bounds->rows) : DistinctValues(*bounds, type.id());
  statistics.SetDistinctCount(static_cast<duckdb::idx_t>(distinct));
  return statistics.ToUnique();
}

}  // namespace tarn::duck
