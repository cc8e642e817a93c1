#include "storage/memory/memory_store.h"

namespace tarn {
namespace {

using Moment = StorageCall::Moment;

constexpr size_t kPageObjects = 1000;

}  // namespace

/// Collects bytes; the object appears at Close().
class MemoryWriter final : public ObjectWriter {
 public:
  MemoryWriter(MemoryStore& store, std::string_view key) : store_(store), key_(key) {}

  Status Append(std::string_view bytes) override {
    TARN_CHECK(!closed_);
    TARN_RETURN_IF_ERROR(store_.Fault(StorageOperation::kAppend, key_, Moment::kBefore));
    bytes_.append(bytes);
    written_ += static_cast<int64_t>(bytes.size());
    return store_.Fault(StorageOperation::kAppend, key_, Moment::kAfter);
  }

  Status Close() override {
    TARN_CHECK(!closed_);
    closed_ = true;
    TARN_RETURN_IF_ERROR(store_.Fault(StorageOperation::kClose, key_, Moment::kBefore));
    TARN_RETURN_IF_ERROR(store_.Store(key_, std::move(bytes_), MemoryStore::Existing::kReplace));
    return store_.Fault(StorageOperation::kClose, key_, Moment::kAfter);
  }

  int64_t bytes_written() const override { return written_; }

 private:
  MemoryStore& store_;
  const std::string key_;
  std::string bytes_;
  int64_t written_ = 0;
  bool closed_ = false;
};

MemoryStore::MemoryStore(std::string_view name, Clock& clock)
    : root_uri_("memory://" + std::string(name)), clock_(clock) {}

void MemoryStore::SetFaultInjector(FaultInjector injector) {
  auto shared = injector ? std::make_shared<const FaultInjector>(std::move(injector)) : nullptr;
  std::lock_guard lock(mutex_);
  injector_ = std::move(shared);
}

Status MemoryStore::Fault(StorageOperation operation, std::string_view key, Moment moment) {
  std::shared_ptr<const FaultInjector> injector;
  {
    std::lock_guard lock(mutex_);
    injector = injector_;
  }
  if (injector) {
    if (auto error = (*injector)(StorageCall{operation, key, moment})) return std::move(*error);
  }
  return {};
}

Result<std::shared_ptr<const std::string>> MemoryStore::Find(std::string_view key) {
  TARN_RETURN_IF_ERROR(ValidateKey(key));
  std::lock_guard lock(mutex_);
  const auto it = objects_.find(key);
  if (it == objects_.end()) return NotFound(UriOf(key) + " does not exist");
  return it->second.bytes;
}

Status MemoryStore::Store(std::string_view key, std::string bytes, Existing existing) {
  auto shared = std::make_shared<const std::string>(std::move(bytes));
  const int64_t now = clock_.NowMicros();
  std::lock_guard lock(mutex_);
  const auto in_the_way = [&](std::string_view other) {
    return InvalidArgument(UriOf(key) + " cannot be written: " + UriOf(other) +
                           " is there, and no key is a folder of another");
  };
  for (size_t slash = key.find('/'); slash != std::string_view::npos;
       slash = key.find('/', slash + 1)) {
    const std::string_view folder = key.substr(0, slash);
    if (objects_.find(folder) != objects_.end()) return in_the_way(folder);
  }
  const std::string as_folder = std::string(key) + "/";
  const auto below = objects_.lower_bound(as_folder);
  if (below != objects_.end() && below->first.starts_with(as_folder)) {
    return in_the_way(below->first);
  }
  const auto [it, added] = objects_.try_emplace(std::string(key));
  if (!added && existing == Existing::kKeep) return AlreadyExists(UriOf(key) + " already exists");
  it->second = Object{std::move(shared), now};
  return {};
}

Result<std::string> MemoryStore::Get(std::string_view key) {
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kGet, key, Moment::kBefore));
  TARN_ASSIGN_OR_RETURN(const auto bytes, Find(key));
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kGet, key, Moment::kAfter));
  return *bytes;
}

