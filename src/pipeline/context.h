#pragma once

#include "base/cancel.h"
#include "base/progress.h"
#include "catalog/catalog.h"
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
};

}  // namespace tarn
