#include "sim/truth.h"

#include <algorithm>

#include "catalog/delta_log.h"
#include "catalog/delta_vectors.h"
#include "table/delta/text.h"
#include "table/dual/changes.h"
#include "table/dual/manifest_io.h"

namespace tarn::sim {

void Truth::Wrong(const std::string& what) {
  // What follows from the first fault of a run tells nothing more.
  if (wrongs_.size() < 10) wrongs_.push_back(what);
}

void Truth::Ended(const Operation& operation) {
  in_flight_.erase(&operation);
  std::erase_if(written_by_, [&](const auto& one) { return one.second == &operation; });
}

std::optional<int64_t> Truth::OldestInFlight() const {
  std::optional<int64_t> oldest;
  for (const Operation* one : in_flight_) {
    if (!oldest || one->began_micros < *oldest) oldest = one->began_micros;
  }
  return oldest;
}

void Truth::Committed(const CommitRequest& request, const CommitInfo& info, Operation* operation) {
  if (operation != nullptr && ++operation->commits > 1 && !operation->upkeep) {
    Wrong(operation->what + " was committed twice");
  }
  for (const CommitOp& op : request.ops) {
    std::string uuid;
    if (const auto* create = std::get_if<CreateTableOp>(&op)) {
      uuid = create->table.uuid;
      tables_[uuid].name = create->table.name.name;
      tables_[uuid].metadata_location = create->table.metadata_location;
    } else if (const auto* update = std::get_if<UpdateTableOp>(&op)) {
      uuid = update->uuid;
      tables_[uuid].metadata_location = update->metadata_location;
    } else if (const auto* drop = std::get_if<DropTableOp>(&op)) {
      tables_[drop->uuid].dropped = true;
      continue;
    } else {
      continue;
    }
    TableTruth& table = tables_[uuid];
    const Effect* effect = nullptr;
    if (operation != nullptr) {
      const auto found = operation->effects.find(table.name);
      if (found != operation->effects.end()) effect = &found->second;
    }
    Apply(table, effect, info);
    CheckCommitted(uuid, table);
  }
}

void Truth::Apply(TableTruth& table, const Effect* effect, const CommitInfo& info) {
  std::shared_ptr<const Rows> rows =
      table.versions.empty() ? std::make_shared<const Rows>() : table.versions.back();
  if (effect != nullptr) {
    Rows next = effect->replaces_all ? Rows() : *rows;
    for (const auto& [id, value] : effect->removed) {
      const auto one = next.find(id);
      if (one == next.end() || one->second != value) {
        Wrong("row " + std::to_string(id) + " of " + table.name +
              " was changed by two who both thought that it was " + value);
      }
      next.erase(id);
    }
    for (const auto& [id, value] : effect->added) {
      if (!next.emplace(id, value).second) Wrong("row " + std::to_string(id) + " was made twice");
    }
    rows = std::make_shared<const Rows>(std::move(next));
  }
  table.versions.push_back(rows);
  table.version_at[info.sequence.value()] = table.versions.size();
}

void Truth::CheckCommitted(const std::string& uuid, TableTruth& table) {
  const std::string where = table.name + " version " + std::to_string(table.versions.size()) + ": ";
  auto metadata = LoadTableMetadata(kept_, table.metadata_location);
  if (!metadata.ok()) return Wrong(where + metadata.status().ToString());
  table.current = *metadata;
  if (table.current->table_uuid != uuid) Wrong(where + "it is another table's state");
  const auto rows = ReadSnapshot(kept_, *table.current, &files_);
  if (!rows.ok()) return Wrong(where + rows.status().ToString());
  const std::string difference = Difference(*rows, *table.versions.back());
  if (!difference.empty()) Wrong(where + difference);
  for (const StatisticsFile& file : table.current->statistics) {
    if (!live_->Head(*kept_.store->KeyOf(file.path)).ok()) {
      Wrong(where + "it names " + file.path + ", which is gone");
    }
    for (const StatisticsBlob& blob : file.blobs) {
      if (blob.snapshot != table.current->current_snapshot || blob.fields[0] != 1) continue;
      // Exactly, up to 4096 ids.
      if (blob.properties.at("ndv") == std::to_string(rows->size())) continue;
      Wrong(where + "its statistics tell " + blob.properties.at("ndv") + " ids, and it has " +
            std::to_string(rows->size()));
    }
  }
  if (!table.current->current_snapshot) return;
  for (const std::string& key : FilesOf(*table.current, *table.current->current_snapshot)) {
    if (!live_->Head(key).ok()) Wrong(where + "it names " + key + ", which is gone");
  }
}

const std::set<std::string>& Truth::FilesOf(const TableMetadata& table, SnapshotId snapshot) {
  const auto [found, fresh] = snapshot_files_.try_emplace(snapshot);
  std::set<std::string>& files = found->second;
  if (!fresh) return files;
  const auto add = [&](const std::string& uri) { files.insert(*kept_.store->KeyOf(uri)); };
  const Snapshot& one = *table.FindSnapshot(snapshot);
  add(one.manifest_list);
  const auto manifests = ManifestIo(*kept_.store, &cache_, table).List(one);
  const auto live = ListLiveFiles(*kept_.store, table, snapshot);
  if (!manifests.ok() || !live.ok()) {
    Wrong("a snapshot of " + table.location + " cannot be read");
    return files;
  }
  for (const ManifestFile& manifest : *manifests) add(manifest.path);
  for (const LiveFile& file : *live) add(file.file.path);
  return files;
}

void Truth::Written(const std::string& key, const Operation* by) {
  if (by != nullptr) written_by_[key] = by;
}

void Truth::Deleting(const std::string& key, const Operation* by) {
  const std::string what = (by == nullptr ? "somebody" : by->what) + " removed " + key;
  const auto writer = written_by_.find(key);
  if (writer != written_by_.end() && writer->second != by && IsInFlight(writer->second)) {
    Wrong(what + ", which " + writer->second->what + " is about to commit");
  }
  for (const auto& [uuid, table] : tables_) {
    if (table.dropped || table.current == nullptr) continue;
    const std::string folder = *kept_.store->KeyOf(table.current->location) + "/";
    if (!key.starts_with(folder)) continue;
    for (const Snapshot& snapshot : table.current->snapshots) {
      if (FilesOf(*table.current, snapshot.id).contains(key)) {
        return Wrong(what + ", which a snapshot of " + table.name + " needs");
      }
    }
    const std::string version = std::to_string(table.versions.size());
    if (*kept_.store->KeyOf(table.metadata_location) == key ||
        key == folder + "metadata/v" + version + ".metadata.json") {
      return Wrong(what + ", the present state of " + table.name);
    }
    const auto pending = catalog_.PendingPublications({.limit = 1000, .table_uuid = uuid});
    for (const Publication& one : *pending) {
      if (*kept_.store->KeyOf(one.metadata_location) == key) {
        return Wrong(what + ", which is not published yet");
      }
    }
    if (!key.ends_with(".bin")) continue;
    const auto log = DeltaLog(*live_, *kept_.store->KeyOf(table.current->location)).ReadState({});
    if (!log.ok()) continue;
    for (const auto& [path, file] : log->files) {
      if (!file.deletion_vector) continue;
      const auto uri = delta::VectorFileUri(table.current->location, *file.deletion_vector);
      if (uri.ok() && *kept_.store->KeyOf(*uri) == key) {
        return Wrong(what + ", which Delta's log of " + table.name + " needs");
      }
    }
  }
}

const Rows* Truth::Version(const std::string& uuid, int64_t version) const {
  const auto table = tables_.find(uuid);
  if (table == tables_.end() || version < 1 ||
      version > static_cast<int64_t>(table->second.versions.size())) {
    return nullptr;
  }
  return table->second.versions[static_cast<size_t>(version) - 1].get();
}

const Rows* Truth::At(const std::string& uuid, Sequence sequence) const {
  const auto table = tables_.find(uuid);
  if (table == tables_.end()) return nullptr;
  auto after = table->second.version_at.upper_bound(sequence.value());
  if (after == table->second.version_at.begin()) return nullptr;
  return Version(uuid, static_cast<int64_t>((--after)->second));
}

Result<Rows> Truth::RowsOfLog(const std::string& table_uri, const delta::State& state) {
  Rows found;
  for (const auto& [path, add] : state.files) {
    const std::string uri = delta::FileUri(table_uri, path);
    const auto rows = files_.Find(uri);
    if (rows == nullptr) return Internal("Delta's log names " + uri + ", which nobody committed");
    DeletionVector deleted;
    if (add.deletion_vector) {
      TARN_ASSIGN_OR_RETURN(deleted,
                            LoadDeltaVector(*kept_.store, table_uri, *add.deletion_vector));
    }
    for (size_t i = 0; i < rows->size(); ++i) {
      if (deleted.Contains(static_cast<int64_t>(i))) continue;
      const auto& [id, value] = (*rows)[i];
      if (!found.emplace(id, value).second) {
        return Internal("row " + std::to_string(id) + " is there twice");
      }
    }
  }
  return found;
}

void Truth::CheckAtRest() {
  const auto tables = catalog_.ListTables(std::nullopt, std::nullopt);
  if (!tables.ok()) return Wrong(tables.status().ToString());
  for (const TableEntry& entry : *tables) CheckPublished(entry);
}

void Truth::CheckPublished(const TableEntry& entry) {
  const std::string where = "at rest, " + entry.name.ToString() + ": ";
  const auto found = tables_.find(entry.uuid);
  if (found == tables_.end()) return Wrong(where + "nobody made it");
  const TableTruth& table = found->second;
  const Rows& wanted = *table.versions.back();
  if (entry.version != static_cast<int64_t>(table.versions.size())) {
    Wrong(where + "the catalog counts " + std::to_string(entry.version) + " versions, not " +
          std::to_string(table.versions.size()));
  }
  const TableContext live{live_, kept_.clock, kept_.random, kept_.limits, nullptr};
  const std::string folder = *live_->KeyOf(entry.location);
  const auto hint = live_->Get(folder + "/metadata/version-hint.text");
  if (!hint.ok() || *hint != std::to_string(entry.version)) {
    Wrong(where + "the hint says " + (hint.ok() ? *hint : hint.status().ToString()));
  }
  const auto published = LoadTableMetadata(
      live, entry.location + "/metadata/v" + std::to_string(entry.version) + ".metadata.json");
  if (!published.ok()) return Wrong(where + published.status().ToString());
  // Read from the bytes that stand, not from memory.
  const auto iceberg = ReadSnapshot(live, **published, nullptr);
  if (!iceberg.ok()) return Wrong(where + "Iceberg: " + iceberg.status().ToString());
  if (const auto text = Difference(*iceberg, wanted); !text.empty())
    Wrong(where + "Iceberg: " + text);
  const auto log = DeltaLog(*live_, folder).ReadState({});
  if (!log.ok()) return Wrong(where + "Delta: " + log.status().ToString());
  if (log->version != entry.version - 1) {
    Wrong(where + "Delta stands at " + std::to_string(log->version));
  }
  const auto delta = RowsOfLog(entry.location, *log);
  if (!delta.ok()) return Wrong(where + "Delta: " + delta.status().ToString());
  if (const auto text = Difference(*delta, wanted); !text.empty()) Wrong(where + "Delta: " + text);
  for (const auto& [path, add] : log->files) {
    std::string uri = delta::FileUri(entry.location, path);
    if (!live_->Head(*live_->KeyOf(uri)).ok()) Wrong(where + uri + " is gone");
    if (!add.deletion_vector) continue;
    const auto vector = LoadDeltaVector(*live_, entry.location, *add.deletion_vector);
    if (!vector.ok()) Wrong(where + "Delta: " + vector.status().ToString());
  }
}

void Truth::CheckNothingIsLeftOver() {
  std::set<std::string> wanted, found, folders;
  for (const auto& [uuid, table] : tables_) {
    if (table.dropped) {
      folders.insert(*kept_.store->KeyOf(table.current->location));
      continue;
    }
    // What upkeep itself committed at rest is the state that is asked for here.
    const auto entry = catalog_.LoadTableByUuid(uuid, {});
    const auto metadata = LoadTableMetadata(kept_, entry->metadata_location);
    for (const Snapshot& snapshot : (*metadata)->snapshots) {
      wanted.merge(std::set<std::string>(FilesOf(**metadata, snapshot.id)));
    }
    for (const StatisticsFile& file : (*metadata)->statistics) {
      wanted.insert(*kept_.store->KeyOf(file.path));
    }
    folders.insert(*kept_.store->KeyOf(entry->location));
    const auto log = DeltaLog(*live_, *kept_.store->KeyOf(entry->location)).ReadState({});
    for (const auto& [path, add] : log->files) {
      if (!add.deletion_vector) continue;
      const auto uri = delta::VectorFileUri(entry->location, *add.deletion_vector);
      if (uri.ok()) wanted.insert(*kept_.store->KeyOf(*uri));
    }
  }
  const Status listed = live_->List("", [&](const ObjectInfo& object) -> Status {
    const std::string_view key = object.key;
    // Where a table was to be made and its maker died, nothing is known to upkeep.
    const bool of_table = std::any_of(folders.begin(), folders.end(), [&](const auto& folder) {
      return key.starts_with(folder + "/");
    });
    if (of_table && !key.ends_with(".json") && key.find("/_delta_log/") == std::string_view::npos &&
        !key.ends_with("version-hint.text")) {
      found.insert(object.key);
    }
    return {};
  });
  if (!listed.ok()) Wrong(listed.ToString());
  for (const std::string& key : found) {
    if (!wanted.contains(key)) Wrong("at rest, nothing needs " + key + ", and it is still there");
  }
}

}  // namespace tarn::sim
