#include "sql/duckdb/changes_scan.h"

#include <charconv>
#include <mutex>
#include <utility>
#include <vector>

#include "sql/duckdb/errors.h"
#include "sql/duckdb/lake_catalog.h"
#include "sql/duckdb/lake_scan.h"
#include "sql/duckdb/types.h"
#include "table/dual/deletes.h"
#include "table/dual/row_history.h"
#include "table/iceberg/manifest.h"
#include "table/model/adopted_columns.h"

namespace tarn::duck {
namespace {

constexpr char kInfix[] = "$changed.";
constexpr char kPlainPart[] = "plain";
constexpr char kPairedPart[] = "paired";
constexpr int64_t kMicrosPerMilli = 1000;

/// \name Field ids of what stands beside the rows: no file has a column of such an id.
/// @{
constexpr int32_t kIsInsertId = kFieldIdMax + 1;
constexpr int32_t kSnapshotId = kFieldIdMax + 2;
constexpr int32_t kSequenceId = kFieldIdMax + 3;
constexpr int32_t kTimeId = kFieldIdMax + 4;
constexpr int32_t kFirstRowIdId = kFieldIdMax + 5;
/// @}

Schema RawSchema(const LakeTable& table) {
  const auto optional = [](int32_t id, const char* name, Type::Kind kind) {
    return Field{FieldId(id), name, Type(kind), Nullability::kOptional, ""};
  };
  Schema schema;
  schema.fields = {optional(kIsInsertId, kChangeIsInsert, Type::Kind::kBoolean),
                   optional(kSnapshotId, kChangeSnapshot, Type::Kind::kLong),
                   optional(kSequenceId, kChangeSequence, Type::Kind::kLong),
                   optional(kTimeId, kChangeTime, Type::Kind::kTimestampTz),
                   optional(kRowIdFieldId, kChangeRowId, Type::Kind::kLong),
                   optional(kFirstRowIdId, kChangeFirstRowId, Type::Kind::kLong),
                   optional(kLastUpdatedSequenceFieldId, kChangeUpdated, Type::Kind::kLong)};
  for (Field field : table.schema.fields) {
    field.nullability = Nullability::kOptional;
    schema.fields.push_back(std::move(field));
  }
  return schema;
}

/// The files of a range with what is to be read of them, found out at the first question.
/// Threads: may be called concurrently.
class ChangedFilesPlan {
 public:
  ChangedFilesPlan(EngineState& engine, ChangesRange range)
      : engine_(engine), range_(std::move(range)) {}

  Result<ScanPlan> Plan() {
    const std::lock_guard lock(mutex_);
    if (!planned_) TARN_RETURN_IF_ERROR(Read());
    planned_ = true;
    ScanPlan plan;
    for (const Part& part : parts_) plan.files.push_back(part.changed.file);
    plan.files_total = static_cast<int64_t>(plan.files.size());
    return plan;
  }
  std::shared_ptr<const DeletionVector> OnlyRows(size_t index) {
    const std::lock_guard lock(mutex_);
    return parts_.at(index).changed.only;
  }
  const std::map<int32_t, Scalar>* Constants(size_t index) {
    const std::lock_guard lock(mutex_);
    return &parts_.at(index).constants;
  }
  Result<std::shared_ptr<const DeletionVector>> DeletedRows(const ScanFile& file) const {
    return LoadDeletes(engine_.options.tables, *range_.table->metadata, file);
  }

 private:
  struct Part {
    ChangedFile changed;
    std::map<int32_t, Scalar> constants;
  };

  Status Read() {
    if (!range_.to) return Status::Ok();
    const TableMetadata& table = *range_.table->metadata;
    TARN_ASSIGN_OR_RETURN(const SnapshotRange range,
                          SnapshotsBetween(table, range_.from, *range_.to));
    for (const Snapshot* snapshot : range.snapshots) {
      TARN_ASSIGN_OR_RETURN(ChangedFiles files,
                            ReadChangedFiles(engine_.options.tables, table, *snapshot));
      const bool paired = !files.added.empty() && !files.removed.empty();
      if (paired != (range_.part == ChangesRange::Part::kPaired)) continue;
      for (ChangedFile& file : files.removed) Add(*snapshot, std::move(file), false);
      for (ChangedFile& file : files.added) Add(*snapshot, std::move(file), true);
    }
    return Status::Ok();
  }

  void Add(const Snapshot& snapshot, ChangedFile file, bool is_insert) {
    Part part;
    part.constants[kIsInsertId] = is_insert;
    part.constants[kSnapshotId] = snapshot.id.value();
    part.constants[kSequenceId] = snapshot.sequence_number;
    part.constants[kTimeId] = snapshot.timestamp_ms * kMicrosPerMilli;
    const auto& first = file.file.file.first_row_id;
    part.constants[kFirstRowIdId] = first ? Scalar(*first) : Scalar();
    const TableMetadata& table = *range_.table->metadata;
    const PartitionSpec* spec = table.FindSpec(file.file.file.spec_id);
    if (spec != nullptr && !ReadAdoptedPartitions(table.properties).empty()) {
      part.constants.merge(IdentityValues(*spec, file.file.file));
    }
    part.changed = std::move(file);
    parts_.push_back(std::move(part));
  }

