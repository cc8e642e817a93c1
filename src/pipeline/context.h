#pragma once

#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/progress.h"
#include "catalog/catalog.h"
#include "catalog/committer.h"
#include "sql/engine.h"
#include "table/dual/data_writer.h"
#include "table/dual/table.h"

namespace tarn {

/// What the loops need. Borrowed: outlives every run.
struct PipelineContext {
  SqlEngine* engine = nullptr;
  Catalog* catalog = nullptr;
  TableContext tables;
  FileWriterFactory file_writer;  ///< empty: OpenParquetWriter
  Progress* progress = nullptr;
  const CancelFlag* cancel = nullptr;
  /// The lock under which the loops work: no commit happens once somebody else holds it.
  std::optional<ExpectLockOp> lock;

  /// What every commit of a loop begins with.
  LakeCommit NewCommit(std::string author, std::string message) const;
};

}  // namespace tarn
