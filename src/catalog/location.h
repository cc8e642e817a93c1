#pragma once

#include <string>

#include "base/random.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "storage/object_store.h"

namespace tarn {

/// A folder for a new table.
struct FreeFolder {
  std::string uri;
  Sequence free_at;  ///< of the lake, right before it was looked at
};

/// Where a new table goes: the absolute URI of `<schema>/<table>` under the store's root, with a
/// short random suffix only where metadata or a log of an earlier table still stands there (version
/// numbers are file names: two tables never share a folder). Data files alone do not count: a load
/// that was interrupted leaves some, and nothing refers to them. Nor is it the folder of a dropped
/// table whose garbage object stands, however empty it is (a removal may be on its way that would
/// strike files of the same names), or one where another owner is going to make a table. It is
/// nobody's until the commit that makes the table, which fails when another one took it meanwhile
/// (CreateTableOp). `owner` is that of the table to be. Errors: those of the store and the catalog.
Result<FreeFolder> NewTableFolder(Catalog& catalog, ObjectStore& store, Random& random,
                                  const TableName& name, const std::string& owner);

}  // namespace tarn
