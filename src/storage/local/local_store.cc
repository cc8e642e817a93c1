#include "storage/local/local_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "storage/local/file_cache.h"
#include "storage/local/folder.h"
#include "storage/local/local_writer.h"
#include "storage/local/posix.h"
#include "storage/local/temp_area.h"

namespace tarn {
namespace {

class LocalStore final : public ObjectStore {
 public:
  LocalStore(std::string root_path, const Limits& limits, Random& random)
      : root_path_(std::move(root_path)),
        root_uri_("file://" + root_path_),
        files_(std::make_shared<FileCache>(limits.local_open_files_max)),
        temp_(std::make_shared<TempArea>(root_path_, random)) {}

  Result<std::string> Get(std::string_view key) override {
    TARN_ASSIGN_OR_RETURN(const UniqueFd file, Open(key));
    TARN_ASSIGN_OR_RETURN(const struct stat info, Stat(file, key));
    // One byte more than the size, so that the end of the file is seen; a file that another
    // program lets grow is read as it was found.
    std::string bytes(static_cast<size_t>(info.st_size), '\0');
    TARN_ASSIGN_OR_RETURN(const int64_t count,
                          ReadAt(file.get(), bytes.data(), info.st_size, 0, PathOf(key)));
    bytes.resize(static_cast<size_t>(count));
    return bytes;
  }

  Result<std::string> GetRange(std::string_view key, int64_t offset, int64_t length) override {
    TARN_RETURN_IF_ERROR(ValidateRange(key, offset, length));
    struct stat info {};
    TARN_ASSIGN_OR_RETURN(const FileCache::File file, OpenCached(key, &info));
    TARN_RETURN_IF_ERROR(CheckRange(key, offset, length, info.st_size));
    std::string bytes(static_cast<size_t>(length), '\0');
    TARN_RETURN_IF_ERROR(Fill(*file, key, offset, bytes, info.st_size));
    return bytes;
  }

  Status ReadRange(std::string_view key, int64_t offset, std::span<char> out) override {
    const auto length = static_cast<int64_t>(out.size());
    TARN_RETURN_IF_ERROR(ValidateRange(key, offset, length));
    struct stat info {};
    TARN_ASSIGN_OR_RETURN(const FileCache::File file, OpenCached(key, &info));
    TARN_RETURN_IF_ERROR(CheckRange(key, offset, length, info.st_size));
    return Fill(*file, key, offset, out, info.st_size);
  }

  Result<ObjectInfo> Head(std::string_view key) override {
    TARN_ASSIGN_OR_RETURN(const UniqueFd file, Open(key));
    TARN_ASSIGN_OR_RETURN(const struct stat info, Stat(file, key));
    return ObjectInfo{
        std::string(key), static_cast<int64_t>(info.st_size),
        static_cast<int64_t>(info.st_mtim.tv_sec) * 1000000 + info.st_mtim.tv_nsec / 1000};
  }

  Status Put(std::string_view key, std::string_view bytes) override {
    return Write(key, bytes, Existing::kReplace);
  }

  Status PutIfAbsent(std::string_view key, std::string_view bytes) override {
    return Write(key, bytes, Existing::kKeep);
  }

  Result<std::unique_ptr<ObjectWriter>> OpenWriter(std::string_view key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    TARN_ASSIGN_OR_RETURN(TempFile file, temp_->Create());
    return std::make_unique<LocalWriter>(root_path_, std::string(key), std::move(file), files_);
  }

  Status List(std::string_view prefix,
              const std::function<Status(const ObjectInfo&)>& visit) override {
    TARN_RETURN_IF_ERROR(ValidatePrefix(prefix));
    return ListFiles(root_path_, prefix, visit);
  }

  Status Delete(std::string_view key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    files_->Erase(key);
    return DeleteFile(root_path_, key);
  }

  Status RemoveEmptyFolders(std::string_view prefix) override {
    TARN_RETURN_IF_ERROR(ValidatePrefix(prefix));
    if (!prefix.empty() && prefix.back() == '/') prefix.remove_suffix(1);
    if (prefix.empty()) temp_->Release();
    return RemoveFolders(root_path_, prefix);
  }

  Status CheckAccess() override {
    TARN_RETURN_IF_ERROR(CreateRoot(root_path_));
    TARN_RETURN_IF_ERROR(OpenRoot(root_path_));
    TARN_ASSIGN_OR_RETURN(const TempFile probe, temp_->Create());
    TARN_RETURN_IF_ERROR(WriteAll(probe.fd(), "probe", probe.path()));
    return SyncFd(probe.fd(), probe.path());
  }

