#pragma once

#include <string>

#include "base/result.h"
#include "pipeline/context.h"
#include "source/source.h"

namespace tarn {

/// One mirrored table, compared with its source.
struct TableComparison {
  TableName table;
  SourceTableName source_table;
  TableChecksum in_source, in_lake;
  bool equal() const { return in_source == in_lake; }
};

/// Reads the whole table on both sides and compares the number of rows and an order-free hash of
/// their values. The source is read at `snapshot`, the lake at its current sequence: a source that
/// goes on changing differs from the last load, and that is what is told.
/// Errors: the source's and the lake's; NotFound when either side is gone.
Result<TableComparison> CompareTable(const PipelineContext& context, SourceSnapshot& snapshot,
                                     const SourceTableName& source_table, const TableName& table);

}  // namespace tarn
