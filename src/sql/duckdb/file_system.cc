#include "sql/duckdb/file_system.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "sql/duckdb/errors.h"

namespace tarn::duck {
namespace {

constexpr char kToken[] = "tarn_token";
constexpr char kSize[] = "file_size";
constexpr char kStore[] = "tarn_store";
constexpr char kKey[] = "tarn_key";

class LakeFileHandle final : public duckdb::FileHandle {
 public:
  LakeFileHandle(duckdb::FileSystem& opened_by, const std::string& file_path,
                 duckdb::FileOpenFlags open_flags, ObjectStore& object_store,
                 std::string object_key, int64_t size)
      : FileHandle(opened_by, file_path, open_flags),
        store(object_store),
        key(std::move(object_key)),
        size_bytes(size) {}
  void Close() override {}

  ObjectStore& store;
  const std::string key;
  const int64_t size_bytes;
  std::atomic<int64_t> position{0};
};

LakeFileHandle& Handle(duckdb::FileHandle& handle) { return handle.Cast<LakeFileHandle>(); }

[[noreturn]] void Refuse(const std::string& what) {
  Throw(PermissionDenied(what, "name the table instead"));
}

}  // namespace

duckdb::OpenFileInfo LakeFileSystem::Describe(const EngineState& engine, uint64_t store_id,
                                              const std::string& key, int64_t size_bytes) {
  const std::string where = store_id == 0 ? "" : "@" + std::to_string(store_id) + "/";
  duckdb::OpenFileInfo file(kScheme + where + key);
  file.extended_info = duckdb::make_shared_ptr<duckdb::ExtendedOpenFileInfo>();
  auto& options = file.extended_info->options;
  options[kToken] = duckdb::Value(engine.open_token);
  options[kStore] = duckdb::Value::UBIGINT(store_id);
  options[kKey] = duckdb::Value(key);
  options[kSize] = duckdb::Value::UBIGINT(static_cast<uint64_t>(size_bytes));
  // Objects never change under their key: what is cached of one stays right.
  options["validate_external_file_cache"] = duckdb::Value::BOOLEAN(false);
  return file;
}

LakeFileSystem::Place LakeFileSystem::PlaceOf(EngineState& engine,
                                              const duckdb::OpenFileInfo& file) {
  const auto& options = file.extended_info->options;
  Place place{
      engine.StoreOf(options.at(kStore).GetValue<uint64_t>()), options.at(kKey).ToString(), {}};
  if (const auto size = options.find(kSize); size != options.end()) {
    place.size_bytes = static_cast<int64_t>(size->second.GetValue<uint64_t>());
  }
  return place;
}

bool LakeFileSystem::CanHandleFile(const std::string& path) { return path.rfind(kScheme, 0) == 0; }

bool LakeFileSystem::OnDiskFile(duckdb::FileHandle& handle) {
  // False makes the Parquet reader fetch column chunks ahead in few large requests.
  return Handle(handle).store.root_uri().rfind("file:", 0) == 0;
}

duckdb::unique_ptr<duckdb::FileHandle> LakeFileSystem::OpenFileExtended(
    const duckdb::OpenFileInfo& file, duckdb::FileOpenFlags flags,
    duckdb::optional_ptr<duckdb::FileOpener>) {
  if (!file.extended_info) Refuse("files of the lake are read through tables only");
  const auto& options = file.extended_info->options;
  const auto token = options.find(kToken);
  if (token == options.end() || token->second.ToString() != engine_.open_token) {
    Refuse("files of the lake are read through tables only");
  }
  if (flags.OpenForWriting()) Refuse("files of the lake are written through tables only");
  Place place = PlaceOf(engine_, file);
  const int64_t size_bytes =
      place.size_bytes ? *place.size_bytes : ValueOrThrow(place.store.Head(place.key)).size_bytes;
  return duckdb::make_uniq<LakeFileHandle>(*this, file.path, flags, place.store,
                                           std::move(place.key), size_bytes);
}

void LakeFileSystem::Read(duckdb::FileHandle& handle, void* buffer, int64_t bytes,
                          duckdb::idx_t at) {
  LakeFileHandle& file = Handle(handle);
  const Status read =
      file.store.ReadRange(file.key, static_cast<int64_t>(at),
                           std::span<char>(static_cast<char*>(buffer), static_cast<size_t>(bytes)));
  if (!read.ok()) Throw(read.error());
}

int64_t LakeFileSystem::Read(duckdb::FileHandle& handle, void* buffer, int64_t bytes) {
  LakeFileHandle& file = Handle(handle);
  const int64_t at = file.position.load();
  const int64_t wanted = std::min(bytes, file.size_bytes - at);
  if (wanted <= 0) return 0;
  Read(handle, buffer, wanted, static_cast<duckdb::idx_t>(at));
  file.position.store(at + wanted);
  return wanted;
}

int64_t LakeFileSystem::GetFileSize(duckdb::FileHandle& handle) {
  return Handle(handle).size_bytes;
}

duckdb::timestamp_t LakeFileSystem::GetLastModifiedTime(duckdb::FileHandle&) {
  return duckdb::timestamp_t(1);  // the same for ever, and "known", so that footers are cached
}

std::string LakeFileSystem::GetVersionTag(duckdb::FileHandle& handle) {
  return std::to_string(Handle(handle).size_bytes);
}

duckdb::FileType LakeFileSystem::GetFileType(duckdb::FileHandle&) {
  return duckdb::FileType::FILE_TYPE_REGULAR;
}

void LakeFileSystem::Seek(duckdb::FileHandle& handle, duckdb::idx_t at) {
  Handle(handle).position.store(static_cast<int64_t>(at));
}

duckdb::idx_t LakeFileSystem::SeekPosition(duckdb::FileHandle& handle) {
  return static_cast<duckdb::idx_t>(Handle(handle).position.load());
}

bool LakeFileSystem::FileExists(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) {
  return false;
}

bool LakeFileSystem::DirectoryExists(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) {
  return false;
}

bool LakeFileSystem::IsPipe(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) {
  return false;
}

duckdb::vector<duckdb::OpenFileInfo> LakeFileSystem::Glob(const std::string&, duckdb::FileOpener*) {
  Refuse("files of the lake cannot be listed");
}

}  // namespace tarn::duck
