#include "storage/faulty/faulty_store.h"

#include <utility>

#include "base/fault_point.h"
#include "storage/forwarding_store.h"

namespace tarn {
namespace {

class FaultyWriter final : public ObjectWriter {
 public:
  explicit FaultyWriter(std::unique_ptr<ObjectWriter> inner) : inner_(std::move(inner)) {}
  Status Append(std::string_view bytes) override {
    return CallWithFaults(FaultPoint::kStoreAppend, [&] { return inner_->Append(bytes); });
  }
  Status Close() override {
    return CallWithFaults(FaultPoint::kStoreClose, [&] { return inner_->Close(); });
  }
  int64_t bytes_written() const override { return inner_->bytes_written(); }

 private:
  const std::unique_ptr<ObjectWriter> inner_;
};

class FaultyStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  Result<std::string> Get(std::string_view key) override {
    return CallWithFaults(FaultPoint::kStoreGet, [&] { return inner().Get(key); });
  }
  Result<std::string> GetRange(std::string_view key, int64_t offset, int64_t length) override {
    return CallWithFaults(FaultPoint::kStoreGetRange,
                          [&] { return inner().GetRange(key, offset, length); });
  }
  Status ReadRange(std::string_view key, int64_t offset, std::span<char> out) override {
    return CallWithFaults(FaultPoint::kStoreGetRange,
                          [&] { return inner().ReadRange(key, offset, out); });
  }
  Result<ReadExtent> ReadUpTo(std::string_view key, int64_t offset, std::span<char> out) override {
    return CallWithFaults(FaultPoint::kStoreGetRange,
                          [&] { return inner().ReadUpTo(key, offset, out); });
  }
  Result<ObjectInfo> Head(std::string_view key) override {
    return CallWithFaults(FaultPoint::kStoreHead, [&] { return inner().Head(key); });
  }
  Status Put(std::string_view key, std::string_view bytes) override {
    return CallWithFaults(FaultPoint::kStorePut, [&] { return inner().Put(key, bytes); });
  }
  Status PutIfAbsent(std::string_view key, std::string_view bytes) override {
    return CallWithFaults(FaultPoint::kStorePutIfAbsent,
                          [&] { return inner().PutIfAbsent(key, bytes); });
  }
  Result<std::unique_ptr<ObjectWriter>> OpenWriter(std::string_view key) override {
    return CallWithFaults(FaultPoint::kStoreOpenWriter,
                          [&]() -> Result<std::unique_ptr<ObjectWriter>> {
                            TARN_ASSIGN_OR_RETURN(auto writer, inner().OpenWriter(key));
                            return std::make_unique<FaultyWriter>(std::move(writer));
                          });
  }
  Status List(std::string_view prefix,
              const std::function<Status(const ObjectInfo&)>& visit) override {
    return CallWithFaults(FaultPoint::kStoreList, [&] { return inner().List(prefix, visit); });
  }
  Status Delete(std::string_view key) override {
    return CallWithFaults(FaultPoint::kStoreDelete, [&] { return inner().Delete(key); });
  }
  Status RemoveEmptyFolders(std::string_view prefix) override {
    return CallWithFaults(FaultPoint::kStoreRemoveFolders,
                          [&] { return inner().RemoveEmptyFolders(prefix); });
  }
  Status CheckAccess() override {
    return CallWithFaults(FaultPoint::kStoreCheckAccess, [&] { return inner().CheckAccess(); });
  }
};

}  // namespace

std::unique_ptr<ObjectStore> OpenFaultyStore(std::unique_ptr<ObjectStore> inner) {
  return std::make_unique<FaultyStore>(std::move(inner));
}

}  // namespace tarn
