#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "change/key_hash.h"
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
/// Threads: one at a time. Memory: about 64 bytes a touched key.
class PendingRows {
 public:
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
  Folded Fold(const RowChanges& changes, std::span<const KeyHash> keys,
              std::span<const KeyHash> old_keys, int64_t first_row,
              FillsOf fills_of = FillsOf::kSurvivors);
  /// Where the survivors of the last Fold() were written.
  void Put(std::span<const KeyHash> keys, std::span<const PendingPlace> places);

  /// All rows of the table are gone, those of this commit too.
  void Clear() { rows_.clear(); }

  bool empty() const { return rows_.empty(); }
  size_t size() const { return rows_.size(); }

  struct State {
    enum class Kind : uint8_t { kInBatch, kWritten, kDeleted } kind = Kind::kDeleted;
    PendingPlace place;  ///< of kWritten
    int64_t row = 0;     ///< of kInBatch
  };
  struct Hash {
    size_t operator()(const KeyHash& key) const { return key.low; }
  };
  using Rows = std::unordered_map<KeyHash, State, Hash>;
  const Rows& rows() const { return rows_; }

 private:
  Rows rows_;
};

}  // namespace tarn
