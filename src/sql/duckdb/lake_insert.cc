#include "sql/duckdb/lake_insert.h"

#include <iterator>
#include <mutex>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "columnar/conform.h"
#include "sql/duckdb/arrow_batches.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/lake_table.h"
#include "table/dual/data_writer.h"

namespace tarn::duck {
namespace {

struct InsertGlobalState final : duckdb::GlobalSinkState {
  TableName table;
  DataWriterOptions writer_options;
  std::shared_ptr<arrow::Schema> file_schema;
  ObjectStore* store = nullptr;
  std::mutex mutex;
  std::vector<DataFile> files;  ///< finished, not yet the transaction's
  int64_t rows = 0;

  ~InsertGlobalState() override {
    for (const DataFile& file : files) {
      if (auto key = store->KeyOf(file.path); key.ok()) {
        [[maybe_unused]] const Status deleted = store->Delete(*key);
      }
    }
  }
};

struct InsertLocalState final : duckdb::LocalSinkState {
  std::unique_ptr<BatchBuilder> builder;
  std::unique_ptr<DataWriter> writer;
};

class LakeInsert final : public duckdb::PhysicalOperator {
 public:
  LakeInsert(duckdb::PhysicalPlan& plan, duckdb::vector<duckdb::LogicalType> result_types,
             duckdb::idx_t estimated_rows, LakeCatalog& catalog)
      : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(result_types),
                         estimated_rows),
        catalog_(catalog) {}

  /// INSERT: the table; CREATE TABLE AS: what to create first.
  TableName table;
  duckdb::unique_ptr<duckdb::BoundCreateTableInfo> create;
  bool parallel = true;

  std::string GetName() const override { return "LAKE_WRITE"; }
  bool IsSink() const override { return true; }
  bool ParallelSink() const override { return parallel; }
  bool IsSource() const override { return true; }

  duckdb::InsertionOrderPreservingMap<std::string> ParamsToString() const override {
    duckdb::InsertionOrderPreservingMap<std::string> result;
    result["Table"] = table.ToString();
    return result;
  }

  duckdb::unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(
      duckdb::ClientContext& context) const override {
    if (create != nullptr) {
      create->schema.CreateTable(catalog_.GetCatalogTransaction(context), *create);
    }
    LakeTransaction& lake = LakeTransaction::Get(context, catalog_);
    auto state = duckdb::make_uniq<InsertGlobalState>();
    state->table = table;
    state->writer_options = ValueOrThrow(lake.state().WriterOptions(table));
    state->file_schema = ValueOrThrow(SchemaToArrow(state->writer_options.schema));
    state->store = lake.engine().options.tables.store;
    return state;
  }

  duckdb::unique_ptr<duckdb::LocalSinkState> GetLocalSinkState(
      duckdb::ExecutionContext&) const override {
    return duckdb::make_uniq<InsertLocalState>();
  }

  duckdb::SinkResultType Sink(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk,
                              duckdb::OperatorSinkInput& input) const override {
    auto& global = input.global_state.Cast<InsertGlobalState>();
    auto& local = input.local_state.Cast<InsertLocalState>();
    if (chunk.size() == 0) return duckdb::SinkResultType::NEED_MORE_INPUT;
    const EngineState& engine = LakeTransaction::Get(context.client, catalog_).engine();
    if (local.builder == nullptr) {
      duckdb::vector<std::string> names;
      for (const Field& field : global.writer_options.schema.fields) names.push_back(field.name);
      local.builder = ValueOrThrow(
          BatchBuilder::Make(context.client, chunk.GetTypes(), names, engine.options.limits));
    }
    local.builder->Append(chunk);
    if (local.builder->full()) Flush(engine, global, local);
    return duckdb::SinkResultType::NEED_MORE_INPUT;
  }

  duckdb::SinkCombineResultType Combine(duckdb::ExecutionContext& context,
                                        duckdb::OperatorSinkCombineInput& input) const override {
    auto& global = input.global_state.Cast<InsertGlobalState>();
    auto& local = input.local_state.Cast<InsertLocalState>();
    if (local.builder == nullptr) return duckdb::SinkCombineResultType::FINISHED;
    const EngineState& engine = LakeTransaction::Get(context.client, catalog_).engine();
    if (local.builder->rows() > 0) Flush(engine, global, local);
    std::vector<DataFile> files = ValueOrThrow(local.writer->Finish());
    const int64_t rows = local.writer->rows_written();
    const std::lock_guard guard(global.mutex);
    global.rows += rows;
    std::move(files.begin(), files.end(), std::back_inserter(global.files));
    return duckdb::SinkCombineResultType::FINISHED;
  }