  EngineState& engine_;
  const ChangesRange range_;
  std::mutex mutex_;
  bool planned_ = false;
  std::vector<Part> parts_;
};

class ChangesEntry final : public duckdb::TableCatalogEntry {
 public:
  ChangesEntry(duckdb::SchemaCatalogEntry& in_schema, duckdb::CreateTableInfo& info,
               EngineState& engine, const ChangesRange& range)
      : TableCatalogEntry(in_schema.catalog, in_schema, info),
        engine_(engine),
        table_(range.table),
        raw_schema_(RawSchema(*range.table)),
        plan_(std::make_shared<ChangedFilesPlan>(engine, range)) {}

  duckdb::unique_ptr<duckdb::BaseStatistics> GetStatistics(duckdb::ClientContext&,
                                                           duckdb::column_t) override {
    return nullptr;
  }
  duckdb::TableStorageInfo GetStorageInfo(duckdb::ClientContext&) override { return {}; }
  duckdb::vector<duckdb::column_t> GetRowIdColumns() const override {
    return {duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER};
  }
  duckdb::virtual_column_map_t GetVirtualColumns() const override {
    duckdb::virtual_column_map_t result;
    result.insert(
        {duckdb::COLUMN_IDENTIFIER_EMPTY, duckdb::TableColumn("", duckdb::LogicalType::BOOLEAN)});
    result.insert({duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER,
                   duckdb::TableColumn(kChangePosition, duckdb::LogicalType::BIGINT)});
    return result;
  }
  duckdb::TableFunction GetScanFunction(
      duckdb::ClientContext& context,
      duckdb::unique_ptr<duckdb::FunctionData>& bind_data) override {
    LakeTransaction::Get(context, catalog).state().NoteRead(*table_);
    auto planner = std::make_shared<LakeFilePlanner>();
    planner->plan = [plan = plan_](const Predicate&) { return plan->Plan(); };
    planner->only_rows = [plan = plan_](size_t index) { return plan->OnlyRows(index); };
    planner->constants_at = [plan = plan_](size_t index) { return plan->Constants(index); };
    planner->deleted_rows = [plan = plan_](const ScanFile& file) {
      return plan->DeletedRows(file);
    };
    planner->physical_names = table_->physical_names;
    planner->shown_as = this;
    return BindLakeScan(context, engine_, raw_schema_, std::move(planner), nullptr, bind_data);
  }

 private:
  EngineState& engine_;
  const std::shared_ptr<const LakeTable> table_;
  const Schema raw_schema_;
  const std::shared_ptr<ChangedFilesPlan> plan_;
};

/// "123"; "0" for none, which is no snapshot's id.
std::string IdText(const std::optional<SnapshotId>& id) {
  return std::to_string(id ? id->value() : 0);
}

std::optional<int64_t> Number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string NameOfChanges(const ChangesRange& range) {
  return range.table->entry.name.name + kInfix + IdText(range.from) + "." + IdText(range.to) + "." +
         (range.part == ChangesRange::Part::kPlain ? kPlainPart : kPairedPart);
}

std::optional<std::pair<std::string, ChangesRange>> SplitChangesName(const std::string& name) {
  const std::string_view infix(kInfix);
  const size_t at = name.rfind(infix);
  if (at == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(name).substr(at + infix.size());
  ChangesRange range;
  for (std::optional<SnapshotId>* end : {&range.from, &range.to}) {
    const size_t dot = rest.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const auto id = Number(rest.substr(0, dot));
    if (!id) return std::nullopt;
    if (*id != 0) *end = SnapshotId(*id);
    rest.remove_prefix(dot + 1);
  }
  if (rest != kPlainPart && rest != kPairedPart) return std::nullopt;
  if (rest == kPairedPart) range.part = ChangesRange::Part::kPaired;
  return std::pair(name.substr(0, at), std::move(range));
}

std::unique_ptr<duckdb::CatalogEntry> MakeChangesEntry(duckdb::SchemaCatalogEntry& schema,
                                                       EngineState& engine, ChangesRange range) {
  duckdb::CreateTableInfo info(schema, range.table->entry.name.name + "$changes");
  for (const Field& field : RawSchema(*range.table).fields) {
    info.columns.AddColumn(duckdb::ColumnDefinition(field.name, ToLogicalType(field.type)));
  }
  return std::make_unique<ChangesEntry>(schema, info, engine, range);
}

}  // namespace tarn::duck
