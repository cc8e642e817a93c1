#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace arrow::util {
class Codec;
class Decompressor;
}  // namespace arrow::util

namespace tarn {

/// Compression of the blocks of Avro container files (Avro 1.11 "Required Codecs", "Optional
/// Codecs"): null, deflate, snappy, zstandard. Threads: one at a time.
class AvroCodec {
 public:
  /// `level` is for writing deflate. Error: Unsupported, naming the codec.
  static Result<AvroCodec> Make(const std::string& name, int level = 6);
  AvroCodec(AvroCodec&&) noexcept;
  AvroCodec& operator=(AvroCodec&&) noexcept;
  ~AvroCodec();

  /// The bytes of a block: `stored` itself, or `buffer`, which then holds them.
  /// Errors: Corruption, also when there would be more than `bytes_max`.
  Result<std::string_view> Decompress(std::string_view stored, int64_t bytes_max,
                                      std::string& buffer);
  /// Appends the compressed block to `out`: null and deflate only.
  Status Compress(std::string_view block, std::string& out);

 private:
  enum class Kind { kNull, kDeflate, kSnappy, kZstandard };
  explicit AvroCodec(Kind kind);
  Result<std::string_view> DecompressStream(std::string_view stored, int64_t bytes_max,
                                            std::string& buffer);
  Result<std::string_view> DecompressSnappy(std::string_view stored, int64_t bytes_max,
                                            std::string& buffer);
  Kind kind_;
  std::unique_ptr<arrow::util::Codec> codec_;
  std::shared_ptr<arrow::util::Decompressor> decompressor_;
};

}  // namespace tarn
