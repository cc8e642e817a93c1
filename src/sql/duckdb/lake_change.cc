#include "sql/duckdb/lake_change.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/execution/operator/persistent/physical_merge_into.hpp"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/lake_insert.h"
#include "sql/duckdb/lake_table.h"
#include "sql/duckdb/lake_write.h"
#include "sql/duckdb/returned_rows.h"

namespace tarn::duck {
namespace {

using Command = LakeState::RowChanges::Command;
using Expressions = duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>;

/// The rows that a statement has changed so far, by the index of their file in the scan.
struct ChangedRows {
  std::mutex mutex;
  std::map<uint64_t, DeletionVector> by_file;
};

/// The actions of one MERGE look at the same rows; other statements have one action.
class ChangedRowsGroup {
 public:
  /// The rows of the execution that is under way.
  std::shared_ptr<ChangedRows> Current() {
    const std::lock_guard lock(mutex_);
    auto rows = current_.lock();
    if (rows == nullptr) current_ = rows = std::make_shared<ChangedRows>();
    return rows;
  }

 private:
  std::mutex mutex_;
  std::weak_ptr<ChangedRows> current_;
};

struct ChangeGlobalState final : duckdb::GlobalSinkState {
  std::shared_ptr<ChangedRows> changed;
  std::unique_ptr<WrittenFiles> files;  ///< of UPDATE
  std::mutex mutex;
  int64_t rows = 0;
  /// \name RETURNING: the rows of UPDATE, the places of those of DELETE by the index of their file.
  /// @{
  std::unique_ptr<ReturnedRows> returned;
  std::map<uint64_t, DeletionVector> deleted;
  /// @}
};

struct ChangeLocalState final : duckdb::LocalSinkState {
  std::optional<RowWriter> writer;
  std::optional<duckdb::ExpressionExecutor> executor;
  duckdb::DataChunk updated;
  std::optional<ReturnedRows::Part> returned;
  int64_t rows = 0;
};

struct ChangeSourceState final : duckdb::GlobalSourceState {
  std::unique_ptr<ChosenRows> deleted;
};

class LakeRowChange final : public duckdb::PhysicalOperator {
 public:
  LakeRowChange(duckdb::PhysicalPlan& plan, duckdb::vector<duckdb::LogicalType> result_types,
                duckdb::idx_t estimated_rows, LakeCatalog& catalog,
                duckdb::TableCatalogEntry& table)
      : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(result_types),
                         estimated_rows),
        catalog_(catalog),
        table_(table.Cast<LakeTableEntry>()),
        name_{table.ParentSchema().name, table.name} {}

  Command command = Command::kDelete;
  /// Where the row's file and its position there stand in the input: a column that the condition
  /// reads too stands where that put it.
  duckdb::idx_t file_at = 0;
  duckdb::idx_t position_at = 0;
  /// UPDATE: the table's columns in their order, made of the input, and the row id behind them.
  Expressions updated;
  bool keeps_row_ids = false;
  /// RETURNING: the result is the rows, not their number.
  bool returns_rows = false;
  std::shared_ptr<ChangedRowsGroup> group = std::make_shared<ChangedRowsGroup>();

  std::string GetName() const override { return updated.empty() ? "LAKE_DELETE" : "LAKE_UPDATE"; }
  bool IsSink() const override { return true; }
  bool ParallelSink() const override { return true; }
  bool IsSource() const override { return true; }

  duckdb::InsertionOrderPreservingMap<std::string> ParamsToString() const override {
    duckdb::InsertionOrderPreservingMap<std::string> result;
    result["Table"] = name_.ToString();
    return result;
  }

  duckdb::unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(
      duckdb::ClientContext& context) const override {
    auto state = duckdb::make_uniq<ChangeGlobalState>();
    state->changed = group->Current();
    LakeTransaction& lake = LakeTransaction::Get(context, catalog_);
    // Asks whether the table may be written at all, before any work is done.
    state->files = std::make_unique<WrittenFiles>(
        lake, name_, keeps_row_ids ? WrittenFiles::Lineage::kRowIds : WrittenFiles::Lineage::kNone);
    if (returns_rows && !updated.empty()) {
      state->returned = std::make_unique<ReturnedRows>(context, types);
    }
    return state;
  }

  duckdb::unique_ptr<duckdb::LocalSinkState> GetLocalSinkState(
      duckdb::ExecutionContext& context) const override {
    auto state = duckdb::make_uniq<ChangeLocalState>();
    if (updated.empty()) return state;
    state->executor.emplace(context.client, updated);
    duckdb::vector<duckdb::LogicalType> column_types;
    for (const auto& expression : updated) column_types.push_back(expression->return_type);
    state->updated.Initialize(context.client, column_types);
    return state;
  }

