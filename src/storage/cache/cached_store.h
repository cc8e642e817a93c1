#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "storage/object_store.h"

namespace tarn {

struct CacheOptions {
  std::string folder;                   ///< on the local disk; may be shared between processes
  int64_t bytes_max = 1LL << 30;        ///< in the folder
  int64_t block_bytes = 1LL << 20;      ///< what is kept and removed as one; 64 KiB to 16 MiB
  int64_t fetch_bytes_max = 8LL << 20;  ///< of neighbouring blocks that one request brings
};

/// `inner`, with what is read of immutable objects (IsImmutableName) kept on the local disk in
/// blocks. Everything else passes through. A block that several threads miss at once is asked for
/// once. An object's bytes may still be read here after another process deleted it.
/// Threads, errors: those of ObjectStore; a cache that cannot be read or written is no error.
std::unique_ptr<ObjectStore> OpenCachedStore(std::unique_ptr<ObjectStore> inner,
                                             CacheOptions options, Clock& clock = SystemClock());

}  // namespace tarn
