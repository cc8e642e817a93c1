#include "columnar/deletion_vector.h"

#include "target.h"

namespace tarn::fuzz {

/// A deletion vector as a blob, and as Delta's bare form, which has no checksum; one that can be
/// read is written and read again.
TARN_FUZZ_TARGET(deletion_vector) {
  for (const auto parse : {&DeletionVector::Parse, &DeletionVector::ParseBare}) {
    const auto vector = parse(input, "input.bin");
    if (!vector.ok()) {
      CheckError(vector.error(), "input.bin");
      continue;
    }
    CheckThat(vector->max() < DeletionVector::kPositionMax, "positions have a limit");
    CheckThat(vector->cardinality() >= 0 && vector->empty() == (vector->max() == -1), "counted");
    const auto again = DeletionVector::Parse(vector->Serialize(), "again");
    CheckThat(again.ok() && *again == *vector, "the same when it is written and read again");
    uint32_t live[256];
    const int64_t kept = vector->SelectLive(vector->max() / 2, 256, live);
    CheckThat(kept + vector->CountIn(vector->max() / 2, vector->max() / 2 + 256) == 256,
              "a row is deleted or alive");
  }
}

}  // namespace tarn::fuzz
