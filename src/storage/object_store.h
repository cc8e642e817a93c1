#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn {

/// One object at rest. `key` is relative to the store's root and never begins with '/'.
struct ObjectInfo {
  std::string key;
  int64_t size_bytes = 0;
  int64_t modified_micros = 0;  ///< microseconds since the epoch, as the store tells it
};

/// What a read that may end early found.
struct ReadExtent {
  int64_t bytes_read = 0;
  int64_t size_bytes = 0;  ///< of the whole object
};

/// Bytes on their way into one new object.
/// Nothing is visible under the key before Close() returned ok; an object that is not closed leaves
/// nothing behind (its parts are removed by the destructor, as far as the store answers).
/// Threads: one at a time.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual Status Append(std::string_view bytes) = 0;
  /// Makes the object durable and visible. Afterwards only the destructor may be called.
  virtual Status Close() = 0;
  virtual int64_t bytes_written() const = 0;
};

/// The only door to bytes at rest: immutable objects under one root (a folder, a bucket's prefix).
/// Keys are '/'-separated, relative to the root, valid UTF-8, without "." and ".." segments; see
/// ValidateKey. No key is a folder of another key: a local disk cannot hold both "a" and "a/b", so
/// that nobody may try (InvalidArgument where the store can tell).
/// Threads: every method may be called concurrently.
/// Ownership: returned strings belong to the caller.
/// Errors: InvalidArgument (a bad key), NotFound, AlreadyExists (PutIfAbsent lost the race),
/// PermissionDenied, ResourceExhausted (disk full), Unavailable (safe to repeat; requests that are
/// safe to repeat were already repeated within `storage_retries_max`).
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// The whole object.
  virtual Result<std::string> Get(std::string_view key) = 0;
  /// Exactly `length` bytes from `offset`. Error Corruption when the object ends before that.
  virtual Result<std::string> GetRange(std::string_view key, int64_t offset, int64_t length) = 0;
  /// The same into the caller's memory, `out.size()` bytes: saves a copy where one reads a lot.
  virtual Status ReadRange(std::string_view key, int64_t offset, std::span<char> out);
  /// As much of it as the object has, and the object's size: for those who read beyond what they
  /// were asked for. Nothing is read at or beyond the end.
  virtual Result<ReadExtent> ReadUpTo(std::string_view key, int64_t offset, std::span<char> out);
  virtual Result<ObjectInfo> Head(std::string_view key) = 0;
  /// Creates or replaces, atomically.
  virtual Status Put(std::string_view key, std::string_view bytes) = 0;
  /// Creates; of several racers exactly one wins, the others get AlreadyExists. When the answer of
  /// a request was lost the object is read back and compared, so that the winner knows that it won.
  virtual Status PutIfAbsent(std::string_view key, std::string_view bytes) = 0;
  /// A new object of any size. An existing object under the key is replaced at Close().
  virtual Result<std::unique_ptr<ObjectWriter>> OpenWriter(std::string_view key) = 0;
  /// Calls `visit` for every object whose key begins with `prefix`, in the order of their keys,
  /// page by page; an error of `visit` stops the listing and is returned.
  virtual Status List(std::string_view prefix,
                      const std::function<Status(const ObjectInfo&)>& visit) = 0;
  /// Ok as well when there is no such object. Leaves the folder that it stood in, for somebody may
  /// just be writing there.
  virtual Status Delete(std::string_view key) = 0;
  /// Removes folders without any object below "`prefix`/", `prefix` itself and emptied ones above
  /// it; what this user may not look into stays. For the empty prefix only the store's own of half
  /// written files. Safe beside writers: they make a folder again that was taken from under them.
  virtual Status RemoveEmptyFolders(std::string_view prefix);
  /// Proves that the root exists, can be read, written and deleted from; creates a local folder
  /// that is missing, never a bucket. The error names the root and the repair.
  virtual Status CheckAccess() = 0;

  /// The root as others write it: "file:///data/lake", "s3://bucket/prefix". No trailing '/'.
  virtual const std::string& root_uri() const = 0;

  /// "file:///data/lake/" + key.
  std::string UriOf(std::string_view key) const;
  /// The key of a URI under the root ("file:/x", "file:///x" and "/x" are one place, and so are
  /// s3://, s3a:// and s3n://; a '/' at the end is dropped). Nothing is percent-decoded. Error
  /// InvalidArgument when it lies elsewhere.
  Result<std::string> KeyOf(std::string_view uri) const;
};

/// The first segment of keys that a store keeps for itself.
inline constexpr std::string_view kReservedFolder = ".tarn-tmp";

/// Error InvalidArgument unless `key` is a valid key: 1 to 1024 bytes of UTF-8 without control
/// characters, in segments of 1 to 255 bytes, none of them "." or "..", the first not
/// kReservedFolder.
Status ValidateKey(std::string_view key);
/// Error InvalidArgument unless `prefix` may begin a valid key; the empty prefix may.
Status ValidatePrefix(std::string_view prefix);

/// \name For those who implement a store.
/// @{
/// Error InvalidArgument unless `key` is valid and the range begins and ends at or after 0.
Status ValidateRange(std::string_view key, int64_t offset, int64_t length);
/// Corruption: the object at `uri` ends before the range that was asked for.
Error RangeBeyondEnd(std::string_view uri, int64_t offset, int64_t length, int64_t size_bytes);
/// @}

/// A folder or object name for any SQL name: ASCII letters, digits, '_', '-' and '.' stay; where
/// something else (or a leading '.', an empty name, a name over 100 bytes) had to go, '-' and a
/// short hash of the whole name follow, so that different names never meet.
std::string PathSegment(std::string_view name);

}  // namespace tarn
