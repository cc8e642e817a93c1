#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "storage/object_store.h"
#include "storage/read_ahead/read_pool.h"

namespace tarn {

/// ObjectStore::ReadRange in parts of about `part_bytes` at once, on the caller's thread and those
/// of `pool`. Returns when nothing writes to `out` any more; the first error, if any.
Status ParallelRead(ObjectStore& store, ReadPool& pool, int64_t part_bytes, std::string_view key,
                    int64_t offset, std::span<char> out);

}  // namespace tarn
