#include "backends.h"

#include <filesystem>

#include "base/random.h"
#include "s3_server.h"
#include "storage/local/local_store.h"
#include "storage/memory/memory_store.h"
#include "storage/s3/s3_store.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

class MemoryRoot final : public StoreRoot {
 public:
  ObjectStore& Open() override { return store_; }

 private:
  MemoryStore store_;
};

class LocalRoot final : public StoreRoot {
 public:
  LocalRoot(fs::path path, const Limits& limits) : path_(std::move(path)), limits_(limits) {}
  ~LocalRoot() override {
    stores_.clear();
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ObjectStore& Open() override {
    stores_.push_back(std::move(*OpenLocalStore(path_.string(), limits_)));
    return *stores_.back();
  }

 private:
  const fs::path path_;
  const Limits limits_;
  std::vector<std::unique_ptr<ObjectStore>> stores_;
};

class S3Root final : public StoreRoot {
 public:
  S3Root(S3Options options, const Limits& limits) : options_(std::move(options)), limits_(limits) {}
  ~S3Root() override {
    ObjectStore& store = Open();
    std::vector<std::string> keys;
    const Status listed = store.List("", [&](const ObjectInfo& info) {
      keys.push_back(info.key);
      return Status();
    });
    for (const std::string& key : keys) {
      if (!store.Delete(key).ok()) break;
    }
  }
  ObjectStore& Open() override {
    stores_.push_back(std::move(*OpenS3Store(options_, limits_)));
    return *stores_.back();
  }

 private:
  const S3Options options_;
  const Limits limits_;
  std::vector<std::unique_ptr<ObjectStore>> stores_;
};

}  // namespace

std::vector<Backend> AllBackends() {
  return {
      {"Memory",
       [](const Limits&) -> Result<std::unique_ptr<StoreRoot>> {
         return std::make_unique<MemoryRoot>();
       }},
      {"Local",
       [](const Limits& limits) -> Result<std::unique_ptr<StoreRoot>> {
         const fs::path path = fs::temp_directory_path() / ("tarn-store-" + SystemRandom().Uuid());
         return std::make_unique<LocalRoot>(path, limits);
       }},
      {"S3",
       [](const Limits& limits) -> Result<std::unique_ptr<StoreRoot>> {
         TARN_ASSIGN_OR_RETURN(S3Options options, TestS3Server());
         options.prefix = "test-" + SystemRandom().Uuid() + "/root";
         return std::make_unique<S3Root>(std::move(options), limits);
       }},
  };
}

}  // namespace tarn
