#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "catalog/catalog.h"
#include "pipeline/context.h"
#include "table/dual/data_writer.h"
#include "table/dual/transaction.h"

namespace tarn {

/// A table of the lake that rows are going into.
struct TableTarget {
  TableName name;
  std::string owner;  ///< "model:gold.x"
  std::vector<std::string> key;
  std::vector<std::string> partition;
  /// What the project says about the table: "comment", "tarn.tag.…". Those that it says no longer
  /// leave the table; properties that somebody else set stay.
  std::map<std::string, std::string> properties;
};
inline constexpr char kCommentProperty[] = "comment";
inline constexpr char kTagPrefix[] = "tarn.tag.";

enum class WriteMode {
  kOverwrite,
  kAppend,
  /// Rows are added; a column whose type cannot change in place gives way to one that begins with
  /// them.
  kAppendReplacing
};

/// The transaction with the files that are already written. The files are deleted by Discard(), and
/// by nobody once a commit was attempted.
struct WrittenTable {
  std::unique_ptr<TableTransaction> transaction;
  std::string uuid;   ///< of an existing table
  std::string owner;  ///< of a new one
  Sequence free_at;   ///< FreeFolder::free_at of a new one's folder
  std::vector<DataFile> files;
  std::vector<std::string> columns;  ///< names in order
  int64_t rows = 0;
  int64_t bytes = 0;
};

/// A transaction that creates the target, or one that evolves the existing table to `storable`'s
/// columns (see columnar/conform.h) and the target's key and partitioning. With kOverwrite a column
/// whose type cannot change in place is replaced; with kAppend it is refused; with kAppendReplacing
/// it is dropped and another one of its name added.
/// Errors: InvalidArgument for columns without a name or with the same name, for a key that is no
/// column; AlreadyExists for a table of that name that somebody else made.
Result<WrittenTable> OpenTarget(const PipelineContext& context, const arrow::Schema& storable,
                                const TableTarget& target, WriteMode mode);

/// Why the standing table cannot take `storable`'s columns in place, "" where it can: what
/// OpenTarget with kAppend would refuse. Errors: those of reading the table's metadata.
Result<std::string> WhyNotInPlace(const TableContext& tables, const TableEntry& standing,
                                  const arrow::Schema& storable, const TableTarget& target);

/// A writer for new files of the opened target; several may write at once.
Result<std::unique_ptr<DataWriter>> OpenTargetWriter(const PipelineContext& context,
                                                     const WrittenTable& table);

/// Hands the files over to the transaction and counts them. Files are removed on error.
Status StageFiles(const PipelineContext& context, std::vector<DataFile> files, WriteMode mode,
                  WrittenTable* table);

/// Gives the existing table the target's properties, and nothing else, in one commit with `ops`.
/// Errors: NotFound; AlreadyExists as OpenTarget; the catalog's.
Status CommitProperties(const PipelineContext& context, const TableTarget& target,
                        std::vector<CommitOp> ops, const std::string& author);

/// Deletes the files of a table that will not be committed.
void Discard(const PipelineContext& context, const WrittenTable& written);

}  // namespace tarn
