#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "table/dual/table.h"
#include "table/dual/transaction.h"

namespace tarn::sim {

/// The rows of a table: value by id.
using Rows = std::map<int64_t, std::string>;

/// id long, value string.
Schema TwoColumns();

/// Writes rows to new data files of a transaction's table.
Result<std::vector<DataFile>> WriteRows(const TableContext& context,
                                        const TableTransaction& transaction, const Rows& rows);

/// The rows of one data file in their order, deleted ones too.
using FileRows = std::vector<std::pair<int64_t, std::string>>;
Result<FileRows> ReadFile(const TableContext& context, const TableMetadata& table,
                          const ScanFile& file);

/// Content of data files that were read once: they never change. Threads: one at a time.
class FileCache {
 public:
  explicit FileCache(const TableContext& context) : context_(context) {}
  Result<std::shared_ptr<const FileRows>> Read(const TableMetadata& table, const ScanFile& file);
  /// Nullptr for one that was never read.
  std::shared_ptr<const FileRows> Find(const std::string& path) const;

 private:
  const TableContext context_;
  std::map<std::string, std::shared_ptr<const FileRows>> files_;
};

/// The rows of a snapshot (default: the current one), all of them read through `context`; with a
/// cache only what is not in it. Errors: those of reading; Internal for a row that is there twice.
Result<Rows> ReadSnapshot(const TableContext& context, const TableMetadata& table,
                          FileCache* cache);

/// "3 rows, 1: a, 2: b, …": what differs between what is found and what is wanted; empty if none.
std::string Difference(const Rows& found, const Rows& wanted);

}  // namespace tarn::sim
