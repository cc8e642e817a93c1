#include "table/dual/partition_split.h"

#include <string>
#include <unordered_map>
#include <utility>

#include <arrow/array.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>

#include "columnar/array_scalar.h"
#include "table/model/partition.h"

namespace tarn {

namespace {

Error FromArrow(const arrow::Status& status) {
  return MakeError(status.IsOutOfMemory() ? ErrorKind::kResourceExhausted : ErrorKind::kInternal,
                   "splitting rows by partition: " + status.message());
}

/// Numbers rows by their combination of values, in order of first appearance.
class Grouping {
 public:
  explicit Grouping(int64_t rows) : group_of_row_(static_cast<size_t>(rows), 0) {
    first_row_.push_back(0);
  }

  Status Refine(const std::shared_ptr<arrow::Array>& values) {
    auto encoded = arrow::compute::DictionaryEncode(
        values, arrow::compute::DictionaryEncodeOptions(
                    arrow::compute::DictionaryEncodeOptions::NullEncodingBehavior::ENCODE));
    if (!encoded.ok()) return FromArrow(encoded.status());
    const auto array = std::static_pointer_cast<arrow::DictionaryArray>(encoded->make_array());
    const auto distinct = static_cast<uint64_t>(array->dictionary()->length());
    if (distinct <= 1) return {};
    const auto& indices = static_cast<const arrow::Int32Array&>(*array->indices());
    std::unordered_map<uint64_t, uint32_t> groups;
    std::vector<int64_t> first_row;
    uint64_t last_code = ~uint64_t{0};
    uint32_t last_group = 0;
    for (size_t row = 0; row < group_of_row_.size(); ++row) {
      const auto index = static_cast<uint64_t>(indices.Value(static_cast<int64_t>(row)));
      const uint64_t code = group_of_row_[row] * distinct + index;
      if (code != last_code) {
        auto [group, fresh] = groups.try_emplace(code, static_cast<uint32_t>(first_row.size()));
        if (fresh) first_row.push_back(static_cast<int64_t>(row));
        last_code = code;
        last_group = group->second;
      }
      group_of_row_[row] = last_group;
    }
    first_row_ = std::move(first_row);
    return {};
  }

  size_t groups() const { return first_row_.size(); }
  int64_t first_row(size_t group) const { return first_row_[group]; }

  /// Row numbers sorted by group, stably; `ends` becomes where each group ends.
  Result<std::shared_ptr<arrow::Int64Array>> SortedRows(std::vector<int64_t>& ends) const {
    std::vector<int64_t> next(groups() + 1, 0);
    for (uint32_t group : group_of_row_) ++next[group + 1];
    for (size_t i = 1; i < next.size(); ++i) next[i] += next[i - 1];
    ends.assign(next.begin() + 1, next.end());
    const auto rows = static_cast<int64_t>(group_of_row_.size());
    auto buffer = arrow::AllocateBuffer(rows * static_cast<int64_t>(sizeof(int64_t)));
    if (!buffer.ok()) return FromArrow(buffer.status());
    auto* out = reinterpret_cast<int64_t*>((*buffer)->mutable_data());
    for (size_t row = 0; row < group_of_row_.size(); ++row) {
      out[next[group_of_row_[row]]++] = static_cast<int64_t>(row);
    }
    return std::make_shared<arrow::Int64Array>(rows,
                                               std::shared_ptr<arrow::Buffer>(*std::move(buffer)));
  }

 private:
  std::vector<uint32_t> group_of_row_;
  std::vector<int64_t> first_row_;
};

}  // namespace

Result<std::vector<PartitionSlice>> SplitByPartition(
    const std::shared_ptr<arrow::RecordBatch>& batch, const Schema& schema,
    const PartitionSpec& spec) {
  std::vector<PartitionSlice> slices;
  if (batch->num_rows() == 0) return slices;
  Grouping grouping(batch->num_rows());
  std::vector<std::shared_ptr<arrow::Array>> keys;
  for (const PartitionField& field : spec.fields) {
    int column = -1;
    for (size_t i = 0; i < schema.fields.size(); ++i) {
      if (schema.fields[i].id == field.source_id) column = static_cast<int>(i);
    }
    if (column < 0) {
      return InvalidArgument("the column of partition \"" + field.name + "\" does not exist",
                             "change the table's partitioning");
    }
    TARN_ASSIGN_OR_RETURN(
        auto key, ApplyTransform(field.transform, schema.fields[static_cast<size_t>(column)].type,
                                 batch->column(column)));
    TARN_RETURN_IF_ERROR(grouping.Refine(key));
    keys.push_back(std::move(key));
  }
  const auto values_of = [&](size_t group) {
    std::vector<Scalar> values;
    for (const auto& key : keys) values.push_back(ScalarAt(*key, grouping.first_row(group)));
    return values;
  };
  if (grouping.groups() == 1) {
    slices.push_back({values_of(0), batch, nullptr});
    return slices;
  }
  std::vector<int64_t> ends;
  TARN_ASSIGN_OR_RETURN(auto order, grouping.SortedRows(ends));
  auto sorted = arrow::compute::Take(batch, order, arrow::compute::TakeOptions::NoBoundsCheck());
  if (!sorted.ok()) return FromArrow(sorted.status());
  int64_t begin = 0;
  for (size_t group = 0; group < ends.size(); ++group) {
    const int64_t rows = ends[group] - begin;
    slices.push_back({values_of(group), sorted->record_batch()->Slice(begin, rows),
                      std::static_pointer_cast<arrow::Int64Array>(order->Slice(begin, rows))});
    begin = ends[group];
  }
  return slices;
}

}  // namespace tarn
