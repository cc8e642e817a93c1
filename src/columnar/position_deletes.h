#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"
#include "columnar/deletion_vector.h"
#include "columnar/file_writer.h"
#include "storage/object_store.h"

namespace tarn {

/// \name The columns of a position delete file (Iceberg specification, "Position Delete Files").
/// @{
inline constexpr int32_t kDeleteFilePathId = 2147483546;
inline constexpr int32_t kDeletePosId = 2147483545;
/// @}

/// Writes one position delete file: (file_path, pos), both required, in that order. The bounds of
/// file_path in WrittenFile::columns are exact, so that a reader knows a file of one data file.
/// Memory: one batch and the open row group. Threads: one at a time.
class PositionDeleteWriter {
 public:
  /// Ownership: borrows the store.
  static Result<std::unique_ptr<PositionDeleteWriter>> Open(ObjectStore& store, std::string key,
                                                            const Limits& limits);
  virtual ~PositionDeleteWriter() = default;
  /// The deleted rows of the data file `path`, which comes after all paths before it in the order
  /// of bytes (InvalidArgument otherwise). An empty set adds nothing. Errors: those of FileWriter.
  virtual Status Add(std::string_view path, const DeletionVector& positions) = 0;
  virtual int64_t estimated_bytes() const = 0;
  virtual int64_t rows() const = 0;
  /// Ends the file. A writer destroyed without it leaves no object.
  virtual Result<WrittenFile> Finish() = 0;
};

/// Positions of one data file that stand together in a delete file, in its order. Any file may come
/// again. An error stops the reading and is returned.
using PositionDeleteVisitor =
    std::function<Status(std::string_view path, std::span<const int64_t> positions)>;

/// Reads a position delete file of any writer; a column `row` is not looked at. With
/// `wanted_path`, only what is deleted from that data file (the path as the file has it, byte by
/// byte): row groups of other files are skipped by their statistics.
/// Memory: that of a ParquetReader. Errors: those of ParquetReader; Corruption when a column is
/// missing or of another type, a value is null, or a position is none.
Status ReadPositionDeletes(ObjectStore& store, const std::string& key,
                           std::optional<int64_t> size_bytes,
                           const std::optional<std::string>& wanted_path,
                           const PositionDeleteVisitor& visit, const Limits& limits);

}  // namespace tarn
