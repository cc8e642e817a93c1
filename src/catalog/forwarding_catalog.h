#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catalog/catalog.h"

namespace tarn {

/// A catalog in front of another one, which it borrows: what a decorator does not override is the
/// other's. Threads, errors: those of Catalog.
class ForwardingCatalog : public Catalog {
 public:
  explicit ForwardingCatalog(Catalog& next) : next_(next) {}
  Result<Sequence> CurrentSequence() override { return next_.CurrentSequence(); }
  Result<Sequence> SequenceAt(int64_t micros) override { return next_.SequenceAt(micros); }
  Result<std::vector<NamespaceEntry>> ListNamespaces(std::optional<Sequence> at) override {
    return next_.ListNamespaces(at);
  }
  Result<std::vector<TableEntry>> ListTables(std::optional<std::string> schema,
                                             std::optional<Sequence> at) override {
    return next_.ListTables(std::move(schema), at);
  }
  Result<TableEntry> LoadTable(const TableName& name, std::optional<Sequence> at) override {
    return next_.LoadTable(name, at);
  }
  Result<TableEntry> LoadTableByUuid(const std::string& uuid, std::optional<Sequence> at) override {
    return next_.LoadTableByUuid(uuid, at);
  }
  Result<std::vector<TableEntry>> TableHistory(const std::string& uuid) override {
    return next_.TableHistory(uuid);
  }
  Status ForgetStates(const std::string& uuid, int64_t before_version) override {
    return next_.ForgetStates(uuid, before_version);
  }
  Result<std::vector<ViewEntry>> ListViews(std::optional<std::string> schema,
                                           std::optional<Sequence> at) override {
    return next_.ListViews(std::move(schema), at);
  }
  Result<ViewEntry> LoadView(const TableName& name, std::optional<Sequence> at) override {
    return next_.LoadView(name, at);
  }
  Result<CommitInfo> Commit(const CommitRequest& request) override { return next_.Commit(request); }
  Result<CommitInfo> FindCommit(const std::string& id) override { return next_.FindCommit(id); }
  Result<std::vector<CommitInfo>> ListCommits(int64_t limit) override {
    return next_.ListCommits(limit);
  }
  Result<std::vector<PositionEntry>> ListPositions() override { return next_.ListPositions(); }
  Result<std::vector<ObjectEntry>> ListObjects(std::optional<std::string> kind) override {
    return next_.ListObjects(std::move(kind));
  }
  Result<std::vector<Publication>> PendingPublications(const OutboxRange& range) override {
    return next_.PendingPublications(range);
  }
  Status MarkPublished(int64_t id) override { return next_.MarkPublished(id); }
  Status RecordRun(const RunRecord& run) override { return next_.RecordRun(run); }
  Result<std::vector<RunRecord>> ListRuns(int64_t limit) override { return next_.ListRuns(limit); }
  Result<LockInfo> AcquireLock(const std::string& name, const std::string& owner,
                               const std::string& token, int64_t lease_ms) override {
    return next_.AcquireLock(name, owner, token, lease_ms);
  }
  Result<std::optional<LockInfo>> FindLock(const std::string& name) override {
    return next_.FindLock(name);
  }
  Status RenewLock(const LockInfo& lock, int64_t lease_ms) override {
    return next_.RenewLock(lock, lease_ms);
  }
  Status ReleaseLock(const LockInfo& lock) override { return next_.ReleaseLock(lock); }

 protected:
  Catalog& next_;
};

}  // namespace tarn
