#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "pipeline/transform/dag.h"
#include "project/objects.h"
#include "project/spec.h"
#include "source/source.h"
#include "sql/engine.h"

namespace tarn {

/// A project that is open: what it says, and the parts that were wired for it. Borrowed by
/// commands.
struct OpenProject {
  ProjectSpec spec;
  Catalog* catalog = nullptr;
  TableContext tables;
  SqlEngine* engine = nullptr;
  std::map<std::string, Source*> sources;  ///< by name
};

/// How the detail of a step begins that loads a table of mode cdc again.
inline constexpr char kLoadedAnew[] = "loaded anew";
/// And that of one that runs a model again as it is, for what it reads has changed.
inline constexpr char kInputsChanged[] = "its inputs have changed";

/// One line of a plan.
struct PlanStep {
  enum class Action { kAdd, kChange, kRemove };
  Action action = Action::kAdd;
  std::string kind;    ///< "source", "table", "model", "view", "schedule"
  std::string name;    ///< "postgres", "bronze.customer"
  std::string detail;  ///< "10 columns, key customer_id"
};

/// A source table that is to be loaded.
struct PlannedTable {
  std::string source;
  std::string object_name;  ///< `<source>/<schema>.<table>`
  SourceTable table;
  SourceTableObject object;  ///< as it will be remembered
  /// What a load makes of the rows that stand: they are replaced; or, of mode incremental, they
  /// stay, and new ones, or all that the source has, are added to them, by key where there is one.
  enum class Rows { kReplaced, kNewAdded, kAllMerged } rows = Rows::kReplaced;
};

/// wanted − actual. Holds all that `apply` needs to do just that and nothing else.
struct Plan {
  std::vector<PlanStep> steps;
  /// Of everything that applying the plan would do, also of what no step shows: the models' queries
  /// and settings, the sources' settings and the columns of their tables. Plans of one fingerprint
  /// do the same.
  std::string fingerprint;
  std::vector<std::string> sources_to_put;   ///< new or changed, by name
  std::vector<PlannedTable> tables_to_load;  ///< new or changed
  std::vector<PlannedTable> tables_to_tag;   ///< only tags or properties changed: no row moves
  std::vector<PlannedTable> tables_wanted;   ///< all that the sources' patterns match
  std::set<std::string> models_to_put;       ///< new or changed, "schema.name"
  std::set<std::string> models_to_rebuild;   ///< of those: incremental ones of another query
  std::set<std::string> models_to_describe;  ///< no more than what is told of them: nothing runs
  std::vector<std::string> sources_to_drop, models_to_drop;  ///< object names
  std::vector<std::string> schedules_to_put, schedules_to_drop;
  std::vector<SourceTableObject> tables_to_drop;
  bool project_is_new = false;
  /// Sources of mode cdc whose log is to be read from a new beginning: all their tables are loaded.
  std::set<std::string> captures_to_begin;
  /// Whether tables that `up` follows come or go: it must not run meanwhile.
  bool changes_capture = false;

  bool empty() const { return steps.empty(); }
  int64_t Count(PlanStep::Action action) const;
};

/// InvalidArgument when the state belongs to another project, or to a lake in another warehouse.
Status CheckStateOwner(const OpenProject& project, const AliveObjects& alive);

/// Compares what the project says with what the catalog remembers and the sources have. Reads only.
/// Also proves that every model can be run: names resolve, no cycles, one query each.
/// Errors: the sources' (unreachable, missing table); InvalidArgument for two things that want one
/// lake name, for a model's SQL, for a state that belongs to another project; NotFound for a
/// pattern of `tables:` that matches nothing.
Result<Plan> MakePlan(OpenProject& project);

/// Fingerprint of what applying `plan` would do; see Plan::fingerprint.
std::string FingerprintOf(const OpenProject& project, const Plan& plan);

/// Parses every model's inputs, and those of its checks, with the engine and links the graph.
Result<ModelGraph> BuildModelGraph(OpenProject& project);

/// The lake name of a source table.
TableName TargetOf(const SourceSpec& source, const SourceTableName& table);

/// Whether `written` in tarn.yaml is that table: parts with dots stand in double quotes.
bool IsNameOf(const std::string& written, const SourceTableName& table);

/// The plan as people know it from Terraform, with a closing line; `kind` padded, no colour.
std::string FormatPlan(const Plan& plan);
/// {"changes": […], "add": n, "change": n, "remove": n}
std::string PlanJson(const Plan& plan);

}  // namespace tarn
