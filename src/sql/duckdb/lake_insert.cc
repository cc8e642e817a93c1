#include "sql/duckdb/lake_insert.h"

#include <optional>
#include <utility>

#include "duckdb/common/type_visitor.hpp"
#include "duckdb/execution/operator/projection/physical_projection.hpp"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/lake_sort.h"
#include "sql/duckdb/lake_table.h"
#include "sql/duckdb/lake_write.h"
#include "sql/duckdb/returned_rows.h"
#include "table/dual/sort_orders.h"

namespace tarn::duck {
namespace {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;

struct InsertGlobalState final : duckdb::GlobalSinkState {
  InsertGlobalState(LakeTransaction& lake, const TableName& table, WrittenFiles::Order order)
      : files(lake, table, WrittenFiles::Lineage::kNone, order) {}
  WrittenFiles files;
  std::unique_ptr<ReturnedRows> returned;  ///< RETURNING
};

struct InsertLocalState final : duckdb::LocalSinkState {
  std::optional<RowWriter> writer;
  std::optional<ReturnedRows::Part> returned;
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
  WrittenFiles::Order order = WrittenFiles::Order::kNone;
  RowResult answer = RowResult::kCount;
  /// Of MERGE's inserts: the table.
  const LakeTableEntry* merged_into = nullptr;
  Gone gone = Gone::kNoMatter;  ///< see LakeState::RowChanges

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
    auto state =
        duckdb::make_uniq<InsertGlobalState>(LakeTransaction::Get(context, catalog_), table, order);
    if (answer == RowResult::kRows) {
      state->returned = std::make_unique<ReturnedRows>(context, types);
    }
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
    if (!local.writer) local.writer.emplace(global.files);
    local.writer->Append(context.client, chunk);
    if (global.returned) {
      if (!local.returned) local.returned.emplace(*global.returned);
      local.returned->Append(chunk);
    }
    return duckdb::SinkResultType::NEED_MORE_INPUT;
  }

  duckdb::SinkCombineResultType Combine(duckdb::ExecutionContext&,
                                        duckdb::OperatorSinkCombineInput& input) const override {
    auto& local = input.local_state.Cast<InsertLocalState>();
    if (local.writer) local.writer->Finish();
    if (local.returned) {
      input.global_state.Cast<InsertGlobalState>().returned->Take(*local.returned);
    }
    return duckdb::SinkCombineResultType::FINISHED;
  }

  duckdb::SinkFinalizeType Finalize(duckdb::Pipeline&, duckdb::Event&,
                                    duckdb::ClientContext& context,
                                    duckdb::OperatorSinkFinalizeInput& input) const override {
    auto& global = input.global_state.Cast<InsertGlobalState>();
    LakeTransaction& lake = LakeTransaction::Get(context, catalog_);
    if (merged_into == nullptr) {
      ThrowIfError(lake.state().Append(table, global.files.Take()));
      return duckdb::SinkFinalizeType::READY;
    }
    // What MERGE found missing must be missing still when it is committed.
    LakeState::RowChanges changes;
    changes.command = LakeState::RowChanges::Command::kMerge;
    changes.added = global.files.Take();
    changes.read = merged_into->lake_table().locator->read();
    changes.gone = gone;
    ThrowIfError(lake.state().ChangeRows(table, std::move(changes)));
    return duckdb::SinkFinalizeType::READY;
  }

 protected:
  duckdb::SourceResultType GetDataInternal(duckdb::ExecutionContext&, duckdb::DataChunk& chunk,
                                           duckdb::OperatorSourceInput&) const override {
    const auto& global = sink_state->Cast<InsertGlobalState>();
    if (global.returned) {
      global.returned->Next(chunk);
      return chunk.size() == 0 ? duckdb::SourceResultType::FINISHED
                               : duckdb::SourceResultType::HAVE_MORE_OUTPUT;
    }
    chunk.SetCardinality(1);
    chunk.SetValue(0, 0, duckdb::Value::BIGINT(global.files.rows()));
    return duckdb::SourceResultType::FINISHED;
  }

