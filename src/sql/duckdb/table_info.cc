#include "sql/duckdb/table_info.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "base/text.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/lake_catalog.h"
#include "sql/duckdb/points.h"
#include "table/dual/changes.h"
#include "table/dual/manifest_io.h"
#include "table/model/partition.h"

namespace tarn::duck {
namespace {

constexpr std::array<const char*, 6> kKinds = {"snapshots", "history",    "refs",
                                               "files",     "partitions", "manifests"};
constexpr int64_t kMicrosPerMilli = 1000;

std::optional<int64_t> Number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Value Optional(const std::optional<SnapshotId>& id) {
  return id ? Value::BIGINT(id->value()) : Value(LogicalType::BIGINT);
}

Value Texts(const std::map<std::string, std::string>& entries) {
  duckdb::vector<Value> keys, values;
  for (const auto& [key, value] : entries) {
    keys.emplace_back(key);
    values.emplace_back(value);
  }
  return Value::MAP(LogicalType::VARCHAR, LogicalType::VARCHAR, std::move(keys), std::move(values));
}

LogicalType TextsType() { return LogicalType::MAP(LogicalType::VARCHAR, LogicalType::VARCHAR); }

/// A table and the snapshot of it that is asked about.
struct Subject {
  std::shared_ptr<const LakeTable> table;
  const Snapshot* snapshot = nullptr;  ///< nullptr for a table without rows ever

