#include "project/triggers.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "pipeline/transform/materialize.h"
#include "table/dual/table.h"

namespace tarn {
namespace {

constexpr char kRewritten[] = "replace";  ///< Iceberg's operation of a snapshot with the same rows
/// Views that read views: no more than a person would build.
constexpr int kViewDepthMax = 32;

/// What has changed in the lake since a model read it.
class Changes {
 public:
  explicit Changes(OpenProject& project) : project_(project), catalog_(*project.catalog) {}

  Status ReadPositions() {
    TARN_ASSIGN_OR_RETURN(const auto positions, catalog_.ListPositions());
    for (const PositionEntry& entry : positions) positions_[entry.source] = entry.position;
    return {};
  }

  /// Up to where the model has read; none when it never ran, or ran before that was kept.
  Result<std::optional<Sequence>> ReadBy(const Model& model) const {
    const auto found = positions_.find(ModelPositionSource(model.name.ToString()));
    if (found == positions_.end()) return std::optional<Sequence>();
    TARN_ASSIGN_OR_RETURN(const Sequence sequence, ModelPositionFrom(found->second));
    return std::optional<Sequence>(sequence);
  }

  Result<bool> Since(const TableName& input, Sequence read, int depth = 0) {
    if (input.schema == "system" || depth > kViewDepthMax) return false;
    auto table = catalog_.LoadTable(input, std::nullopt);
    if (table.ok()) return RowsChanged(*table, read);
    if (table.error().kind != ErrorKind::kNotFound) return table.status();
    auto view = catalog_.LoadView(input, std::nullopt);
    if (!view.ok()) {
      // What is not there can make nothing due; the run would say what is missing.
      if (view.error().kind == ErrorKind::kNotFound) return false;
      return view.status();
    }
    if (view->sequence > read) return true;
    TARN_ASSIGN_OR_RETURN(const auto inputs, project_.engine->InputsOf(view->sql));
    for (const TableName& below : inputs) {
      TARN_ASSIGN_OR_RETURN(const bool changed, Since(below, read, depth + 1));
      if (changed) return true;
    }
    return false;
  }

 private:
  Result<bool> RowsChanged(const TableEntry& now, Sequence read) {
    if (now.sequence <= read) return false;
    auto then = catalog_.LoadTableByUuid(now.uuid, read);
    if (!then.ok() && then.error().kind == ErrorKind::kNotFound) return true;
    if (!then.ok()) return then.status();
    TARN_ASSIGN_OR_RETURN(const auto metadata,
                          LoadTableMetadata(project_.tables, now.metadata_location));
    auto before = LoadTableMetadata(project_.tables, then->metadata_location);
    // Upkeep has removed it: nobody knows what it held.
    if (!before.ok() && before.error().kind == ErrorKind::kNotFound) return true;
    if (!before.ok()) return before.status();
    return SnapshotsChanged(*metadata, **before);
  }

  /// Whether anything but rewriting lies between two states of a table.
  static bool SnapshotsChanged(const TableMetadata& now, const TableMetadata& before) {
    if (now.current_schema != before.current_schema) return true;
    const Snapshot* snapshot = now.current();
    const Snapshot* last = before.current();
    while (snapshot != nullptr) {
      if (last != nullptr && snapshot->id == last->id) return false;
      const auto operation = snapshot->summary.find("operation");
      if (operation == snapshot->summary.end() || operation->second != kRewritten) return true;
      snapshot = snapshot->parent.has_value() ? now.FindSnapshot(*snapshot->parent) : nullptr;
      // A parent that expired: what it did is not told any more.
      if (snapshot == nullptr) return true;
    }
    return last != nullptr;
  }

  OpenProject& project_;
  Catalog& catalog_;
  std::map<std::string, std::string> positions_;
};

}  // namespace

Result<std::set<std::string>> TriggeredModels(OpenProject& project, const ModelGraph& graph,
                                              const std::map<std::string, Sequence>& attempted) {
  Changes changes(project);
  TARN_RETURN_IF_ERROR(changes.ReadPositions());
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*project.catalog));
  const auto watched = [&](const Model& model) {
    const auto applied = alive.models.find(model.name.ToString());
    return model.trigger == Trigger::kOnChange && applied != alive.models.end() &&
           applied->second.fingerprint == model.fingerprint &&
           applied->second.trigger == TriggerName(model.trigger);
  };
  std::set<size_t> due;
  for (const size_t index : graph.order()) {
    const Model& model = graph.models()[index];
    if (!watched(model)) continue;
    TARN_ASSIGN_OR_RETURN(std::optional<Sequence> read, changes.ReadBy(model));
    const auto in_vain = attempted.find(model.name.ToString());
    if (in_vain != attempted.end()) {
      read = std::max(read.value_or(Sequence(0)), in_vain->second);
    }
    bool changed = !read.has_value();
    for (const auto* inputs : {&model.inputs, &model.check_inputs}) {
      for (size_t i = 0; !changed && i < inputs->size(); ++i) {
        TARN_ASSIGN_OR_RETURN(changed, changes.Since((*inputs)[i], *read));
      }
    }
    if (changed) due.insert(index);
  }
  std::set<std::string> names;
  for (const size_t index : graph.Downstream(due)) {
    const Model& model = graph.models()[index];
    if (watched(model)) names.insert(model.name.ToString());
  }
  return names;
}

}  // namespace tarn
