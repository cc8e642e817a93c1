#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "source/change_batch.h"
#include "source/mysql/my_binlog_value.h"
#include "source/mysql/my_table.h"

namespace tarn::mysql {

/// A table's description with what is needed to read its rows events.
struct LogShape {
  std::shared_ptr<const MyTable> table;
  std::vector<LogColumn> columns;  ///< in the order of the table map
};

/// Row images of one table, of one shape → RowChanges, straight into Arrow memory.
/// Threads: one at a time.
class TableBuilder {
 public:
  /// `rows_before`: whether RowChanges::before is told.
  TableBuilder(std::shared_ptr<const LogShape> shape, int64_t value_bytes_max, bool rows_before,
               arrow::MemoryPool* pool);
  ~TableBuilder();

  enum class Outcome {
    kAdded,
    kMalformed,  ///< the bytes are no such row
    kFault       ///< a value does not fit, see fault(); what came before stands
  };
  /// One row of an event at *p; moves behind it. Of an update both images. After anything but
  /// kAdded nothing may be added any more.
  Outcome Add(RowOp op, uint32_t transaction, int64_t ordinal, const uint8_t** p,
              const uint8_t* end);
  /// Names table, row, column, value and repair.
  const Error& fault() const { return *fault_; }

  int64_t rows() const { return rows_; }
  int64_t bytes() const { return bytes_; }
  /// What was added, and begins anew.
  Result<RowChanges> Finish();

 private:
  struct Block;
  struct Span {
    const uint8_t* begin = nullptr;  ///< nullptr: null
    const uint8_t* end = nullptr;
  };

  /// A row's image into the block.
  Outcome Image(const uint8_t** p, const uint8_t* end, Block* block);
  /// The image before an update: its key, and the row where it is wanted.
  Outcome Before(const uint8_t** p, const uint8_t* end);
  Outcome OldKey();
  bool KeyChanged() const;
  bool SkipImage(const uint8_t** p, const uint8_t* end);
  Status Ready(Block* block, int64_t rows);
  /// `refusal`: why no variant can be made of the value.
  Outcome Fail(Trouble trouble, const LogColumn& how, const Span& value,
               const std::string& refusal = "");
  void Retract();
  /// The row for people, by its key.
  std::string Which() const;

  const std::shared_ptr<const LogShape> shape_;
  const int64_t value_bytes_max_;
  arrow::MemoryPool* const pool_;
  const int64_t null_bytes_;
  std::unique_ptr<Block> rows_block_;
  std::unique_ptr<Block> old_keys_;
  std::unique_ptr<Block> rows_before_;  ///< nullptr: not wanted
  std::vector<size_t> key_;          ///< places of the key's columns in the table map, in key order
  std::vector<int> slot_of_column_;  ///< by the table map's column: in key_; -1
  std::vector<Span> now_;            ///< the key in the image that is being read, beside key_
  std::vector<Span> before_;         ///< in the image before
  std::vector<size_t> unmapped_;     ///< columns of the table that the map does not have
  std::string scratch_;
  std::vector<RowOp> ops_;
  std::vector<uint32_t> transactions_;
  std::vector<int64_t> ordinals_;
  std::vector<int64_t> old_key_rows_;
  std::vector<int64_t> before_rows_;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
  std::unique_ptr<Error> fault_;
};

}  // namespace tarn::mysql
