#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "table/dual/table.h"
#include "table/dual/transaction.h"

namespace tarn {

/// Tables of one commit that are written, and published, at once: most of it is waiting for a
/// store.
inline constexpr size_t kCommitStreams = 8;

/// One table's part of a commit.
struct TableChange {
  TableName name;
  std::string owner;                        ///< for a new table
  std::string uuid;                         ///< of an existing table; empty for a new one
  TableTransaction* transaction = nullptr;  ///< borrowed
  Sequence free_at = {};                    ///< FreeFolder::free_at of a new table's folder
};

/// A table that the commit leaves as it is, but in which its statements looked for rows to change:
/// its transaction's ReadRows() say which must not have come meanwhile.
struct SearchedTable {
  std::string uuid;
  TableTransaction* transaction = nullptr;  ///< borrowed; never staged
};

struct LakeCommit {
  std::string author;
  std::string message;
  std::vector<TableChange> tables;
  std::vector<SearchedTable> searched;
  std::vector<CommitOp> ops;  ///< everything besides tables; runs before them
  /// Table uuids and metadata locations that were read and must not have moved (serialisable).
  std::vector<ExpectTableOp> expectations;
};

/// Whether an error of CommitToLake() says that the commit did not happen and never will: only then
/// may its data files be deleted.
bool IsCertainRejection(const Error& error);

/// Stages all tables, commits them at one sequence, rebases and tries again after a Conflict (at
/// most commit_retries_max), finds out after a lost answer, publishes afterwards (a failure to
/// publish is not a failure to commit: the outbox keeps it). Staged metadata files are deleted only
/// after a certain rejection. Data files are the caller's. Errors: those of Catalog::Commit, of
/// staging and of rebasing.
Result<CommitInfo> CommitToLake(const TableContext& context, Catalog& catalog,
                                const LakeCommit& commit);

/// Publishes what the outbox holds: `metadata/v<N>.metadata.json`, then the Delta log entry
/// N-1 by put-if-absent (and a checkpoint when due), then `metadata/version-hint.text`; marks it
/// published. Idempotent; several processes may do it at once. Called after every commit and at
/// start.
Status PublishOutbox(const TableContext& context, Catalog& catalog);

/// Sends readers without a catalog to the newest state of a table that is published. Of several
/// processes that publish one table the last one to write the hint may have had an older state, and
/// have been killed before it looked again. NotFound once the table is dropped.
Status RaiseVersionHint(const TableContext& context, Catalog& catalog,
                        const std::string& table_uuid);

}  // namespace tarn
