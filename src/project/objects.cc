#include "project/objects.h"

#include "base/json.h"
#include "catalog/closed.h"
#include "pipeline/ingest/load.h"
#include "pipeline/intention.h"

namespace tarn {
namespace {

constexpr char kWhat[] = "an object of the catalog";

/// Reads string members; the first failure is kept.
class Reader {
 public:
  static Result<Reader> Open(const std::string& text) {
    Reader reader;
    TARN_ASSIGN_OR_RETURN(reader.json_, ParseJson(text, kWhat));
    return reader;
  }
  std::string Text(const char* key) {
    auto value = JsonString(json_, key, kWhat);
    if (!value.ok()) {
      if (status_.ok()) status_ = value.status();
      return "";
    }
    return *value;
  }
  /// Empty where an older version did not write it.
  std::string OptionalText(const char* key) {
    return FindMember(json_, key) == nullptr ? "" : Text(key);
  }
  /// 0 where an older version did not write it.
  int64_t OptionalNumber(const char* key) {
    const Json* number = FindMember(json_, key);
    return number != nullptr && number->is_number_integer() ? number->get<int64_t>() : 0;
  }
  /// False where it is not written.
  bool Flag(const char* key) {
    const Json* flag = FindMember(json_, key);
    return flag != nullptr && flag->is_boolean() && flag->get<bool>();
  }
  std::vector<int32_t> Numbers(const char* key) {
    std::vector<int32_t> out;
    const Json* list = FindMember(json_, key);
    if (list == nullptr || !list->is_array()) return out;
    for (const Json& item : *list) {
      if (item.is_number_integer()) out.push_back(item.get<int32_t>());
    }
    return out;
  }
  std::vector<std::string> List(const char* key) {
    std::vector<std::string> out;
    const Json* list = FindMember(json_, key);
    if (list == nullptr || !list->is_array()) return out;
    for (const Json& item : *list) {
      if (item.is_string()) out.push_back(item.get<std::string>());
    }
    return out;
  }
  std::vector<std::pair<std::string, std::string>> Pairs(const char* key) {
    std::vector<std::pair<std::string, std::string>> out;
    const Json* list = FindMember(json_, key);
    if (list == nullptr || !list->is_array()) return out;
    for (const Json& pair : *list) {
      if (pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_string()) {
        out.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
      }
    }
    return out;
  }
  std::map<std::string, std::string> Texts(const char* key) {
    std::map<std::string, std::string> out;
    const Json* object = FindMember(json_, key);
    if (object == nullptr || !object->is_object()) return out;
    for (const auto& [name, value] : object->items()) {
      if (value.is_string()) out[name] = value.get<std::string>();
    }
    return out;
  }
  const Status& status() const { return status_; }

