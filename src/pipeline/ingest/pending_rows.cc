#include "pipeline/ingest/pending_rows.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <unordered_map>
#include <utility>

namespace tarn {
namespace {

/// Keys of one step from or to the overflow.
constexpr size_t kPieceKeys = 1 << 17;
constexpr size_t kSlotsKept = 1 << 16;  ///< 2 MB
constexpr int64_t kOverflowMemoryBytes = 16 << 20;
/// The file that stands for a key whose row is gone.
constexpr uint32_t kDeletedFile = RowPlace::kNoFile - 1;

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

PendingRows::PendingRows(Options options) : options_(std::move(options)) {}

PendingRows::~PendingRows() { Clear(); }

void PendingRows::Clear() {
  ForgetKeys();
  if (overflow_ == nullptr) return;
  overflow_.reset();
  overflow_files_.clear();
  std::error_code ignored;  // what stays is removed before the folder is used again
  std::filesystem::remove_all(options_.overflow_folder, ignored);
}

void PendingRows::ForgetKeys() {
  // A burst leaves no memory taken; small commits, one after the other, need not ask for it anew.
  if (rows_.bucket_count() > kSlotsKept) {
    rows_ = {};
  } else {
    rows_.clear();
  }
}

uint32_t PendingRows::NumberOf(const PendingPlace& place) {
  const auto same = [&](const PendingPlace& known) {
    return known.writer == place.writer && known.file == place.file;
  };
  // Rows are mostly of the files that were begun last.
  const auto known = std::find_if(overflow_files_.rbegin(), overflow_files_.rend(), same);
  if (known != overflow_files_.rend()) {
    return static_cast<uint32_t>(overflow_files_.rend() - known - 1);
  }
  overflow_files_.push_back({place.writer, place.file, 0});
  return static_cast<uint32_t>(overflow_files_.size() - 1);
}

Status PendingRows::Overflow() {
  if (overflow_ == nullptr) {
    std::error_code error;
    std::filesystem::remove_all(options_.overflow_folder, error);
    if (error) {
      return Unavailable("what an earlier process left in " + options_.overflow_folder +
                         " cannot be removed: " + error.message());
    }
    KeyIndexOptions options;
    options.memory_bytes = kOverflowMemoryBytes;
    TARN_ASSIGN_OR_RETURN(overflow_, KeyIndex::Open(options_.overflow_folder, options));
  }
  std::vector<KeyHash> keys;
  std::vector<RowPlace> places;
  for (auto row = rows_.begin(); row != rows_.end();) {
    keys.clear();
    places.clear();
    for (; row != rows_.end() && keys.size() < kPieceKeys; ++row) {
      const State& state = row->second;
      keys.push_back(row->first);
      if (state.kind == Kind::kWritten) {
        places.push_back({NumberOf(state.place), state.place.row});
      } else {
        places.push_back({kDeletedFile, 0});
      }
    }
    TARN_RETURN_IF_ERROR(overflow_->Apply({{}, keys, places, {}, {}}));
  }
  ForgetKeys();
  return {};
}

Status PendingRows::Recall(std::span<const KeyHash> keys, std::span<const KeyHash> old_keys) {
  if (overflow_ == nullptr) return {};
  std::vector<KeyHash> wanted;
  for (const auto& some : {keys, old_keys}) {
    for (const KeyHash& key : some) {
      if (!rows_.contains(key)) wanted.push_back(key);
    }
  }
  std::vector<RowPlace> places(wanted.size());
  TARN_RETURN_IF_ERROR(overflow_->Lookup(wanted, places));
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!places[i].found()) continue;
    State state;
    if (places[i].file != kDeletedFile) {
      state.kind = Kind::kWritten;
      state.place = overflow_files_[places[i].file];
      state.place.row = places[i].row;
    }
    rows_.emplace(wanted[i], state);
  }
  return {};
}

Status PendingRows::Visit(const std::function<Status(const Piece&)>& visit) {
  Piece piece;
  const auto add = [&](const KeyHash& key, bool deleted, const PendingPlace& place) {
    if (deleted) {
      piece.deleted.push_back(key);
    } else {
      piece.written.push_back(key);
      piece.places.push_back(place);
    }
  };
  if (overflow_ == nullptr) {
    for (const auto& [key, state] : rows_) {
      add(key, state.kind == Kind::kDeleted, state.place);
    }
  } else {
    TARN_RETURN_IF_ERROR(Overflow());
    const auto add_entry = [&](const KeyHash& key, const RowPlace& place) -> Status {
      if (piece.deleted.size() + piece.written.size() >= kPieceKeys) {
        TARN_RETURN_IF_ERROR(visit(piece));
        piece = {};
      }
      PendingPlace written;
      if (place.file != kDeletedFile) written = overflow_files_[place.file];
      written.row = place.row;
      add(key, place.file == kDeletedFile, written);
      return {};
    };
    TARN_RETURN_IF_ERROR(overflow_->ForEach(add_entry));
  }
  piece.last = true;
  return visit(piece);
}

Result<PendingRows::Folded> PendingRows::Fold(const RowChanges& changes,
                                              std::span<const KeyHash> keys,
                                              std::span<const KeyHash> old_keys, int64_t first_row,
                                              FillsOf fills_of) {
  // Between two batches: every key's last word is a row that was written, or that it is gone.
  if (static_cast<int64_t>(rows_.size()) >= options_.memory_keys_max) {
    TARN_RETURN_IF_ERROR(Overflow());
  }
  TARN_RETURN_IF_ERROR(Recall(keys.subspan(static_cast<size_t>(first_row)), old_keys));
  Folded folded;
  const Gaps gaps(changes);
  // Of rows with gaps: where each missing value stands. Rows of one batch may lean on one another.
  std::map<std::pair<int64_t, int>, ValueSource> sources;
  std::vector<bool> gone(keys.size(), false);
  size_t old = 0;

  const auto leave = [&](const State& state) {
    if (state.kind == Kind::kWritten) folded.superseded.push_back(state.place);
    if (state.kind == Kind::kInBatch) gone[state.place.row] = true;
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
          source.row = before->second.place.row;
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
      state.place.row = static_cast<uint32_t>(row);
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
    rows_[keys[i]] = {Kind::kWritten, places[i]};
  }
}

}  // namespace tarn
