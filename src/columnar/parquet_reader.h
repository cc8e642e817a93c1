#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/limits.h"
#include "base/result.h"
#include "columnar/predicate.h"
#include "columnar/prune.h"
#include "storage/object_store.h"

namespace tarn {

/// A column that is wanted of a Parquet file. With a field id it is the file's column of that id;
/// without one, or where no column of the file has an id, the column of that name, or of one of
/// `names` where there are some.
struct ParquetColumn {
  std::string name;
  std::optional<int32_t> field_id = std::nullopt;
  /// Of a struct: only these fields, found in the same way. Empty: all.
  std::vector<ParquetColumn> children = {};
  std::set<std::string> names = {};

  bool IsCalled(const std::string& in_file) const {
    return names.empty() ? name == in_file : names.contains(in_file);
  }
};

struct ParquetReadOptions {
  /// Unset: all columns of the file, in its order. Empty: none, which still counts rows.
  std::optional<std::vector<ParquetColumn>> columns = std::nullopt;
  /// Row groups in which certainly no row matches are skipped. Speaks of `columns` by their names,
  /// with constants in the units of the file's own types; of others nothing is known.
  Predicate predicate = {};
  /// Ascending; row groups in which none of these rows stands are skipped. Unset: all are read.
  std::optional<std::vector<int64_t>> positions = std::nullopt;
  /// Compressed bytes that are held at once: a row group of at most that size is fetched in a few
  /// large requests, of a larger one every column is read piece by piece.
  int64_t read_bytes_max = 32 << 20;
};

/// Rows that stand together in the file.
struct ParquetBatch {
  std::shared_ptr<arrow::RecordBatch> rows;
  int64_t first_row = 0;  ///< position of the first row in the file, skipped row groups counted
};

/// Reads columns of one Parquet object of any writer, batch by batch, row group after row group.
/// Types are those that Arrow gives (Conform() makes the table's of them).
/// Memory: the batch, `read_bytes_max`, and a page of every column. A batch has at most
/// Limits::batch_rows rows, and fewer where rows are large, by the sizes that the footer tells.
/// Ownership: borrows the store. Threads: one at a time.
/// Errors: those of ObjectStore; Corruption (bytes that are no Parquet, a row group without the
/// rows that it says); Unsupported (encryption, a codec that is not built in); ResourceExhausted.
/// All name the object.
class ParquetReader {
 public:
  /// Reads the footer. `size_bytes`: of the object, asked for when it is not known. Error
  /// InvalidArgument: children wanted of a column that is no struct.
  static Result<std::unique_ptr<ParquetReader>> Open(ObjectStore& store, const std::string& key,
                                                     std::optional<int64_t> size_bytes,
                                                     ParquetReadOptions options,
                                                     const Limits& limits);
  virtual ~ParquetReader() = default;

  /// Of all batches: the wanted columns that the file has, in the order in which they were asked
  /// for; with field ids as "PARQUET:field_id".
  virtual const std::shared_ptr<arrow::Schema>& schema() const = 0;
  /// For each wanted column its place in schema(); -1 where the file does not have it.
  virtual const std::vector<int>& places() const = 0;
  /// Whether a group of the file is annotated VARIANT. `path`: places of fields among their
  /// siblings, as in the file's Arrow types: first that of the column in the whole file, last that
  /// of the group.
  virtual bool IsMarkedVariant(const std::vector<int>& path) const = 0;
  /// What wrote the file, by its own account.
  virtual const std::string& created_by() const = 0;
  /// Rows of the whole file.
  virtual int64_t rows() const = 0;
  virtual int row_groups() const = 0;
  /// Row groups that the predicate rules out.
  virtual int row_groups_skipped() const = 0;
  /// What the footer says of a wanted column without parts in one row group; nothing of others.
  virtual Result<ColumnBounds> Bounds(const std::string& column, int row_group) = 0;

  /// The next rows, at least one; nothing at the end. After an error the same error again.
  virtual Result<std::optional<ParquetBatch>> Next() = 0;
};

}  // namespace tarn
