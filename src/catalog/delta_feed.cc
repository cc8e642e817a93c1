#include "catalog/delta_feed.h"

#include <map>
#include <utility>

#include "base/text.h"
#include "catalog/delta_vectors.h"
#include "table/delta/text.h"

namespace tarn {
namespace {

constexpr char kEnabledProperty[] = "delta.enableChangeDataFeed";
constexpr char kInsert[] = "insert";
constexpr char kDelete[] = "delete";

std::string VersionText(int64_t version) { return "version " + std::to_string(version); }

class FeedReader {
 public:
  FeedReader(ObjectStore& store, std::string table_key, const DeltaSnapshot& last)
      : store_(store), key_(std::move(table_key)), last_(last) {}

  Result<std::vector<DeltaFeedFile>> Read(int64_t from) {
    TARN_ASSIGN_OR_RETURN(const auto first, DeltaSnapshot::Open(store_, key_, {from, {}}));
    TARN_RETURN_IF_ERROR(CheckState(from, first->protocol(), first->metadata()));
    protocol_ = first->protocol();
    for (int64_t version = from; version <= last_.version(); ++version) {
      auto entry = ReadDeltaEntry(store_, key_, version);
      if (!entry.ok() && entry.error().kind == ErrorKind::kNotFound) {
        return NotFound(VersionText(version) + " of Delta table " + last_.table_uri() +
                        " is not there any more: its log was cleaned up");
      }
      TARN_RETURN_IF_ERROR(entry.status());
      TARN_RETURN_IF_ERROR(ReadVersion(version, std::move(entry).value()));
    }
    return std::move(files_);
  }

 private:
  /// Files of the version must be readable by the columns of the last one.
  Status CheckState(int64_t version, const delta::Protocol& protocol,
                    const delta::Metadata& metadata) const {
    const auto enabled = metadata.configuration.find(kEnabledProperty);
    if (enabled == metadata.configuration.end() || enabled->second != "true") {
      return Unsupported(
          "Delta table " + last_.table_uri() + " kept no change data feed at " +
              VersionText(version),
          "its property " + std::string(kEnabledProperty) + " says from when on; begin after that");
    }
    TARN_ASSIGN_OR_RETURN(const delta::TableSchema schema,
                          delta::ReadTableSchema(protocol, metadata));
    const delta::TableSchema& wanted = last_.schema();
    const auto refuse = [&](const std::string& column, const std::string& what) {
      return Unsupported("column " + QuoteIdentifier(column) + " of Delta table " +
                             last_.table_uri() + " " + what + " after " + VersionText(version),
                         "read the changes before and after that apart");
    };
    if (schema.mapping != wanted.mapping) {
      return refuse(wanted.schema.fields[0].name, "was mapped otherwise");
    }
    for (const Field& field : schema.schema.fields) {
      const Field* now = wanted.mapping == delta::ColumnMapping::kOff
                             ? wanted.schema.Find(field.name)
                             : wanted.schema.Find(field.id);
      if (now == nullptr) return refuse(field.name, "was dropped");
      const bool same = field.type.primitive() && now->type.primitive()
                            ? field.type == now->type || CanWiden(field.type, now->type)
                            : field.type.kind() == now->type.kind();
      if (!same) return refuse(field.name, "became " + now->type.ToString());
    }
    return {};
  }

  Status ReadVersion(int64_t version, std::vector<delta::Action> actions) {
    DeltaFeedFile common;
    common.version = version;
    std::map<std::string, delta::AddFile> added;
    std::map<std::string, delta::RemoveFile> removed;
    std::vector<delta::AddCdcFile> changes;
    std::optional<delta::Metadata> metadata;
    for (delta::Action& action : actions) {
      if (auto* info = std::get_if<delta::CommitInfo>(&action)) {
        common.timestamp_ms = info->in_commit_timestamp_ms.value_or(info->timestamp_ms);
      } else if (auto* protocol = std::get_if<delta::Protocol>(&action)) {
        protocol_ = std::move(*protocol);
      } else if (auto* shape = std::get_if<delta::Metadata>(&action)) {
        metadata = std::move(*shape);
      } else if (auto* cdc = std::get_if<delta::AddCdcFile>(&action)) {
        changes.push_back(std::move(*cdc));
      } else if (auto* add = std::get_if<delta::AddFile>(&action)) {
        if (add->data_change == delta::DataChange::kYes) {
          added[delta::FileKey(add->path)] = std::move(*add);
        }
      } else if (auto* remove = std::get_if<delta::RemoveFile>(&action)) {
        if (remove->data_change == delta::DataChange::kYes) {
          removed[delta::FileKey(remove->path)] = std::move(*remove);
        }
      }
    }
    if (metadata) TARN_RETURN_IF_ERROR(CheckState(version, protocol_, *metadata));
    if (common.timestamp_ms == 0) {
      TARN_ASSIGN_OR_RETURN(const auto then, DeltaSnapshot::Open(store_, key_, {version, {}}));
      common.timestamp_ms = then->timestamp_ms();
    }
    if (!changes.empty()) {
      for (const delta::AddCdcFile& cdc : changes) {
        delta::AddFile as_added;
        as_added.path = cdc.path;
        as_added.partition_values = cdc.partition_values;
        as_added.size_bytes = cdc.size_bytes;
        TARN_RETURN_IF_ERROR(Add(common, as_added, std::nullopt));
      }
      return {};
    }
    for (const auto& [path, remove] : removed) {
      const auto stays = added.find(path);
      if (stays != added.end()) {
        TARN_RETURN_IF_ERROR(AddDifference(common, remove, stays->second));
        continue;
      }
      TARN_ASSIGN_OR_RETURN(const delta::AddFile gone, AsAdded(remove));
      TARN_RETURN_IF_ERROR(Add(common, gone, kDelete));
    }
    for (const auto& [path, add] : added) {
      if (!removed.contains(path)) TARN_RETURN_IF_ERROR(Add(common, add, kInsert));
    }
    return {};
  }

