#include "catalog/faulty/faulty_catalog.h"

#include <utility>

#include "base/fault_point.h"
#include "catalog/forwarding_catalog.h"

namespace tarn {
namespace {

template <typename Call>
auto Read(Call&& call) {
  return CallWithFaults(FaultPoint::kCatalogRead, std::forward<Call>(call));
}

class FaultyCatalog final : public ForwardingCatalog {
 public:
  explicit FaultyCatalog(std::unique_ptr<Catalog> inner)
      : ForwardingCatalog(*inner), inner_(std::move(inner)) {}

  Result<Sequence> CurrentSequence() override {
    return Read([&] { return next_.CurrentSequence(); });
  }
  Result<Sequence> SequenceAt(int64_t micros) override {
    return Read([&] { return next_.SequenceAt(micros); });
  }
  Result<std::vector<NamespaceEntry>> ListNamespaces(std::optional<Sequence> at) override {
    return Read([&] { return next_.ListNamespaces(at); });
  }
  Result<std::vector<TableEntry>> ListTables(std::optional<std::string> schema,
                                             std::optional<Sequence> at) override {
    return Read([&] { return next_.ListTables(schema, at); });
  }
  Result<TableEntry> LoadTable(const TableName& name, std::optional<Sequence> at) override {
    return Read([&] { return next_.LoadTable(name, at); });
  }
  Result<TableEntry> LoadTableByUuid(const std::string& uuid, std::optional<Sequence> at) override {
    return Read([&] { return next_.LoadTableByUuid(uuid, at); });
  }
  Result<std::vector<TableEntry>> TableHistory(const std::string& uuid) override {
    return Read([&] { return next_.TableHistory(uuid); });
  }
  Status ForgetStates(const std::string& uuid, int64_t before_version) override {
    return CallWithFaults(FaultPoint::kCatalogForget,
                          [&] { return next_.ForgetStates(uuid, before_version); });
  }
  Result<std::vector<ViewEntry>> ListViews(std::optional<std::string> schema,
                                           std::optional<Sequence> at) override {
    return Read([&] { return next_.ListViews(schema, at); });
  }
  Result<ViewEntry> LoadView(const TableName& name, std::optional<Sequence> at) override {
    return Read([&] { return next_.LoadView(name, at); });
  }
  Result<CommitInfo> Commit(const CommitRequest& request) override {
    TARN_FAULT_POINT(kCatalogCommit);
    auto info = next_.Commit(request);
    if (!info.ok()) return info;
    const Status answer = ReachFaultPoint(FaultPoint::kCatalogCommit, FaultMoment::kAfter);
    if (!answer.ok()) return CommitUnknown(answer.error().message);
    return info;
  }
  Result<CommitInfo> FindCommit(const std::string& id) override {
    return Read([&] { return next_.FindCommit(id); });
  }
  Result<std::vector<CommitInfo>> ListCommits(int64_t limit) override {
    return Read([&] { return next_.ListCommits(limit); });
  }
  Result<std::vector<PositionEntry>> ListPositions() override {
    return Read([&] { return next_.ListPositions(); });
  }
  Result<std::vector<ObjectEntry>> ListObjects(std::optional<std::string> kind) override {
    return Read([&] { return next_.ListObjects(kind); });
  }
  Result<std::vector<Publication>> PendingPublications(const OutboxRange& range) override {
    return CallWithFaults(FaultPoint::kCatalogOutbox,
                          [&] { return next_.PendingPublications(range); });
  }
  Status MarkPublished(int64_t id) override {
    return CallWithFaults(FaultPoint::kCatalogMarkPublished,
                          [&] { return next_.MarkPublished(id); });
  }
  Status RecordRun(const RunRecord& run) override {
    return CallWithFaults(FaultPoint::kCatalogRecordRun, [&] { return next_.RecordRun(run); });
  }
  Result<std::vector<RunRecord>> ListRuns(int64_t limit) override {
    return Read([&] { return next_.ListRuns(limit); });
  }
  Result<LockInfo> AcquireLock(const std::string& name, const std::string& owner,
                               const std::string& token, int64_t lease_ms) override {
    return CallWithFaults(FaultPoint::kCatalogLock,
                          [&] { return next_.AcquireLock(name, owner, token, lease_ms); });
  }
  Result<std::optional<LockInfo>> FindLock(const std::string& name) override {
    return Read([&] { return next_.FindLock(name); });
  }
  Status RenewLock(const LockInfo& lock, int64_t lease_ms) override {
    return CallWithFaults(FaultPoint::kCatalogLock,
                          [&] { return next_.RenewLock(lock, lease_ms); });
  }
  Status ReleaseLock(const LockInfo& lock) override {
    return CallWithFaults(FaultPoint::kCatalogUnlock, [&] { return next_.ReleaseLock(lock); });
  }

 private:
  const std::unique_ptr<Catalog> inner_;
};

}  // namespace

std::unique_ptr<Catalog> OpenFaultyCatalog(std::unique_ptr<Catalog> inner) {
  return std::make_unique<FaultyCatalog>(std::move(inner));
}

}  // namespace tarn