 private:
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

/// Intervals are stored as the text that INSERT makes of them, which is the text of SQL's cast.
duckdb::PhysicalOperator& PlanStorable(duckdb::PhysicalPlanGenerator& planner,
                                       duckdb::PhysicalOperator& plan) {
  duckdb::vector<LogicalType> types;
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> columns;
  for (const LogicalType& type : plan.types) {
    types.push_back(duckdb::TypeVisitor::VisitReplace(type, [](const LogicalType& part) {
      return part.id() == LogicalTypeId::INTERVAL ? LogicalType(LogicalType::VARCHAR) : part;
    }));
    auto column = duckdb::make_uniq<duckdb::BoundReferenceExpression>(type, columns.size());
    columns.push_back(
        duckdb::BoundCastExpression::AddDefaultCastToType(std::move(column), types.back()));
  }
  if (types == plan.types) return plan;
  auto& projection = planner.Make<duckdb::PhysicalProjection>(std::move(types), std::move(columns),
                                                              plan.estimated_cardinality);
  projection.children.push_back(plan);
  return projection;
}

/// The columns of a table that is not there yet, as far as its order is concerned.
struct SortedColumns {
  Schema schema;
  PartitionSpec spec;
  SortOrder order;
};

SortedColumns SortOfCreate(const duckdb::CreateTableInfo& info) {
  SortedColumns result;
  if (info.sort_keys.empty()) return result;
  for (const auto& column : info.columns.Logical()) {
    const auto id = static_cast<int32_t>(result.schema.fields.size()) + 1;
    const Type type = column.Type().IsNested() ? Type::Struct({}) : Type(Type::Kind::kInt);
    result.schema.fields.push_back({FieldId(id), column.Name(), type, Nullability::kOptional, ""});
  }
  result.order.fields =
      ValueOrThrow(SortFieldsOf(result.schema, ValueOrThrow(SortKeysOf(info.sort_keys))));
  for (const auto& key : info.partition_keys) {
    if (key->GetExpressionClass() != duckdb::ExpressionClass::COLUMN_REF) continue;
    const Field* field =
        result.schema.Find(key->Cast<duckdb::ColumnRefExpression>().GetColumnName());
    if (field != nullptr) result.spec.fields.push_back({field->id, 0, field->name, {}, {}});
  }
  return result;
}

}  // namespace

duckdb::PhysicalOperator& PlanLakeInsert(duckdb::PhysicalPlanGenerator& planner,
                                         LakeCatalog& catalog, duckdb::LogicalInsert& op,
                                         duckdb::optional_ptr<duckdb::PhysicalOperator> plan) {
  const std::string name = op.table.ParentSchema().name + "." + op.table.name;
  if (op.on_conflict_info.action_type != duckdb::OnConflictAction::THROW) {
    Throw(Unsupported("ON CONFLICT is not supported on tables of the lake: " + name));
  }
  auto& child = op.column_index_map.empty() ? *plan : planner.ResolveDefaultsProjection(op, *plan);
  auto& insert =
      planner.Make<LakeInsert>(op.types, op.estimated_cardinality, catalog).Cast<LakeInsert>();
  insert.table = TableName{op.table.ParentSchema().name, op.table.name};
  const LakeTable& table = op.table.Cast<LakeTableEntry>().lake_table();
  insert.answer = op.return_chunk ? RowResult::kRows : RowResult::kCount;
  if (CanSortRows(table.schema, table.sort)) {
    insert.order = WrittenFiles::Order::kOfTable;
    insert.parallel = false;
    insert.children.push_back(PlanSorted(planner, table.schema, table.spec, table.sort, child));
    return insert;
  }
  // Rows are returned in the order in which they came.
  insert.parallel = !op.return_chunk && !KeepsOrder(child);
  insert.children.push_back(child);
  return insert;
}

duckdb::PhysicalOperator& PlanLakeMergeInsert(duckdb::PhysicalPlanGenerator& planner,
                                              LakeCatalog& catalog, LakeTableEntry& table,
                                              const duckdb::vector<duckdb::LogicalType>& types,
                                              RowResult result, Gone gone) {
  auto& insert = planner.Make<LakeInsert>(types, 1, catalog).Cast<LakeInsert>();
  insert.table = TableName{table.ParentSchema().name, table.name};
  insert.merged_into = &table;
  insert.answer = result;
  insert.gone = gone;
  return insert;
}

duckdb::PhysicalOperator& PlanLakeCreateTableAs(duckdb::PhysicalPlanGenerator& planner,
                                                LakeCatalog& catalog,
                                                duckdb::LogicalCreateTable& op,
                                                duckdb::PhysicalOperator& rows) {
  auto& plan = PlanStorable(planner, rows);
  auto& insert =
      planner.Make<LakeInsert>(op.types, op.estimated_cardinality, catalog).Cast<LakeInsert>();
  insert.table = TableName{op.schema.name, op.info->Base().table};
  const SortedColumns sorted = SortOfCreate(op.info->Base());
  insert.create = std::move(op.info);
  if (!sorted.order.fields.empty()) {
    insert.order = WrittenFiles::Order::kOfTable;
    insert.parallel = false;
    insert.children.push_back(PlanSorted(planner, sorted.schema, sorted.spec, sorted.order, plan));
    return insert;
  }
  insert.parallel = !KeepsOrder(plan);
  insert.children.push_back(plan);
  return insert;
}

}  // namespace tarn::duck
