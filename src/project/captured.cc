#include "project/captured.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include <arrow/type.h>

#include "base/log.h"
#include "base/text.h"
#include "pipeline/history_columns.h"
#include "pipeline/ingest/stream_position.h"
#include "source/change_capture.h"
#include "table/dual/table.h"

namespace tarn {
namespace {

/// PostgreSQL cuts names longer than 63; the prefix and a random part have 15 of them.
constexpr size_t kNamePartMax = 23;
/// Other names in the folder of key indexes are not those of tables.
constexpr size_t kUuidLength = 36;

std::string IdentifierPart(const std::string& text) {
  std::string part = LowerAscii(text.substr(0, kNamePartMax));
  for (char& c : part) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) c = '_';
  }
  return part;
}

std::vector<SourceTable> TablesOf(const Plan& plan, const std::string& source) {
  std::vector<SourceTable> tables;
  for (const PlannedTable& table : plan.tables_wanted) {
    if (table.source == source) tables.push_back(table.table);
  }
  return tables;
}

/// What the table's columns are, by what is remembered of the source and by the lake's own types.
Result<SourceTable> DescribedTable(OpenProject& project, const SourceTableObject& object,
                                   const TableEntry& entry) {
  TARN_ASSIGN_OR_RETURN(const auto metadata,
                        LoadTableMetadata(project.tables, entry.metadata_location));
  TARN_ASSIGN_OR_RETURN(const auto schema, SchemaToArrow(metadata->schema()));
  SourceTable table = object.Shape();
  for (SourceColumn& column : table.columns) {
    const auto field = schema->GetFieldByName(column.name);
    if (field == nullptr) {
      return Conflict(
          "table " + entry.name.ToString() + " lacks the column " + column.name + " of its source",
          "`tarn resync " + entry.name.ToString() + "` loads it anew");
    }
    column.field = arrow::field(column.name, field->type());
  }
  return table;
}

/// A mirrored table as the project remembers it; where the log stands for it is not told here.
Result<CaptureItem> ItemOf(OpenProject& project, const SourceTableObject& object) {
  auto entry = project.catalog->LoadTable(object.target, std::nullopt);
  if (!entry.ok()) return std::move(entry).Wrap("source " + object.source).status();
  CaptureItem item;
  TARN_ASSIGN_OR_RETURN(item.table, DescribedTable(project, object, *entry));
  item.target.name = object.target;
  item.target.owner = "source:" + object.source;
  item.target.key = object.key;
  item.target.partition = object.partition;
  item.uuid = entry->uuid;
  if (object.history) item.history = HistoryTarget(object);
  return item;
}

Error NotFollowed(const SourceTableName& table) {
  return NotFound("the source table " + table.ToString() + " is not followed any more",
                  "run `tarn apply`");
}

/// What is remembered of an altered table: what else `apply` said of it meanwhile stays.
Result<std::vector<CommitOp>> RememberAltered(Catalog& catalog, const std::string& name,
                                              const SourceTable& table) {
  TARN_ASSIGN_OR_RETURN(const auto objects, catalog.ListObjects(kSourceTableObject));
  std::optional<SourceTableObject> known;
  std::string standing;
  for (const ObjectEntry& entry : objects) {
    TARN_ASSIGN_OR_RETURN(SourceTableObject object, SourceTableObject::FromJson(entry.json));
    if (object.ObjectName() != name) continue;
    known = std::move(object);
    // One that an older version wrote stands under another name.
    if (entry.name == name) standing = entry.json;
  }
  if (!known) return NotFollowed(table.name);
  known->SetShape(table);
  known->fingerprint = table.fingerprint;
  return std::vector<CommitOp>{PutObjectOp{kSourceTableObject, name, known->ToJson(), standing}};
}

}  // namespace

SourceObject WantedSource(const SourceSpec& spec, const Source& source) {
  SourceObject object;
  object.type = spec.type;
  object.address = source.address();
  object.mode = std::string(SourceModeName(spec.mode));
  object.cursor = spec.cursor;
  object.slot = spec.slot;
  object.publication = spec.publication;
  return object;
}

TableTarget HistoryTarget(const SourceTableObject& object) {
  TableTarget target;
  target.name = HistoryOf(object.target);
  target.owner = "source:" + object.source;
  target.partition = object.history_partition;
  for (const auto& [tag, value] : object.tags) target.properties[kTagPrefix + tag] = value;
  if (!object.history_iceberg.empty()) {
    target.properties[kIcebergVersionProperty] = object.history_iceberg;
  }
  return target;
}

std::string NewCaptureName(const ProjectSpec& project, const std::string& source, Random& random) {
  const std::string chance = random.Uuid().substr(0, 8);
  return "tarn_" + IdentifierPart(project.name) + "_" + IdentifierPart(source) + "_" + chance;
}

