#include "sql/duckdb/returned_rows.h"

#include <utility>

#include "sql/duckdb/lake_scan.h"

namespace tarn::duck {

ReturnedRows::ReturnedRows(duckdb::ClientContext& context,
                           const duckdb::vector<duckdb::LogicalType>& types)
    : context_(context), types_(types), rows_(context, types) {}

ReturnedRows::Part::Part(const ReturnedRows& rows)
    : rows_(duckdb::make_uniq<duckdb::ColumnDataCollection>(rows.context_, rows.types_)) {
  columns_.InitializeEmpty(rows.types_);
}

void ReturnedRows::Part::Append(duckdb::DataChunk& chunk) {
  for (duckdb::idx_t i = 0; i < columns_.ColumnCount(); ++i) {
    columns_.data[i].Reference(chunk.data[i]);
  }
  columns_.SetCardinality(chunk.size());
  rows_->Append(columns_);
}

void ReturnedRows::Take(Part& part) {
  const std::lock_guard lock(mutex_);
  rows_.Combine(*part.rows_);
}

void ReturnedRows::Next(duckdb::DataChunk& chunk) {
  const std::lock_guard lock(mutex_);
  if (!scanning_) {
    rows_.InitializeScan(scan_);
    scanning_ = true;
  }
  rows_.Scan(scan_, chunk);
}

struct ChosenRows::Scan {
  Scan(duckdb::ClientContext& client, EngineState& engine,
       const std::shared_ptr<const LakeTable>& table, std::shared_ptr<const ScanPlan> files,
       std::map<uint64_t, DeletionVector> positions) {
    auto chosen = std::make_shared<std::vector<std::shared_ptr<const DeletionVector>>>();
    ScanPlan plan;
    for (auto& [index, rows] : positions) {
      plan.files.push_back(files->files.at(index));
      chosen->push_back(std::make_shared<const DeletionVector>(std::move(rows)));
    }
    const Schema& schema = table->schema;
    auto planner = std::make_shared<LakeFilePlanner>(*PlannerOf(engine, table));
    planner->plan_with_metrics = nullptr;
    planner->plan = [plan = std::move(plan)](const Predicate&) -> Result<ScanPlan> { return plan; };
    planner->only_rows = [chosen](size_t index) { return chosen->at(index); };
    planner->deleted_rows = [](const ScanFile&) -> Result<std::shared_ptr<const DeletionVector>> {
      return std::shared_ptr<const DeletionVector>();
    };
    function = BindLakeScan(client, engine, schema, std::move(planner), nullptr, bind);
    duckdb::vector<duckdb::column_t> columns;
    for (duckdb::idx_t i = 0; i < schema.fields.size(); ++i) columns.push_back(i);
    input.emplace(bind.get(), std::move(columns), no_projection, nullptr);
    global = function.init_global(client, *input);
  }

  duckdb::TableFunction function;
  duckdb::unique_ptr<duckdb::FunctionData> bind;
  const duckdb::vector<duckdb::idx_t> no_projection;
  std::optional<duckdb::TableFunctionInitInput> input;
  duckdb::unique_ptr<duckdb::GlobalTableFunctionState> global;
  duckdb::unique_ptr<duckdb::LocalTableFunctionState> local;
  bool begun = false;
};

ChosenRows::ChosenRows(duckdb::ClientContext& context, EngineState& engine,
                       std::shared_ptr<const LakeTable> table,
                       std::shared_ptr<const ScanPlan> files,
                       std::map<uint64_t, DeletionVector> positions) {
  if (positions.empty()) return;
  scan_ = std::make_unique<Scan>(context, engine, table, std::move(files), std::move(positions));
}

ChosenRows::~ChosenRows() = default;

void ChosenRows::Next(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk) {
  if (scan_ == nullptr) return;
  if (!scan_->begun) {
    scan_->local = scan_->function.init_local(context, *scan_->input, scan_->global.get());
    scan_->begun = true;
  }
  duckdb::TableFunctionInput data(scan_->bind.get(), scan_->local.get(), scan_->global.get());
  data.async_result = duckdb::AsyncResultType::IMPLICIT;
  data.results_execution_mode = duckdb::AsyncResultsExecutionMode::SYNCHRONOUS;
  scan_->function.function(context.client, data, chunk);
}

}  // namespace tarn::duck
