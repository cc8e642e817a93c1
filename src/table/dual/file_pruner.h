#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "columnar/predicate.h"
#include "columnar/prune.h"
#include "table/iceberg/manifest.h"
#include "table/model/metadata.h"

namespace tarn {

/// A predicate as it applies to the partitions of each spec, and to the columns of files: what
/// certainly holds no matching row is told. Borrows everything. Threads: one at a time.
class FilePruner {
 public:
  /// `schema` gives the predicate's columns their meaning.
  FilePruner(const TableMetadata& table, const Schema& schema, const ManifestTypes& types,
             const Predicate& predicate);

  /// The columns whose metrics FileMayMatch() asks for.
  std::vector<int32_t> column_ids() const;

  bool ManifestMayMatch(const ManifestFile& manifest);
  bool PartitionMayMatch(const DataFile& file);
  bool FileMayMatch(const DataFile& file) const;

 private:
  struct Projection {
    Predicate predicate;
    std::vector<Type> types;
    std::map<std::string, size_t> places;  ///< of partition fields by name
  };

  const Projection& ProjectionOf(SpecId id);
  static bool Evaluate(const Projection& projection,
                       const std::function<ColumnBounds(size_t)>& bounds_of);

  const TableMetadata& table_;
  const Schema& schema_;
  const ManifestTypes& types_;
  const Predicate& predicate_;
  std::map<std::string, int32_t> columns_;
  std::unordered_map<int32_t, Projection> projections_;
};

}  // namespace tarn
