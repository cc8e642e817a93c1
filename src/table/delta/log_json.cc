#include "table/delta/log_json.h"

#include <utility>

#include "base/json.h"

namespace tarn::delta {
namespace {

Json TextMap(const std::map<std::string, std::string>& map) {
  Json object = Json::object();
  for (const auto& [key, value] : map) object[key] = value;
  return object;
}

Json PartitionMap(const PartitionValues& values) {
  Json object = Json::object();
  for (const auto& [key, value] : values) object[key] = value ? Json(*value) : Json(nullptr);
  return object;
}

Json ToJson(const DeletionVectorDescriptor& vector) {
  Json body = {{"storageType", std::string(1, vector.Letter())},
               {"pathOrInlineDv", vector.path_or_inline}};
  if (vector.offset) body["offset"] = *vector.offset;
  body["sizeInBytes"] = vector.size_bytes;
  body["cardinality"] = vector.cardinality;
  return body;
}

// What added and removed files have in common.
template <typename File>
void PutFileMembers(const File& file, Json& body) {
  if (file.deletion_vector) body["deletionVector"] = ToJson(*file.deletion_vector);
  if (file.base_row_id) body["baseRowId"] = *file.base_row_id;
  if (file.default_row_commit_version) {
    body["defaultRowCommitVersion"] = *file.default_row_commit_version;
  }
}

Json ToJson(const CommitInfo& info) {
  Json body = Json::object();
  // Readers look for it in the first bytes of the entry.
  if (info.in_commit_timestamp_ms) body["inCommitTimestamp"] = *info.in_commit_timestamp_ms;
  body["timestamp"] = info.timestamp_ms;
  body["operation"] = info.operation;
  body["operationParameters"] = TextMap(info.operation_parameters);
  body["engineInfo"] = info.engine_info;
  if (!info.tags.empty()) body["tags"] = TextMap(info.tags);
  return {{"commitInfo", std::move(body)}};
}

Json ToJson(const Protocol& protocol) {
  Json body = {{"minReaderVersion", protocol.min_reader_version},
               {"minWriterVersion", protocol.min_writer_version}};
  if (protocol.min_reader_version >= 3) body["readerFeatures"] = protocol.reader_features;
  if (protocol.min_writer_version >= 7) body["writerFeatures"] = protocol.writer_features;
  return {{"protocol", std::move(body)}};
}

Json ToJson(const Metadata& metadata) {
  Json body = {{"id", metadata.id}};
  if (!metadata.name.empty()) body["name"] = metadata.name;
  if (!metadata.description.empty()) body["description"] = metadata.description;
  body["format"] = {{"provider", "parquet"}, {"options", Json::object()}};
  body["schemaString"] = metadata.schema_string;
  body["partitionColumns"] = metadata.partition_columns;
  body["configuration"] = TextMap(metadata.configuration);
  if (metadata.created_ms) body["createdTime"] = *metadata.created_ms;
  return {{"metaData", std::move(body)}};
}

Json ToJson(const AddFile& add) {
  Json body = {{"path", add.path},
               {"partitionValues", PartitionMap(add.partition_values)},
               {"size", add.size_bytes},
               {"modificationTime", add.modified_ms},
               {"dataChange", add.data_change == DataChange::kYes}};
  if (!add.stats.empty()) body["stats"] = add.stats;
  if (!add.tags.empty()) body["tags"] = TextMap(add.tags);
  PutFileMembers(add, body);
  if (!add.clustering_provider.empty()) body["clusteringProvider"] = add.clustering_provider;
  return {{"add", std::move(body)}};
}

Json ToJson(const RemoveFile& remove) {
  Json body = {{"path", remove.path}};
  if (remove.deleted_ms) body["deletionTimestamp"] = *remove.deleted_ms;
  body["dataChange"] = remove.data_change == DataChange::kYes;
  if (remove.size_bytes) {
    body["extendedFileMetadata"] = true;
    body["partitionValues"] = PartitionMap(remove.partition_values);
    body["size"] = *remove.size_bytes;
  }
  PutFileMembers(remove, body);
  return {{"remove", std::move(body)}};
}

Json ToJson(const AddCdcFile& cdc) {
  Json body = {{"path", cdc.path},
               {"partitionValues", PartitionMap(cdc.partition_values)},
               {"size", cdc.size_bytes},
               {"dataChange", false}};
  if (!cdc.tags.empty()) body["tags"] = TextMap(cdc.tags);
  return {{"cdc", std::move(body)}};
}

Json ToJson(const Transaction& transaction) {
  Json body = {{"appId", transaction.app_id}, {"version", transaction.version}};
  if (transaction.updated_ms) body["lastUpdated"] = *transaction.updated_ms;
  return {{"txn", std::move(body)}};
}

Json ToJson(const DomainMetadata& domain) {
  return {{"domainMetadata",
           {{"domain", domain.domain},
            {"configuration", domain.configuration},
            {"removed", domain.removed}}}};
}

Json ToJson(const Sidecar& sidecar) {
  return {{"sidecar",
           {{"path", sidecar.path},
            {"sizeInBytes", sidecar.size_bytes},
            {"modificationTime", sidecar.modified_ms}}}};
}

Json ToJson(const CheckpointMetadata& checkpoint) {
  return {{"checkpointMetadata", {{"version", checkpoint.version}}}};
}

// Reads members of one action's body; the first fault is kept, so that callers check once.
class Reader {
 public:
  Reader(const Json& body, std::string what) : body_(body), what_(std::move(what)) {}