 private:
  Json json_;
  Status status_;
};

Json TextsJson(const std::map<std::string, std::string>& texts) {
  Json object = Json::object();
  for (const auto& [key, value] : texts) object[key] = value;
  return object;
}

}  // namespace

std::string ProjectObject::ToJson() const {
  return DumpJson(Json{{"name", name}, {"catalog", catalog}, {"warehouse", warehouse}});
}

Result<ProjectObject> ProjectObject::FromJson(const std::string& json) {
  TARN_ASSIGN_OR_RETURN(Reader reader, Reader::Open(json));
  ProjectObject object{reader.Text("name"), reader.Text("catalog"), reader.Text("warehouse")};
  TARN_RETURN_IF_ERROR(reader.status());
  return object;
}

std::string SourceObject::ToJson() const {
  Json json = {{"type", type}, {"address", address}, {"mode", mode}, {"cursor", cursor}};
  if (!capture.empty()) json["capture"] = capture;
  if (!slot.empty()) json["slot"] = slot;
  if (!publication.empty()) json["publication"] = publication;
  return DumpJson(json);
}

Result<SourceObject> SourceObject::FromJson(const std::string& json) {
  TARN_ASSIGN_OR_RETURN(Reader reader, Reader::Open(json));
  SourceObject object;
  object.type = reader.Text("type");
  object.address = reader.Text("address");
  object.mode = reader.Text("mode");
  object.cursor = reader.Text("cursor");
  object.capture = reader.OptionalText("capture");
  object.slot = reader.OptionalText("slot");
  object.publication = reader.OptionalText("publication");
  TARN_RETURN_IF_ERROR(reader.status());
  return object;
}

std::string SourceTableObject::ObjectName() const {
  return source + "/" + PositionKey({schema, table});
}

void SourceTableObject::SetShape(const SourceTable& source_table) {
  columns.clear();
  column_ids.clear();
  table_id = source_table.id;
  last_column_id = source_table.last_column_id;
  rows_mark = source_table.rows_mark;
  log_mark = source_table.log_mark;
  for (const SourceColumn& column : source_table.columns) {
    columns.emplace_back(column.name, column.native_type);
    column_ids.push_back(column.id);
  }
  key = source_table.key;
}

SourceTable SourceTableObject::Shape() const {
  SourceTable shape;
  shape.name = {schema, table};
  for (size_t i = 0; i < columns.size(); ++i) {
    const int32_t id = i < column_ids.size() ? column_ids[i] : 0;
    shape.columns.push_back({columns[i].first, columns[i].second, nullptr, id});
  }
  shape.id = table_id;
  shape.last_column_id = last_column_id;
  shape.rows_mark = rows_mark;
  shape.log_mark = log_mark;
  shape.key = key;
  shape.fingerprint = fingerprint;
  return shape;
}

std::string SourceTableObject::ToJson() const {
  Json shape = Json::array();
  for (const auto& [name, type] : columns) shape.push_back(Json::array({name, type}));
  Json json = {{"source", source},
               {"schema", schema},
               {"table", table},
               {"target_schema", target.schema},
               {"target_table", target.name},
               {"fingerprint", fingerprint},
               {"columns", shape},
               {"table_id", table_id},
               {"column_ids", column_ids},
               {"last_column_id", last_column_id},
               {"rows_mark", rows_mark},
               {"log_mark", log_mark},
               {"key", key},
               {"partition", partition},
               {"tags", TextsJson(tags)},
               {"iceberg", iceberg}};
  if (history) {
    json["history"] = true;
    json["history_partition"] = history_partition;
    json["history_iceberg"] = history_iceberg;
  }
  return DumpJson(json);
}

Result<SourceTableObject> SourceTableObject::FromJson(const std::string& json) {
  TARN_ASSIGN_OR_RETURN(Reader reader, Reader::Open(json));
  SourceTableObject object;
  object.source = reader.Text("source");
  object.schema = reader.Text("schema");
  object.table = reader.Text("table");
  object.target = {reader.Text("target_schema"), reader.Text("target_table")};
  object.fingerprint = reader.Text("fingerprint");
  object.columns = reader.Pairs("columns");
  object.table_id = reader.OptionalNumber("table_id");
  object.column_ids = reader.Numbers("column_ids");
  object.last_column_id = static_cast<int32_t>(reader.OptionalNumber("last_column_id"));
  object.rows_mark = reader.OptionalText("rows_mark");
  object.log_mark = reader.OptionalText("log_mark");
  object.key = reader.List("key");
  object.partition = reader.List("partition");
  object.tags = reader.Texts("tags");
  object.iceberg = reader.OptionalText("iceberg");
  object.history = reader.Flag("history");
  object.history_partition = reader.List("history_partition");
  object.history_iceberg = reader.OptionalText("history_iceberg");
  TARN_RETURN_IF_ERROR(reader.status());
  return object;
}

std::string ModelObject::ToJson() const {
  return DumpJson(Json{{"fingerprint", fingerprint},
                       {"materialize", materialize},
                       {"query_fingerprint", query_fingerprint},
                       {"description", description},
                       {"tags", TextsJson(tags)},
                       {"trigger", trigger},
                       {"iceberg", iceberg}});
}

Result<ModelObject> ModelObject::FromJson(const std::string& json) {
  TARN_ASSIGN_OR_RETURN(Reader reader, Reader::Open(json));
  ModelObject object;
  object.fingerprint = reader.Text("fingerprint");
  object.materialize = reader.Text("materialize");
  object.query_fingerprint = reader.OptionalText("query_fingerprint");
  object.description = reader.OptionalText("description");
  object.tags = reader.Texts("tags");
  object.trigger = reader.OptionalText("trigger");
  object.iceberg = reader.OptionalText("iceberg");
  TARN_RETURN_IF_ERROR(reader.status());
  return object;
}

std::string ScheduleObject::ToJson() const {
  return DumpJson(Json{{"cron", cron}, {"time_zone", time_zone}, {"run", run}, {"source", source}});
}

Result<ScheduleObject> ScheduleObject::FromJson(const std::string& json) {
  TARN_ASSIGN_OR_RETURN(Reader reader, Reader::Open(json));
  ScheduleObject object;
  object.cron = reader.Text("cron");
  object.time_zone = reader.Text("time_zone");
  object.run = reader.List("run");
  object.source = reader.Text("source");
  TARN_RETURN_IF_ERROR(reader.status());
  return object;
}

Result<AliveObjects> LoadAliveObjects(Catalog& catalog) {
  AliveObjects alive;
  TARN_ASSIGN_OR_RETURN(auto objects, catalog.ListObjects(std::nullopt));
  for (const ObjectEntry& object : objects) {
    if (object.kind == kProjectObject) {
      TARN_ASSIGN_OR_RETURN(alive.project, ProjectObject::FromJson(object.json));
    } else if (object.kind == kSourceObject) {
      TARN_ASSIGN_OR_RETURN(alive.sources[object.name], SourceObject::FromJson(object.json));
    } else if (object.kind == kSourceTableObject) {
      TARN_ASSIGN_OR_RETURN(SourceTableObject table, SourceTableObject::FromJson(object.json));
      table.stored_as = object.name;
      std::string name = table.ObjectName();
      alive.tables[std::move(name)] = std::move(table);
    } else if (object.kind == kModelObject) {
      TARN_ASSIGN_OR_RETURN(ModelObject model, ModelObject::FromJson(object.json));
      if (model.fingerprint.empty()) alive.due_models.insert(object.name);
      alive.models[object.name] = std::move(model);
    } else if (object.kind == kDueObject) {
      alive.due_models.insert(object.name);
    } else if (object.kind == kScheduleObject) {
      TARN_ASSIGN_OR_RETURN(alive.schedules[object.name], ScheduleObject::FromJson(object.json));
    } else if (object.kind == kGarbageObject) {
      alive.garbage.push_back(object.name);
    } else if (object.kind == kIntentionObject) {
      alive.intentions.push_back(object.name);
    } else if (object.kind == kClosedObject) {
      alive.closed = true;
    }
  }
  return alive;
}

}  // namespace tarn
