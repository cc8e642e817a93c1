#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/local/posix.h"
#include "storage/object_store.h"

namespace tarn {

/// Folders below one root, walked segment by segment without ever following a symbolic link, so
/// that no key leads out of the root. The root itself may be reached through links, and is opened
/// anew by every call: it may be removed and made again.
/// Threads: every function may be called concurrently.
/// Errors: NotFound (for the root with the repair), and those of PosixError.
Result<UniqueFd> OpenRoot(const std::string& root_path);

enum class MissingFolders { kRefuse, kCreate };

/// The folder `path` ("a/b", empty for the root itself) below the root. With kCreate the folder is
/// durable before anything can be put into it, whoever made it: one that is found may have been
/// made a moment ago by a process that has yet to sync it.
Result<UniqueFd> OpenFolder(const std::string& root_path, std::string_view path,
                            MissingFolders missing);

/// mkdir -p for the root itself.
Status CreateRoot(const std::string& root_path);

/// Calls `visit` for every regular file whose key begins with `prefix`, ordered by key. What is no
/// valid key, no regular file, or vanishes meanwhile is left out; so is kReservedFolder.
Status ListFiles(const std::string& root_path, std::string_view prefix,
                 const std::function<Status(const ObjectInfo&)>& visit);

/// Removes the folders without files below `path`, `path` itself, and those above it that are empty
/// then; never the root, and nothing for the empty path. What this user may not look into stays.
Status RemoveFolders(const std::string& root_path, std::string_view path);

/// Parts of a key: "a/b" and "c" of "a/b/c".
struct KeyParts {
  std::string_view folder;
  std::string name;
};
KeyParts SplitKey(std::string_view key);

}  // namespace tarn
