#include "pipeline/ingest/pending_rows.h"

#include <map>
#include <utility>

namespace tarn {
namespace {

using Kind = PendingRows::State::Kind;
using ValueSource = PendingRows::ValueSource;

/// Columns that the log left out, row by row.
class Gaps {
 public:
  explicit Gaps(const RowChanges& changes) {
    for (const RowChanges::Unchanged& unchanged : changes.unchanged) {
      for (const int64_t row : unchanged.rows) columns_[row].push_back(unchanged.column);
    }
  }
  bool empty() const { return columns_.empty(); }
  const std::vector<int>* Of(int64_t row) const {
    const auto found = columns_.find(row);
    return found == columns_.end() ? nullptr : &found->second;
  }

 private:
  std::unordered_map<int64_t, std::vector<int>> columns_;
};

}  // namespace

PendingRows::Folded PendingRows::Fold(const RowChanges& changes, std::span<const KeyHash> keys,
                                      std::span<const KeyHash> old_keys, int64_t first_row,
                                      FillsOf fills_of) {
  Folded folded;
  const Gaps gaps(changes);
  // Of rows with gaps: where each missing value stands. Rows of one batch may lean on one another.
  std::map<std::pair<int64_t, int>, ValueSource> sources;
  std::vector<bool> gone(keys.size(), false);
  size_t old = 0;

  const auto leave = [&](const State& state) {
    if (state.kind == Kind::kWritten) folded.superseded.push_back(state.place);
    if (state.kind == Kind::kInBatch) gone[static_cast<size_t>(state.row)] = true;
  };
  for (size_t i = static_cast<size_t>(first_row); i < keys.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    while (old < changes.old_key_rows.size() && changes.old_key_rows[old] < row) ++old;
    const bool key_changed = old < changes.old_key_rows.size() && changes.old_key_rows[old] == row;
    const KeyHash& before_key = key_changed ? old_keys[old] : keys[i];

    if (const std::vector<int>* missing = gaps.Of(row); missing != nullptr) {
      const auto before = rows_.find(before_key);
      for (const int column : *missing) {
        ValueSource source;
        if (before == rows_.end() || before->second.kind == Kind::kDeleted) {
          source.kind = ValueSource::Kind::kTable;
          source.key = before_key;
        } else if (before->second.kind == Kind::kWritten) {
          source.kind = ValueSource::Kind::kPending;
          source.place = before->second.place;
        } else {
          source.row = before->second.row;
          const auto leaned = sources.find({source.row, column});
          if (leaned != sources.end()) source = leaned->second;
        }
        sources[{row, column}] = source;
      }
    }
    if (key_changed) {
      State& state = rows_[before_key];
      leave(state);
      state = {};
    }
    State& state = rows_[keys[i]];
    leave(state);
    state = {};
    if (changes.ops[i] == RowOp::kDelete) {
      gone[i] = true;
    } else {
      state.kind = Kind::kInBatch;
      state.row = row;
    }
  }
  for (size_t i = static_cast<size_t>(first_row); i < keys.size(); ++i) {
    if (gone[i]) continue;
    folded.survivors.push_back(static_cast<int64_t>(i));
    folded.keys.push_back(keys[i]);
  }
  for (const auto& [at, source] : sources) {
    if (fills_of == FillsOf::kSurvivors && gone[static_cast<size_t>(at.first)]) continue;
    folded.fills.push_back({at.second, at.first, source});
  }
  return folded;
}

void PendingRows::Put(std::span<const KeyHash> keys, std::span<const PendingPlace> places) {
  for (size_t i = 0; i < keys.size(); ++i) {
    rows_[keys[i]] = {Kind::kWritten, places[i], 0};
  }
}

}  // namespace tarn
