#include "catalog/committer.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/fault_point.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"
#include "catalog/certain_answer.h"

namespace tarn {
namespace {

constexpr int64_t kBackoffFirstMicros = 5'000;
constexpr int64_t kBackoffMaxMicros = 1'000'000;

bool IsWorthRepeating(const Error& error) {
  return error.kind == ErrorKind::kCommitUnknown || error.kind == ErrorKind::kUnavailable;
}

class Committer {
 public:
  Committer(const TableContext& context, Catalog& catalog, const LakeCommit& commit)
      : context_(context), catalog_(catalog), commit_(commit) {
    request_.commit_id = context.random->Uuid();
    request_.author = commit.author;
    request_.message = commit.message;
  }

  Result<CommitInfo> Run() {
    TARN_RETURN_IF_ERROR(ListMissingNamespaces());
    for (int64_t attempt = 1;; ++attempt) {
      Result<CommitInfo> info = StageAndCommit();
      if (info.ok()) return info;
      if (!IsCertainAnswer(info.error())) return info;
      RemoveStagedFiles();
      // Files of a state that was current a moment ago: upkeep that leaves readers no grace has
      // removed them since. Then the table has moved, as after a lost race.
      const bool expired = info.error().kind == ErrorKind::kNotFound;
      if (info.error().kind != ErrorKind::kConflict && !expired) return info;
      if (attempt >= context_.limits->commit_retries_max) {
        return std::move(info).Wrap("gave up after " + std::to_string(attempt) + " attempts");
      }
      Backoff(attempt);
      TARN_ASSIGN_OR_RETURN(const bool moved, Rebase());
      // Then it is something that was read that moved: what was made of it is out of date.
      if (!moved) return info;
    }
  }

 private:
  // Schemas that the commit puts something into and that nobody has made yet.
  Status ListMissingNamespaces() {
    std::vector<std::string> wanted;
    std::set<std::string> known;
    for (const TableChange& table : commit_.tables) {
      if (table.transaction->creates()) wanted.push_back(table.name.schema);
    }
    for (const CommitOp& op : commit_.ops) {
      if (const auto* view = std::get_if<PutViewOp>(&op)) wanted.push_back(view->view.name.schema);
      if (const auto* made = std::get_if<CreateNamespaceOp>(&op))
        known.insert(LowerAscii(made->name));
    }
    if (wanted.empty()) return {};
    TARN_ASSIGN_OR_RETURN(const std::vector<NamespaceEntry> existing, catalog_.ListNamespaces({}));
    for (const NamespaceEntry& entry : existing) known.insert(LowerAscii(entry.name));
    for (const std::string& name : wanted) {
      if (known.insert(LowerAscii(name)).second) missing_namespaces_.push_back(name);
    }
    return {};
  }

  // Writes the metadata of all tables and makes the request of it.
  Status Stage() {
    request_.ops.clear();
    for (const std::string& name : missing_namespaces_) {
      request_.ops.push_back(CreateNamespaceOp{name, {}, true});
    }
    request_.ops.insert(request_.ops.end(), commit_.ops.begin(), commit_.ops.end());
    int64_t now_ms = context_.clock->NowMillis();
    for (const TableChange& table : commit_.tables) {
      now_ms = std::max(now_ms, table.transaction->earliest_ms());
    }
    std::vector<std::optional<StagedTable>> all(commit_.tables.size());
    const Status status = RunInThreads(all.size(), kCommitStreams, [&](size_t i) -> Status {
      TableTransaction& transaction = *commit_.tables[i].transaction;
      transaction.SetTime(now_ms);
      TARN_ASSIGN_OR_RETURN(all[i], transaction.Stage(request_.commit_id));
      return {};
    });
    for (const auto& staged : all) {
      if (!staged) continue;
      staged_files_.insert(staged_files_.end(), staged->files.begin(), staged->files.end());
    }
    if (!status.ok()) {
      RemoveStagedFiles();
      return status;
    }
    for (size_t i = 0; i < all.size(); ++i) {
      const TableChange& table = commit_.tables[i];
      const std::optional<StagedTable>& staged = all[i];
      if (table.transaction->creates()) {
        TableEntry entry;
        entry.uuid = staged->metadata->table_uuid;
        entry.name = table.name;
        entry.location = staged->metadata->location;
        entry.metadata_location = staged->metadata_location;
        entry.owner = table.owner;
        request_.ops.push_back(CreateTableOp{std::move(entry), table.free_at});
      } else {
        request_.ops.push_back(UpdateTableOp{table.uuid, table.transaction->base_location(),
                                             staged->metadata_location});
      }
    }
    for (const SearchedTable& table : commit_.searched) {
      request_.ops.push_back(ExpectTableOp{table.uuid, table.transaction->base_location()});
    }
    for (const ExpectTableOp& expectation : commit_.expectations) {
      request_.ops.push_back(expectation);
    }
    return {};
  }

  Result<CommitInfo> StageAndCommit() {
    TARN_RETURN_IF_ERROR(Stage());
    TARN_FAULT_POINT(kCommitStaged);
    return CommitStaged();
  }

