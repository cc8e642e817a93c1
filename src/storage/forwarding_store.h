#pragma once

#include <memory>
#include <string>
#include <utility>

#include "storage/object_store.h"

namespace tarn {

/// A store in front of another one, which it owns: what a decorator does not override is the inner
/// store's. Threads, errors: those of ObjectStore.
class ForwardingStore : public ObjectStore {
 public:
  explicit ForwardingStore(std::unique_ptr<ObjectStore> inner) : inner_(std::move(inner)) {}

  Result<std::string> Get(std::string_view key) override { return inner_->Get(key); }
  Result<std::string> GetRange(std::string_view key, int64_t offset, int64_t length) override {
    return inner_->GetRange(key, offset, length);
  }
  Status ReadRange(std::string_view key, int64_t offset, std::span<char> out) override {
    return inner_->ReadRange(key, offset, out);
  }
  Result<ReadExtent> ReadUpTo(std::string_view key, int64_t offset, std::span<char> out) override {
    return inner_->ReadUpTo(key, offset, out);
  }
  Result<ObjectInfo> Head(std::string_view key) override { return inner_->Head(key); }
  Status Put(std::string_view key, std::string_view bytes) override {
    return inner_->Put(key, bytes);
  }
  Status PutIfAbsent(std::string_view key, std::string_view bytes) override {
    return inner_->PutIfAbsent(key, bytes);
  }
  Result<std::unique_ptr<ObjectWriter>> OpenWriter(std::string_view key) override {
    return inner_->OpenWriter(key);
  }
  Status List(std::string_view prefix,
              const std::function<Status(const ObjectInfo&)>& visit) override {
    return inner_->List(prefix, visit);
  }
  Status Delete(std::string_view key) override { return inner_->Delete(key); }
  Status RemoveEmptyFolders(std::string_view prefix) override {
    return inner_->RemoveEmptyFolders(prefix);
  }
  Status CheckAccess() override { return inner_->CheckAccess(); }
  const std::string& root_uri() const override { return inner_->root_uri(); }

 protected:
  ObjectStore& inner() { return *inner_; }

 private:
  const std::unique_ptr<ObjectStore> inner_;
};

}  // namespace tarn
