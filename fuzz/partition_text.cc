#include <string>
#include <vector>

#include "sample_table.h"
#include "table/model/partition.h"
#include "target.h"

namespace tarn::fuzz {
namespace {

void CheckField(const PartitionField& field, std::string_view value) {
  const Schema& schema = SampleTable().schema();
  const std::string text = PartitionFieldText(field, schema);
  const auto again = ParsePartitionField(text, schema);
  CheckThat(again.ok(), again.ok() ? "" : again.error().ToString());
  CheckThat(again->transform == field.transform && again->source_id == field.source_id,
            "the same field from its text");

  const Type& source = schema.Find(field.source_id)->type;
  CheckThat(CanTransform(field.transform, source), "a transform that the column's type has");
  const auto read = PartitionValueFromString(field.transform, source, value);
  if (!read.ok()) return CheckError(read.error(), "");
  const std::string printed = PartitionValueToString(field.transform, source, *read);
  const auto back = PartitionValueFromString(field.transform, source, printed);
  CheckThat(back.ok(), printed);
  CheckThat(PartitionValueToString(field.transform, source, *back) == printed,
            "the same value from its text");
}

}  // namespace

/// Lines: fields of a partitioning, the last line a partition value. Also as a transform's own
/// name.
TARN_FUZZ_TARGET(partition_text) {
  std::vector<std::string> lines;
  std::string value(input);
  for (size_t end = value.find('\n'); end != std::string::npos; end = value.find('\n')) {
    lines.push_back(value.substr(0, end));
    value.erase(0, end + 1);
  }
  const Transform transform = ParseTransform(value);
  CheckThat(ParseTransform(transform.ToString()) == transform, "the same transform from its text");

  const auto fields = ParsePartition(lines, SampleTable().schema());
  if (!fields.ok()) return CheckError(fields.error(), "");
  for (const PartitionField& field : *fields) CheckField(field, value);
}

}  // namespace tarn::fuzz
