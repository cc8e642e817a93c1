#include "sql/duckdb/live_scan.h"

#include <utility>
#include <vector>

#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "columnar/variant_column.h"
#include "duckdb/common/serializer/deserializer.hpp"
#include "duckdb/common/serializer/serializer.hpp"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/filters.h"
#include "sql/duckdb/variant_import.h"

namespace tarn::duck {
namespace {

constexpr char kFunction[] = "live_scan";

/// The source's columns as DuckDB reads them from Arrow.
void FillArrowTable(duckdb::ClientContext& context, const SourceTable& table,
                    duckdb::ArrowSchemaWrapper& exported, duckdb::ArrowTableSchema& arrow_table) {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (const SourceColumn& column : table.columns) fields.push_back(column.field);
  const arrow::Status status =
      arrow::ExportSchema(*arrow::schema(std::move(fields)), &exported.arrow_schema);
  if (!status.ok()) Throw(Internal("arrow schema: " + status.message()));
  duckdb::ArrowTableFunction::PopulateArrowTableSchema(context, arrow_table, exported.arrow_schema);
}

bool IsVariant(const SourceTable& table, duckdb::column_t id) {
  return IsVariantStorage(*table.columns[id].field->type());
}

struct LiveBindData final : duckdb::TableFunctionData {
  LiveTableEntry* entry = nullptr;
  std::shared_ptr<const SourceTable> table;
  Source* source = nullptr;
  duckdb::ArrowSchemaWrapper schema;
  duckdb::ArrowTableSchema arrow_table;
  duckdb::vector<duckdb::LogicalType> stored_types;  ///< of all columns, as Arrow has them
  Predicate predicate;
  bool filters_remain = false;
  std::optional<int64_t> limit;
  /// What the optimised plan wants of the table, for EXPLAIN, which asks without a scan.
  duckdb::vector<duckdb::column_t> planned_ids;
  bool SupportStatementCache() const override { return false; }
};

struct LiveGlobalState final : duckdb::GlobalTableFunctionState {
  std::unique_ptr<BatchReader> reader;
  duckdb::vector<duckdb::column_t> column_ids;
  duckdb::idx_t MaxThreads() const override { return 1; }
};

struct LiveLocalState final : duckdb::LocalTableFunctionState {
  explicit LiveLocalState(duckdb::ClientContext& context)
      : scan(duckdb::make_uniq<duckdb::ArrowArrayWrapper>(), context) {}
  duckdb::ArrowScanLocalState scan;
  /// As Arrow has the columns, where some are variants; else without columns.
  duckdb::DataChunk stored;
};

LiveScan ScanOf(const LiveBindData& bind, const duckdb::vector<duckdb::column_t>& column_ids) {
  LiveScan scan;
  scan.table = *bind.table;
  for (const duckdb::column_t id : column_ids) {
    if (!duckdb::IsVirtualColumn(id)) scan.columns.push_back(bind.table->columns[id].name);
  }
  scan.predicate = bind.predicate;
  scan.limit = bind.limit;
  return scan;
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> InitGlobal(
    duckdb::ClientContext&, duckdb::TableFunctionInitInput& input) {
  const auto& bind = input.bind_data->Cast<LiveBindData>();
  auto state = duckdb::make_uniq<LiveGlobalState>();
  state->column_ids = input.column_ids;
  state->reader = ValueOrThrow(bind.source->Scan(ScanOf(bind, input.column_ids)));
  return state;
}

duckdb::unique_ptr<duckdb::LocalTableFunctionState> InitLocal(duckdb::ExecutionContext& context,
                                                              duckdb::TableFunctionInitInput& input,
                                                              duckdb::GlobalTableFunctionState*) {
  auto state = duckdb::make_uniq<LiveLocalState>(context.client);
  const auto& bind = input.bind_data->Cast<LiveBindData>();
  duckdb::vector<duckdb::LogicalType> types;
  bool variants = false;
  for (const duckdb::column_t id : input.column_ids) {
    if (duckdb::IsVirtualColumn(id)) continue;
    state->scan.column_ids.push_back(id);
    types.push_back(bind.stored_types[id]);
    variants |= IsVariant(*bind.table, id);
  }
  if (variants) state->stored.Initialize(context.client, types);
  return state;
}

/// The next rows of the batch, variants and all.
void Take(const LiveBindData& bind, LiveLocalState& local, duckdb::DataChunk& output) {
  if (local.stored.ColumnCount() == 0) {
    duckdb::ArrowTableFunction::ArrowToDuckDB(local.scan, bind.arrow_table.GetColumns(), output);
    return;
  }
  local.stored.Reset();
  local.stored.SetCardinality(output.size());
  duckdb::ArrowTableFunction::ArrowToDuckDB(local.scan, bind.arrow_table.GetColumns(),
                                            local.stored);
  for (duckdb::idx_t i = 0; i < local.stored.ColumnCount(); ++i) {
    if (IsVariant(*bind.table, local.scan.column_ids[i])) {
      ImportVariants(local.stored.data[i], output.data[i], output.size());
    } else {
      output.data[i].Reference(local.stored.data[i]);
    }
  }
}

void Scan(duckdb::ClientContext& context, duckdb::TableFunctionInput& input,
          duckdb::DataChunk& output) {
  const auto& bind = input.bind_data->Cast<LiveBindData>();
  auto& global = input.global_state->Cast<LiveGlobalState>();
  auto& local = input.local_state->Cast<LiveLocalState>();
  auto& scan = local.scan;
  while (scan.chunk_offset >= static_cast<duckdb::idx_t>(scan.chunk->arrow_array.length)) {
    if (context.interrupted) throw duckdb::InterruptException();
    const std::shared_ptr<arrow::RecordBatch> batch = ValueOrThrow(global.reader->Next());
    if (batch == nullptr) return;
    scan.Reset();
    scan.chunk = duckdb::make_shared_ptr<duckdb::ArrowArrayWrapper>();
    const arrow::Status exported = arrow::ExportRecordBatch(*batch, &scan.chunk->arrow_array);
    if (!exported.ok()) Throw(Internal("arrow batch: " + exported.message()));
  }
  const auto rows = duckdb::MinValue<duckdb::idx_t>(
      STANDARD_VECTOR_SIZE,
      static_cast<duckdb::idx_t>(scan.chunk->arrow_array.length) - scan.chunk_offset);
  output.SetCardinality(rows);
  // count(*) asks for a column without values only: then there is nothing to convert.
  if (!scan.column_ids.empty()) Take(bind, local, output);
  scan.chunk_offset += rows;
}

void PushFilters(duckdb::ClientContext& context, duckdb::LogicalGet& get,
                 duckdb::FunctionData* bind_data,
                 duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) {
  auto& bind = bind_data->Cast<LiveBindData>();
  const ColumnOf column_of =
      [&get](const duckdb::BoundColumnRefExpression& column) -> std::optional<std::string> {
    if (column.binding.table_index != get.table_index) return std::nullopt;
    const duckdb::ColumnIndex& index = get.GetColumnIds()[column.binding.column_index];
    if (index.IsVirtualColumn() || index.HasChildren()) return std::nullopt;
    return get.GetColumnName(index);
  };
  std::vector<Predicate> pushed;
  if (!bind.predicate.always_true()) pushed.push_back(bind.predicate);
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> rest;
  for (auto& filter : filters) {
    const auto predicate = ToExactPredicate(context, *filter, column_of);
    if (predicate) {
      Predicate taken = bind.source->Pushable(*bind.table, *predicate);
      const bool whole = Identity(taken) == Identity(*predicate);
      if (!taken.always_true()) pushed.push_back(std::move(taken));
      if (whole) continue;
    }
    rest.push_back(std::move(filter));
  }
  filters = std::move(rest);
  if (!filters.empty()) bind.filters_remain = true;
  if (pushed.size() == 1) {
    bind.predicate = std::move(pushed[0]);
  } else if (!pushed.empty()) {
    bind.predicate = Predicate::And(std::move(pushed));
  }
}

duckdb::BindInfo ScanBindInfo(const duckdb::optional_ptr<duckdb::FunctionData> bind_data) {
  if (!bind_data) return duckdb::BindInfo(duckdb::ScanType::EXTERNAL);
  return duckdb::BindInfo(*bind_data->Cast<LiveBindData>().entry);
}

duckdb::unique_ptr<duckdb::NodeStatistics> Cardinality(duckdb::ClientContext&,
                                                       const duckdb::FunctionData* bind_data) {
  const auto& bind = bind_data->Cast<LiveBindData>();
  if (bind.table->estimated_rows < 0) return nullptr;
  return duckdb::make_uniq<duckdb::NodeStatistics>(
      static_cast<duckdb::idx_t>(bind.table->estimated_rows));
}

duckdb::InsertionOrderPreservingMap<std::string> ScanToString(
    duckdb::TableFunctionToStringInput& input) {
  duckdb::InsertionOrderPreservingMap<std::string> result;
  const auto& bind = input.bind_data->Cast<LiveBindData>();
  result["Source"] = bind.source->address();
  auto statement = bind.source->ExplainScan(ScanOf(bind, bind.planned_ids));
  result["Statement"] = statement.ok() ? *statement : statement.error().message;
  return result;
}

/// DuckDB merges subplans that serialize alike: the bytes say which table and what was pushed.
void SerializeScan(duckdb::Serializer& serializer,
                   const duckdb::optional_ptr<duckdb::FunctionData> bind_data,
                   const duckdb::TableFunction&) {
  const auto& bind = bind_data->Cast<LiveBindData>();
  serializer.WriteProperty(100, "identity", reinterpret_cast<uint64_t>(bind.entry));
  serializer.WriteProperty(101, "predicate", Identity(bind.predicate));
  serializer.WriteProperty(102, "limit", bind.limit.value_or(-1));
}

duckdb::unique_ptr<duckdb::FunctionData> DeserializeScan(duckdb::Deserializer&,
                                                         duckdb::TableFunction&) {
  Throw(Internal("a scan of a source cannot be read back from bytes"));
}

LiveBindData* LimitTarget(duckdb::LogicalOperator& op) {
  if (op.type == duckdb::LogicalOperatorType::LOGICAL_PROJECTION) {
    return LimitTarget(*op.children[0]);
  }
  if (op.type != duckdb::LogicalOperatorType::LOGICAL_GET) return nullptr;
  auto& get = op.Cast<duckdb::LogicalGet>();
  if (get.function.name != kFunction || !get.bind_data || !get.table_filters.filters.empty()) {
    return nullptr;
  }
  auto& bind = get.bind_data->Cast<LiveBindData>();
  return bind.filters_remain ? nullptr : &bind;
}

/// Notes the columns that each live scan is left with once unused ones are gone.
void NoteColumns(duckdb::LogicalOperator& op) {
  if (op.type == duckdb::LogicalOperatorType::LOGICAL_GET) {
    auto& get = op.Cast<duckdb::LogicalGet>();
    if (get.function.name == kFunction && get.bind_data) {
      auto& planned = get.bind_data->Cast<LiveBindData>().planned_ids;
      planned.clear();
      for (const auto& id : get.GetColumnIds()) planned.push_back(id.GetPrimaryIndex());
    }
  }
  for (auto& child : op.children) NoteColumns(*child);
}

/// The LIMIT stays in the plan as well: the pushed one only saves the source and the wire work.
void PushLimits(duckdb::LogicalOperator& op) {
  if (op.type == duckdb::LogicalOperatorType::LOGICAL_LIMIT) {
    const auto& limit = op.Cast<duckdb::LogicalLimit>();
    const bool constant_offset = limit.offset_val.Type() == duckdb::LimitNodeType::UNSET ||
                                 limit.offset_val.Type() == duckdb::LimitNodeType::CONSTANT_VALUE;
    if (limit.limit_val.Type() == duckdb::LimitNodeType::CONSTANT_VALUE && constant_offset) {
      if (LiveBindData* bind = LimitTarget(*op.children[0])) {
        const uint64_t offset = limit.offset_val.Type() == duckdb::LimitNodeType::CONSTANT_VALUE
                                    ? limit.offset_val.GetConstantValue()
                                    : 0;
        const uint64_t wanted = limit.limit_val.GetConstantValue();
        constexpr uint64_t kMost = uint64_t{1} << 62;
        if (wanted < kMost && offset < kMost) bind->limit = static_cast<int64_t>(wanted + offset);
      }
    }
  }
  for (auto& child : op.children) PushLimits(*child);
}

}  // namespace

std::unique_ptr<duckdb::CatalogEntry> MakeLiveTableEntry(duckdb::ClientContext& context,
                                                         duckdb::SchemaCatalogEntry& schema,
                                                         Source& source,
                                                         std::shared_ptr<const SourceTable> table) {
  duckdb::ArrowSchemaWrapper exported;
  duckdb::ArrowTableSchema arrow_table;
  FillArrowTable(context, *table, exported, arrow_table);
  duckdb::CreateTableInfo info(schema, table->name.name);
  const auto& types = arrow_table.GetTypes();
  for (size_t i = 0; i < table->columns.size(); ++i) {
    const auto type = IsVariant(*table, i) ? duckdb::LogicalType::VARIANT() : types[i];
    info.columns.AddColumn(duckdb::ColumnDefinition(table->columns[i].name, type));
    if (!table->columns[i].field->nullable()) {
      info.constraints.push_back(
          duckdb::make_uniq<duckdb::NotNullConstraint>(duckdb::LogicalIndex(i)));
    }
  }
  return std::make_unique<LiveTableEntry>(schema, info, source, std::move(table));
}

duckdb::TableFunction BindLiveScan(duckdb::ClientContext& context, LiveTableEntry& entry,
                                   duckdb::unique_ptr<duckdb::FunctionData>& bind_data) {
  auto bind = duckdb::make_uniq<LiveBindData>();
  bind->entry = &entry;
  bind->table = entry.source_table();
  bind->source = &entry.source();
  FillArrowTable(context, *bind->table, bind->schema, bind->arrow_table);
  bind->stored_types = bind->arrow_table.GetTypes();
  bind_data = std::move(bind);
  duckdb::TableFunction function(kFunction, {}, Scan, nullptr, InitGlobal, InitLocal);
  function.projection_pushdown = true;
  function.pushdown_complex_filter = PushFilters;
  function.get_bind_info = ScanBindInfo;
  function.cardinality = Cardinality;
  function.to_string = ScanToString;
  function.serialize = SerializeScan;
  function.deserialize = DeserializeScan;
  return function;
}

void RegisterLimitPushdown(duckdb::DBConfig& config) {
  duckdb::OptimizerExtension extension;
  extension.optimize_function = [](duckdb::OptimizerExtensionInput&,
                                   duckdb::unique_ptr<duckdb::LogicalOperator>& plan) {
    PushLimits(*plan);
    NoteColumns(*plan);
  };
  duckdb::OptimizerExtension::Register(config, std::move(extension));
}

}  // namespace tarn::duck
