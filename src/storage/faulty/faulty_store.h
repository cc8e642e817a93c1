#pragma once

#include <memory>

#include "storage/object_store.h"

namespace tarn {

/// `inner` with a fault point at every call (base/fault_point.h): for programs in which a test has
/// installed a FaultHandler. A List() is one call, its visits are not.
/// Threads, errors: those of ObjectStore, and what the handler makes up.
std::unique_ptr<ObjectStore> OpenFaultyStore(std::unique_ptr<ObjectStore> inner);

}  // namespace tarn
