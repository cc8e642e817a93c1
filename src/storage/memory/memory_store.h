#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "storage/object_store.h"

namespace tarn {

enum class StorageOperation {
  kGet,
  kGetRange,
  kHead,
  kPut,
  kPutIfAbsent,
  kOpenWriter,
  kAppend,
  kClose,
  kList,
  kDelete,
  kRemoveEmptyFolders,
  kCheckAccess,
};

/// One moment of one call, as a fault injector sees it.
struct StorageCall {
  enum class Moment {
    kBefore,  ///< an error here means that nothing happened
    kAfter,   ///< an error here is a lost answer: the call did what it should, nobody hears of it
  };
  StorageOperation operation;
  std::string_view key;  ///< the prefix of a List; empty for CheckAccess
  Moment moment;
};

/// Asked twice a call, at both moments (at the second only when the call succeeded); the error it
/// returns is what the caller gets. Called without a lock held, from the calling threads.
using FaultInjector = std::function<std::optional<Error>(const StorageCall&)>;

/// Objects in memory, for tests: the semantics of the real stores without their cost.
/// Threads: every method may be called concurrently. A writer must not outlive its store.
/// Errors: those of ObjectStore, and whatever the fault injector makes up.
class MemoryStore final : public ObjectStore {
 public:
  /// The root is "memory://`name`".
  explicit MemoryStore(std::string_view name = "test", Clock& clock = SystemClock());

  /// Replaces the injector; nullptr for none.
  void SetFaultInjector(FaultInjector injector);

  Result<std::string> Get(std::string_view key) override;
  Result<std::string> GetRange(std::string_view key, int64_t offset, int64_t length) override;
  Result<ObjectInfo> Head(std::string_view key) override;
  Status Put(std::string_view key, std::string_view bytes) override;
  Status PutIfAbsent(std::string_view key, std::string_view bytes) override;
  Result<std::unique_ptr<ObjectWriter>> OpenWriter(std::string_view key) override;
  Status List(std::string_view prefix,
              const std::function<Status(const ObjectInfo&)>& visit) override;
  Status Delete(std::string_view key) override;
  Status RemoveEmptyFolders(std::string_view prefix) override;
  Status CheckAccess() override;
  const std::string& root_uri() const override { return root_uri_; }

 private:
  friend class MemoryWriter;
  struct Object {
    std::shared_ptr<const std::string> bytes;
    int64_t modified_micros = 0;
  };
  enum class Existing { kReplace, kKeep };

  Status Fault(StorageOperation operation, std::string_view key, StorageCall::Moment moment);
  Result<std::shared_ptr<const std::string>> Find(std::string_view key);
  Status Store(std::string_view key, std::string bytes, Existing existing);

  const std::string root_uri_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Object, std::less<>> objects_;
  std::shared_ptr<const FaultInjector> injector_;
};

}  // namespace tarn
