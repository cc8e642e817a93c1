#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/fault_point.h"
#include "base/log.h"
#include "base/thread.h"
#include "catalog/committer.h"
#include "catalog/delta_entry.h"
#include "catalog/delta_log.h"
#include "table/delta/log_json.h"
#include "table/iceberg/metadata_json.h"
#include "table/model/delta_property.h"

namespace tarn {
namespace {

constexpr int64_t kPageRows = 256;

bool IsNotFound(const Status& status) {
  return !status.ok() && status.error().kind == ErrorKind::kNotFound;
}

// The version that readers without a catalog are sent to; 0 where there is none.
Result<int64_t> ReadHint(ObjectStore& store, const std::string& key) {
  const Result<std::string> text = store.Get(key);
  if (IsNotFound(text.status())) return 0;
  TARN_RETURN_IF_ERROR(text.status());
  int64_t version = 0;
  std::from_chars(text->data(), text->data() + text->size(), version);
  return version;
}

// An earlier attempt, perhaps by another version of this program, which writes the same state in
// other bytes, put what stands there: it tells of the same state of the same table.
bool IsSameMetadata(const std::string& existing, const std::string& uri,
                    const TableMetadata& current) {
  const Result<TableMetadata> found = ParseTableMetadata(existing, uri);
  return found.ok() && found->table_uuid == current.table_uuid &&
         found->last_sequence_number == current.last_sequence_number &&
         found->current_snapshot == current.current_snapshot &&
         found->last_updated_ms == current.last_updated_ms;
}

// The part of an entry that says whose it is.
struct EntryIdentity {
  std::string sequence;
  std::string commit_id;  // of the snapshot that it tells; empty where it tells of none
  std::string table_id;   // empty where the table's shape did not change
};

EntryIdentity IdentityOf(const std::vector<delta::Action>& actions) {
  EntryIdentity identity;
  for (const delta::Action& action : actions) {
    if (const auto* info = std::get_if<delta::CommitInfo>(&action)) {
      const auto tag = [info](const char* name) {
        const auto found = info->tags.find(name);
        return found == info->tags.end() ? std::string() : found->second;
      };
      identity.sequence = tag("tarn.sequence");
      identity.commit_id = tag("tarn.commit-id");
    } else if (const auto* metadata = std::get_if<delta::Metadata>(&action)) {
      identity.table_id = metadata->id;
    }
  }
  return identity;
}

// The same of an entry: that of the same commit, which is told by its sequence and by an identity
// that nobody else has: the commit's, or the table's own where the entry changes the table's shape.
bool IsSameEntry(const std::string& existing, const std::string& uri,
                 const std::vector<delta::Action>& wanted, const std::string& table_uuid) {
  const Result<std::vector<delta::Action>> found = delta::ParseLogEntry(existing, uri);
  if (!found.ok()) return false;
  const EntryIdentity its = IdentityOf(*found);
  const EntryIdentity ours = IdentityOf(wanted);
  if (its.sequence != ours.sequence || its.commit_id != ours.commit_id) return false;
  if (!its.table_id.empty()) return its.table_id == table_uuid;
  return !its.commit_id.empty();
}

// Never moves the hint back. Another process may: RaiseHints() looks again afterwards.
Status RaiseHint(ObjectStore& store, const std::string& table_key, int64_t version) {
  const std::string key = table_key + "/metadata/version-hint.text";
  TARN_ASSIGN_OR_RETURN(const int64_t hint, ReadHint(store, key));
  if (hint >= version) return {};
  return store.Put(key, std::to_string(version));
}

class Publisher {
 public:
  Publisher(const TableContext& context, Catalog& catalog) : context_(context), catalog_(catalog) {}

  // Goes through the outbox once, page by page, in its order: for each table that of its versions.
  // A table that fails waits for the next time; the others go on.
  Status Run() {
    OutboxRange range{.limit = kPageRows};
    for (;;) {
      Result<std::vector<Publication>> page = catalog_.PendingPublications(range);
      Keep(page.status());
      if (!page.ok()) break;
      PublishPage(*page);
      if (static_cast<int64_t>(page->size()) < range.limit) break;
      range.after_id = page->back().id;
    }
    RaiseHints();
    return first_error_;
  }

