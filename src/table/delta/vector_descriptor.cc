#include "table/delta/vector_descriptor.h"

#include "base/sha256.h"
#include "table/delta/text.h"
#include "table/delta/z85.h"

namespace tarn::delta {
namespace {

constexpr size_t kUuidBytes = 16;
constexpr size_t kUuidCharacters = 20;  // as Z85

std::string UuidText(std::string_view bytes) {
  std::string text = HexEncode(bytes);
  for (const size_t at : {8, 13, 18, 23}) text.insert(at, 1, '-');
  return text;
}

int HexDigit(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

std::string UuidBytes(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (const char c : text) {
    if (c == '-') continue;
    if (high < 0) {
      high = HexDigit(c);
    } else {
      bytes += static_cast<char>(high << 4 | HexDigit(c));
      high = -1;
    }
  }
  return bytes;
}

Error BadVector(const DeletionVectorDescriptor& vector, const std::string& why) {
  return Corruption("deletion vector " + vector.UniqueId().substr(0, 100) + ": " + why);
}

}  // namespace

std::string DeletionVectorDescriptor::UniqueId() const {
  std::string id = Letter() + path_or_inline;
  if (offset) id += "@" + std::to_string(*offset);
  return id;
}

char DeletionVectorDescriptor::Letter() const {
  switch (storage) {
    case Storage::kRelative:
      return 'u';
    case Storage::kAbsolute:
      return 'p';
    case Storage::kInline:
      break;
  }
  return 'i';
}

std::optional<DeletionVectorDescriptor::Storage> DeletionVectorDescriptor::StorageOf(
    std::string_view letter) {
  if (letter == "u") return Storage::kRelative;
  if (letter == "p") return Storage::kAbsolute;
  if (letter == "i") return Storage::kInline;
  return std::nullopt;
}

DeletionVectorDescriptor InlineVector(std::string_view magic_and_bitmap, int64_t cardinality) {
  return {DeletionVectorDescriptor::Storage::kInline, EncodeZ85(magic_and_bitmap), std::nullopt,
          static_cast<int64_t>(magic_and_bitmap.size()), cardinality};
}

std::string UuidOfName(std::string_view name) {
  const Sha256Digest digest = Sha256(name);
  std::string bytes(AsBytes(digest).substr(0, kUuidBytes));
  bytes[6] = static_cast<char>(0x80 | (bytes[6] & 0x0f));
  bytes[8] = static_cast<char>(0x80 | (bytes[8] & 0x3f));
  return UuidText(bytes);
}

std::string VectorFilePath(std::string_view uuid) {
  return std::string(kVectorFolder) + "/deletion_vector_" + std::string(uuid) + ".bin";
}

DeletionVectorDescriptor VectorInFile(std::string_view uuid, int64_t offset, int64_t size_bytes,
                                      int64_t cardinality) {
  return {DeletionVectorDescriptor::Storage::kRelative, kVectorFolder + EncodeZ85(UuidBytes(uuid)),
          offset, size_bytes, cardinality};
}

Result<std::string> VectorFileUri(std::string_view table_uri,
                                  const DeletionVectorDescriptor& vector) {
  const std::string& text = vector.path_or_inline;
  if (vector.storage == DeletionVectorDescriptor::Storage::kAbsolute) {
    return FileUri(table_uri, text);
  }
  if (vector.storage != DeletionVectorDescriptor::Storage::kRelative) {
    return BadVector(vector, "it stands in no file");
  }
  if (text.size() < kUuidCharacters) return BadVector(vector, "it names no file");
  const size_t prefix = text.size() - kUuidCharacters;
  const auto uuid = DecodeZ85(std::string_view(text).substr(prefix));
  if (!uuid) return BadVector(vector, "it names no file");
  std::string uri(table_uri);
  if (prefix > 0) uri += "/" + text.substr(0, prefix);
  return uri + "/deletion_vector_" + UuidText(*uuid) + ".bin";
}

Result<std::string> InlineVectorBytes(const DeletionVectorDescriptor& vector) {
  auto bytes = DecodeZ85(vector.path_or_inline);
  if (!bytes) return BadVector(vector, "it is no Z85");
  if (vector.size_bytes < 0 || static_cast<size_t>(vector.size_bytes) > bytes->size()) {
    return BadVector(vector, "it is shorter than it says");
  }
  bytes->resize(static_cast<size_t>(vector.size_bytes));
  return std::move(*bytes);
}

}  // namespace tarn::delta
