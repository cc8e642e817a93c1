#include "storage/outside_files.h"

#include <mutex>
#include <utility>
#include <vector>

#include "storage/forwarding_store.h"

namespace tarn {
namespace {

/// Buckets and folders outside of the lake that one process opens.
constexpr size_t kOutsideStoresMax = 64;

class ReachingStore final : public ForwardingStore, public OutsideFiles {
 public:
  ReachingStore(std::unique_ptr<ObjectStore> inner, OpenOutside open)
      : ForwardingStore(std::move(inner)), open_(std::move(open)) {}

  Result<ObjectStore*> StoreOf(const std::string& uri) override {
    const std::lock_guard lock(mutex_);
    for (const auto& store : outside_) {
      if (store->KeyOf(uri).ok()) return store.get();
    }
    if (outside_.size() >= kOutsideStoresMax) {
      return ResourceExhausted(
          "files in more than " + std::to_string(kOutsideStoresMax) +
          " buckets and folders outside of the lake were read since the start");
    }
    TARN_ASSIGN_OR_RETURN(auto store, open_(uri));
    TARN_RETURN_IF_ERROR(store->KeyOf(uri).status());
    outside_.push_back(OpenReadOnlyStore(std::move(store)));
    return outside_.back().get();
  }

 private:
  const OpenOutside open_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<ObjectStore>> outside_;
};

class ReadOnlyStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  Status Put(std::string_view key, std::string_view) override { return Refuse(key); }
  Status PutIfAbsent(std::string_view key, std::string_view) override { return Refuse(key); }
  Result<std::unique_ptr<ObjectWriter>> OpenWriter(std::string_view key) override {
    return Refuse(key);
  }
  Status Delete(std::string_view key) override { return Refuse(key); }
  Status RemoveEmptyFolders(std::string_view prefix) override { return Refuse(prefix); }

 private:
  Error Refuse(std::string_view key) const {
    return PermissionDenied(UriOf(key) + " is not the lake's: it is read, never changed");
  }
};

}  // namespace

Result<ObjectPlace> FindObject(ObjectStore& store, const std::string& uri) {
  Result<std::string> key = store.KeyOf(uri);
  if (key.ok()) return ObjectPlace{&store, std::move(key).value()};
  auto* outside = dynamic_cast<OutsideFiles*>(&store);
  if (outside == nullptr) return key.error();
  TARN_ASSIGN_OR_RETURN(ObjectStore * holder, outside->StoreOf(uri));
  TARN_ASSIGN_OR_RETURN(std::string found, holder->KeyOf(uri));
  return ObjectPlace{holder, std::move(found)};
}

std::unique_ptr<ObjectStore> OpenReachingStore(std::unique_ptr<ObjectStore> inner,
                                               OpenOutside open) {
  return std::make_unique<ReachingStore>(std::move(inner), std::move(open));
}

std::unique_ptr<ObjectStore> OpenReadOnlyStore(std::unique_ptr<ObjectStore> inner) {
  return std::make_unique<ReadOnlyStore>(std::move(inner));
}

}  // namespace tarn
