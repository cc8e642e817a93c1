#include "source/mysql/my_binlog_packed.h"

#include <memory>

#include <arrow/result.h>
#include <arrow/util/compression.h>

namespace tarn::mysql {
namespace {

/// What a server lets an event be: slave_max_allowed_packet.
constexpr int64_t kBytesMax = 1 << 30;
/// Neither algorithm packs better: more is claimed by damage.
constexpr int64_t kRatioMax = 1 << 15;

Error Damaged() {
  return Corruption("a compressed event of the log is damaged",
                    "run again; if it stays, check the server's log with mysqlbinlog");
}

Status Unpack(arrow::Result<std::unique_ptr<arrow::util::Codec>> codec, std::string_view packed,
              int64_t size, std::string* bytes) {
  if (!codec.ok()) return Internal("unpacking the log: " + codec.status().message());
  if (size > kBytesMax) {
    return ResourceExhausted("an event of the log has " + std::to_string(size) + " bytes unpacked",
                             "make the source's transactions smaller");
  }
  if (size / kRatioMax > static_cast<int64_t>(packed.size())) return Damaged();
  bytes->resize(static_cast<size_t>(size));
  const auto unpacked = (*codec)->Decompress(static_cast<int64_t>(packed.size()),
                                             reinterpret_cast<const uint8_t*>(packed.data()), size,
                                             reinterpret_cast<uint8_t*>(bytes->data()));
  if (!unpacked.ok() || *unpacked != size) return Damaged();
  return Status::Ok();
}

}  // namespace

Status UnpackZlib(std::string_view packed, std::string* bytes) {
  // A mark with the algorithm and the size of the length; the length, high byte first.
  if (packed.empty()) return Damaged();
  const uint8_t head = static_cast<uint8_t>(packed[0]);
  const size_t length = head & 7;
  if ((head & 0x80) == 0 || (head & 0x70) != 0 || length < 1 || length > 4 ||
      packed.size() < 1 + length) {
    return Damaged();
  }
  int64_t size = 0;
  for (size_t i = 1; i <= length; ++i) size = size << 8 | static_cast<uint8_t>(packed[i]);
  arrow::util::GZipCodecOptions options;
  options.gzip_format = arrow::util::GZipFormat::ZLIB;
  return Unpack(arrow::util::Codec::Create(arrow::Compression::GZIP, options),
                packed.substr(1 + length), size, bytes);
}

Status UnpackZstd(std::string_view packed, int64_t size, std::string* bytes) {
  return Unpack(arrow::util::Codec::Create(arrow::Compression::ZSTD), packed, size, bytes);
}

}  // namespace tarn::mysql
