#include "sql/duckdb/delta_changes.h"

#include <charconv>
#include <utility>
#include <vector>

#include "catalog/delta_feed.h"
#include "duckdb/parser/tableref/subqueryref.hpp"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/info_table.h"
#include "sql/duckdb/points.h"
#include "sql/duckdb/tokens.h"
#include "sql/duckdb/types.h"

namespace tarn::duck {
namespace {

constexpr int64_t kMicrosPerMilli = 1000;

/// \name Field ids of what stands beside the columns: no table has a column of such an id.
/// @{
constexpr int32_t kTypeId = kFieldIdMax + 1;
constexpr int32_t kVersionId = kFieldIdMax + 2;
constexpr int32_t kTimeId = kFieldIdMax + 3;
/// @}

std::vector<Field> FeedColumns() {
  const auto column = [](int32_t id, const char* name, Type::Kind kind) {
    return Field{FieldId(id), name, Type(kind), Nullability::kOptional, ""};
  };
  return {column(kTypeId, kDeltaChangeType, Type::Kind::kString),
          column(kVersionId, kDeltaCommitVersion, Type::Kind::kLong),
          column(kTimeId, kDeltaCommitTimestamp, Type::Kind::kTimestampTz)};
}

/// The files of a feed with what is known of each. Immutable.
struct Feed {
  std::vector<DeltaFeedFile> files;
  std::vector<std::map<int32_t, Scalar>> constants;  ///< parallel to `files`
};

std::map<int32_t, Scalar> ConstantsOf(const DeltaFeedFile& file) {
  std::map<int32_t, Scalar> constants = file.file.partition_values;
  if (file.change_type) constants[kTypeId] = *file.change_type;
  constants[kVersionId] = file.version;
  constants[kTimeId] = file.timestamp_ms * kMicrosPerMilli;
  return constants;
}

/// One file may be read in several versions, each time with other rows: the place in the feed goes
/// with it, as the one delete file of that name.
ScanPlan PlanOf(const Feed& feed) {
  ScanPlan plan;
  for (size_t i = 0; i < feed.files.size(); ++i) {
    ScanFile file;
    file.file = feed.files[i].file.file;
    if (feed.files[i].left_out != nullptr) {
      DataFile deletes;
      deletes.content = FileContent::kPositionDeletes;
      deletes.path = std::to_string(i);
      file.deletes.push_back(std::move(deletes));
    }
    plan.files.push_back(std::move(file));
  }
  plan.files_total = static_cast<int64_t>(plan.files.size());
  return plan;
}

std::optional<int64_t> Number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The version that an end of the range means.
int64_t VersionOf(duckdb::ClientContext& context, EngineState& engine, const std::string& location,
                  const Value& value, bool is_first) {
  LakePoint point = PointOf(context, value);
  if (point.snapshot) return point.snapshot->value();
  if (!point.timestamp_ms) {
    Throw(InvalidArgument("\"" + value.ToString() + "\" is no version of a Delta table",
                          "versions are counted from 0; a time is written TIMESTAMP '…'"));
  }
  ForeignPoint at;
  at.timestamp_ms = *point.timestamp_ms - (is_first ? 1 : 0);
  const auto found = FindForeignDelta(engine, location, at);
  if (found.ok()) return found->snapshot->version() + (is_first ? 1 : 0);
  // Nothing is older than that: from the beginning on.
  if (is_first && found.error().kind == ErrorKind::kNotFound) return 0;
  Throw(found.error());
}

duckdb::unique_ptr<duckdb::TableRef> Replace(duckdb::ClientContext& context,
                                             duckdb::TableFunctionBindInput& input) {
  EngineState& engine = static_cast<const EngineFunctionInfo&>(*input.info).engine;
  const std::string location = Text(input.inputs.at(0));
  const auto end = [&](size_t i) -> std::string {
    if (i >= input.inputs.size() || input.inputs[i].IsNull()) return "";
    return std::to_string(VersionOf(context, engine, location, input.inputs[i], i == 1));
  };
  const std::string sql = "SELECT * FROM " + std::string(kDeltaChangesScan) + "(" +
                          QuotedText(location) + ", version => " +
                          QuotedText(end(1) + ":" + end(2)) + ")";
  auto select = duckdb::CreateViewInfo::ParseSelect(sql);
  return duckdb::make_uniq<duckdb::SubqueryRef>(std::move(select), "delta_changes");
}

}  // namespace

Result<ForeignTable> OpenDeltaChanges(EngineState& engine, const std::string& location,
                                      const ForeignPoint& point) {
  const size_t colon = point.version.find(':');
  const auto from = Number(std::string_view(point.version).substr(0, colon));
  ForeignPoint last;
  if (colon != std::string::npos) last.version = point.version.substr(colon + 1);
  TARN_ASSIGN_OR_RETURN(const ForeignDelta found, FindForeignDelta(engine, location, last));
  const DeltaSnapshot& snapshot = *found.snapshot;
  if (!from || *from < 0 || *from > snapshot.version()) {
    return InvalidArgument("changes of " + snapshot.table_uri() + " from version \"" +
                               point.version.substr(0, colon) + "\" to " +
                               std::to_string(snapshot.version()) + " cannot be told",
                           "write delta_changes('path', first version [, last version])");
  }
  TARN_ASSIGN_OR_RETURN(const std::string key, found.store->KeyOf(snapshot.table_uri()));
  auto feed = std::make_shared<Feed>();
  TARN_ASSIGN_OR_RETURN(feed->files, ReadDeltaFeed(*found.store, key, snapshot, *from));
  for (const DeltaFeedFile& file : feed->files) feed->constants.push_back(ConstantsOf(file));

  ForeignTable table;
  const delta::TableSchema& schema = snapshot.schema();
  std::vector<Field> fields = schema.schema.fields;
  for (Field& field : FeedColumns()) {
    if (schema.schema.Find(field.name) != nullptr) {
      return Unsupported("the table has a column " + field.name + " of its own");
    }
    fields.push_back(std::move(field));
  }
  for (Field& field : fields) {
    field.nullability = Nullability::kOptional;
    table.planner.field_names.push_back(field.name);
  }
  table.columns = ToScanColumns(fields);
  // Files of changes have columns that no mapping knows, so all go by name.
  table.file_fields.ids = FileFields::Ids::kIgnored;
  Schema shown;
  shown.fields = std::move(fields);
  table.file_fields.names = NamesInFiles(shown, schema.physical_names);
  table.planner.store_id = found.store_id;
  table.planner.plan = [feed](const Predicate&) -> Result<ScanPlan> { return PlanOf(*feed); };
  table.planner.deleted_rows =
      [feed](const ScanFile& file) -> Result<std::shared_ptr<const DeletionVector>> {
    if (file.deletes.empty()) return std::shared_ptr<const DeletionVector>();
    const auto place = Number(file.deletes[0].path);
    return feed->files.at(static_cast<size_t>(place.value_or(0))).left_out;
  };
  table.planner.only_rows = [feed](size_t index) { return feed->files.at(index).only; };
  table.planner.constants_at = [feed](size_t index) { return &feed->constants.at(index); };
  return table;
}

void RegisterDeltaChanges(duckdb::ExtensionLoader& loader, EngineState& engine) {
  duckdb::TableFunctionSet functions("delta_changes");
  const duckdb::vector<LogicalType> types = {LogicalType::VARCHAR, LogicalType::ANY,
                                             LogicalType::ANY};
  for (duckdb::idx_t count = 2; count <= types.size(); ++count) {
    duckdb::TableFunction function(
        "delta_changes", duckdb::vector<LogicalType>(types.begin(), types.begin() + count), nullptr,
        nullptr);
    function.bind_replace = Replace;
    function.function_info = duckdb::make_shared_ptr<EngineFunctionInfo>(engine);
    functions.AddFunction(std::move(function));
  }
  loader.RegisterFunction(std::move(functions));
}

}  // namespace tarn::duck
