#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/progress.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "pipeline/context.h"
#include "project/plan.h"
#include "project/spec.h"
#include "source/source.h"
#include "sql/engine.h"
#include "storage/object_store.h"
#include "table/dual/table_cache.h"

namespace tarn {

/// A project with everything that it needs, wired: the only place that names concrete classes.
/// Ownership: owns store, catalog, sources and engine; `open` and `pipeline` borrow from it.
struct Wired {
  std::unique_ptr<ObjectStore> store;
  std::unique_ptr<TableCache> table_cache;  ///< of the store's immutable metadata
  std::unique_ptr<Catalog> catalog;
  std::map<std::string, std::unique_ptr<Source>> sources;
  std::unique_ptr<SqlEngine> engine;
  OpenProject open;
  PipelineContext pipeline;
  bool state_exists = false;  ///< false: the catalog is an empty one in memory
};

enum class StateUse {
  kCreate,   ///< a missing state is made: apply
  kRead,     ///< a missing state is an empty one in memory, nothing is made: plan
  kRequire,  ///< a missing state is NotFound, "run tarn apply": sql, run, show
};

struct WireOptions {
  std::string project;      ///< --project; empty: found from the current folder
  std::string environment;  ///< --env
  StateUse state = StateUse::kRequire;
  Progress* progress = nullptr;
  const CancelFlag* cancel = nullptr;
  /// Ends what waits for storage or for the catalog's lock, while opening and later; what is under
  /// way then fails. May be null; outlives what was opened.
  const CancelFlag* stop = nullptr;
};

/// Opens a project. What a process that died left in the outbox is published.
Result<std::unique_ptr<Wired>> WireProject(const WireOptions& options);

/// Whether the state's catalog stands on disk.
bool StateExists(const ProjectSpec& spec);

/// Removes the state's files (after a destroy that left nothing), with the project's lock held.
Status RemoveState(const ProjectSpec& spec);

}  // namespace tarn