Result<std::string> MemoryStore::GetRange(std::string_view key, int64_t offset, int64_t length) {
  TARN_RETURN_IF_ERROR(ValidateRange(key, offset, length));
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kGetRange, key, Moment::kBefore));
  TARN_ASSIGN_OR_RETURN(const auto bytes, Find(key));
  const auto size = static_cast<int64_t>(bytes->size());
  if (offset > size || length > size - offset) {
    return RangeBeyondEnd(UriOf(key), offset, length, size);
  }
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kGetRange, key, Moment::kAfter));
  return bytes->substr(static_cast<size_t>(offset), static_cast<size_t>(length));
}

Result<ObjectInfo> MemoryStore::Head(std::string_view key) {
  TARN_RETURN_IF_ERROR(ValidateKey(key));
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kHead, key, Moment::kBefore));
  ObjectInfo info;
  {
    std::lock_guard lock(mutex_);
    const auto it = objects_.find(key);
    if (it == objects_.end()) return NotFound(UriOf(key) + " does not exist");
    info = {it->first, static_cast<int64_t>(it->second.bytes->size()), it->second.modified_micros};
  }
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kHead, key, Moment::kAfter));
  return info;
}

Status MemoryStore::Put(std::string_view key, std::string_view bytes) {
  TARN_RETURN_IF_ERROR(ValidateKey(key));
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kPut, key, Moment::kBefore));
  TARN_RETURN_IF_ERROR(Store(key, std::string(bytes), Existing::kReplace));
  return Fault(StorageOperation::kPut, key, Moment::kAfter);
}

Status MemoryStore::PutIfAbsent(std::string_view key, std::string_view bytes) {
  TARN_RETURN_IF_ERROR(ValidateKey(key));
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kPutIfAbsent, key, Moment::kBefore));
  TARN_RETURN_IF_ERROR(Store(key, std::string(bytes), Existing::kKeep));
  return Fault(StorageOperation::kPutIfAbsent, key, Moment::kAfter);
}

Result<std::unique_ptr<ObjectWriter>> MemoryStore::OpenWriter(std::string_view key) {
  TARN_RETURN_IF_ERROR(ValidateKey(key));
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kOpenWriter, key, Moment::kBefore));
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kOpenWriter, key, Moment::kAfter));
  return std::make_unique<MemoryWriter>(*this, key);
}

Status MemoryStore::List(std::string_view prefix,
                         const std::function<Status(const ObjectInfo&)>& visit) {
  TARN_RETURN_IF_ERROR(ValidatePrefix(prefix));
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kList, prefix, Moment::kBefore));
  // Page by page, as the real stores do: `visit` may call the store, and sees later changes.
  std::string after;
  std::vector<ObjectInfo> page;
  do {
    page.clear();
    {
      std::lock_guard lock(mutex_);
      auto it = after.empty() ? objects_.lower_bound(prefix) : objects_.upper_bound(after);
      for (; it != objects_.end() && it->first.starts_with(prefix) && page.size() < kPageObjects;
           ++it) {
        page.push_back({it->first, static_cast<int64_t>(it->second.bytes->size()),
                        it->second.modified_micros});
      }
    }
    for (const ObjectInfo& info : page) TARN_RETURN_IF_ERROR(visit(info));
    if (!page.empty()) after = page.back().key;
  } while (page.size() == kPageObjects);
  return Fault(StorageOperation::kList, prefix, Moment::kAfter);
}

Status MemoryStore::Delete(std::string_view key) {
  TARN_RETURN_IF_ERROR(ValidateKey(key));
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kDelete, key, Moment::kBefore));
  {
    std::lock_guard lock(mutex_);
    if (const auto it = objects_.find(key); it != objects_.end()) objects_.erase(it);
  }
  return Fault(StorageOperation::kDelete, key, Moment::kAfter);
}

Status MemoryStore::RemoveEmptyFolders(std::string_view prefix) {
  TARN_RETURN_IF_ERROR(ValidatePrefix(prefix));
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kRemoveEmptyFolders, prefix, Moment::kBefore));
  return Fault(StorageOperation::kRemoveEmptyFolders, prefix, Moment::kAfter);
}

Status MemoryStore::CheckAccess() {
  TARN_RETURN_IF_ERROR(Fault(StorageOperation::kCheckAccess, {}, Moment::kBefore));
  return Fault(StorageOperation::kCheckAccess, {}, Moment::kAfter);
}

}  // namespace tarn
