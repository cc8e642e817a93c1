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

/// A partition value as the bounds of the one value of its column.
ColumnBounds BoundsOfPartition(const Scalar& value);
/// What a file tells of a column by its id.
ColumnBounds BoundsOfColumn(const DataFile& file, int32_t id);

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

  /// Both questions about files that something else than a DataFile describes.
  class Check {
   public:
    bool MayMatch() const;

   private:
    friend class FilePruner;
    const Predicate* of_partition_ = nullptr;  ///< nullptr: matches all
    const Predicate* of_columns_ = nullptr;
    BoundsLookup partition_, columns_;
  };
  /// Of files with `fields` partition values by the spec `id`. The lookups tell of the file in
  /// question the bounds of a partition field, by its place, and of a column, by its id; what they
  /// return stays valid until the next call. They are borrowed, as is the pruner.
  Check CheckOf(SpecId id, size_t fields,
                const std::function<const ColumnBounds*(size_t)>& of_partition,
                const std::function<const ColumnBounds*(int32_t)>& of_column);

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
