#include "columnar/puffin.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include <arrow/result.h>
#include <arrow/util/compression.h>

#include "base/check.h"
#include "base/json.h"

namespace tarn {

namespace {

constexpr std::string_view kMagic("PFA1", 4);
/// Behind the payload of the footer: its size, flags, magic.
constexpr int64_t kTrailerBytes = 12;
constexpr uint32_t kFlagCompressed = 1;
/// What a footer may take, stored and unpacked: some 200,000 blobs.
constexpr int64_t kFooterBytesMax = 64 << 20;
/// What a compressed blob may unpack to.
constexpr int64_t kBlobBytesMax = 256 << 20;
constexpr int64_t kUnpackStepBytes = 64 << 10;

void AppendLittleEndian32(std::string& bytes, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift & 0xff);
}
uint32_t LittleEndian32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

Json PropertiesToJson(const std::map<std::string, std::string>& properties) {
  Json json = Json::object();
  for (const auto& [key, value] : properties) json[key] = value;
  return json;
}

Json ToJson(const PuffinBlob& blob) {
  Json json = Json::object();
  json["type"] = blob.type;
  json["fields"] = blob.fields;
  json["snapshot-id"] = blob.snapshot_id;
  json["sequence-number"] = blob.sequence_number;
  json["offset"] = blob.offset;
  json["length"] = blob.length;
  if (!blob.compression.empty()) json["compression-codec"] = blob.compression;
  if (!blob.properties.empty()) json["properties"] = PropertiesToJson(blob.properties);
  return json;
}

Result<std::map<std::string, std::string>> ReadProperties(const Json& object,
                                                          const std::string& what) {
  std::map<std::string, std::string> properties;
  const Json* json = FindMember(object, "properties");
  if (json == nullptr) return properties;
  if (!json->is_object()) return Corruption(what + ": properties are no object");
  for (const auto& [key, value] : json->items()) {
    if (!value.is_string()) return Corruption(what + ": property " + key + " is no string");
    properties[key] = value.get<std::string>();
  }
  return properties;
}

/// `blobs_end`: where the footer begins.
Result<PuffinBlob> ReadBlob(const Json& json, int64_t blobs_end, const std::string& what) {
  PuffinBlob blob;
  TARN_ASSIGN_OR_RETURN(blob.type, JsonString(json, "type", what));
  TARN_ASSIGN_OR_RETURN(const Json* fields, JsonMember(json, "fields", what));
  if (!fields->is_array()) return Corruption(what + ": fields of a blob are no list");
  for (const Json& field : *fields) {
    // The type first: get() of anything else than a number throws.
    if (!field.is_number_integer() || field.get<int64_t>() < 0 ||
        field.get<int64_t>() > std::numeric_limits<int32_t>::max()) {
      return Corruption(what + ": a blob has a field id that is none");
    }
    blob.fields.push_back(field.get<int32_t>());
  }
  TARN_ASSIGN_OR_RETURN(blob.snapshot_id, JsonInt(json, "snapshot-id", what));
  TARN_ASSIGN_OR_RETURN(blob.sequence_number, JsonInt(json, "sequence-number", what));
  TARN_ASSIGN_OR_RETURN(blob.offset, JsonInt(json, "offset", what));
  TARN_ASSIGN_OR_RETURN(blob.length, JsonInt(json, "length", what));
  if (blob.offset < static_cast<int64_t>(kMagic.size()) || blob.length < 0 ||
      blob.offset > blobs_end || blob.length > blobs_end - blob.offset) {
    return Corruption(what + ": a blob of " + std::to_string(blob.length) + " bytes at " +
                      std::to_string(blob.offset) + " does not lie within the file");
  }
  if (FindMember(json, "compression-codec") != nullptr) {
    TARN_ASSIGN_OR_RETURN(blob.compression, JsonString(json, "compression-codec", what));
  }
  TARN_ASSIGN_OR_RETURN(blob.properties, ReadProperties(json, what));
  return blob;
}

/// One frame and nothing behind it.
Result<std::string> Unpack(arrow::Compression::type type, std::string_view stored,
                           int64_t unpacked_bytes_max, const std::string& what) {
  auto corrupt = [&](const std::string& why) { return Corruption(what + ": " + why); };
  auto codec = arrow::util::Codec::Create(type);
  if (!codec.ok()) return Unsupported(what + ": " + codec.status().message());
  auto made = (*codec)->MakeDecompressor();
  if (!made.ok()) return Unsupported(what + ": " + made.status().message());
  arrow::util::Decompressor& decompressor = **made;
  std::string unpacked;
  while (!decompressor.IsFinished()) {
    const size_t at = unpacked.size();
    // Geometric growth, and one byte over the limit at most to know that it is passed.
    const int64_t step = std::max(kUnpackStepBytes, static_cast<int64_t>(at) / 2);
    unpacked.resize(
        static_cast<size_t>(std::min(static_cast<int64_t>(at) + step, unpacked_bytes_max + 1)));
    auto step_done = decompressor.Decompress(static_cast<int64_t>(stored.size()),
                                             reinterpret_cast<const uint8_t*>(stored.data()),
                                             static_cast<int64_t>(unpacked.size() - at),
                                             reinterpret_cast<uint8_t*>(unpacked.data()) + at);
    if (!step_done.ok()) return corrupt(step_done.status().message());
    stored.remove_prefix(static_cast<size_t>(step_done->bytes_read));
    unpacked.resize(at + static_cast<size_t>(step_done->bytes_written));
    if (static_cast<int64_t>(unpacked.size()) > unpacked_bytes_max) {
      return Unsupported(what + ": unpacks to more than " + std::to_string(unpacked_bytes_max) +
                         " bytes");
    }
    const bool stuck = step_done->bytes_read == 0 && step_done->bytes_written == 0;
    if (stuck && !decompressor.IsFinished()) return corrupt("compressed bytes end too early");
  }
  if (!stored.empty()) return corrupt("bytes follow the compressed ones");
  return unpacked;
}

}  // namespace