  const TableMetadata& metadata() const { return *table->metadata; }
};

Subject SubjectOf(std::shared_ptr<const LakeTable> table) {
  Subject subject;
  subject.table = std::move(table);
  if (subject.table->metadata == nullptr) {
    Throw(NotFound("table " + subject.table->entry.name.ToString() +
                       " has no history: this transaction created it",
                   "COMMIT first"));
  }
  const TableMetadata& metadata = subject.metadata();
  subject.snapshot = subject.table->snapshot ? metadata.FindSnapshot(*subject.table->snapshot)
                                             : metadata.current();
  return subject;
}

/// From (schema, table, point).
Subject SubjectOf(duckdb::ClientContext& context, EngineState& engine,
                  const std::vector<Value>& arguments) {
  const TableName name{Text(arguments[0]), Text(arguments[1])};
  const std::string point = Text(arguments[2]);
  LakeState& lake = Lake(context, engine);
  const LakeRelation relation = ValueOrThrow(
      point.empty() ? lake.Find(name) : lake.FindAt(name, ValueOrThrow(ParsePoint(point))));
  if (relation.table == nullptr) {
    Throw(NotFound("table " + name.ToString() + " does not exist", "SHOW TABLES lists them"));
  }
  return SubjectOf(relation.table);
}

/// All tables of the lake.
std::vector<Subject> Subjects(duckdb::ClientContext& context, EngineState& engine) {
  std::vector<Subject> subjects;
  LakeState& lake = Lake(context, engine);
  for (const std::string& schema : ValueOrThrow(lake.ListSchemas())) {
    for (const LakeRelation& relation : ValueOrThrow(lake.List(schema))) {
      if (relation.table == nullptr || relation.table->metadata == nullptr) continue;
      subjects.push_back(SubjectOf(relation.table));
    }
  }
  return subjects;
}

using Row = std::vector<Value>;

// --- snapshots

void SnapshotColumns(InfoTable& table) {
  table.Column("snapshot_id", LogicalType::BIGINT);
  table.Column("parent_id", LogicalType::BIGINT);
  table.Column("sequence_number", LogicalType::BIGINT);
  table.Column("committed_at", LogicalType::TIMESTAMP_TZ);
  table.Column("operation", LogicalType::VARCHAR);
  table.Column("is_current", LogicalType::BOOLEAN);
  table.Column("manifest_list", LogicalType::VARCHAR);
  table.Column("summary", TextsType());
}

void AddSnapshots(const Subject& subject, const Row& prefix, InfoTable& table) {
  for (const Snapshot& snapshot : subject.metadata().snapshots) {
    const auto operation = snapshot.summary.find("operation");
    Row row = prefix;
    row.push_back(Value::BIGINT(snapshot.id.value()));
    row.push_back(Optional(snapshot.parent));
    row.push_back(Value::BIGINT(snapshot.sequence_number));
    row.push_back(Time(snapshot.timestamp_ms * kMicrosPerMilli));
    row.push_back(operation == snapshot.summary.end() ? Value() : Value(operation->second));
    row.push_back(
        Value::BOOLEAN(subject.snapshot != nullptr && subject.snapshot->id == snapshot.id));
    row.emplace_back(snapshot.manifest_list);
    row.push_back(Texts(snapshot.summary));
    table.rows.push_back(std::move(row));
  }
}

InfoTable Snapshots(duckdb::ClientContext& context, EngineState& engine,
                    const std::vector<Value>& arguments) {
  InfoTable table;
  SnapshotColumns(table);
  AddSnapshots(SubjectOf(context, engine, arguments), {}, table);
  return table;
}

// --- history and refs

InfoTable History(duckdb::ClientContext& context, EngineState& engine,
                  const std::vector<Value>& arguments) {
  const Subject subject = SubjectOf(context, engine, arguments);
  const TableMetadata& metadata = subject.metadata();
  std::set<SnapshotId> ancestors;
  for (const Snapshot* at = subject.snapshot; at != nullptr && ancestors.insert(at->id).second;) {
    at = at->parent ? metadata.FindSnapshot(*at->parent) : nullptr;
  }
  InfoTable table;
  table.Column("made_current_at", LogicalType::TIMESTAMP_TZ);
  table.Column("snapshot_id", LogicalType::BIGINT);
  table.Column("parent_id", LogicalType::BIGINT);
  table.Column("is_current_ancestor", LogicalType::BOOLEAN);
  for (const auto& [made_ms, id] : metadata.snapshot_log) {
    const Snapshot* snapshot = metadata.FindSnapshot(id);
    table.rows.push_back({Time(made_ms * kMicrosPerMilli), Value::BIGINT(id.value()),
                          Optional(snapshot ? snapshot->parent : std::nullopt),
                          Value::BOOLEAN(ancestors.contains(id))});
  }
  return table;
}

InfoTable Refs(duckdb::ClientContext& context, EngineState& engine,
               const std::vector<Value>& arguments) {
  const Subject subject = SubjectOf(context, engine, arguments);
  InfoTable table;
  table.Column("name", LogicalType::VARCHAR);
  table.Column("type", LogicalType::VARCHAR);
  table.Column("snapshot_id", LogicalType::BIGINT);
  for (const auto& [name, ref] : subject.metadata().refs) {
    table.rows.push_back({Value(name), Value(ref.type), Value::BIGINT(ref.snapshot.value())});
  }
  return table;
}

// --- files and partitions

std::string ContentText(const DataFile& file) {
  switch (file.content) {
    case FileContent::kData:
      return "data";
    case FileContent::kPositionDeletes:
      return file.is_deletion_vector() ? "deletion vector" : "position deletes";
    case FileContent::kEqualityDeletes:
      return "equality deletes";
  }
  return "";
}

/// "day=2026-11-21/region=eu"; empty for an unpartitioned file.
std::string PartitionText(const TableMetadata& metadata, const ManifestTypes& types,
                          const DataFile& file) {
  const PartitionSpec* spec = metadata.FindSpec(file.spec_id);
  std::string text;
  if (spec == nullptr) return text;
  for (size_t i = 0; i < spec->fields.size() && i < file.partition.size(); ++i) {
    const PartitionField& field = spec->fields[i];
    const Type* source = types.Column(field.source_id.value());
    text += (i == 0 ? "" : "/") + field.name + "=";
    text += source == nullptr ? ToString(file.partition[i])
                              : PartitionValueToString(field.transform, *source, file.partition[i]);
  }
  return text;
}

std::map<std::string, std::string> BoundTexts(const TableMetadata& metadata,
                                              const std::map<int32_t, Scalar>& bounds) {
  std::map<std::string, std::string> texts;
  for (const auto& [id, value] : bounds) {
    const Field* field = metadata.schema().Find(FieldId(id));
    if (field == nullptr || !field->type.primitive()) continue;
    texts[field->name] =
        PartitionValueToString({Transform::Kind::kIdentity, 0, ""}, field->type, value);
  }
  return texts;
}

std::vector<LiveFile> LiveFiles(EngineState& engine, const Subject& subject) {
  if (subject.snapshot == nullptr) return {};
  return ValueOrThrow(
      ListLiveFiles(*engine.options.tables.store, subject.metadata(), subject.snapshot->id));
}

void FileColumns(InfoTable& table) {
  for (const char* name : {"content", "path", "format", "partition"}) {
    table.Column(name, LogicalType::VARCHAR);
  }
  for (const char* name : {"rows", "bytes", "spec_id", "added_snapshot_id", "sequence_number"}) {
    table.Column(name, LogicalType::BIGINT);
  }
  table.Column("referenced_data_file", LogicalType::VARCHAR);
  table.Column("lower_bounds", TextsType());
  table.Column("upper_bounds", TextsType());
}

void AddFiles(EngineState& engine, const Subject& subject, const Row& prefix, InfoTable& table) {
  const TableMetadata& metadata = subject.metadata();
  const ManifestTypes types(metadata);
  for (const LiveFile& live : LiveFiles(engine, subject)) {
    const DataFile& file = live.file;
    Row row = prefix;
    row.emplace_back(ContentText(file));
    row.emplace_back(file.path);
    row.emplace_back(LowerAscii(file.format));
    row.emplace_back(PartitionText(metadata, types, file));
    row.push_back(Value::BIGINT(file.record_count));
    row.push_back(Value::BIGINT(file.content_size_bytes.value_or(file.size_bytes)));
    row.push_back(Value::BIGINT(file.spec_id.value()));
    row.push_back(Value::BIGINT(live.added_by.value()));
    row.push_back(Value::BIGINT(live.data_sequence_number));
    row.push_back(file.referenced_data_file.empty() ? Value() : Value(file.referenced_data_file));
    row.push_back(Texts(BoundTexts(metadata, file.lower_bounds)));
    row.push_back(Texts(BoundTexts(metadata, file.upper_bounds)));
    table.rows.push_back(std::move(row));
  }
}

InfoTable Files(duckdb::ClientContext& context, EngineState& engine,
                const std::vector<Value>& arguments) {
  InfoTable table;
  FileColumns(table);
  AddFiles(engine, SubjectOf(context, engine, arguments), {}, table);
  return table;
}

InfoTable Partitions(duckdb::ClientContext& context, EngineState& engine,
                     const std::vector<Value>& arguments) {
  const Subject subject = SubjectOf(context, engine, arguments);
  struct Sum {
    int64_t files = 0, rows = 0, bytes = 0, delete_files = 0, deleted_rows = 0;
  };
  std::map<std::pair<int32_t, std::string>, Sum> sums;
  const ManifestTypes types(subject.metadata());
  for (const LiveFile& live : LiveFiles(engine, subject)) {
    const DataFile& file = live.file;
    Sum& sum = sums[{file.spec_id.value(), PartitionText(subject.metadata(), types, file)}];
    if (file.content == FileContent::kData) {
      ++sum.files;
      sum.rows += file.record_count;
      sum.bytes += file.size_bytes;
    } else {
      ++sum.delete_files;
      if (file.content == FileContent::kPositionDeletes) sum.deleted_rows += file.record_count;
    }
  }
  InfoTable table;
  table.Column("partition", LogicalType::VARCHAR);
  for (const char* name : {"spec_id", "files", "rows", "bytes", "delete_files", "deleted_rows"}) {
    table.Column(name, LogicalType::BIGINT);
  }
  for (const auto& [partition, sum] : sums) {
    table.rows.push_back({Value(partition.second), Value::BIGINT(partition.first),
                          Value::BIGINT(sum.files), Value::BIGINT(sum.rows),
                          Value::BIGINT(sum.bytes), Value::BIGINT(sum.delete_files),
                          Value::BIGINT(sum.deleted_rows)});
  }
  return table;
}

InfoTable Manifests(duckdb::ClientContext& context, EngineState& engine,
                    const std::vector<Value>& arguments) {
  const Subject subject = SubjectOf(context, engine, arguments);
  InfoTable table;
  table.Column("path", LogicalType::VARCHAR);
  table.Column("content", LogicalType::VARCHAR);
  for (const char* name : {"bytes", "spec_id", "added_snapshot_id", "added_files", "existing_files",
                           "deleted_files"}) {
    table.Column(name, LogicalType::BIGINT);
  }
  if (subject.snapshot == nullptr) return table;
  ManifestIo io(*engine.options.tables.store, engine.options.tables.cache, subject.metadata());
  const auto count = [](const std::optional<int64_t>& number) {
    return number ? Value::BIGINT(*number) : Value(LogicalType::BIGINT);
  };
  for (const ManifestFile& manifest : ValueOrThrow(io.List(*subject.snapshot))) {
    const bool data = manifest.content == ManifestFile::Content::kData;
    table.rows.push_back({Value(manifest.path), Value(data ? "data" : "deletes"),
                          Value::BIGINT(manifest.length), Value::BIGINT(manifest.spec_id.value()),
                          Value::BIGINT(manifest.added_snapshot.value()),
                          count(manifest.added_files), count(manifest.existing_files),
                          count(manifest.deleted_files)});
  }
  return table;
}

// --- system

void NameColumns(InfoTable& table) {
  table.Column("schema_name", LogicalType::VARCHAR);
  table.Column("table_name", LogicalType::VARCHAR);
}

Row NameOf(const Subject& subject) {
  return {Value(subject.table->entry.name.schema), Value(subject.table->entry.name.name)};
}

InfoTable SystemTables(duckdb::ClientContext& context, EngineState& engine,
                       const std::vector<Value>&) {
  InfoTable table;
  NameColumns(table);
  for (const char* name : {"owner", "location", "uuid"}) table.Column(name, LogicalType::VARCHAR);
  for (const char* name : {"version", "sequence", "format_version", "snapshot_id", "snapshots",
                           "rows", "files", "bytes", "deleted_rows"}) {
    table.Column(name, LogicalType::BIGINT);
  }
  for (const Subject& subject : Subjects(context, engine)) {
    const TableEntry& entry = subject.table->entry;
    const TableMetadata& metadata = subject.metadata();
    const auto total = [&](const char* key) {
      if (subject.snapshot == nullptr) return Value::BIGINT(0);
      const auto found = subject.snapshot->summary.find(key);
      const auto number =
          found == subject.snapshot->summary.end() ? std::nullopt : Number(found->second);
      return number ? Value::BIGINT(*number) : Value(LogicalType::BIGINT);
    };
    Row row = NameOf(subject);
    row.emplace_back(entry.owner);
    row.emplace_back(entry.location);
    row.emplace_back(metadata.table_uuid);
    row.push_back(Value::BIGINT(entry.version));
    row.push_back(Value::BIGINT(entry.sequence.value()));
    row.push_back(Value::BIGINT(metadata.format_version));
    row.push_back(Optional(metadata.current_snapshot));
    row.push_back(Value::BIGINT(static_cast<int64_t>(metadata.snapshots.size())));
    row.push_back(total("total-records"));
    row.push_back(total("total-data-files"));
    row.push_back(total("total-files-size"));
    row.push_back(total("total-position-deletes"));
    table.rows.push_back(std::move(row));
  }
  return table;
}

InfoTable SystemColumns(duckdb::ClientContext& context, EngineState& engine,
                        const std::vector<Value>&) {
  InfoTable table;
  NameColumns(table);
  table.Column("column_name", LogicalType::VARCHAR);
  table.Column("position", LogicalType::BIGINT);
  table.Column("field_id", LogicalType::BIGINT);
  table.Column("type", LogicalType::VARCHAR);
  table.Column("required", LogicalType::BOOLEAN);
  table.Column("comment", LogicalType::VARCHAR);
  for (const Subject& subject : Subjects(context, engine)) {
    int64_t position = 0;
    for (const Field& field : subject.table->schema.fields) {
      Row row = NameOf(subject);
      row.emplace_back(field.name);
      row.push_back(Value::BIGINT(++position));
      row.push_back(Value::BIGINT(field.id.value()));
      row.emplace_back(field.type.ToString());
      row.push_back(Value::BOOLEAN(field.nullability == Nullability::kRequired));
      row.push_back(field.doc.empty() ? Value() : Value(field.doc));
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

InfoTable SystemSnapshots(duckdb::ClientContext& context, EngineState& engine,
                          const std::vector<Value>&) {
  InfoTable table;
  NameColumns(table);
  SnapshotColumns(table);
  for (const Subject& subject : Subjects(context, engine)) {
    AddSnapshots(subject, NameOf(subject), table);
  }
  return table;
}

InfoTable SystemFiles(duckdb::ClientContext& context, EngineState& engine,
                      const std::vector<Value>&) {
  InfoTable table;
  NameColumns(table);
  FileColumns(table);
  for (const Subject& subject : Subjects(context, engine)) {
    AddFiles(engine, subject, NameOf(subject), table);
  }
  return table;
}

InfoTable SystemPositions(duckdb::ClientContext&, EngineState& engine, const std::vector<Value>&) {
  InfoTable table;
  for (const char* name : {"source", "source_table", "position"}) {
    table.Column(name, LogicalType::VARCHAR);
  }
  table.Column("sequence", LogicalType::BIGINT);
  for (const PositionEntry& one : ValueOrThrow(engine.options.catalog->ListPositions())) {
    table.rows.push_back({Value(one.source), Value(one.table), Value(one.position),
                          Value::BIGINT(one.sequence.value())});
  }
  return table;
}

}  // namespace

void RegisterTableInfo(duckdb::ExtensionLoader& loader, duckdb::DatabaseInstance& database,
                       EngineState& engine) {
  constexpr duckdb::idx_t kSubjectArguments = 3;
  const std::array<InfoMaker, kKinds.size()> makers = {Snapshots, History,    Refs,
                                                       Files,     Partitions, Manifests};
  for (size_t i = 0; i < kKinds.size(); ++i) {
    AddInfoFunction(loader, engine, std::string("tarn_table_") + kKinds[i], kSubjectArguments,
                    makers[i]);
  }
  const std::array<std::pair<const char*, InfoMaker>, 5> views = {{{"tables", SystemTables},
                                                                   {"columns", SystemColumns},
                                                                   {"snapshots", SystemSnapshots},
                                                                   {"files", SystemFiles},
                                                                   {"positions", SystemPositions}}};
  for (const auto& [name, maker] : views) {
    const std::string function = std::string("tarn_system_") + name;
    AddInfoFunction(loader, engine, function, 0, maker);
    AddSystemView(database, name, "SELECT * FROM " + function + "()");
  }
}

std::optional<std::pair<std::string, std::string>> SplitTableInfoName(const std::string& name) {
  const size_t dollar = name.rfind('$');
  if (dollar == std::string::npos || dollar == 0) return std::nullopt;
  const std::string kind = LowerAscii(name.substr(dollar + 1));
  if (kind != kChangesKind && std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) {
    return std::nullopt;
  }
  return std::pair(name.substr(0, dollar), kind);
}

std::shared_ptr<const ViewEntry> TableInfoView(const TableName& table, const std::string& kind,
                                               const std::string& point) {
  const auto quoted = [](const std::string& text) { return Value(text).ToSQLString(); };
  auto view = std::make_shared<ViewEntry>();
  view->name = {table.schema, table.name + "$" + kind};
  view->sql = "SELECT * FROM tarn_table_" + kind + "(" + quoted(table.schema) + ", " +
              quoted(table.name) + ", " + quoted(point) + ")";
  return view;
}

}  // namespace tarn::duck
