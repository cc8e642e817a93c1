#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tarn {

/// One block of a remote object in a file of its own: docs/formats/block_cache.md.
/// Nothing is synced: a block that a dead process or machine left half written has wrong checksums
/// and counts as none.
struct BlockHeader {
  std::string object;       ///< 32 hex digits: which object of which store, cut how
  int64_t index = 0;        ///< of the block in the object
  int64_t object_size = 0;  ///< bytes of the whole object
  uint32_t bytes = 0;       ///< of this block; less than a whole block only at the object's end
};

/// The file's bytes up to the payload.
std::string EncodeBlockHeader(const BlockHeader& header, std::string_view payload);

/// Reads a block's file.
class BlockReader {
 public:
  /// `fd` stays the caller's. nullopt unless the header is whole and that of this block.
  static std::optional<BlockReader> Open(int fd, std::string_view object, int64_t index);

  const BlockHeader& header() const { return header_; }
  /// The bytes [offset, offset + out.size()) of the block, all of which it has. False when any
  /// piece of the file that they lie in does not have its checksum.
  bool Read(int64_t offset, std::span<char> out) const;

 private:
  int fd_ = -1;
  BlockHeader header_;
  std::string checksums_;  // four bytes a piece
  int64_t payload_at_ = 0;
};

}  // namespace tarn