  std::string Text(std::string_view key) {
    Result<std::string> text = JsonString(body_, key, what_);
    if (text.ok()) return std::move(text).value();
    Keep(text.error());
    return {};
  }
  int64_t Int(std::string_view key) {
    const Result<int64_t> number = JsonInt(body_, key, what_);
    if (number.ok()) return *number;
    Keep(number.error());
    return 0;
  }
  std::string OptionalText(std::string_view key) { return Has(key) ? Text(key) : std::string(); }
  std::optional<int64_t> OptionalInt(std::string_view key) {
    return Has(key) ? std::optional<int64_t>(Int(key)) : std::nullopt;
  }
  bool Flag(std::string_view key) {
    const Json* member = FindMember(body_, key);
    if (member != nullptr && !member->is_boolean()) Wrong(key);
    return member != nullptr && member->is_boolean() && member->get<bool>();
  }
  std::vector<std::string> List(std::string_view key) {
    std::vector<std::string> list;
    const Json* member = FindMember(body_, key);
    if (member == nullptr) return list;
    if (!member->is_array()) {
      Wrong(key);
      return list;
    }
    for (const Json& item : *member) {
      if (!item.is_string()) {
        Wrong(key);
        return list;
      }
      list.push_back(item.get<std::string>());
    }
    return list;
  }
  PartitionValues Values(std::string_view key) {
    PartitionValues values;
    const Json* member = FindMember(body_, key);
    if (member == nullptr) return values;
    if (!member->is_object()) Wrong(key);
    for (const auto& [name, value] : member->items()) {
      if (value.is_null()) {
        values[name] = std::nullopt;
      } else if (value.is_string()) {
        values[name] = value.get<std::string>();
      } else {
        Wrong(key);
      }
    }
    return values;
  }
  std::map<std::string, std::string> Map(std::string_view key) {
    std::map<std::string, std::string> map;
    const Json* member = FindMember(body_, key);
    if (member == nullptr) return map;
    if (!member->is_object()) Wrong(key);
    for (const auto& [name, value] : member->items()) {
      // Writers put numbers and flags among the operation's parameters.
      map[name] = value.is_string() ? value.get<std::string>() : DumpJson(value);
    }
    return map;
  }
  std::optional<DeletionVectorDescriptor> Vector() {
    const Json* member = FindMember(body_, "deletionVector");
    if (member == nullptr) return std::nullopt;
    Reader reader(*member, what_ + ": deletionVector");
    DeletionVectorDescriptor vector;
    const std::string letter = reader.Text("storageType");
    vector.path_or_inline = reader.Text("pathOrInlineDv");
    vector.offset = reader.OptionalInt("offset");
    vector.size_bytes = reader.Int("sizeInBytes");
    vector.cardinality = reader.Int("cardinality");
    if (!reader.status().ok()) {
      Keep(reader.status().error());
      return std::nullopt;
    }
    const auto storage = DeletionVectorDescriptor::StorageOf(letter);
    if (!storage) {
      Keep(Unsupported(what_ +
                       ": a deletion vector is stored in a way that is not known: " + letter));
      return std::nullopt;
    }
    vector.storage = *storage;
    return vector;
  }
  bool Has(std::string_view key) const { return FindMember(body_, key) != nullptr; }
  const Status& status() const { return status_; }

