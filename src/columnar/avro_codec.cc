#include "columnar/avro_codec.h"

#include <algorithm>
#include <cstddef>

#include <arrow/result.h>
#include <arrow/util/compression.h>
#include <arrow/util/crc32.h>

namespace tarn {

namespace {

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}
uint8_t* Bytes(std::string& text) { return reinterpret_cast<uint8_t*>(text.data()); }

}  // namespace

AvroCodec::AvroCodec(Kind kind) : kind_(kind) {}
AvroCodec::AvroCodec(AvroCodec&&) noexcept = default;
AvroCodec& AvroCodec::operator=(AvroCodec&&) noexcept = default;
AvroCodec::~AvroCodec() = default;

Result<AvroCodec> AvroCodec::Make(const std::string& name, int level) {
  using arrow::Compression;
  if (name.empty() || name == "null") return AvroCodec(Kind::kNull);
  arrow::Result<std::unique_ptr<arrow::util::Codec>> made;
  Kind kind = Kind::kDeflate;
  if (name == "deflate") {
    arrow::util::GZipCodecOptions options;
    options.compression_level = level;
    options.gzip_format = arrow::util::GZipFormat::DEFLATE;
    made = arrow::util::Codec::Create(Compression::GZIP, options);
  } else if (name == "snappy") {
    kind = Kind::kSnappy;
    made = arrow::util::Codec::Create(Compression::SNAPPY);
  } else if (name == "zstandard") {
    kind = Kind::kZstandard;
    made = arrow::util::Codec::Create(Compression::ZSTD);
  } else {
    return Unsupported("avro codec \"" + name + "\" is not supported",
                       "write the file with deflate, snappy, zstandard or null");
  }
  if (!made.ok()) return Unsupported("avro codec " + name + ": " + made.status().message());
  AvroCodec codec(kind);
  codec.codec_ = std::move(made).ValueUnsafe();
  if (kind != Kind::kSnappy) {
    auto decompressor = codec.codec_->MakeDecompressor();
    if (!decompressor.ok()) return Internal(decompressor.status().message());
    codec.decompressor_ = std::move(decompressor).ValueUnsafe();
  }
  return codec;
}

Result<std::string_view> AvroCodec::Decompress(std::string_view stored, int64_t bytes_max,
                                               std::string& buffer) {
  if (kind_ == Kind::kSnappy) return DecompressSnappy(stored, bytes_max, buffer);
  if (kind_ != Kind::kNull) return DecompressStream(stored, bytes_max, buffer);
  if (static_cast<int64_t>(stored.size()) > bytes_max) {
    return Corruption("a block of more than " + std::to_string(bytes_max) + " bytes");
  }
  return stored;
}

Result<std::string_view> AvroCodec::DecompressStream(std::string_view stored, int64_t bytes_max,
                                                     std::string& buffer) {
  if (auto status = decompressor_->Reset(); !status.ok()) return Internal(status.message());
  size_t filled = 0;
  if (buffer.size() < 64 << 10) buffer.resize(64 << 10);
  while (!decompressor_->IsFinished()) {
    if (filled == buffer.size()) {
      // One byte more than allowed tells a block that is too large from one that just fits.
      const size_t size = std::min(buffer.size() * 2, static_cast<size_t>(bytes_max) + 1);
      if (size <= buffer.size()) break;
      buffer.resize(size);
    }
    auto step = decompressor_->Decompress(static_cast<int64_t>(stored.size()), Bytes(stored),
                                          static_cast<int64_t>(buffer.size() - filled),
                                          Bytes(buffer) + filled);
    if (!step.ok()) return Corruption("broken compressed block: " + step.status().message());
    stored.remove_prefix(static_cast<size_t>(step->bytes_read));
    filled += static_cast<size_t>(step->bytes_written);
    // need_more_output is also set when the input has run out: only progress counts.
    const bool stuck = step->bytes_read == 0 && step->bytes_written == 0;
    if (stuck && filled < buffer.size() && !decompressor_->IsFinished()) {
      return Corruption("a compressed block ends too early");
    }
  }
  if (static_cast<int64_t>(filled) > bytes_max) {
    return Corruption("a block of more than " + std::to_string(bytes_max) + " bytes");
  }
  if (!decompressor_->IsFinished()) return Corruption("a compressed block ends too early");
  // fastavro (and so pyiceberg) leaves three bytes of a zlib checksum behind deflated data; every
  // reader passes over them.
  if (!stored.empty() && kind_ != Kind::kDeflate) {
    return Corruption("bytes behind a compressed block");
  }
  return std::string_view(buffer).substr(0, filled);
}

Result<std::string_view> AvroCodec::DecompressSnappy(std::string_view stored, int64_t bytes_max,
                                                     std::string& buffer) {
  // Raw snappy, which begins with its length, then the CRC-32 of the block, big endian.
  if (stored.size() < 5) return Corruption("a snappy block without checksum");
  const uint8_t* crc = Bytes(stored) + stored.size() - 4;
  const uint32_t expected =
      uint32_t{crc[0]} << 24 | uint32_t{crc[1]} << 16 | uint32_t{crc[2]} << 8 | uint32_t{crc[3]};
  stored.remove_suffix(4);
  uint64_t length = 0;
  for (size_t i = 0; i < stored.size() && i < 5; ++i) {
    const auto byte = static_cast<unsigned char>(stored[i]);
    length |= uint64_t{byte & 0x7fu} << (7 * i);
    if (byte < 0x80) break;
  }
  if (length > static_cast<uint64_t>(bytes_max)) {
    return Corruption("a block of more than " + std::to_string(bytes_max) + " bytes");
  }
  if (buffer.size() < length) buffer.resize(length);
  auto size = codec_->Decompress(static_cast<int64_t>(stored.size()), Bytes(stored),
                                 static_cast<int64_t>(length), Bytes(buffer));
  if (!size.ok()) return Corruption("broken snappy block: " + size.status().message());
  if (arrow::internal::crc32(0, buffer.data(), static_cast<size_t>(*size)) != expected) {
    return Corruption("checksum of a snappy block does not match");
  }
  return std::string_view(buffer).substr(0, static_cast<size_t>(*size));
}

Status AvroCodec::Compress(std::string_view block, std::string& out) {
  if (kind_ == Kind::kNull) {
    out.append(block);
    return {};
  }
  if (kind_ != Kind::kDeflate) return Unsupported("avro files are written with deflate or null");
  const auto size = static_cast<int64_t>(block.size());
  const int64_t most = codec_->MaxCompressedLen(size, Bytes(block));
  const size_t before = out.size();
  out.resize(before + static_cast<size_t>(most));
  auto written = codec_->Compress(size, Bytes(block), most, Bytes(out) + before);
  if (!written.ok()) return Internal("deflate: " + written.status().message());
  out.resize(before + static_cast<size_t>(*written));
  return {};
}

}  // namespace tarn
