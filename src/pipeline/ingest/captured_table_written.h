#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "columnar/deletion_vector.h"
#include "pipeline/ingest/captured_table.h"
#include "table/dual/data_writer.h"

namespace tarn {

/// One writer's rows: still open, or files.
struct CapturedTable::Written {
  std::unique_ptr<DataWriter> writer;
  std::vector<DataFile> files;
  std::map<uint32_t, DeletionVector> superseded;  ///< by file
  bool lacks_columns = false;                     ///< some that were filled later
};

}  // namespace tarn
