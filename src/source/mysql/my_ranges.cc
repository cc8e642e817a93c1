#include "source/mysql/my_ranges.h"

#include <algorithm>

#include "source/mysql/my_names.h"
#include "source/mysql/my_value.h"

namespace tarn::mysql {
namespace {

// Below this another connection costs more than it saves.
constexpr int64_t kRangeRowsMin = 20000;
// Questions to the optimiser for one boundary; each halves the numbers that it may be among.
constexpr int kStepsMax = 64;
// An estimate within this part of one half may be a larger one that was cut.
constexpr int64_t kHalfOff = 20;

std::string Digits(Wide value) {
  // Keys have at most 64 bits, and a sign: 20 digits.
  return value < 0 ? "-" + std::to_string(static_cast<uint64_t>(-value))
                   : std::to_string(static_cast<uint64_t>(value));
}

Wide ParseKey(const std::string& text) {
  Wide value = 0;
  for (const char c : text) {
    if (c >= '0' && c <= '9') value = value * 10 + (c - '0');
  }
  return text.starts_with('-') ? -value : value;
}

bool IsIntegerKey(const MyColumn& column) {
  switch (column.type) {
    case MyType::kInt8:
    case MyType::kInt16:
    case MyType::kInt24:
    case MyType::kInt32:
    case MyType::kInt64:
      return true;
    default:
      return false;
  }
}

class Splitter {
 public:
  Splitter(Connection& connection, const MyTable& table)
      : connection_(connection),
        name_(QuoteName(table.table.name)),
        key_(QuoteIdentifier(table.table.key[0])),
        doing_("splitting " + table.table.name.ToString()) {}

  // False where there is nothing to split.
  Result<bool> Bounds() {
    TARN_ASSIGN_OR_RETURN(
        const Rows rows,
        connection_.Query("SELECT MIN(" + key_ + "), MAX(" + key_ + ") FROM " + name_, doing_));
    if (rows.count() != 1 || rows.null(0, 0)) return false;
    first_ = ParseKey(rows.text(0, 0));
    last_ = ParseKey(rows.text(0, 1));
    return last_ > first_;
  }

  // The optimiser's idea of the rows with a key up to `value`: it dives into the index.
  Result<int64_t> RowsUpTo(Wide value, int64_t all) {
    TARN_ASSIGN_OR_RETURN(const int64_t rows, Estimate(" WHERE " + key_ + " <= " + Digits(value)));
    // InnoDB never says that a range has more than half of the rows.
    if (rows * 2 < all - all / kHalfOff) return rows;
    TARN_ASSIGN_OR_RETURN(const int64_t others, Estimate(" WHERE " + key_ + " > " + Digits(value)));
    return std::max<int64_t>(0, all - others);
  }

  Result<int64_t> Estimate(const std::string& where) {
    TARN_ASSIGN_OR_RETURN(const Rows rows,
                          connection_.Query("EXPLAIN SELECT " + key_ + " FROM " + name_ +
                                                " FORCE INDEX (PRIMARY)" + where,
                                            doing_));
    // id, select_type, table, [partitions,] type, possible_keys, key, key_len, ref, rows, …
    const int column = connection_.version().is_mariadb ? 8 : 9;
    if (rows.count() < 1 || rows.columns() <= column) return 0;
    return rows.integer(0, column);
  }

  Result<std::vector<Wide>> Boundaries(int64_t pieces) {
    TARN_ASSIGN_OR_RETURN(const int64_t all, Estimate(""));
    std::vector<Wide> boundaries;
    Wide from = first_;
    for (int64_t i = 1; i < pieces; ++i) {
      const int64_t wanted = all / pieces * i;
      Wide low = from;
      Wide high = last_ + 1;
      for (int step = 0; step < kStepsMax && high - low > 1; ++step) {
        const Wide middle = low + (high - low) / 2;
        TARN_ASSIGN_OR_RETURN(const int64_t below, RowsUpTo(middle - 1, all));
        // Within a tenth of a piece is near enough.
        const int64_t off = below > wanted ? below - wanted : wanted - below;
        (below < wanted ? low : high) = middle;
        if (off * pieces * 10 <= all) {
          high = middle;
          break;
        }
      }
      if (high > from && high <= last_) {
        boundaries.push_back(high);
        from = high;
      }
    }
    return boundaries;
  }

  const std::string& key() const { return key_; }

 private:
  Connection& connection_;
  const std::string name_;
  const std::string key_;
  const std::string doing_;
  Wide first_ = 0;
  Wide last_ = 0;
};

}  // namespace

Result<std::vector<ScanRange>> SplitByKey(Connection& connection, const MyTable& table,
                                          int ranges_max) {
  const std::vector<ScanRange> whole = {{"", table.table.estimated_rows}};
  const int64_t pieces = std::min<int64_t>(ranges_max, table.table.estimated_rows / kRangeRowsMin);
  if (pieces < 2 || table.key.empty()) return whole;
  if (!IsIntegerKey(table.columns[static_cast<size_t>(table.key[0])])) return whole;
  Splitter splitter(connection, table);
  TARN_ASSIGN_OR_RETURN(const bool splits, splitter.Bounds());
  if (!splits) return whole;
  TARN_ASSIGN_OR_RETURN(const std::vector<Wide> boundaries, splitter.Boundaries(pieces));
  std::vector<ScanRange> ranges;
  const int64_t rows = table.table.estimated_rows / static_cast<int64_t>(boundaries.size() + 1);
  for (size_t i = 0; i <= boundaries.size(); ++i) {
    std::string condition;
    if (i > 0) condition = splitter.key() + " >= " + Digits(boundaries[i - 1]);
    if (i < boundaries.size()) {
      condition +=
          (condition.empty() ? "" : " AND ") + splitter.key() + " < " + Digits(boundaries[i]);
    }
    ranges.push_back({condition, rows});
  }
  return ranges;
}

}  // namespace tarn::mysql
