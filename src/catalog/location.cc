#include "catalog/location.h"

#include <array>
#include <cstdio>
#include <set>

#include "catalog/garbage.h"

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

Result<std::set<std::string>> FoldersOfOthers(Catalog& catalog, const std::string& owner) {
  std::set<std::string> folders;
  TARN_ASSIGN_OR_RETURN(const auto dropped, catalog.ListObjects(kGarbageObject));
  for (const ObjectEntry& folder : dropped) folders.insert(folder.name);
  TARN_ASSIGN_OR_RETURN(const auto intended, catalog.ListObjects(kIntentionObject));
  for (const ObjectEntry& folder : intended) {
    TARN_ASSIGN_OR_RETURN(const bool same, MayBeIntentionOf(folder, owner));
    if (!same) folders.insert(folder.name);
  }
  return folders;
}

}  // namespace

Result<FreeFolder> NewTableFolder(Catalog& catalog, ObjectStore& store, Random& random,
                                  const TableName& name, const std::string& owner) {
  TARN_ASSIGN_OR_RETURN(const Sequence now, catalog.CurrentSequence());
  // After the sequence: whoever drops a table of the folder later makes the commit fail.
  TARN_ASSIGN_OR_RETURN(const std::set<std::string> others, FoldersOfOthers(catalog, owner));
  const std::string plain = PathSegment(name.schema) + "/" + PathSegment(name.name);
  std::string folder = plain;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    bool taken = others.contains(folder);
    for (const char* part : {"/metadata/", "/_delta_log/"}) {
      if (taken) break;
      TARN_ASSIGN_OR_RETURN(taken, HoldsAnything(store, folder + part));
    }
    if (!taken) return FreeFolder{store.UriOf(folder), now};
    std::array<char, 16> suffix;
    std::snprintf(suffix.data(), suffix.size(), "-%06x",
                  static_cast<unsigned>(random.Next() & 0xffffff));
    folder = plain + suffix.data();
  }
  return AlreadyExists("no free folder for table " + name.ToString() + " below " +
                       store.UriOf(plain));
}

}  // namespace tarn