 private:
  // Each table's versions in their order, several tables at once.
  void PublishPage(const std::vector<Publication>& page) {
    std::map<std::string, std::vector<const Publication*>> by_table;
    for (const Publication& one : page) {
      if (!failed_.contains(one.table_uuid)) by_table[one.table_uuid].push_back(&one);
    }
    std::vector<TableRun> runs;
    for (auto& [uuid, versions] : by_table) runs.push_back({std::move(versions), {}, {}});
    Keep(RunInThreads(runs.size(), kCommitStreams, [&](size_t i) {
      PublishTable(runs[i]);
      return Status::Ok();
    }));
    for (const TableRun& run : runs) {
      const std::string& uuid = run.versions.front()->table_uuid;
      if (!run.error.ok()) failed_.insert(uuid);
      Keep(run.error);
      if (run.published) published_[uuid] = *run.published;
    }
  }

  struct Published {
    std::string table_key;
    int64_t version = 0;
  };
  // The versions of one table in a page, and what became of them.
  struct TableRun {
    std::vector<const Publication*> versions;
    std::optional<Published> published;  // the newest
    Status error;                        // the rest waits
  };

  void PublishTable(TableRun& run) {
    for (const Publication* one : run.versions) {
      // The hint moves once, to the newest state of the page.
      Status status = Publish(*one, one == run.versions.back() ? Hint::kRaise : Hint::kLeave, run);
      if (IsNotFound(status)) status = ForgetWhenDropped(*one, status);
      if (status.ok()) continue;
      run.error = status;
      // What went before it in this page left the hint to it.
      if (!run.published) return;
      const Status raised =
          RaiseHint(*context_.store, run.published->table_key, run.published->version);
      if (!raised.ok()) Log(LogLevel::kDebug, "the hint stays behind: " + raised.ToString());
      return;
    }
  }

  enum class Hint { kRaise, kLeave };

  Status Publish(const Publication& publication, Hint hint, TableRun& run) {
    TARN_FAULT_POINT(kPublishBegin);
    ObjectStore& store = *context_.store;
    TARN_ASSIGN_OR_RETURN(const std::string staged_key, store.KeyOf(publication.metadata_location));
    TARN_ASSIGN_OR_RETURN(const std::string bytes, store.Get(staged_key));
    TARN_ASSIGN_OR_RETURN(const auto current,
                          LoadTableMetadata(context_, publication.metadata_location));
    std::shared_ptr<const TableMetadata> previous;
    if (!publication.previous_metadata_location.empty()) {
      TARN_ASSIGN_OR_RETURN(previous,
                            LoadTableMetadata(context_, publication.previous_metadata_location));
    }
    TARN_ASSIGN_OR_RETURN(const std::string table_key, store.KeyOf(current->location));
    const std::string version = std::to_string(publication.version);
    TARN_RETURN_IF_ERROR(PutOnce(store, table_key + "/metadata/v" + version + ".metadata.json",
                                 bytes,
                                 [&current](const std::string& existing, const std::string& uri) {
                                   return IsSameMetadata(existing, uri, *current);
                                 }));

    TARN_FAULT_POINT(kPublishMetadata);
    if (!LeavesDeltaOut(current->properties)) {
      TARN_RETURN_IF_ERROR(PublishToDelta(publication, table_key, previous.get(), *current));
    }
    if (hint == Hint::kRaise) {
      TARN_RETURN_IF_ERROR(RaiseHint(store, table_key, publication.version));
    }
    TARN_FAULT_POINT(kPublishHint);
    TARN_RETURN_IF_ERROR(catalog_.MarkPublished(publication.id));
    run.published = {table_key, publication.version};
    // Last: whoever dies of a checkpoint leaves nothing that the next one would die of again.
    if (!LeavesDeltaOut(current->properties)) Checkpoint(publication, table_key, *current);
    return {};
  }

  Status PublishToDelta(const Publication& publication, const std::string& table_key,
                        const TableMetadata* previous, const TableMetadata& current) {
    const DeltaLog log(*context_.store, table_key);
    const int64_t entry_version = publication.version - 1;
    Result<std::vector<delta::Action>> actions =
        BuildDeltaEntry(context_, log, publication, previous, current);
    TARN_RETURN_IF_ERROR(actions.status());
    TARN_RETURN_IF_ERROR(log.WriteEntry(entry_version, delta::WriteLogEntry(*actions),
                                        [&](const std::string& existing, const std::string& uri) {
                                          return IsSameEntry(existing, uri, *actions,
                                                             publication.table_uuid);
                                        }));
    TARN_FAULT_POINT(kPublishEntry);
    return {};
  }

