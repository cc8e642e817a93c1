#pragma once

#include <memory>

#include "catalog/catalog.h"

namespace tarn {

/// `inner` with a fault point at every call (base/fault_point.h): for programs in which a test has
/// installed a FaultHandler. A lost answer of Commit() is CommitUnknown, whatever the handler says.
/// Threads, errors: those of Catalog, and what the handler makes up.
std::unique_ptr<Catalog> OpenFaultyCatalog(std::unique_ptr<Catalog> inner);

}  // namespace tarn
