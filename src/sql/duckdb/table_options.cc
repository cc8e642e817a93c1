#include "sql/duckdb/table_options.h"

#include <algorithm>
#include <charconv>

#include "base/nearest.h"
#include "table/delta/properties.h"
#include "table/dual/table_checks.h"
#include "table/dual/transaction.h"
#include "table/model/delta_property.h"

namespace tarn::duck {
namespace {

constexpr char kOwnPrefix[] = "tarn.";
constexpr char kTagPrefix[] = "tarn.tag.";

const std::vector<std::string>& Known() {
  static const std::vector<std::string> known = {
      kDeltaProperty,
      kIcebergVersionProperty,
      "tarn.max-snapshots-to-keep",
      "tarn.statistics-read-bytes-max",
      "write.delete.mode",
      "write.update.mode",
      "write.merge.mode",
      "write.delete.isolation-level",
      "write.update.isolation-level",
      "write.merge.isolation-level",
      // What other engines go by.
      "write.delete.distribution-mode",
      "write.update.distribution-mode",
      "write.merge.distribution-mode",
      "write.delete.granularity",
      "write.delete.target-file-size-bytes",
      "write.delete.format.default",
  };
  return known;
}

bool HasPrefix(const std::string& key, std::initializer_list<const char*> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const char* prefix) { return key.starts_with(prefix); });
}

Status CheckKnown(const std::string& key) {
  if (!HasPrefix(key, {kOwnPrefix, "write.delete.", "write.update.", "write.merge."}) ||
      HasPrefix(key,
                {kTagPrefix, "write.delete.parquet.", "write.delete.avro.", "write.delete.orc."})) {
    return {};
  }
  if (std::find(Known().begin(), Known().end(), key) != Known().end()) return {};
  const std::optional<std::string> nearest = NearestName(key, Known());
  return InvalidArgument("table property " + key + " is not known",
                         nearest ? "did you mean " + *nearest + "?" : "");
}

/// Iceberg's properties that are numbers, and steer upkeep or writing here.
Status CheckNumber(const std::string& key, const std::string& value) {
  int64_t least = 0;
  if (key == "history.expire.max-snapshot-age-ms" || key == "history.expire.max-ref-age-ms" ||
      key == "tarn.statistics-read-bytes-max") {
    least = 0;
  } else if (key == "write.target-file-size-bytes" ||
             key == "history.expire.min-snapshots-to-keep" || key == "tarn.max-snapshots-to-keep" ||
             key == "write.metadata.previous-versions-max") {
    least = 1;
  } else {
    return {};
  }
  int64_t number = 0;
  const char* end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, number);
  if (parsed.ec == std::errc() && parsed.ptr == end && number >= least) return {};
  return InvalidArgument("table property " + key + " cannot be '" + value + "'",
                         "set it to a whole number, at least " + std::to_string(least));
}

}  // namespace

Status CheckTableOption(const std::string& key, const std::string& value) {
  if (key.starts_with(delta::kConstraintPrefix)) {
    return InvalidArgument("option " + key + " cannot be set by hand",
                           "ALTER TABLE … ADD CONSTRAINT name CHECK (…) looks at the rows first");
  }
  TARN_RETURN_IF_ERROR(CheckProperty(key));
  TARN_RETURN_IF_ERROR(CheckKnown(key));
  TARN_RETURN_IF_ERROR(CheckNumber(key, value));
  return delta::CheckDeltaProperty(key, value);
}

Result<std::map<std::string, std::string>> TableOptions(
    const duckdb::case_insensitive_map_t<duckdb::unique_ptr<duckdb::ParsedExpression>>& options) {
  std::map<std::string, std::string> result;
  for (const auto& [written, expression] : options) {
    // The parser makes small letters of all.
    const std::string key = delta::SpellProperty(written);
    if (expression->GetExpressionClass() != duckdb::ExpressionClass::CONSTANT) {
      return InvalidArgument("option " + key + ": expected a constant, not " +
                             expression->ToString());
    }
    const std::string value = expression->Cast<duckdb::ConstantExpression>().value.ToString();
    TARN_RETURN_IF_ERROR(CheckTableOption(key, value));
    result[key] = value;
  }
  return result;
}

std::vector<std::string> TableOptionNames(const duckdb::case_insensitive_set_t& options) {
  std::vector<std::string> names;
  for (const std::string& written : options) names.push_back(delta::SpellProperty(written));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace tarn::duck
