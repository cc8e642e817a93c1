#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn {

/// A file of a key index, open. Errors name its path.
/// Threads: Read() may be called concurrently; everything else by one at a time.
class IndexFile {
 public:
  virtual ~IndexFile() = default;
  /// Fills `out` with the bytes from `offset` on. Error: Corruption when the file ends before.
  virtual Status Read(int64_t offset, std::span<char> out) const = 0;
  virtual Result<int64_t> Size() const = 0;
  /// After an error some of the bytes may stand in the file.
  virtual Status Append(std::string_view bytes) = 0;
  virtual Status Truncate(int64_t size) = 0;
  /// Until the disk has the file's bytes; its name is IndexFolder::SyncNames()'s.
  virtual Status Sync() = 0;
  virtual const std::string& path() const = 0;
};

/// The folder of the local disk that a key index lives in. A test puts another one in its place: to
/// let any call fail, and to keep what a killed process or a power cut would have left.
/// Threads: every method may be called concurrently, for different names.
class IndexFolder {
 public:
  virtual ~IndexFolder() = default;
  /// For reading and appending. Error: NotFound.
  virtual Result<std::unique_ptr<IndexFile>> Open(const std::string& name) = 0;
  /// An empty file; one that has the name loses it.
  virtual Result<std::unique_ptr<IndexFile>> Create(const std::string& name) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  /// An open file can be read on. No error when there is none.
  virtual Status Remove(const std::string& name) = 0;
  virtual Result<std::vector<std::string>> List() const = 0;
  /// Until the disk has all that was created, renamed and removed.
  virtual Status SyncNames() = 0;
  virtual const std::string& path() const = 0;
};

/// `path`, made when it is missing, and locked for this object: a second one, in this process or
/// another, is refused. Errors: Conflict, naming the lock's file and its holder; ResourceExhausted,
/// PermissionDenied, InvalidArgument, Unavailable as the disk has them.
Result<std::unique_ptr<IndexFolder>> OpenIndexFolder(const std::string& path);

}  // namespace tarn