  duckdb::SinkResultType Sink(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk,
                              duckdb::OperatorSinkInput& input) const override {
    auto& global = input.global_state.Cast<ChangeGlobalState>();
    auto& local = input.local_state.Cast<ChangeLocalState>();
    duckdb::SelectionVector fresh(STANDARD_VECTOR_SIZE);
    auto* deleted = returns_rows && updated.empty() ? &global.deleted : nullptr;
    const duckdb::idx_t count = Mark(chunk, *global.changed, deleted, fresh);
    local.rows += static_cast<int64_t>(count);
    if (count == 0 || updated.empty()) return duckdb::SinkResultType::NEED_MORE_INPUT;
    if (count < chunk.size()) chunk.Slice(fresh, count);
    local.updated.Reset();
    local.executor->Execute(chunk, local.updated);
    // MERGE keeps the global state to itself until here.
    if (!local.writer) local.writer.emplace(*global.files);
    local.writer->Append(context.client, local.updated);
    if (global.returned) {
      if (!local.returned) local.returned.emplace(*global.returned);
      local.returned->Append(local.updated);
    }
    return duckdb::SinkResultType::NEED_MORE_INPUT;
  }

  duckdb::SinkCombineResultType Combine(duckdb::ExecutionContext&,
                                        duckdb::OperatorSinkCombineInput& input) const override {
    auto& global = input.global_state.Cast<ChangeGlobalState>();
    auto& local = input.local_state.Cast<ChangeLocalState>();
    if (local.writer) local.writer->Finish();
    if (local.returned) global.returned->Take(*local.returned);
    const std::lock_guard guard(global.mutex);
    global.rows += local.rows;
    return duckdb::SinkCombineResultType::FINISHED;
  }

  duckdb::SinkFinalizeType Finalize(duckdb::Pipeline&, duckdb::Event&,
                                    duckdb::ClientContext& context,
                                    duckdb::OperatorSinkFinalizeInput& input) const override {
    auto& global = input.global_state.Cast<ChangeGlobalState>();
    LakeState::RowChanges changes;
    changes.command = command;
    changes.added = global.files->Take();
    if (keeps_row_ids) changes.row_ids = LakeState::RowChanges::RowIds::kStored;
    const RowLocator& locator = *table_.lake_table().locator;
    changes.read = locator.read();
    // The first action of a MERGE that ends takes the rows of all of them: their sinks are done.
    for (auto& [index, positions] : std::exchange(global.changed->by_file, {})) {
      changes.deleted.push_back({locator.plan()->files.at(index), std::move(positions)});
    }
    LakeTransaction& lake = LakeTransaction::Get(context, catalog_);
    ThrowIfError(lake.state().ChangeRows(name_, std::move(changes)));
    return duckdb::SinkFinalizeType::READY;
  }

  duckdb::unique_ptr<duckdb::GlobalSourceState> GetGlobalSourceState(
      duckdb::ClientContext& context) const override {
    auto state = duckdb::make_uniq<ChangeSourceState>();
    if (!returns_rows || !updated.empty()) return state;
    // What was deleted stands in its files still: it is read from there.
    const LakeTable& table = table_.lake_table();
    state->deleted = std::make_unique<ChosenRows>(
        context, table_.engine(), table_.shared_table(), table.locator->plan(),
        std::exchange(sink_state->Cast<ChangeGlobalState>().deleted, {}));
    return state;
  }

 protected:
  duckdb::SourceResultType GetDataInternal(duckdb::ExecutionContext& context,
                                           duckdb::DataChunk& chunk,
                                           duckdb::OperatorSourceInput& input) const override {
    auto& global = sink_state->Cast<ChangeGlobalState>();
    if (!returns_rows) {
      chunk.SetCardinality(1);
      chunk.SetValue(0, 0, duckdb::Value::BIGINT(global.rows));
      return duckdb::SourceResultType::FINISHED;
    }
    if (global.returned) {
      global.returned->Next(chunk);
    } else {
      input.global_state.Cast<ChangeSourceState>().deleted->Next(context, chunk);
    }
    return chunk.size() == 0 ? duckdb::SourceResultType::FINISHED
                             : duckdb::SourceResultType::HAVE_MORE_OUTPUT;
  }

