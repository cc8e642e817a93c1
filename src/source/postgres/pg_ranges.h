#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/postgres/pg_table.h"
#include "source/source.h"

namespace tarn::postgres {

/// Blocks [first, last) of one heap; last < 0: to the heap's end, however far it has grown.
struct BlockRange {
  uint32_t oid = 0;
  int64_t first = 0;
  int64_t last = -1;
  bool whole() const { return first == 0 && last < 0; }
};

/// Cuts the heaps into at most `ranges_max` ranges of about equal numbers of blocks. A range may
/// cover pieces of several heaps; every block of every heap is in exactly one range. Heaps that
/// cannot be read by blocks stay whole.
std::vector<std::vector<BlockRange>> SplitBlocks(const std::vector<Storage>& storages,
                                                 int ranges_max);

/// ScanRange::text: "16384[0,512) 16390[0,)".
std::string FormatRange(const std::vector<BlockRange>& pieces);
Result<std::vector<BlockRange>> ParseRange(const std::string& text);

/// `ctid >= '(0,0)' AND ctid < '(512,0)'`; "" for the whole heap.
std::string RangeCondition(const BlockRange& range);

}  // namespace tarn::postgres
