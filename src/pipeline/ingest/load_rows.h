#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "pipeline/context.h"
#include "pipeline/ingest/history_load.h"
#include "pipeline/ingest/load.h"
#include "pipeline/ingest/load_position.h"
#include "pipeline/table_target.h"
#include "source/source.h"

namespace tarn {

/// One table while its ranges are being read.
struct TableLoad {
  LoadItem item;
  SourceTable table;  ///< as the snapshot sees it
  bool adds = false;  ///< rows that stand stay
  std::optional<CursorRange> cursor;
  std::shared_ptr<arrow::Schema> storable;
  WrittenTable written;
  WriteMode write_mode = WriteMode::kOverwrite;
  bool merge = false;  ///< the new rows replace rows of the same key
  std::optional<LoadPosition> position;
  std::unique_ptr<HistoryLoad> history;  ///< may be absent

  std::mutex mutex;  ///< guards files
  std::vector<DataFile> files;
  std::vector<DataFile> history_files;

  std::vector<const WrittenTable*> Written() const {
    std::vector<const WrittenTable*> all = {&written};
    if (history != nullptr) all.push_back(&history->written);
    return all;
  }
};

/// The table's columns as they are stored; of a table without columns one that stands for them.
Result<std::shared_ptr<arrow::Schema>> StoredColumns(const SourceTable& table);

/// Conflict when the table is not what it was planned as.
Status CheckFingerprint(const SourceTable& planned, const SourceTable& seen);

/// Reads all rows of the tables into files of their targets, in `load_streams` parallel streams.
/// The first error, or the context's cancel flag, stops all of them; the files are the caller's,
/// whatever happens.
Status ReadTables(const PipelineContext& context, SourceSnapshot& snapshot,
                  const std::vector<std::unique_ptr<TableLoad>>& loads);

}  // namespace tarn
