#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include "base/limits.h"
#include "base/result.h"
#include "change/key_hash.h"
#include "change/key_index/key_index.h"
#include "source/change_batch.h"

namespace tarn {

/// A row that was written and is not committed yet: one of the files of one writer.
struct PendingPlace {
  uint32_t writer = 0;
  uint32_t file = 0;
  uint32_t row = 0;
};

/// What became of the keys that the changes since the last commit touched, folded: of every key the
/// last word alone counts. Knows nothing of files; told where the rows were put.
/// Threads: one at a time. Memory: at most 76 bytes a touched key (half as much again while the
/// table of them grows), of at most Options::memory_keys_max and a batch's; further ones go to
/// sorted runs in `overflow_folder`, however large a transaction is. Errors: those of that disk.
class PendingRows {
 public:
  struct Options {
    std::string overflow_folder;  ///< of this object alone; what stands there is removed
    int64_t memory_keys_max = Limits().capture_touched_keys_max;
  };
  explicit PendingRows(Options options);
  ~PendingRows();

  /// Where the value of a column that the log left out stands.
  struct ValueSource {
    enum class Kind {
      kBatch,    ///< row `row` of the batch itself
      kPending,  ///< a row written since the last commit
      kTable     ///< the row of `key` as it was committed
    } kind = Kind::kBatch;
    int64_t row = 0;
    PendingPlace place;
    KeyHash key;
  };
  /// A value that is to be put into a surviving row.
  struct Fill {
    int column = 0;
    int64_t row = 0;  ///< of the batch
    ValueSource source;
  };

  /// What one batch of changes comes to.
  struct Folded {
    std::vector<int64_t> survivors;        ///< rows of the batch that are to be written, ascending
    std::vector<KeyHash> keys;             ///< of the survivors
    std::vector<PendingPlace> superseded;  ///< rows written earlier that are gone
    std::vector<Fill> fills;
  };

  /// `keys`: of every row; `old_keys`: of RowChanges::old_keys. Rows before `first_row` are passed
  /// over. Afterwards the survivors have to be told by Put().
  /// `fills_of`: which rows' gaps are told in Folded::fills.
  enum class FillsOf { kSurvivors, kAllRows };
  Result<Folded> Fold(const RowChanges& changes, std::span<const KeyHash> keys,
                      std::span<const KeyHash> old_keys, int64_t first_row,
                      FillsOf fills_of = FillsOf::kSurvivors);
  /// Where the survivors of the last Fold() were written.
  void Put(std::span<const KeyHash> keys, std::span<const PendingPlace> places);

  /// All rows of the table are gone, those of this commit too.
  void Clear();

  bool empty() const { return rows_.empty() && overflow_ == nullptr; }

  /// Some of the touched keys, each in one piece.
  struct Piece {
    std::vector<KeyHash> deleted;
    std::vector<KeyHash> written;
    std::vector<PendingPlace> places;  ///< of `written`
    bool last = false;                 ///< nothing comes after it
  };
  /// All of them, between two batches; at least one piece. An error of `visit` ends it.
  Status Visit(const std::function<Status(const Piece&)>& visit);

 private:
  enum class Kind : uint8_t { kInBatch, kWritten, kDeleted };
  struct State {
    Kind kind = Kind::kDeleted;
    PendingPlace place;  ///< of kWritten; of kInBatch the row alone: its number in the batch
  };
  /// Keys are hashes already.
  struct Hash {
    using is_avalanching = void;
    size_t operator()(const KeyHash& key) const { return key.low; }
  };

  /// Brings what the overflow knows of these keys into memory.
  Status Recall(std::span<const KeyHash> keys, std::span<const KeyHash> old_keys);
  Status Overflow();
  void ForgetKeys();
  uint32_t NumberOf(const PendingPlace& place);

  const Options options_;
  /// The youngest word on each of its keys.
  boost::unordered_flat_map<KeyHash, State, Hash> rows_;
  /// What did not fit in memory; nullptr while all does.
  std::unique_ptr<KeyIndex> overflow_;
  std::vector<PendingPlace> overflow_files_;  ///< by their numbers there; the row is 0
};

}  // namespace tarn
