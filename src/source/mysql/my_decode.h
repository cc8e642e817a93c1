#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/limits.h"
#include "base/result.h"
#include "source/mysql/my_value.h"

namespace tarn::mysql {

/// Rows of the binary protocol → RecordBatches, straight into Arrow memory.
/// Threads: one at a time.
class RowDecoder {
 public:
  struct Options {
    SourceTableName table;          ///< for messages
    std::vector<MyColumn> columns;  ///< in the order of the select list
    std::vector<int> key;           ///< positions of the key's columns, for messages
    std::shared_ptr<arrow::Schema> schema;
    Limits limits;
  };
  RowDecoder(Options options, arrow::MemoryPool* pool);
  ~RowDecoder();

  /// Allocates the next batch's memory. Before the first row of every batch.
  Status Begin();
  /// Decodes one row's packet. Errors: InvalidArgument, ResourceExhausted, Corruption; nothing else
  /// may follow.
  Status Row(const uint8_t* p, const uint8_t* end) {
    if (Decode(p, end)) [[likely]] {
      return Status::Ok();
    }
    return Fault(p, end);
  }
  /// Whether the batch has reached its limit of rows or bytes.
  bool full() const { return rows_ >= rows_max_ || bytes_ >= bytes_max_; }
  int64_t rows() const { return rows_; }
  int64_t rows_in_all() const { return rows_before_ + rows_; }
  Result<std::shared_ptr<arrow::RecordBatch>> Finish();

 private:
  bool Decode(const uint8_t* p, const uint8_t* end);
  Error Fault(const uint8_t* p, const uint8_t* end) const;
  std::string WhichRow(const uint8_t* p, const uint8_t* end) const;
  Status GrowRows();

  Options options_;
  std::vector<std::unique_ptr<ValueWriter>> writers_;
  int64_t rows_ = 0;
  int64_t rows_before_ = 0;
  int64_t bytes_ = 0;
  int64_t rows_capacity_ = 0;
  int64_t rows_max_;
  int64_t bytes_max_;
  Trouble trouble_ = Trouble::kNone;
  size_t trouble_column_ = 0;
};

/// Reads one value of the binary protocol at *p and moves behind it.
Trouble DecodeValue(ValueWriter& writer, int64_t row, const uint8_t** p, const uint8_t* end);

/// A length-encoded string at *p: moves *p to its first byte. False: it does not fit.
bool ReadLength(const uint8_t** p, const uint8_t* end, int64_t* bytes);

}  // namespace tarn::mysql
