#pragma once

#include <cstdint>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "source/source.h"

namespace tarn {

/// Count and order-free hash of rows that arrive as Arrow batches, from whatever side.
/// A row's hash is over its values in the order of the columns; a table's is the sum of its rows'
/// hashes modulo 2^64: the order of rows, batches and streams does not matter, a row that is there
/// twice does.
///
/// Values hash by what they mean, not by how Arrow lays them out: integers of every width alike;
/// dates as days, times and timestamps as microseconds; decimals by their unscaled value (both
/// sides must have the same scale) whatever their width; float as double, every NaN alike, -0
/// unlike 0; utf8, large_utf8, string_view and dictionaries of them alike, and binary as text of
/// the same bytes; lists by their elements in order; structs by their fields; variants by their
/// JSON; null, JSON's too, like no value.
///
/// Not a defence against somebody who makes collisions on purpose.
/// Threads: one at a time; several hashers' results are added with Merge.
class TableHasher {
 public:
  /// Errors: Unsupported (a type outside the list above), naming the column.
  Status Add(const arrow::RecordBatch& batch);
  void Merge(const TableChecksum& other);
  const TableChecksum& checksum() const { return checksum_; }

 private:
  TableChecksum checksum_;
  std::vector<uint64_t> rows_;    // of the batch so far
  std::vector<uint64_t> values_;  // of one column
};

}  // namespace tarn
