#include <optional>

#include "columnar/deletion_vector.h"
#include "table/delta/file_values.h"
#include "table/delta/log_json.h"
#include "table/delta/state.h"
#include "table/delta/table_schema.h"
#include "target.h"

namespace tarn::fuzz {
namespace {

void ReadVector(const std::optional<delta::DeletionVectorDescriptor>& vector) {
  if (!vector) return;
  if (vector->storage != delta::DeletionVectorDescriptor::Storage::kInline) {
    const auto uri = delta::VectorFileUri("memory://t", *vector);
    if (!uri.ok()) CheckError(uri.error(), "deletion vector");
    return;
  }
  const auto bytes = delta::InlineVectorBytes(*vector);
  if (!bytes.ok()) return CheckError(bytes.error(), "deletion vector");
  const auto rows = DeletionVector::ParseBare(*bytes, "the inline vector");
  if (!rows.ok()) CheckError(rows.error(), "the inline vector");
}

}  // namespace

/// An entry of a Delta log, with what stands in its texts: schema, statistics, partition values,
/// inline vectors. Its actions are the same once they were written and read again.
TARN_FUZZ_TARGET(delta_log_entry) {
  const auto checkpoint = delta::ParseLastCheckpoint(input);
  if (!checkpoint.ok()) CheckError(checkpoint.error(), "_last_checkpoint");

  const auto actions = delta::ParseLogEntry(input, "7.json");
  if (!actions.ok()) return CheckError(actions.error(), "7.json");

  const std::string written = delta::WriteLogEntry(*actions);
  const auto again = delta::ParseLogEntry(written, "again");
  CheckThat(again.ok(), again.ok() ? "" : again.error().ToString());
  CheckThat(delta::WriteLogEntry(*again) == written, "the same when it is written and read again");

  delta::State state;
  state.Apply(7, *actions);
  if (!state.protocol || !state.metadata) return;
  const auto schema = delta::ReadTableSchema(*state.protocol, *state.metadata);
  if (!schema.ok()) return CheckError(schema.error(), "");
  for (const auto& [path, add] : state.files) {
    ReadVector(add.deletion_vector);
    const auto file = delta::ReadTableFile(add, *schema, "memory://t");
    if (!file.ok()) CheckError(file.error(), "");
  }
}

}  // namespace tarn::fuzz
