#include "catalog/location.h"

#include <array>
#include <cstdio>

namespace tarn {
namespace {

constexpr int kAttemptsMax = 16;

Result<bool> HoldsAnything(ObjectStore& store, const std::string& prefix) {
  bool found = false;
  // An error ends a listing early; it is told apart from the store's own by `found`.
  const Status status = store.List(prefix, [&](const ObjectInfo&) -> Status {
    found = true;
    return Cancelled("one object is enough");
  });
  if (!found && !status.ok()) return status;
  return found;
}

}  // namespace

Result<FreeFolder> NewTableFolder(Catalog& catalog, ObjectStore& store, Random& random,
                                  const TableName& name) {
  TARN_ASSIGN_OR_RETURN(const Sequence now, catalog.CurrentSequence());
  const std::string plain = PathSegment(name.schema) + "/" + PathSegment(name.name);
  std::string folder = plain;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    TARN_ASSIGN_OR_RETURN(const bool metadata, HoldsAnything(store, folder + "/metadata/"));
    TARN_ASSIGN_OR_RETURN(const bool log, HoldsAnything(store, folder + "/_delta_log/"));
    if (!metadata && !log) return FreeFolder{store.UriOf(folder), now};
    std::array<char, 16> suffix;
    std::snprintf(suffix.data(), suffix.size(), "-%06x",
                  static_cast<unsigned>(random.Next() & 0xffffff));
    folder = plain + suffix.data();
  }
  return AlreadyExists("no free folder for table " + name.ToString() + " below " +
                       store.UriOf(plain));
}

}  // namespace tarn
