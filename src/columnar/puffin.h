#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn {

/// One blob of a Puffin file, as its footer tells it (Iceberg "Puffin file format", "Blob
/// Metadata").
struct PuffinBlob {
  std::string type;  ///< "deletion-vector-v1", "apache-datasketches-theta-v1"
  std::vector<int32_t> fields = {};
  int64_t snapshot_id = -1;
  int64_t sequence_number = -1;
  int64_t offset = 0;  ///< from the start of the file
  int64_t length = 0;
  std::string compression = {};  ///< "", "lz4" or "zstd"
  std::map<std::string, std::string> properties = {};
};

inline constexpr char kDeletionVectorBlob[] = "deletion-vector-v1";
inline constexpr char kThetaSketchBlob[] = "apache-datasketches-theta-v1";

/// Puts blobs one after the other, stored as given; Finish() ends the file with its footer, hands
/// it out, and the writer starts over. More than 64 MiB of footer (some 200,000 blobs): an
/// assertion. Threads: one at a time.
class PuffinWriter {
 public:
  PuffinWriter();
  /// Returns the blob's place. `offset` and `length` of `blob` are not read.
  PuffinBlob Add(PuffinBlob blob, std::string_view bytes);
  std::string Finish(const std::map<std::string, std::string>& properties);
  /// Of the file so far, without footer.
  int64_t size_bytes() const { return static_cast<int64_t>(bytes_.size()); }

 private:
  std::string bytes_;
  std::vector<PuffinBlob> blobs_;
};

/// What stands at the end of a Puffin file.
struct PuffinFooter {
  std::vector<PuffinBlob> blobs;
  std::map<std::string, std::string> properties;
  int64_t footer_bytes = 0;
};
/// The footer of a whole Puffin file, or of its last bytes: `tail` ends where the file ends, and
/// the file has `file_bytes`. Errors, naming `what`: Corruption (blobs outside of the file, a wrong
/// magic, a length that lies); Unsupported (unknown flags, a footer of more than 64 MiB);
/// ResourceExhausted when `tail` is too short, with the bytes that are needed in `*needed_bytes`
/// (which may be nullptr).
Result<PuffinFooter> ReadPuffinFooter(std::string_view tail, int64_t file_bytes,
                                      std::string_view what, int64_t* needed_bytes);

/// The payload of a blob whose stored bytes are given. Errors: Corruption; Unsupported (a
/// compression that is not known, a compressed blob that unpacks to more than 256 MiB).
Result<std::string> DecodePuffinBlob(const PuffinBlob& blob, std::string_view stored,
                                     std::string_view what);

}  // namespace tarn
