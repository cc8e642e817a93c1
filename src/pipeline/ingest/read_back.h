#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "pipeline/context.h"
#include "table/model/metadata.h"
#include "table/model/schema.h"

namespace tarn {

/// Puts values that a log left out into the rows of a batch: from other rows of the batch, and from
/// rows of data files, of which every file is read once and only where wanted rows stand.
/// Ownership: borrows the context and the table. Threads: one at a time. Memory: about three times
/// `bytes_max`.
class ReadBack {
 public:
  /// `schema`: the table's columns, in the batch's order.
  ReadBack(const PipelineContext& context, const TableMetadata& table, const Schema& schema)
      : context_(context), table_(table), schema_(schema) {}

  /// Column `column` of row `row` is that of the batch's row `from`.
  void TakeFromBatch(int column, int64_t row, int64_t from);
  /// … of a data file's row; the row is not deleted.
  void TakeFromFile(int column, int64_t row, const DataFile& file, int64_t position);

  /// Rows `begin` to `end` of the batch, with the values in their places; nullptr where these have
  /// more than `bytes_max`. Errors: those of reading the files; Corruption when a file lacks a row.
  Result<std::shared_ptr<arrow::RecordBatch>> Fill(const arrow::RecordBatch& batch, int64_t begin,
                                                   int64_t end, int64_t bytes_max);

 private:
  struct FilePart {
    DataFile file;
    std::map<int64_t, int64_t> positions;      ///< to the place in `rows`
    std::shared_ptr<arrow::RecordBatch> rows;  ///< of the positions, in their order
  };
  struct Wish {
    int64_t row;
    const FilePart* part;  ///< nullptr: of the batch
    int64_t from;          ///< row of the batch, or position
  };
  /// Adds to `bytes`; beyond `bytes_max` it ends, without the rows.
  Status ReadPart(FilePart& part, const std::vector<int>& columns, int64_t bytes_max,
                  int64_t* bytes);

  const PipelineContext& context_;
  const TableMetadata& table_;
  const Schema& schema_;
  std::map<std::string, FilePart> parts_;  ///< by path
  std::map<int, std::vector<Wish>> by_column_;
};

}  // namespace tarn
