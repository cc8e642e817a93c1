#pragma once

#include <cstdint>
#include <memory>

#include "storage/object_store.h"

namespace tarn {

struct ReadAheadOptions {
  int64_t reads_in_flight_max = 8;       ///< of the store, besides those of its callers' threads
  int64_t part_bytes = 4LL << 20;        ///< of one request
  int64_t ahead_bytes_max = 32LL << 20;  ///< read and not yet asked for, or on its way; 0: never
  int64_t gap_bytes_max = 1LL << 20;     ///< that a reader may skip and still be a sequential one
};

/// `inner` for readers that are far away from it: a large range is read in parts at once, and
/// whoever reads an object forwards, range by range, finds the next ranges there already. What is
/// asked for in small ranges near each other so comes in few large requests. The window ahead of a
/// reader begins with one part, after its third range in a row (its second, where they are large),
/// and doubles as long as the reader goes on. Ranges that nobody came for are given up when others
/// need the room. Only immutable objects (IsImmutableName) are read so: parts of others could be of
/// two versions. Threads, errors: those of ObjectStore. What fails ahead of a reader is no error:
/// it is read again when it is asked for. The destructor waits for reads that are on their way.
std::unique_ptr<ObjectStore> OpenReadAheadStore(std::unique_ptr<ObjectStore> inner,
                                                ReadAheadOptions options);

}  // namespace tarn