  const std::string& root_uri() const override { return root_uri_; }

 private:
  std::string PathOf(std::string_view key) const { return root_path_ + "/" + std::string(key); }

  /// What a reader says where a folder on the way, or the file itself, is none.
  Error Missing(std::string_view key) const { return NotFound(PathOf(key) + " does not exist"); }

  Result<UniqueFd> Open(std::string_view key) {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    const KeyParts parts = SplitKey(key);
    auto folder = OpenFolder(root_path_, parts.folder, MissingFolders::kRefuse);
    if (!folder.ok()) {
      TARN_RETURN_IF_ERROR(OpenRoot(root_path_));
      const ErrorKind kind = folder.error().kind;
      if (kind == ErrorKind::kNotFound || kind == ErrorKind::kInvalidArgument) return Missing(key);
      return folder;
    }
    // Not blocking: what stands there may be a pipe.
    UniqueFd file = OpenAt(folder->get(), parts.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!file.valid() && (errno == EMFILE || errno == ENFILE)) {
      files_->Clear();
      file = OpenAt(folder->get(), parts.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    }
    if (file.valid()) return file;
    if (errno == ENOENT || errno == ELOOP || errno == ENXIO) return Missing(key);
    return PosixError(errno, "open", PathOf(key));
  }

  Result<struct stat> Stat(const UniqueFd& file, std::string_view key) {
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return PosixError(errno, "open", PathOf(key));
    if (!S_ISREG(info.st_mode)) return Missing(key);
    return info;
  }

  /// From the cache, unless the file was removed or replaced meanwhile, by whomever.
  Result<FileCache::File> OpenCached(std::string_view key, struct stat* info) {
    if (FileCache::File file = files_->Find(key)) {
      TARN_ASSIGN_OR_RETURN(*info, Stat(*file, key));
      if (info->st_nlink > 0) return file;
      files_->Erase(key);
    }
    TARN_ASSIGN_OR_RETURN(UniqueFd opened, Open(key));
    TARN_ASSIGN_OR_RETURN(*info, Stat(opened, key));
    auto file = std::make_shared<const UniqueFd>(std::move(opened));
    files_->Insert(key, file);
    return FileCache::File(file);
  }

  Status CheckRange(std::string_view key, int64_t offset, int64_t length, int64_t size) const {
    if (offset <= size && length <= size - offset) return {};
    return RangeBeyondEnd(UriOf(key), offset, length, size);
  }

  Status Fill(const UniqueFd& file, std::string_view key, int64_t offset, std::span<char> out,
              int64_t size) const {
    const auto length = static_cast<int64_t>(out.size());
    const auto count = ReadAt(file.get(), out.data(), length, offset, PathOf(key));
    TARN_RETURN_IF_ERROR(count);
    if (*count < length) return RangeBeyondEnd(UriOf(key), offset, length, size);
    return {};
  }

  Status Write(std::string_view key, std::string_view bytes, Existing existing) {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    TARN_ASSIGN_OR_RETURN(TempFile file, temp_->Create());
    TARN_RETURN_IF_ERROR(WriteAll(file.fd(), bytes, PathOf(key)));
    TARN_RETURN_IF_ERROR(Publish(root_path_, key, file, existing));
    files_->Erase(key);
    return {};
  }

  const std::string root_path_;
  const std::string root_uri_;
  // Shared with the writers.
  const std::shared_ptr<FileCache> files_;
  const std::shared_ptr<TempArea> temp_;
};

}  // namespace

Result<std::unique_ptr<ObjectStore>> OpenLocalStore(std::string_view root_path,
                                                    const Limits& limits, Random& random) {
  if (root_path.empty() || root_path.find('\0') != std::string_view::npos) {
    return InvalidArgument("the folder of the warehouse is empty or has a zero byte",
                           "give `warehouse` a path");
  }
  std::error_code error;
  std::string path = std::filesystem::absolute(std::filesystem::path(root_path), error)
                         .lexically_normal()
                         .string();
  if (error) return InvalidArgument("not a path: " + std::string(root_path));
  while (!path.empty() && path.back() == '/') path.pop_back();
  if (path.empty()) {
    return InvalidArgument("the root of the file system cannot be the warehouse",
                           "give `warehouse` a folder of its own");
  }
  return std::make_unique<LocalStore>(std::move(path), limits, random);
}

}  // namespace tarn
