#pragma once

#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"
#include "catalog/catalog.h"

namespace tarn {

struct SqliteCatalogOptions {
  enum class Missing {
    kCreate,  ///< makes the folder and the file
    kRefuse,  ///< NotFound, nothing is made
  };
  Missing missing = Missing::kCreate;
  int64_t lock_timeout_ms = 20000;  ///< how long a writer waits for writers of other processes
  /// Once requested, a writer waits a tenth of a second at most, and who finds the file locked
  /// gets Cancelled. May be null; outlives the catalog.
  const CancelFlag* stop = nullptr;
  int connections_max = 4;  ///< reads that run at once; further ones wait their turn
  int64_t runs_kept_max = Limits{}.runs_kept_max;  ///< runs remembered for `system.runs`
};

/// Opens `<state_folder>/catalog.db`, a SQLite file in WAL mode that several processes may have
/// open at once, and brings its tables up to this program's version. The clock is borrowed and
/// outlives the catalog. A catalog is not carried through fork(): the child opens its own.
/// Errors, each with the path and the repair: NotFound, PermissionDenied, Corruption (no SQLite
/// file, not a catalog, damaged), Unsupported (made by a newer program), Unavailable (locked for
/// longer than the time-out), ResourceExhausted (disk full).
Result<std::unique_ptr<Catalog>> OpenSqliteCatalog(const std::string& state_folder, Clock& clock,
                                                   const SqliteCatalogOptions& options = {});

/// The same in memory, for tests and for planning where no state exists yet; gone with the object.
Result<std::unique_ptr<Catalog>> OpenSqliteCatalogInMemory(
    Clock& clock, const SqliteCatalogOptions& options = {});

}  // namespace tarn
