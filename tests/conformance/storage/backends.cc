#include "backends.h"

#include <filesystem>

#include "base/random.h"
#include "s3_server.h"
#include "storage/cache/cached_store.h"
#include "storage/local/local_store.h"
#include "storage/memory/memory_store.h"
#include "storage/read_ahead/read_ahead_store.h"
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

class S3Root : public StoreRoot {
 public:
  S3Root(S3Options options, const Limits& limits) : options_(std::move(options)), limits_(limits) {}
  S3Root(const S3Root&) = delete;
  S3Root& operator=(const S3Root&) = delete;
  ~S3Root() override {
    ObjectStore& store = S3Root::Open();
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

 protected:
  const S3Options options_;
  const Limits limits_;
  std::vector<std::unique_ptr<ObjectStore>> stores_;
};

/// As the program opens it: every store with a cache of its own, as on a machine of its own.
class CachedS3Root final : public S3Root {
 public:
  CachedS3Root(fs::path folder, S3Options options, const Limits& limits)
      : S3Root(std::move(options), limits), folder_(std::move(folder)) {}
  ~CachedS3Root() override {
    stores_.clear();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  ObjectStore& Open() override {
    auto store = std::move(*OpenS3Store(options_, limits_));
    CacheOptions cache;
    cache.folder = (folder_ / std::to_string(stores_.size())).string();
    ReadAheadOptions ahead;
    ahead.part_bytes = 100'000;
    stores_.push_back(
        OpenReadAheadStore(OpenCachedStore(std::move(store), std::move(cache)), ahead));
    return *stores_.back();
  }

 private:
  const fs::path folder_;
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
      {"CachedS3",
       [](const Limits& limits) -> Result<std::unique_ptr<StoreRoot>> {
         TARN_ASSIGN_OR_RETURN(S3Options options, TestS3Server());
         options.prefix = "test-" + SystemRandom().Uuid() + "/root";
         const fs::path folder =
             fs::temp_directory_path() / ("tarn-cache-" + SystemRandom().Uuid());
         return std::make_unique<CachedS3Root>(folder, std::move(options), limits);
       }},
  };
}

}  // namespace tarn