  // Without a checkpoint readers only take longer.
  void Checkpoint(const Publication& publication, const std::string& table_key,
                  const TableMetadata& table) {
    const Status status = WriteCheckpointWhenDue(publication, table_key, table);
    if (status.ok()) return;
    Log(LogLevel::kWarning, "no checkpoint of table " + table.location + ": " + status.ToString());
  }

  Status WriteCheckpointWhenDue(const Publication& publication, const std::string& table_key,
                                const TableMetadata& table) {
    const DeltaLog log(*context_.store, table_key);
    const int64_t entry_version = publication.version - 1;
    TARN_ASSIGN_OR_RETURN(
        const bool due,
        log.IsCheckpointDue(entry_version, context_.limits->checkpoint_every_commits));
    if (!due) return {};
    const int64_t now_ms = publication.committed_micros / 1000;
    int64_t oldest_ms = now_ms;
    // No state that the table still has needs what was removed before the first of them was made;
    // who reads an earlier one goes on for the readers' grace, beside which the difference between
    // the times of snapshots and of commits is small.
    for (const Snapshot& snapshot : table.snapshots) {
      oldest_ms = std::min(oldest_ms, snapshot.timestamp_ms);
    }
    const CheckpointTime time{now_ms, oldest_ms - context_.limits->reader_grace_ms};
    TARN_RETURN_IF_ERROR(log.WriteCheckpoint(entry_version, time, *context_.random));
    return ReachFaultPoint(FaultPoint::kPublishCheckpoint);
  }

  // The files of a dropped table, any of them, may have been cleaned up before it was published.
  Status ForgetWhenDropped(const Publication& publication, const Status& missing) {
    const Status live = catalog_.LoadTableByUuid(publication.table_uuid, {}).status();
    if (!IsNotFound(live)) return live.ok() ? missing : live;
    Log(LogLevel::kInfo, "version " + std::to_string(publication.version) + " of dropped table " +
                             publication.table_uuid + " is not published: its files are gone");
    return catalog_.MarkPublished(publication.id);
  }

  // Two processes that publish one table may put its hint in the wrong order. Whoever puts last
  // looks here afterwards.
  void RaiseHints() {
    std::vector<std::string> uuids;
    for (const auto& [uuid, published] : published_) {
      if (!failed_.contains(uuid)) uuids.push_back(uuid);
    }
    std::vector<Status> raised(uuids.size());
    Keep(RunInThreads(uuids.size(), kCommitStreams, [&](size_t i) {
      raised[i] = RaiseVersionHint(context_, catalog_, uuids[i]);
      return Status::Ok();
    }));
    for (const Status& status : raised) {
      if (!IsNotFound(status)) Keep(status);
    }
  }

  void Keep(const Status& status) {
    if (first_error_.ok() && !status.ok()) first_error_ = status;
  }

  const TableContext& context_;
  Catalog& catalog_;
  std::set<std::string> failed_;                // uuids
  std::map<std::string, Published> published_;  // by uuid: the newest that this run published
  Status first_error_;
};

}  // namespace

Status PublishOutbox(const TableContext& context, Catalog& catalog) {
  return Publisher(context, catalog).Run();
}

Status RaiseVersionHint(const TableContext& context, Catalog& catalog,
                        const std::string& table_uuid) {
  // The catalog's version is read before the outbox, so that a later commit cannot be taken for a
  // published one. All versions before the first that waits there are published.
  TARN_ASSIGN_OR_RETURN(const TableEntry table, catalog.LoadTableByUuid(table_uuid, {}));
  TARN_ASSIGN_OR_RETURN(const auto pending,
                        catalog.PendingPublications({.limit = 1, .table_uuid = table_uuid}));
  const int64_t version =
      pending.empty() ? table.version : std::min(table.version, pending.front().version - 1);
  if (version < 1) return {};
  TARN_ASSIGN_OR_RETURN(const std::string table_key, context.store->KeyOf(table.location));
  return RaiseHint(*context.store, table_key, version);
}

}  // namespace tarn