 private:
  /// Notes the rows of a chunk; `fresh` are those that the statement has not changed before (a
  /// join may find a row several times: the first one counts). They go to `own` too, if given.
  duckdb::idx_t Mark(duckdb::DataChunk& chunk, ChangedRows& changed,
                     std::map<uint64_t, DeletionVector>* own,
                     duckdb::SelectionVector& fresh) const {
    duckdb::UnifiedVectorFormat files, positions;
    chunk.data[file_at].ToUnifiedFormat(chunk.size(), files);
    chunk.data[position_at].ToUnifiedFormat(chunk.size(), positions);
    const auto* file_of = duckdb::UnifiedVectorFormat::GetData<uint64_t>(files);
    const auto* position_of = duckdb::UnifiedVectorFormat::GetData<int64_t>(positions);
    duckdb::idx_t count = 0;
    const std::lock_guard guard(changed.mutex);
    DeletionVector* vector = nullptr;
    uint64_t file = 0;
    for (duckdb::idx_t i = 0; i < chunk.size(); ++i) {
      const uint64_t next = file_of[files.sel->get_index(i)];
      if (vector == nullptr || next != file) {
        file = next;
        vector = &changed.by_file[file];
      }
      const int64_t position = position_of[positions.sel->get_index(i)];
      if (vector->Contains(position)) {
        if (command != Command::kMerge) continue;
        Throw(InvalidArgument("MERGE would change a row of " + name_.ToString() + " twice",
                              "two rows of the source match it: make the source's rows unique"));
      }
      vector->Add(position);
      if (own != nullptr) (*own)[file].Add(position);
      fresh.set_index(count++, i);
    }
    return count;
  }

  LakeCatalog& catalog_;
  const LakeTableEntry& table_;
  const TableName name_;
};

duckdb::idx_t ReferenceIndex(const duckdb::Expression& expression) {
  return expression.Cast<duckdb::BoundReferenceExpression>().index;
}

/// The table's columns in their order, as UPDATE makes them of its input.
Expressions UpdatedColumns(const duckdb::vector<duckdb::PhysicalIndex>& columns,
                           const Expressions& expressions, const Expressions& defaults,
                           duckdb::TableCatalogEntry& table) {
  Expressions result(table.GetColumns().PhysicalColumnCount());
  for (duckdb::idx_t i = 0; i < columns.size(); ++i) {
    const duckdb::idx_t column = columns[i].index;
    const bool use_default =
        expressions[i]->GetExpressionType() == duckdb::ExpressionType::VALUE_DEFAULT;
    result[column] = (use_default ? defaults.at(column) : expressions[i])->Copy();
  }
  for (const auto& expression : result) {
    if (expression == nullptr) Throw(Internal("a column of an updated row has no value"));
  }
  return result;
}

/// For input in which the row id's columns stand together, see GetRowIdColumns().
void SetPlace(LakeRowChange& change, duckdb::idx_t start) {
  change.file_at = start;
  change.position_at = start + 1;
}

/// Makes an operator one of UPDATE, of whose input the row id's columns stand at `start`.
void SetUpdate(LakeRowChange& change, duckdb::idx_t start, Expressions columns,
               const duckdb::TableCatalogEntry& table) {
  change.updated = std::move(columns);
  change.keeps_row_ids = HasLineage(table.Cast<LakeTableEntry>().lake_table());
  if (!change.keeps_row_ids) return;
  constexpr duckdb::idx_t kPlaceOfRowId = 2;  // see GetRowIdColumns()
  change.updated.push_back(duckdb::make_uniq<duckdb::BoundReferenceExpression>(
      duckdb::LogicalType::BIGINT, start + kPlaceOfRowId));
}

/// MERGE inserts nothing for a row of its source that matches one of the table. That one may go
/// meanwhile only where a MERGE changes every row that matches, which is seen by itself.
Gone MatchedRowsThatGo(const duckdb::LogicalMergeInto& op) {
  using duckdb::MergeActionType;
  const auto matched = op.actions.find(duckdb::MergeActionCondition::WHEN_MATCHED);
  if (matched == op.actions.end()) return Gone::kConflict;
  for (const auto& action : matched->second) {
    const bool changes = action->action_type == MergeActionType::MERGE_UPDATE ||
                         action->action_type == MergeActionType::MERGE_DELETE;
    if (!changes && action->action_type != MergeActionType::MERGE_ERROR) return Gone::kConflict;
    if (action->condition == nullptr) return Gone::kNoMatter;
  }
  return Gone::kConflict;
}

}  // namespace

