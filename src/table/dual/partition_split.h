#pragma once

#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "table/model/metadata.h"

namespace tarn {

/// The rows of one batch that have the same partition values.
struct PartitionSlice {
  std::vector<Scalar> values;  ///< one a field of the spec
  std::shared_ptr<arrow::RecordBatch> rows;
  /// The rows' places in the batch; nullptr: they are its rows in its order.
  std::shared_ptr<arrow::Int64Array> rows_of_batch;
};

/// Splits a batch (the schema's columns in their order and Arrow types) by partition, rows in
/// their order. A batch of one partition is not copied; otherwise every row is copied once.
/// Errors: InvalidArgument when a source column is missing; those of ApplyTransform.
Result<std::vector<PartitionSlice>> SplitByPartition(
    const std::shared_ptr<arrow::RecordBatch>& batch, const Schema& schema,
    const PartitionSpec& spec);

}  // namespace tarn
