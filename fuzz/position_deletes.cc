#include "columnar/position_deletes.h"

#include "storage/memory/memory_store.h"
#include "target.h"

namespace tarn::fuzz {

/// A Parquet file of position deletes: positions are such, and what one data file is asked for is
/// what the whole file says of it.
TARN_FUZZ_TARGET(position_deletes) {
  MemoryStore store;
  CheckThat(store.Put("t/input.parquet", input).ok(), "put");
  const Limits limits;
  std::string first;
  int64_t of_first = 0;
  const Status status = ReadPositionDeletes(
      store, "t/input.parquet", std::nullopt, std::nullopt,
      [&](std::string_view path, std::span<const int64_t> positions) -> Status {
        if (first.empty()) first = path;
        if (path == first) of_first += static_cast<int64_t>(positions.size());
        for (const int64_t position : positions) {
          CheckThat(position >= 0 && position < DeletionVector::kPositionMax, "a position");
        }
        return {};
      },
      limits);
  if (!status.ok()) return CheckError(status.error(), "t/input.parquet");
  if (first.empty()) return;
  int64_t wanted = 0;
  const Status again = ReadPositionDeletes(
      store, "t/input.parquet", static_cast<int64_t>(input.size()), first,
      [&](std::string_view path, std::span<const int64_t> positions) -> Status {
        CheckThat(path == first, "of the wanted file alone");
        wanted += static_cast<int64_t>(positions.size());
        return {};
      },
      limits);
  // Statistics that lie may hide positions, never make any.
  if (again.ok()) CheckThat(wanted <= of_first, "no positions beside those of the file");
}

}  // namespace tarn::fuzz
