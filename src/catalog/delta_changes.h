#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "catalog/delta_vectors.h"
#include "table/dual/table.h"
#include "table/model/metadata.h"

namespace tarn {

/// What is different between two states of a table, as Delta's log tells it: by logical files, each
/// a data file with its deletion vector. A data file that stays and gets another vector leaves with
/// the old and comes with the new one.
struct DeltaChanges {
  std::map<std::string, DataFile> added;    ///< by URI
  std::map<std::string, DataFile> removed;  ///< by URI
  DeltaVectors vectors_added;               ///< of `added`
  DeltaVectors vectors_removed;             ///< of `removed`
  /// Rows were moved, none came or went: compaction.
  bool moved_only = false;
};

/// `previous` may be nullptr: before the table. Reads the manifests of the snapshots between; where
/// the history does not lead from one state to the other (a rollback), all that only one of them
/// has. Memory: the files of what is read.
/// Errors: those of reading; those of DeltaVectorReader.
Result<DeltaChanges> FindDeltaChanges(const TableContext& context, const TableMetadata* previous,
                                      const TableMetadata& current);

/// The live data files of a state, by URI.
Result<std::map<std::string, DataFile>> LiveDataFiles(const TableContext& context,
                                                      const TableMetadata& table);

}  // namespace tarn