PuffinWriter::PuffinWriter() : bytes_(kMagic) {}

PuffinBlob PuffinWriter::Add(PuffinBlob blob, std::string_view bytes) {
  blob.offset = size_bytes();
  blob.length = static_cast<int64_t>(bytes.size());
  bytes_ += bytes;
  blobs_.push_back(blob);
  return blob;
}

std::string PuffinWriter::Finish(const std::map<std::string, std::string>& properties) {
  Json footer = Json::object();
  footer["blobs"] = Json::array();
  for (const PuffinBlob& blob : blobs_) footer["blobs"].push_back(ToJson(blob));
  if (!properties.empty()) footer["properties"] = PropertiesToJson(properties);
  const std::string payload = DumpJson(footer);
  TARN_CHECK_MSG(payload.size() <= static_cast<size_t>(kFooterBytesMax),
                 "a Puffin file of too many blobs");
  bytes_ += kMagic;
  bytes_ += payload;
  AppendLittleEndian32(bytes_, static_cast<uint32_t>(payload.size()));
  AppendLittleEndian32(bytes_, 0);  // flags
  bytes_ += kMagic;
  blobs_.clear();
  return std::exchange(bytes_, std::string(kMagic));
}

Result<PuffinFooter> ReadPuffinFooter(std::string_view tail, int64_t file_bytes,
                                      std::string_view what, int64_t* needed_bytes) {
  const std::string name(what);
  const auto magic_bytes = static_cast<int64_t>(kMagic.size());
  const auto tail_bytes = static_cast<int64_t>(tail.size());
  TARN_CHECK(tail_bytes <= file_bytes);
  auto too_short = [&](int64_t bytes) {
    if (needed_bytes != nullptr) *needed_bytes = bytes;
    return ResourceExhausted(name + ": the footer needs the last " + std::to_string(bytes) +
                             " bytes, " + std::to_string(tail_bytes) + " are given");
  };
  if (file_bytes < 2 * magic_bytes + kTrailerBytes) {
    return Corruption(name + ": " + std::to_string(file_bytes) + " bytes are no Puffin file");
  }
  if (tail_bytes < kTrailerBytes) return too_short(kTrailerBytes);
  const std::string_view trailer = tail.substr(tail.size() - kTrailerBytes);
  if (!trailer.ends_with(kMagic)) {
    return Corruption(name + ": not a Puffin file (magic number at the end)");
  }
  const auto payload_bytes = static_cast<int32_t>(LittleEndian32(trailer));
  const uint32_t flags = LittleEndian32(trailer.substr(4));
  const int64_t footer_bytes = magic_bytes + payload_bytes + kTrailerBytes;
  if (payload_bytes < 0 || footer_bytes > file_bytes - magic_bytes) {
    return Corruption(name + ": a footer of " + std::to_string(payload_bytes) +
                      " bytes does not fit into a file of " + std::to_string(file_bytes));
  }
  if ((flags & ~kFlagCompressed) != 0) {
    return Unsupported(name + ": the Puffin footer has unknown flags " + std::to_string(flags));
  }
  if (payload_bytes > kFooterBytesMax) {
    return Unsupported(name + ": a Puffin footer of " + std::to_string(payload_bytes) +
                       " bytes, more than " + std::to_string(kFooterBytesMax));
  }
  if (tail_bytes < footer_bytes) return too_short(footer_bytes);
  if (tail_bytes == file_bytes && !tail.starts_with(kMagic)) {
    return Corruption(name + ": not a Puffin file (magic number at the start)");
  }
  std::string_view payload = tail.substr(tail.size() - static_cast<size_t>(footer_bytes));
  if (!payload.starts_with(kMagic)) {
    return Corruption(name + ": not a Puffin file (magic number of the footer)");
  }
  payload = payload.substr(kMagic.size(), static_cast<size_t>(payload_bytes));
  std::string unpacked;
  if ((flags & kFlagCompressed) != 0) {
    TARN_ASSIGN_OR_RETURN(unpacked, Unpack(arrow::Compression::LZ4_FRAME, payload, kFooterBytesMax,
                                           name + ": Puffin footer"));
    payload = unpacked;
  }
  TARN_ASSIGN_OR_RETURN(const Json json, ParseJson(payload, name));
  PuffinFooter footer;
  footer.footer_bytes = footer_bytes;
  TARN_ASSIGN_OR_RETURN(const Json* blobs, JsonMember(json, "blobs", name));
  if (!blobs->is_array()) return Corruption(name + ": the blobs of the footer are no list");
  for (const Json& blob : *blobs) {
    TARN_ASSIGN_OR_RETURN(PuffinBlob one, ReadBlob(blob, file_bytes - footer_bytes, name));
    footer.blobs.push_back(std::move(one));
  }
  TARN_ASSIGN_OR_RETURN(footer.properties, ReadProperties(json, name));
  return footer;
}

Result<std::string> DecodePuffinBlob(const PuffinBlob& blob, std::string_view stored,
                                     std::string_view what) {
  const std::string name = std::string(what) + ": blob " + blob.type;
  if (static_cast<int64_t>(stored.size()) != blob.length) {
    return Corruption(name + " has " + std::to_string(stored.size()) + " bytes, not " +
                      std::to_string(blob.length));
  }
  if (blob.compression.empty()) return std::string(stored);
  if (blob.compression == "lz4") {
    return Unpack(arrow::Compression::LZ4_FRAME, stored, kBlobBytesMax, name);
  }
  if (blob.compression == "zstd") {
    return Unpack(arrow::Compression::ZSTD, stored, kBlobBytesMax, name);
  }
  return Unsupported(name + " is compressed with " + blob.compression +
                     ", which the Puffin format does not have");
}

}  // namespace tarn
