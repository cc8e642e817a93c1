#include "storage/local/local_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fault_point.h"
#include "storage/local/folder.h"

namespace tarn {
namespace {

// Small appends (an encoder's headers and footers) are gathered, large ones written as they come.
constexpr size_t kBufferBytes = 256 << 10;
// Written back from time to time, so that the sync at the end does not find all of it.
constexpr int64_t kWritebackBytes = 8 << 20;
constexpr int kAttemptsMax = 100;

Error NotAFile(const std::string& path) {
  return InvalidArgument("cannot write " + path + ": a folder stands there");
}

}  // namespace

Status Publish(const std::string& root_path, std::string_view key, TempFile& file,
               Existing existing) {
  const std::string path = root_path + "/" + std::string(key);
  TARN_RETURN_IF_ERROR(SyncFd(file.fd(), path));
  TARN_FAULT_POINT(kLocalWritten);
  const KeyParts parts = SplitKey(key);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    auto folder = OpenFolder(root_path, parts.folder, MissingFolders::kCreate);
    if (!folder.ok()) {
      // A folder that was made and removed again by somebody who found it empty: once more.
      if (folder.error().kind != ErrorKind::kNotFound) return folder.status();
      TARN_RETURN_IF_ERROR(OpenRoot(root_path));
      continue;
    }
    const int error_number = existing == Existing::kReplace
                                 ? file.RenameTo(folder->get(), parts.name)
                                 : file.LinkTo(folder->get(), parts.name);
    if (error_number == 0) {
      TARN_FAULT_POINT(kLocalVisible);
      // It stays: others may have found it by now and rely on it.
      return SyncFd(folder->get(), path)
          .Wrap(path + " is written and visible, but a power cut may take it away");
    }
    if (error_number == ENOENT) continue;
    if (error_number == EEXIST) {
      struct stat info {};
      if (::fstatat(folder->get(), parts.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISDIR(info.st_mode)) {
        return NotAFile(path);
      }
      if (existing == Existing::kKeep) {
        // Who is told that it exists relies on it, and its writer may not have synced it yet.
        TARN_RETURN_IF_ERROR(SyncFd(folder->get(), path));
        return AlreadyExists(path + " already exists");
      }
    }
    if (error_number == EISDIR || error_number == ENOTEMPTY) return NotAFile(path);
    return PosixError(error_number, "write", path);
  }
  return Unavailable("cannot write " + path + ": its folder or its temporary file " + file.path() +
                     " keeps vanishing");
}

Status DeleteFile(const std::string& root_path, std::string_view key) {
  const KeyParts parts = SplitKey(key);
  auto folder = OpenFolder(root_path, parts.folder, MissingFolders::kRefuse);
  if (!folder.ok()) {
    TARN_RETURN_IF_ERROR(OpenRoot(root_path));
    const ErrorKind kind = folder.error().kind;
    if (kind == ErrorKind::kNotFound || kind == ErrorKind::kInvalidArgument) return {};
    return folder.status();
  }
  const std::string path = root_path + "/" + std::string(key);
  // Not synced: a deleted file that a power cut brings back is deleted again by whoever meant it,
  // and thousands of syncs would make every expiry slow.
  if (::unlinkat(folder->get(), parts.name.c_str(), 0) == 0) return {};
  // EISDIR: only a folder is there, hence no such object.
  if (errno == ENOENT || errno == EISDIR) return {};
  return PosixError(errno, "delete", path);
}

LocalWriter::LocalWriter(std::string root_path, std::string key, TempFile file,
                         std::shared_ptr<FileCache> files)
    : root_path_(std::move(root_path)),
      key_(std::move(key)),
      file_(std::move(file)),
      files_(std::move(files)) {}

Status LocalWriter::Append(std::string_view bytes) {
  TARN_CHECK(!closed_);
  TARN_RETURN_IF_ERROR(failed_);
  if (buffer_.size() + bytes.size() < kBufferBytes) {
    buffer_.append(bytes);
    return {};
  }
  failed_ = Write(buffer_);
  buffer_.clear();
  if (failed_.ok()) failed_ = Write(bytes);
  return failed_;
}

Status LocalWriter::Write(std::string_view bytes) {
  TARN_RETURN_IF_ERROR(WriteAll(file_.fd(), bytes, root_path_ + "/" + key_));
  flushed_ += static_cast<int64_t>(bytes.size());
  if (flushed_ - on_its_way_ >= kWritebackBytes) {
    // A hint: where it is not known or fails, the sync at the end does the work or reports it.
    ::sync_file_range(file_.fd(), on_its_way_, flushed_ - on_its_way_, SYNC_FILE_RANGE_WRITE);
    on_its_way_ = flushed_;
  }
  return {};
}

Status LocalWriter::Close() {
  TARN_CHECK(!closed_);
  closed_ = true;
  TARN_RETURN_IF_ERROR(failed_);
  TARN_RETURN_IF_ERROR(Write(buffer_));
  buffer_ = {};
  TARN_RETURN_IF_ERROR(Publish(root_path_, key_, file_, Existing::kReplace));
  files_->Erase(key_);
  return {};
}

}  // namespace tarn
