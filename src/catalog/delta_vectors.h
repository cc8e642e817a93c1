#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "columnar/deletion_vector.h"
#include "table/delta/vector_descriptor.h"
#include "table/dual/table.h"
#include "table/model/metadata.h"

namespace tarn {

/// A deletion vector as Delta's log names it, and where its bytes come from.
struct DeltaVector {
  delta::DeletionVectorDescriptor descriptor;
  std::string puffin;  ///< URI of the Puffin file that its file is made of
  std::string blob;    ///< the content of its file, where no Puffin file is
};
using DeltaVectors = std::map<std::string, DeltaVector>;  ///< by the data file's URI

/// Finds the deletion vectors that the delete files of a table's states come to, for some of its
/// data files. Depends on the states alone: whoever looks finds the same descriptors.
///
/// A small vector stands in the log itself. A larger one of a Puffin file stands in a copy of that
/// file's blobs, `deletes/deletion_vector_<uuid>.bin`: Delta's readers want another first byte than
/// Iceberg's. Position delete files are put together to one vector for each data file.
/// Threads: one at a time. Ownership: borrows the context and what it points to.
class DeltaVectorReader {
 public:
  /// Of the data files `wanted`; nullopt: of all.
  DeltaVectorReader(const TableContext& context, std::optional<std::set<std::string>> wanted)
      : context_(context), wanted_(std::move(wanted)) {}

  /// At the current snapshot of a state. Errors: those of reading; Unsupported (equality deletes;
  /// position deletes that are no Parquet; a Puffin file over 2 GiB), naming the file.
  Result<DeltaVectors> Read(const TableMetadata& table);

 private:
  using Positions = std::map<std::string, DeletionVector>;

  bool Wants(const std::string& path) const { return !wanted_ || wanted_->contains(path); }
  /// Whether a file of position deletes may name a wanted data file.
  bool MayHold(const DataFile& deletes) const;
  Result<const Positions*> ReadPositions(const DataFile& deletes);

  const TableContext& context_;
  const std::optional<std::set<std::string>> wanted_;
  std::map<std::string, Positions> positions_;  ///< by the delete file's URI: of wanted data files
};

/// Adds the data files that a delete file names to `paths`. Errors: as above.
Status AddDataFilesOf(const TableContext& context, const DataFile& deletes,
                      std::set<std::string>& paths);

/// The rows that a vector of any Delta table names. Error: NotFound; Corruption, naming the file;
/// InvalidArgument (an absolute path outside of the store).
Result<DeletionVector> LoadDeltaVector(ObjectStore& store, const std::string& table_uri,
                                       const delta::DeletionVectorDescriptor& descriptor);

/// Writes the files of these vectors, unless they are there. Error Corruption when a file has other
/// bytes.
Status WriteVectorFiles(ObjectStore& store, const TableMetadata& table,
                        const std::vector<const DeltaVector*>& vectors);

}  // namespace tarn
