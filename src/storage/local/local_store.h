#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/random.h"
#include "base/result.h"
#include "storage/object_store.h"

namespace tarn {

/// Objects as files below a folder, each key its file's path.
/// What was written, or is told to exist already, is durable: file and folder entry are synced
/// before a call returns (a deletion is not). Where the entry cannot be synced the object is
/// visible all the same, and the error says so: it is not taken back, because others may rely on it
/// by then. Objects appear whole or not at all, whatever dies meanwhile; unfinished files lie in
/// kReservedFolder, and what dead processes left there is swept by the next writer. Symbolic links
/// below the root are not followed.
/// Opening touches nothing: a root that is missing is created by CheckAccess() alone, and NotFound
/// for every other call.
/// Threads, ownership, errors: those of ObjectStore. Writers may outlive the store.
Result<std::unique_ptr<ObjectStore>> OpenLocalStore(std::string_view root_path,
                                                    const Limits& limits,
                                                    Random& random = SystemRandom());

}  // namespace tarn