  duckdb::SinkFinalizeType Finalize(duckdb::Pipeline&, duckdb::Event&,
                                    duckdb::ClientContext& context,
                                    duckdb::OperatorSinkFinalizeInput& input) const override {
    auto& global = input.global_state.Cast<InsertGlobalState>();
    LakeTransaction& lake = LakeTransaction::Get(context, catalog_);
    ThrowIfError(lake.state().Append(global.table, global.files));
    global.files.clear();
    return duckdb::SinkFinalizeType::READY;
  }

 protected:
  duckdb::SourceResultType GetDataInternal(duckdb::ExecutionContext&, duckdb::DataChunk& chunk,
                                           duckdb::OperatorSourceInput&) const override {
    chunk.SetCardinality(1);
    chunk.SetValue(0, 0, duckdb::Value::BIGINT(sink_state->Cast<InsertGlobalState>().rows));
    return duckdb::SourceResultType::FINISHED;
  }

 private:
  static void Flush(const EngineState& engine, const InsertGlobalState& global,
                    InsertLocalState& local) {
    const std::shared_ptr<arrow::RecordBatch> batch = ValueOrThrow(local.builder->Finish());
    if (local.writer == nullptr) {
      local.writer = ValueOrThrow(DataWriter::Open(engine.options.tables, global.writer_options));
    }
    const auto conformed = ValueOrThrow(Conform(batch, global.file_schema));
    ThrowIfError(local.writer->Write(*conformed));
  }

  LakeCatalog& catalog_;
};

/// Rows that come sorted are written by one thread, so that files follow the order.
bool KeepsOrder(const duckdb::PhysicalOperator& plan) {
  if (plan.type == duckdb::PhysicalOperatorType::ORDER_BY ||
      plan.type == duckdb::PhysicalOperatorType::TOP_N) {
    return true;
  }
  for (const auto& child : plan.children) {
    if (KeepsOrder(child.get())) return true;
  }
  return false;
}

}  // namespace

duckdb::PhysicalOperator& PlanLakeInsert(duckdb::PhysicalPlanGenerator& planner,
                                         LakeCatalog& catalog, duckdb::LogicalInsert& op,
                                         duckdb::optional_ptr<duckdb::PhysicalOperator> plan) {
  const std::string name = op.table.ParentSchema().name + "." + op.table.name;
  if (op.return_chunk) {
    Throw(Unsupported("INSERT … RETURNING is not supported on tables of the lake: " + name,
                      "select the rows after the INSERT"));
  }
  if (op.on_conflict_info.action_type != duckdb::OnConflictAction::THROW) {
    Throw(Unsupported("ON CONFLICT is not supported on tables of the lake: " + name));
  }
  auto& child = op.column_index_map.empty() ? *plan : planner.ResolveDefaultsProjection(op, *plan);
  auto& insert =
      planner.Make<LakeInsert>(op.types, op.estimated_cardinality, catalog).Cast<LakeInsert>();
  insert.table = TableName{op.table.ParentSchema().name, op.table.name};
  insert.parallel = !KeepsOrder(child);
  insert.children.push_back(child);
  return insert;
}

duckdb::PhysicalOperator& PlanLakeCreateTableAs(duckdb::PhysicalPlanGenerator& planner,
                                                LakeCatalog& catalog,
                                                duckdb::LogicalCreateTable& op,
                                                duckdb::PhysicalOperator& plan) {
  auto& insert =
      planner.Make<LakeInsert>(op.types, op.estimated_cardinality, catalog).Cast<LakeInsert>();
  insert.table = TableName{op.schema.name, op.info->Base().table};
  insert.create = std::move(op.info);
  insert.parallel = !KeepsOrder(plan);
  insert.children.push_back(plan);
  return insert;
}

}  // namespace tarn::duck
