#include "storage/cache/block_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "storage/crc32c.h"

namespace tarn {
namespace {

constexpr std::string_view kMagic = "TARNBLK1";
constexpr size_t kObjectLength = 32;
constexpr size_t kPieceBytes = 64 << 10;  // each with a checksum: what a small read has to verify
constexpr size_t kFixedBytes = kMagic.size() + kObjectLength + 8 + 8 + 4;
constexpr size_t kPiecesMax = 1 << 16;

template <typename T>
void Append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
T Load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

bool ReadFully(int fd, int64_t at, char* out, size_t size) {
  while (size > 0) {
    const ssize_t count = ::pread(fd, out, size, at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    out += count;
    at += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

size_t PiecesOf(size_t bytes) { return (bytes + kPieceBytes - 1) / kPieceBytes; }

}  // namespace

std::string EncodeBlockHeader(const BlockHeader& header, std::string_view payload) {
  std::string out(kMagic);
  out.append(header.object);
  Append(out, header.index);
  Append(out, header.object_size);
  Append(out, static_cast<uint32_t>(payload.size()));
  for (size_t at = 0; at < payload.size(); at += kPieceBytes) {
    Append(out, Crc32c(payload.substr(at, kPieceBytes)));
  }
  Append(out, Crc32c(out));
  return out;
}

std::optional<BlockReader> BlockReader::Open(int fd, std::string_view object, int64_t index) {
  char fixed[kFixedBytes];
  if (!ReadFully(fd, 0, fixed, kFixedBytes)) return std::nullopt;
  const std::string_view view(fixed, kFixedBytes);
  if (!view.starts_with(kMagic) || view.substr(kMagic.size(), kObjectLength) != object) {
    return std::nullopt;
  }
  BlockReader reader;
  reader.fd_ = fd;
  reader.header_.object = object;
  const char* numbers = fixed + kMagic.size() + kObjectLength;
  reader.header_.index = Load<int64_t>(numbers);
  reader.header_.object_size = Load<int64_t>(numbers + 8);
  reader.header_.bytes = Load<uint32_t>(numbers + 16);
  const size_t pieces = PiecesOf(reader.header_.bytes);
  if (reader.header_.index != index || pieces > kPiecesMax) return std::nullopt;
  std::string sums(4 * pieces + 4, '\0');
  if (!ReadFully(fd, kFixedBytes, sums.data(), sums.size())) return std::nullopt;
  const auto sum = Load<uint32_t>(sums.data() + 4 * pieces);
  sums.resize(4 * pieces);
  if (Crc32c(sums, Crc32c(view)) != sum) return std::nullopt;
  reader.payload_at_ = static_cast<int64_t>(kFixedBytes + sums.size() + 4);
  reader.checksums_ = std::move(sums);
  return reader;
}

bool BlockReader::Read(int64_t offset, std::span<char> out) const {
  std::string scratch;
  auto at = static_cast<size_t>(offset);
  const size_t end = at + out.size();
  while (at < end) {
    const size_t piece = at / kPieceBytes;
    const size_t start = piece * kPieceBytes;
    const size_t size = std::min<size_t>(kPieceBytes, header_.bytes - start);
    const size_t wanted = std::min(end, start + size) - at;
    char* into = out.data() + (at - static_cast<size_t>(offset));
    const bool whole = wanted == size;
    if (!whole) scratch.resize(size);
    char* bytes = whole ? into : scratch.data();
    if (!ReadFully(fd_, payload_at_ + static_cast<int64_t>(start), bytes, size)) return false;
    if (Crc32c({bytes, size}) != Load<uint32_t>(checksums_.data() + 4 * piece)) return false;
    if (!whole) std::memcpy(into, bytes + (at - start), wanted);
    at += wanted;
  }
  return true;
}

}  // namespace tarn
