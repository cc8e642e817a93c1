#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <span>

#include <arrow/type_fwd.h>

#include "base/result.h"

namespace tarn {

/// 128 bits of hash of the values of a row's key, equal for equal keys. It stands for the key:
/// nobody compares the keys themselves. Two of n different keys share a hash with a probability of
/// n² / 2^129: 1.5e-19 for ten thousand million of them, less than that of a fault of the memory
/// they stand in. A key of one integer column has no collisions at all.
/// Not a defence against somebody who makes collisions on purpose: who writes rows to the source
/// may as well delete them there.
struct KeyHash {
  uint64_t high = 0;
  uint64_t low = 0;
  friend constexpr auto operator<=>(const KeyHash&, const KeyHash&) = default;
};

/// Hashes the keys of rows: columns[i] is the i-th column of the key, all as long as `out`.
///
/// Values hash by what they mean, so that a row has the same hash when it comes from a source's log
/// and when it is read from a file of the table, also a file from before a column was widened:
/// integers of every width alike; decimals by their unscaled value whatever their width and
/// precision (both sides have the table's scale); float as double; times and timestamps by
/// microseconds and what remains; text and binary of every layout by their bytes; dictionaries as
/// their values. As sources compare keys: -0 is 0, every NaN is alike. Null equals null.
/// The hash is kept on disk (docs/formats/key_index.md): changing it needs a new format there.
/// Threads: any. Errors: Unsupported for a type that no key has, naming it; InvalidArgument for a
/// key without columns.
Status HashKeys(std::span<const std::shared_ptr<arrow::Array>> columns, std::span<KeyHash> out);

}  // namespace tarn