 private:
  void Wrong(std::string_view key) {
    Keep(Corruption(what_ + ": " + std::string(key) + " is of the wrong type"));
  }
  void Keep(const Error& error) {
    if (status_.ok()) status_ = error;
  }

  const Json& body_;
  std::string what_;
  Status status_;
};

DataChange ReadDataChange(Reader& reader) {
  return reader.Flag("dataChange") ? DataChange::kYes : DataChange::kNo;
}

// The action under `key`; nothing for one that is not known.
std::optional<Action> ReadAction(const std::string& key, Reader& reader) {
  if (key == "commitInfo") {
    CommitInfo info;
    info.timestamp_ms = reader.OptionalInt("timestamp").value_or(0);
    info.operation = reader.OptionalText("operation");
    info.operation_parameters = reader.Map("operationParameters");
    info.engine_info = reader.OptionalText("engineInfo");
    info.tags = reader.Map("tags");
    info.in_commit_timestamp_ms = reader.OptionalInt("inCommitTimestamp");
    return info;
  }
  if (key == "protocol") {
    Protocol protocol;
    protocol.min_reader_version = static_cast<int>(reader.Int("minReaderVersion"));
    protocol.min_writer_version = static_cast<int>(reader.Int("minWriterVersion"));
    protocol.reader_features = reader.List("readerFeatures");
    protocol.writer_features = reader.List("writerFeatures");
    return protocol;
  }
  if (key == "metaData") {
    Metadata metadata;
    metadata.id = reader.Text("id");
    metadata.name = reader.OptionalText("name");
    metadata.description = reader.OptionalText("description");
    metadata.schema_string = reader.Text("schemaString");
    metadata.partition_columns = reader.List("partitionColumns");
    metadata.configuration = reader.Map("configuration");
    metadata.created_ms = reader.OptionalInt("createdTime");
    return metadata;
  }
  if (key == "add") {
    AddFile add;
    add.path = reader.Text("path");
    add.partition_values = reader.Values("partitionValues");
    add.size_bytes = reader.Int("size");
    add.modified_ms = reader.Int("modificationTime");
    add.data_change = ReadDataChange(reader);
    add.stats = reader.OptionalText("stats");
    add.tags = reader.Map("tags");
    add.deletion_vector = reader.Vector();
    add.base_row_id = reader.OptionalInt("baseRowId");
    add.default_row_commit_version = reader.OptionalInt("defaultRowCommitVersion");
    add.clustering_provider = reader.OptionalText("clusteringProvider");
    return add;
  }
  if (key == "remove") {
    RemoveFile remove;
    remove.path = reader.Text("path");
    remove.deleted_ms = reader.OptionalInt("deletionTimestamp");
    remove.data_change = ReadDataChange(reader);
    remove.partition_values = reader.Values("partitionValues");
    remove.size_bytes = reader.OptionalInt("size");
    remove.deletion_vector = reader.Vector();
    remove.base_row_id = reader.OptionalInt("baseRowId");
    remove.default_row_commit_version = reader.OptionalInt("defaultRowCommitVersion");
    return remove;
  }
  if (key == "cdc") {
    return AddCdcFile{reader.Text("path"), reader.Values("partitionValues"), reader.Int("size"),
                      reader.Map("tags")};
  }
  if (key == "txn") {
    return Transaction{reader.Text("appId"), reader.Int("version"),
                       reader.OptionalInt("lastUpdated")};
  }
  if (key == "domainMetadata") {
    return DomainMetadata{reader.Text("domain"), reader.Text("configuration"),
                          reader.Flag("removed")};
  }
  if (key == "sidecar") {
    return Sidecar{reader.Text("path"), reader.Int("sizeInBytes"),
                   reader.OptionalInt("modificationTime").value_or(0)};
  }
  if (key == "checkpointMetadata") return CheckpointMetadata{reader.Int("version")};
  return std::nullopt;
}

}  // namespace

std::string WriteLogEntry(const std::vector<Action>& actions) {
  std::string text;
  for (const Action& action : actions) {
    text += DumpJson(std::visit([](const auto& value) { return ToJson(value); }, action));
    text += '\n';
  }
  return text;
}

Result<std::vector<Action>> ParseLogEntry(std::string_view text, std::string_view what) {
  std::vector<Action> actions;
  for (int64_t line = 1; !text.empty(); ++line) {
    const size_t end = text.find('\n');
    const std::string_view one = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (one.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = std::string(what) + " line " + std::to_string(line);
    TARN_ASSIGN_OR_RETURN(const Json object, ParseJson(one, where));
    if (!object.is_object()) return Corruption(where + " is no JSON object");
    for (const auto& [key, body] : object.items()) {
      if (body.is_null()) continue;
      Reader reader(body, where + ": " + key);
      std::optional<Action> action = ReadAction(key, reader);
      TARN_RETURN_IF_ERROR(reader.status());
      if (action) actions.push_back(std::move(*action));
    }
  }
  return actions;
}

std::string VersionDigits(int64_t version) {
  const std::string digits = std::to_string(version);
  return std::string(digits.size() < 20 ? 20 - digits.size() : 0, '0') + digits;
}

std::string LogEntryName(int64_t version) { return VersionDigits(version) + ".json"; }

std::string CheckpointName(int64_t version) {
  return VersionDigits(version) + ".checkpoint.parquet";
}

std::string WriteLastCheckpoint(const LastCheckpoint& checkpoint) {
  Json object = {{"version", checkpoint.version},
                 {"size", checkpoint.actions},
                 {"sizeInBytes", checkpoint.size_bytes},
                 {"numOfAddFiles", checkpoint.add_files}};
  if (const auto& top = checkpoint.top) {
    object["v2Checkpoint"] = {{"path", top->name},
                              {"sizeInBytes", top->size_bytes},
                              {"modificationTime", top->modified_ms}};
  }
  return DumpJson(object);
}

Result<LastCheckpoint> ParseLastCheckpoint(std::string_view text) {
  TARN_ASSIGN_OR_RETURN(const Json object, ParseJson(text, "_last_checkpoint"));
  Reader reader(object, "_last_checkpoint");
  LastCheckpoint checkpoint;
  checkpoint.version = reader.Int("version");
  checkpoint.actions = reader.OptionalInt("size").value_or(0);
  checkpoint.size_bytes = reader.OptionalInt("sizeInBytes").value_or(0);
  checkpoint.add_files = reader.OptionalInt("numOfAddFiles").value_or(0);
  checkpoint.parts = reader.OptionalInt("parts").value_or(1);
  TARN_RETURN_IF_ERROR(reader.status());
  return checkpoint;
}

}  // namespace tarn::delta
