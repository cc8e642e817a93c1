#include "source/postgres/pg_ranges.h"

#include <algorithm>
#include <charconv>

namespace tarn::postgres {
namespace {

// Below this (2 MiB) another connection costs more than it saves.
constexpr int64_t kRangeBlocksMin = 256;

}  // namespace

std::vector<std::vector<BlockRange>> SplitBlocks(const std::vector<Storage>& storages,
                                                 int ranges_max) {
  int64_t total = 0;
  for (const Storage& storage : storages) total += storage.blocks;
  const int64_t ranges = std::clamp<int64_t>(total / kRangeBlocksMin, 1, std::max(ranges_max, 1));
  const int64_t target = std::max<int64_t>((total + ranges - 1) / ranges, 1);
  std::vector<std::vector<BlockRange>> result(1);
  int64_t filled = 0;  // blocks in the last range
  const auto next_range = [&] {
    if (filled >= target && static_cast<int64_t>(result.size()) < ranges) {
      result.emplace_back();
      filled = 0;
    }
  };
  for (const Storage& storage : storages) {
    int64_t first = 0;
    while (true) {
      next_range();
      const int64_t left = storage.blocks - first;
      const bool last_range = static_cast<int64_t>(result.size()) == ranges;
      if (!storage.by_blocks || last_range || left <= target - filled) {
        result.back().push_back({storage.oid, first, -1});
        filled += left;
        break;
      }
      const int64_t last = first + (target - filled);
      result.back().push_back({storage.oid, first, last});
      filled = target;
      first = last;
    }
  }
  if (result.size() > 1 && result.back().empty()) result.pop_back();
  return result;
}

std::string FormatRange(const std::vector<BlockRange>& pieces) {
  std::string text;
  for (const BlockRange& piece : pieces) {
    if (!text.empty()) text += ' ';
    text += std::to_string(piece.oid) + "[" + std::to_string(piece.first) + "," +
            (piece.last < 0 ? "" : std::to_string(piece.last)) + ")";
  }
  return text;
}

Result<std::vector<BlockRange>> ParseRange(const std::string& text) {
  std::vector<BlockRange> pieces;
  const char* p = text.data();
  const char* end = p + text.size();
  const auto take = [&](char c) {
    if (p == end || *p != c) return false;
    ++p;
    return true;
  };
  const auto number = [&](auto* value) {
    const auto [stop, error] = std::from_chars(p, end, *value);
    p = stop;
    return error == std::errc();
  };
  while (p != end) {
    BlockRange piece;
    bool ok = pieces.empty() || take(' ');
    ok = ok && number(&piece.oid) && take('[') && number(&piece.first) && take(',');
    if (ok && p != end && *p != ')') ok = number(&piece.last);
    if (!ok || !take(')')) {
      return InvalidArgument("the range `" + text + "` is not one that this source made");
    }
    pieces.push_back(piece);
  }
  return pieces;
}

std::string RangeCondition(const BlockRange& range) {
  const auto at = [](int64_t block) {
    return "'(" + std::to_string(block) + ",0)'::pg_catalog.tid";
  };
  std::string condition;
  if (range.first > 0) condition = "ctid >= " + at(range.first);
  if (range.last >= 0) {
    if (!condition.empty()) condition += " AND ";
    condition += "ctid < " + at(range.last);
  }
  return condition;
}

}  // namespace tarn::postgres
