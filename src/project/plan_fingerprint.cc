#include <arrow/type.h>

#include "base/hash.h"
#include "base/text.h"
#include "project/plan.h"

namespace tarn {
namespace {

/// Texts one after the other, each with its length before it: no two lists give the same bytes.
class Bytes {
 public:
  void Add(const std::string& text) { bytes_ += std::to_string(text.size()) + ":" + text; }
  template <typename List>
  void AddAll(const List& texts) {
    Add(std::to_string(texts.size()));
    for (const std::string& text : texts) Add(text);
  }
  void AddTable(const PlannedTable& planned) {
    Add(planned.object_name);
    Add(planned.object.ToJson());
    Add(planned.table.fingerprint);
    Add(std::to_string(static_cast<int>(planned.rows)));
    for (const SourceColumn& column : planned.table.columns) {
      Add(column.name);
      Add(column.native_type);
      Add(column.field->type()->ToString());
    }
  }
  void AddModel(const Model& model) {
    Add(model.name.ToString());
    Add(model.path);
    Add(model.fingerprint);
    Add(model.query_fingerprint);
    Add(model.description);
    Add(std::string(TriggerName(model.trigger)));
    Add(model.iceberg);
    for (const auto& [tag, value] : model.tags) {
      Add(tag);
      Add(value);
    }
  }
  std::string Hash() const { return HexHash(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace

std::string FingerprintOf(const OpenProject& project, const Plan& plan) {
  Bytes bytes;
  bytes.Add(FormatPlan(plan));
  bytes.Add(project.spec.catalog);
  bytes.Add(project.tables.store->root_uri());
  for (const SourceSpec& source : project.spec.sources) {
    bytes.Add(source.name);
    bytes.Add(source.type);
    bytes.Add(source.url);
    bytes.Add(std::string(SourceModeName(source.mode)));
    bytes.Add(source.cursor);
    bytes.Add(source.slot);
    bytes.Add(source.publication);
  }
  for (const std::string& name : plan.captures_to_begin) bytes.Add(name);
  bytes.Add("schedules");
  for (const ScheduleSpec& schedule : project.spec.schedules) {
    bytes.Add(schedule.name);
    bytes.Add(schedule.cron_text);
    bytes.Add(schedule.time_zone);
    bytes.AddAll(schedule.run);
  }
  bytes.Add("wanted");
  for (const PlannedTable& table : plan.tables_wanted) bytes.AddTable(table);
  bytes.Add("load");
  for (const PlannedTable& table : plan.tables_to_load) bytes.AddTable(table);
  bytes.Add("tag");
  for (const PlannedTable& table : plan.tables_to_tag) bytes.AddTable(table);
  bytes.Add("models");
  for (const Model& model : project.spec.models) bytes.AddModel(model);
  bytes.AddAll(plan.sources_to_put);
  bytes.AddAll(plan.models_to_put);
  bytes.AddAll(plan.models_to_rebuild);
  bytes.AddAll(plan.models_to_describe);
  bytes.AddAll(plan.sources_to_drop);
  bytes.AddAll(plan.models_to_drop);
  bytes.AddAll(plan.schedules_to_put);
  bytes.AddAll(plan.schedules_to_drop);
  bytes.Add("drop");
  for (const SourceTableObject& table : plan.tables_to_drop) bytes.Add(table.stored_as);
  return bytes.Hash();
}

}  // namespace tarn
