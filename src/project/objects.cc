#include "project/objects.h"

#include "base/json.h"
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
  return DumpJson(Json{{"type", type}, {"address", address}, {"mode", mode}, {"cursor", cursor}});
}

Result<SourceObject> SourceObject::FromJson(const std::string& json) {
  TARN_ASSIGN_OR_RETURN(Reader reader, Reader::Open(json));
  SourceObject object{reader.Text("type"), reader.Text("address"), reader.Text("mode"),
                      reader.Text("cursor")};
  TARN_RETURN_IF_ERROR(reader.status());
  return object;
}

std::string SourceTableObject::ObjectName() const {
  return source + "/" + PositionKey({schema, table});
}

void SourceTableObject::SetShape(const SourceTable& source_table) {
  columns.clear();
  for (const SourceColumn& column : source_table.columns) {
    columns.emplace_back(column.name, column.native_type);
  }
  key = source_table.key;
}

SourceTable SourceTableObject::Shape() const {
  SourceTable shape;
  shape.name = {schema, table};
  for (const auto& [name, type] : columns) shape.columns.push_back({name, type, nullptr});
  shape.key = key;
  return shape;
}

std::string SourceTableObject::ToJson() const {
  Json shape = Json::array();
  for (const auto& [name, type] : columns) shape.push_back(Json::array({name, type}));
  return DumpJson(Json{{"source", source},
                       {"schema", schema},
                       {"table", table},
                       {"target_schema", target.schema},
                       {"target_table", target.name},
                       {"fingerprint", fingerprint},
                       {"columns", shape},
                       {"key", key},
                       {"partition", partition},
                       {"tags", TextsJson(tags)}});
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
  object.key = reader.List("key");
  object.partition = reader.List("partition");
  object.tags = reader.Texts("tags");
  TARN_RETURN_IF_ERROR(reader.status());
  return object;
}

std::string ModelObject::ToJson() const {
  return DumpJson(Json{{"fingerprint", fingerprint},
                       {"materialize", materialize},
                       {"query_fingerprint", query_fingerprint},
                       {"description", description},
                       {"tags", TextsJson(tags)}});
}

Result<ModelObject> ModelObject::FromJson(const std::string& json) {
  TARN_ASSIGN_OR_RETURN(Reader reader, Reader::Open(json));
  ModelObject object;
  object.fingerprint = reader.Text("fingerprint");
  object.materialize = reader.Text("materialize");
  object.query_fingerprint = reader.OptionalText("query_fingerprint");
  object.description = reader.OptionalText("description");
  object.tags = reader.Texts("tags");
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
      TARN_ASSIGN_OR_RETURN(alive.models[object.name], ModelObject::FromJson(object.json));
    } else if (object.kind == kGarbageObject) {
      alive.garbage.push_back(object.name);
    } else if (object.kind == kIntentionObject) {
      alive.intentions.push_back(object.name);
    }
  }
  return alive;
}

}  // namespace tarn
