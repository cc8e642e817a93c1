#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "storage/object_store.h"

namespace tarn {

/// What a lake's store may offer besides: objects outside of its root, to be read. Tables that were
/// adopted refer to data files that somebody else keeps (docs/decisions/0009).
/// Threads: may be called concurrently.
class OutsideFiles {
 public:
  virtual ~OutsideFiles() = default;
  /// The store that holds `uri`; lives as long as this one. It is read only: see
  /// OpenReadOnlyStore(). Errors: those of opening.
  virtual Result<ObjectStore*> StoreOf(const std::string& uri) = 0;
};

/// An object, and the store that it is read from.
struct ObjectPlace {
  ObjectStore* store = nullptr;
  std::string key;
};

/// Where an object that a table of the lake refers to is read: in `store`, or, for what lies
/// outside of its root, where the store's OutsideFiles find it. Errors: InvalidArgument when it
/// lies outside and the store offers nothing there; those of OutsideFiles.
Result<ObjectPlace> FindObject(ObjectStore& store, const std::string& uri);

/// Opens a store for a location, rooted where the paths of one table begin.
using OpenOutside =
    std::function<Result<std::unique_ptr<ObjectStore>>(const std::string& location)>;

/// `inner`, with OutsideFiles that `open` opens, each root once.
std::unique_ptr<ObjectStore> OpenReachingStore(std::unique_ptr<ObjectStore> inner,
                                               OpenOutside open);

/// `inner`, in which nothing is ever written or removed: whoever tries gets PermissionDenied.
std::unique_ptr<ObjectStore> OpenReadOnlyStore(std::unique_ptr<ObjectStore> inner);

}  // namespace tarn
