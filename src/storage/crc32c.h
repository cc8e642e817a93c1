#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tarn {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `bytes`, by the processor's own instruction where
/// there is one. `before` is the checksum of what stands before them.
uint32_t Crc32c(std::string_view bytes, uint32_t before = 0);
/// The same on any processor.
uint32_t Crc32cPortable(std::string_view bytes, uint32_t before = 0);

/// As S3 writes it in x-amz-checksum-crc32c: the four bytes, high byte first, in base64.
std::string Crc32cBase64(uint32_t crc);

}  // namespace tarn