duckdb::PhysicalOperator& PlanLakeDelete(duckdb::PhysicalPlanGenerator& planner,
                                         LakeCatalog& catalog, duckdb::LogicalDelete& op,
                                         duckdb::PhysicalOperator& plan) {
  auto& change = planner.Make<LakeRowChange>(op.types, op.estimated_cardinality, catalog, op.table)
                     .Cast<LakeRowChange>();
  change.returns_rows = op.return_chunk;
  change.file_at = ReferenceIndex(*op.expressions.at(0));
  change.position_at = ReferenceIndex(*op.expressions.at(1));
  change.children.push_back(plan);
  return change;
}

duckdb::PhysicalOperator& PlanLakeUpdate(duckdb::PhysicalPlanGenerator& planner,
                                         LakeCatalog& catalog, duckdb::LogicalUpdate& op,
                                         duckdb::PhysicalOperator& plan) {
  auto& change = planner.Make<LakeRowChange>(op.types, op.estimated_cardinality, catalog, op.table)
                     .Cast<LakeRowChange>();
  change.command = Command::kUpdate;
  change.returns_rows = op.return_chunk;
  const duckdb::idx_t start = plan.types.size() - op.table.GetRowIdColumns().size();
  SetPlace(change, start);
  SetUpdate(change, start, UpdatedColumns(op.columns, op.expressions, op.bound_defaults, op.table),
            op.table);
  change.children.push_back(plan);
  return change;
}

duckdb::PhysicalOperator& PlanLakeMerge(duckdb::PhysicalPlanGenerator& planner,
                                        LakeCatalog& catalog, duckdb::LogicalMergeInto& op,
                                        duckdb::PhysicalOperator& plan) {
  using duckdb::MergeActionType;
  auto& table = op.table.Cast<LakeTableEntry>();
  // What an action gives: the table's columns, to which PhysicalMergeInto adds merge_action.
  duckdb::vector<duckdb::LogicalType> action_types{duckdb::LogicalType::BIGINT};
  if (op.return_chunk) {
    action_types = op.types;
    action_types.pop_back();
  }
  const Gone gone = MatchedRowsThatGo(op);
  const auto group = std::make_shared<ChangedRowsGroup>();
  const auto change_rows = [&]() -> LakeRowChange& {
    auto& change =
        planner.Make<LakeRowChange>(action_types, 1, catalog, op.table).Cast<LakeRowChange>();
    change.command = Command::kMerge;
    change.returns_rows = op.return_chunk;
    SetPlace(change, op.row_id_start);
    change.group = group;
    return change;
  };
  duckdb::map<duckdb::MergeActionCondition,
              duckdb::vector<duckdb::unique_ptr<duckdb::MergeIntoOperator>>>
      actions;
  for (auto& [condition, bound_actions] : op.actions) {
    for (auto& action : bound_actions) {
      auto planned = duckdb::make_uniq<duckdb::MergeIntoOperator>();
      planned->action_type = action->action_type;
      planned->condition = std::move(action->condition);
      switch (action->action_type) {
        case MergeActionType::MERGE_UPDATE: {
          LakeRowChange& change = change_rows();
          SetUpdate(
              change, op.row_id_start,
              UpdatedColumns(action->columns, action->expressions, op.bound_defaults, op.table),
              op.table);
          planned->op = change;
          break;
        }
        case MergeActionType::MERGE_DELETE:
          planned->op = change_rows();
          break;
        case MergeActionType::MERGE_INSERT: {
          Expressions columns;
          for (const auto& column : table.GetColumns().Physical()) {
            const auto place = action->column_index_map.empty()
                                   ? column.StorageOid()
                                   : action->column_index_map[column.Physical()];
            columns.push_back(place == duckdb::DConstants::INVALID_INDEX
                                  ? op.bound_defaults[column.StorageOid()]->Copy()
                                  : std::move(action->expressions.at(place)));
          }
          planned->expressions = std::move(columns);
          planned->op =
              PlanLakeMergeInsert(planner, catalog, table, action_types,
                                  op.return_chunk ? RowResult::kRows : RowResult::kCount, gone);
          break;
        }
        default:
          planned->expressions = std::move(action->expressions);
      }
      actions[condition].push_back(std::move(planned));
    }
  }
  auto& merge = planner.Make<duckdb::PhysicalMergeInto>(op.types, std::move(actions),
                                                        op.row_id_start, op.source_marker,
                                                        /*parallel=*/true, op.return_chunk);
  merge.children.push_back(plan);
  return merge;
}

}  // namespace tarn::duck