  // Repeats the request while its answer is lost or the catalog is busy: an identity commits once.
  Result<CommitInfo> CommitStaged() {
    bool unknown = false;
    for (int64_t attempt = 1;; ++attempt) {
      const Result<CommitInfo> info = unknown ? FindOrRepeat() : catalog_.Commit(request_);
      if (info.ok()) return info;
      unknown = unknown || info.error().kind == ErrorKind::kCommitUnknown;
      // What was rejected after a lost answer was not committed before it either; its files stay
      // all the same, because a server may still be at work on the first request.
      if (unknown && IsCertainRejection(info.error())) staged_files_.clear();
      if (!IsWorthRepeating(info.error())) {
        const bool certain =
            IsCertainRejection(info.error()) && info.error().kind != ErrorKind::kPermissionDenied;
        if (!unknown || certain) return info;
        // Whatever went wrong while asking says nothing about the first request.
        return CommitUnknown("the answer of commit " + request_.commit_id +
                                 " was lost, and asking for it failed: " + info.error().message,
                             "once the catalog answers, `tarn history` shows whether it happened");
      }
      if (attempt >= context_.limits->commit_retries_max) {
        if (!unknown) return info;
        return CommitUnknown(
            "the answer of commit " + request_.commit_id +
                " was lost, and the catalog cannot be asked: " + info.error().message,
            "once the catalog answers, `tarn history` shows whether it happened");
      }
      Backoff(attempt);
    }
  }

  Result<CommitInfo> FindOrRepeat() {
    const Result<CommitInfo> found = catalog_.FindCommit(request_.commit_id);
    if (found.ok() || found.error().kind != ErrorKind::kNotFound) return found;
    return catalog_.Commit(request_);
  }

  // Puts every transaction on the table's current state; whether any had moved.
  Result<bool> Rebase() {
    bool any = false;
    for (const TableChange& table : commit_.tables) {
      if (table.transaction->creates()) continue;
      TARN_ASSIGN_OR_RETURN(const bool moved, Rebase(table.uuid, *table.transaction));
      any = any || moved;
    }
    for (const SearchedTable& table : commit_.searched) {
      TARN_ASSIGN_OR_RETURN(const bool moved, Rebase(table.uuid, *table.transaction));
      any = any || moved;
    }
    return any;
  }

  Result<bool> Rebase(const std::string& uuid, TableTransaction& transaction) {
    std::string expired;
    for (int64_t attempt = 1;; ++attempt) {
      auto found = catalog_.LoadTableByUuid(uuid, {});
      if (!found.ok() && found.error().kind == ErrorKind::kNotFound) {
        return Conflict("table " + transaction.location() + " was dropped meanwhile",
                        "look at what is there, then try again");
      }
      TARN_ASSIGN_OR_RETURN(const TableEntry entry, std::move(found));
      if (entry.metadata_location == transaction.base_location()) return false;
      const Status moved = Rebase(entry, transaction);
      if (moved.ok()) return true;
      // This state may have expired in turn while it was read.
      const bool again = moved.error().kind == ErrorKind::kNotFound &&
                         entry.metadata_location != expired &&
                         attempt < context_.limits->commit_retries_max;
      if (!again) return moved;
      expired = entry.metadata_location;
    }
  }

  Status Rebase(const TableEntry& entry, TableTransaction& transaction) {
    TARN_ASSIGN_OR_RETURN(auto base, LoadTableMetadata(context_, entry.metadata_location));
    return transaction.Rebase(std::move(base), entry.metadata_location)
        .Wrap("table " + entry.name.ToString());
  }

  void RemoveStagedFiles() {
    for (const std::string& key : staged_files_) {
      const Status status = context_.store->Delete(key);
      // Nothing refers to it: upkeep finds it later.
      if (!status.ok()) Log(LogLevel::kDebug, "left behind: " + key + ": " + status.ToString());
    }
    staged_files_.clear();
  }

  // Half of a doubling pause is left to chance, so that racers do not meet again.
  void Backoff(int64_t attempt) {
    const int64_t pause =
        std::min(kBackoffMaxMicros, kBackoffFirstMicros << std::min<int64_t>(attempt, 20));
    const auto jitter = context_.random->Below(static_cast<uint64_t>(pause / 2));
    context_.clock->SleepMicros(pause / 2 + static_cast<int64_t>(jitter));
  }

  const TableContext& context_;
  Catalog& catalog_;
  const LakeCommit& commit_;
  CommitRequest request_;
  std::vector<std::string> missing_namespaces_;
  std::vector<std::string> staged_files_;
};

}  // namespace

bool IsCertainRejection(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kConflict:
    case ErrorKind::kInvalidArgument:
    case ErrorKind::kNotFound:
    case ErrorKind::kAlreadyExists:
    case ErrorKind::kPermissionDenied:
      return true;
    default:
      return false;
  }
}

Result<CommitInfo> CommitToLake(const TableContext& context, Catalog& catalog,
                                const LakeCommit& commit) {
  Result<CommitInfo> info = Committer(context, catalog, commit).Run();
  if (!info.ok()) return info;
  // Whatever goes wrong from here on, the commit has happened.
  PassFaultPoint(FaultPoint::kCommitAnswered);
  const Status published = RunWalled([&] { return PublishOutbox(context, catalog); });
  if (!published.ok()) {
    Log(LogLevel::kWarning, "commit " + std::to_string(info->sequence.value()) +
                                " is in the catalog but not published for other readers; the next "
                                "commit tries again: " +
                                published.ToString());
  }
  return info;
}

}  // namespace tarn