Result<LoadSnapshot> PrepareCapture(OpenProject& project, const Plan& plan,
                                    const SourceSpec& spec) {
  ChangeCapture& capture = *project.sources.at(spec.name)->capture();
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*project.catalog));
  const CaptureSpec capture_spec = alive.sources.at(spec.name).Capture();
  const std::vector<SourceTable> tables = TablesOf(plan, spec.name);
  LoadSnapshot snapshot;
  if (plan.captures_to_begin.count(spec.name) != 0) {
    snapshot.begin = [&capture, capture_spec, tables] {
      return capture.Begin(capture_spec, tables);
    };
    snapshot.ops = [name = spec.name](const SourceSnapshot& begun) {
      StreamPosition position;
      position.position = begun.position();
      return std::vector<CommitOp>{SetPositionOp{name, kStreamPosition, position.ToJson()}};
    };
    return snapshot;
  }
  const bool comes =
      std::any_of(plan.tables_to_load.begin(), plan.tables_to_load.end(),
                  [&](const PlannedTable& table) { return table.source == spec.name; });
  const bool goes =
      std::any_of(plan.tables_to_drop.begin(), plan.tables_to_drop.end(),
                  [&](const SourceTableObject& table) { return table.source == spec.name; });
  if (!comes && !goes) return snapshot;
  std::vector<SourceTableName> names;
  for (const SourceTable& table : tables) names.push_back(table.name);
  TARN_RETURN_IF_ERROR(capture.SetTables(capture_spec, names));
  snapshot.begin = [&capture, capture_spec] { return capture.Snapshot(capture_spec); };
  return snapshot;
}

Status EndCapture(OpenProject& project, const std::string& name, const SourceObject& applied) {
  if (applied.capture.empty()) return {};
  const auto source = project.sources.find(name);
  if (source == project.sources.end() || source->second->address() != applied.address ||
      source->second->capture() == nullptr) {
    Log(LogLevel::kWarning, "what reads the log of " + applied.address + " for the source " + name +
                                ", " + applied.capture +
                                ", stays there and holds its log: drop it by hand");
    return {};
  }
  return source->second->capture()->Drop(applied.Capture());
}

Result<CaptureOptions> CaptureOptionsOf(OpenProject& project, const SourceSpec& spec) {
  TARN_ASSIGN_OR_RETURN(const AliveObjects alive, LoadAliveObjects(*project.catalog));
  const auto applied = alive.sources.find(spec.name);
  const bool known = applied != alive.sources.end();
  if (!known || !applied->second.SameAs(WantedSource(spec, *project.sources.at(spec.name)))) {
    return InvalidArgument(spec.position.ToString() + ": the source " + spec.name + " was " +
                               (known ? "changed and not" : "never") + " applied",
                           "run `tarn apply`");
  }
  CaptureOptions options;
  options.source = spec.name;
  options.spec = applied->second.Capture();
  options.cadence = spec.commit;
  options.index_folder = project.spec.state + "/" + kKeyIndexFolder;
  options.touched_keys_max = project.spec.limits.capture_touched_keys_max;
  std::map<SourceTableName, std::string> objects;
  for (const auto& [name, object] : alive.tables) {
    if (object.source != spec.name) continue;
    TARN_ASSIGN_OR_RETURN(CaptureItem item, ItemOf(project, object));
    options.items.push_back(std::move(item));
    objects[{object.schema, object.table}] = name;
  }
  options.altered = [objects, catalog = project.catalog](const SourceTable& table) {
    return RememberAltered(*catalog, objects.at(table.name), table);
  };
  options.described = [objects, &project](const CaptureItem& item) -> Result<CaptureItem> {
    TARN_ASSIGN_OR_RETURN(const AliveObjects now, LoadAliveObjects(*project.catalog));
    const auto object = now.tables.find(objects.at(item.table.name));
    if (object == now.tables.end()) return NotFollowed(item.table.name);
    TARN_ASSIGN_OR_RETURN(CaptureItem is, ItemOf(project, object->second));
    is.position = item.position;
    return is;
  };
  return options;
}

void RemoveUnusedKeyIndexes(const ProjectSpec& project,
                            const std::vector<CaptureOptions>& sources) {
  std::set<std::string> used;
  for (const CaptureOptions& source : sources) {
    for (const CaptureItem& item : source.items) used.insert(item.uuid);
  }
  const std::filesystem::path folder = std::filesystem::path(project.state) / kKeyIndexFolder;
  std::error_code error;
  std::vector<std::filesystem::path> unused;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string uuid = it->path().stem().string();
    if (uuid.size() == kUuidLength && !used.contains(uuid)) unused.push_back(it->path());
  }
  for (const auto& path : unused) std::filesystem::remove_all(path, error);
}

}  // namespace tarn
