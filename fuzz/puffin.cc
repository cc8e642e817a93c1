#include <algorithm>

#include "columnar/deletion_vector.h"
#include "columnar/puffin.h"
#include "target.h"

namespace tarn::fuzz {

/// A Puffin file: its footer, by the whole file and by its end alone, and its blobs.
TARN_FUZZ_TARGET(puffin) {
  constexpr char kName[] = "input.puffin";
  const auto size = static_cast<int64_t>(input.size());
  const auto footer = ReadPuffinFooter(input, size, kName, nullptr);
  if (!footer.ok()) return CheckError(footer.error(), kName);

  int64_t needed = 0;
  const std::string_view short_tail =
      input.substr(input.size() - std::min<size_t>(input.size(), 12));
  const auto from_tail = ReadPuffinFooter(short_tail, size, kName, &needed);
  if (!from_tail.ok() && from_tail.error().kind == ErrorKind::kResourceExhausted) {
    CheckThat(needed > 0 && needed <= size, "the bytes that are needed are those of the file");
    CheckThat(ReadPuffinFooter(input.substr(input.size() - static_cast<size_t>(needed)), size,
                               kName, nullptr)
                  .ok(),
              "the bytes that are needed suffice");
  }
  for (const PuffinBlob& blob : footer->blobs) {
    CheckThat(blob.offset >= 0 && blob.length >= 0 && blob.offset <= size - blob.length,
              "a blob within the file");
    const std::string_view stored =
        input.substr(static_cast<size_t>(blob.offset), static_cast<size_t>(blob.length));
    const auto bytes = DecodePuffinBlob(blob, stored, kName);
    if (!bytes.ok()) {
      CheckError(bytes.error(), kName);
      continue;
    }
    const auto vector = DeletionVector::Parse(*bytes, kName);
    if (!vector.ok()) CheckError(vector.error(), kName);
  }
}

}  // namespace tarn::fuzz