  /// A removed file as it was added once.
  Result<delta::AddFile> AsAdded(const delta::RemoveFile& remove) {
    delta::AddFile add;
    add.path = remove.path;
    add.partition_values = remove.partition_values;
    add.deletion_vector = remove.deletion_vector;
    add.size_bytes = remove.size_bytes.value_or(-1);
    if (remove.partition_values.empty() && !last_.schema().partition_columns.empty()) {
      return Unsupported("the log of Delta table " + last_.table_uri() +
                         " does not tell the partition of a removed file: " + remove.path);
    }
    return add;
  }

  Result<std::shared_ptr<const DeletionVector>> Vector(
      const std::optional<delta::DeletionVectorDescriptor>& descriptor) {
    if (!descriptor) return std::shared_ptr<const DeletionVector>();
    TARN_ASSIGN_OR_RETURN(DeletionVector rows,
                          LoadDeltaVector(store_, last_.table_uri(), *descriptor));
    return std::make_shared<const DeletionVector>(std::move(rows));
  }

  Result<delta::TableFile> FileOf(const delta::AddFile& add) {
    TARN_ASSIGN_OR_RETURN(delta::TableFile file,
                          delta::ReadTableFile(add, last_.schema(), last_.table_uri()));
    if (file.file.size_bytes < 0) {
      TARN_ASSIGN_OR_RETURN(const std::string key, store_.KeyOf(file.file.path));
      TARN_ASSIGN_OR_RETURN(const ObjectInfo info, store_.Head(key));
      file.file.size_bytes = info.size_bytes;
    }
    return file;
  }

  Status Add(DeltaFeedFile one, const delta::AddFile& add, std::optional<std::string> type) {
    TARN_ASSIGN_OR_RETURN(one.file, FileOf(add));
    TARN_ASSIGN_OR_RETURN(one.left_out, Vector(add.deletion_vector));
    one.change_type = std::move(type);
    files_.push_back(std::move(one));
    return {};
  }

  /// A file that stays: rows that its vector has more are gone, those that it has less are back.
  Status AddDifference(const DeltaFeedFile& common, const delta::RemoveFile& before,
                       const delta::AddFile& after) {
    TARN_ASSIGN_OR_RETURN(const auto old_vector, Vector(before.deletion_vector));
    TARN_ASSIGN_OR_RETURN(const auto new_vector, Vector(after.deletion_vector));
    const DeletionVector none;
    const DeletionVector& was = old_vector == nullptr ? none : *old_vector;
    const DeletionVector& is = new_vector == nullptr ? none : *new_vector;
    for (const bool gone : {true, false}) {
      auto rows = std::make_shared<DeletionVector>(gone ? is : was);
      rows->RemoveAll(gone ? was : is);
      if (rows->empty()) continue;
      DeltaFeedFile one = common;
      TARN_ASSIGN_OR_RETURN(one.file, FileOf(after));
      one.change_type = gone ? kDelete : kInsert;
      one.only = std::move(rows);
      files_.push_back(std::move(one));
    }
    return {};
  }

  ObjectStore& store_;
  const std::string key_;
  const DeltaSnapshot& last_;
  delta::Protocol protocol_;
  std::vector<DeltaFeedFile> files_;
};

}  // namespace

Result<std::vector<DeltaFeedFile>> ReadDeltaFeed(ObjectStore& store, const std::string& table_key,
                                                 const DeltaSnapshot& last, int64_t from) {
  return FeedReader(store, table_key, last).Read(from);
}

}  // namespace tarn
